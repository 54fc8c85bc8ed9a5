// Lets node find `page/live/forward.js` where a page has an import map.
import { register } from "node:module";

const assets = new URL("../../../cnnshape/rendering/page/assets/js/", import.meta.url).href;
const hooks = `
  export const resolve = (name, context, next) =>
    next(name.startsWith("page/") ? ${JSON.stringify(assets)} + name.slice(5) : name, context);
  export const load = (url, context, next) =>
    next(url, url.startsWith(${JSON.stringify(assets)}) ? { ...context, format: "module" } : context);
`;
register("data:text/javascript," + encodeURIComponent(hooks));
