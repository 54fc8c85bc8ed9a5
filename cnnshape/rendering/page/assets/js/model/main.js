/** A model's page: its table and its diagram, linked. */

import { byId } from "page/dom.js";
import { read } from "page/data.js";
import { startTheme } from "page/theme.js";
import { Store } from "page/model/store.js";
import { Table } from "page/model/table.js";
import { Tree } from "page/model/tree.js";

const tree = new Tree(/** @type {import("page/model/types.js").Model} */ (read("model")));
const store = new Store([], { ...tree.model.letters });
startTheme();
new Table(byId("table"), tree, store);
