/** A diagram alone: to pan, zoom and fit. */

import { byId } from "page/dom.js";
import { PanZoom } from "page/panzoom.js";
import { startTheme } from "page/theme.js";

startTheme();
const view = new PanZoom(byId("picture"));
if (view.picture) view.show(view.picture);
view.fit();
byId("view").append(...view.buttons());
addEventListener("resize", () => view.fit());
addEventListener("keydown", (event) => {
  if (event.key === "+") view.zoom(1.25);
  else if (event.key === "-") view.zoom(0.8);
  else if (event.key === "0") view.fit();
});
