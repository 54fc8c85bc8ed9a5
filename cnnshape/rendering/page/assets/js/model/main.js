/** A model's page: its table, its diagram and the chosen layer, linked. */

import { byId, fill } from "page/dom.js";
import { read } from "page/data.js";
import { amount, count } from "page/numbers.js";
import { startTheme } from "page/theme.js";
import { evaluate, pretty } from "page/expression.js";
import { Chosen } from "page/model/chosen.js";
import { Diagram } from "page/model/diagram.js";
import { showFailure } from "page/model/failure.js";
import { Graph } from "page/model/graph.js";
import { Keys } from "page/model/keys.js";
import { LetterBar } from "page/model/letters.js";
import { Neighbours } from "page/model/neighbours.js";
import { Store } from "page/model/store.js";
import { Table } from "page/model/table.js";
import { Tree } from "page/model/tree.js";

startTheme();
const tree = new Tree(/** @type {import("page/model/types.js").Model} */ (read("model")));
const graph = new Graph(/** @type {import("page/model/graph.js").GraphData} */ (read("graph")), tree);
const store = new Store(graph.opened(), tree.firstLetters());
const neighbours = new Neighbours(graph, tree);
const search = /** @type {HTMLInputElement} */ (byId("search"));
const note = byId("note");

const failure = tree.model.failure;
if (failure) showFailure(byId("failure"), failure, tree);
new LetterBar(byId("letters"), byId("needs"), tree, store);
const table = new Table(byId("table"), tree, store, graph);
new Chosen(byId("chosen"), tree, store, neighbours);
const diagram = new Diagram(byId("picture"), graph, tree, store, read("colors"), (words) => (note.textContent = words));
byId("view").append(...diagram.view.buttons());
new Keys({ tree, store, table, diagram, neighbours, search });

search.addEventListener("input", () => store.look(search.value));

/** What the whole model has, at the letters' sizes. */
function totals() {
  const { params, macs, checks } = tree.model.totals;
  const sizes = checks.match + checks.mismatch;
  const number = evaluate(macs, store.letters);
  fill(
    byId("totals"),
    [
      params === null ? "" : `${count(params)} parameters`,
      number === null ? "" : `${amount(number)} MACs`,
      sizes ? `${checks.match} of ${sizes} sizes match` : "",
    ]
      .filter(Boolean)
      .join(" · "),
  );
  byId("totals").title = typeof macs === "string" ? pretty(macs) : "";
}

/** Choose what the address says. */
function follow() {
  const row = tree.at(decodeURI(location.hash.slice(1)));
  if (row >= 0 && row !== store.chosen) {
    table.reveal(row);
    store.choose(row);
  }
}

/** What is chosen stands in the address. */
function writeAddress() {
  const address = store.chosen < 0 ? "" : tree.address(store.chosen);
  history.replaceState(null, "", `#${encodeURI(address)}`);
}

store.listen((part) => {
  if (part === "letters") totals();
  if (part !== "chosen") return;
  if (store.chosen >= 0) table.reveal(store.chosen);
  // While it loads, the browser would scroll to what the static picture has under this name.
  if (document.readyState === "complete") writeAddress();
  else addEventListener("load", () => setTimeout(writeAddress), { once: true });
});
addEventListener("hashchange", follow);
totals();
follow();
// The static picture has places of these names, to which the browser has scrolled.
if (location.hash) requestAnimationFrame(() => scrollTo(0, 0));
if (store.chosen < 0 && failure?.call != null) store.choose(tree.ofCall.get(failure.call) ?? -1);
document.documentElement.dataset.started = "true";
performance.mark("started");
