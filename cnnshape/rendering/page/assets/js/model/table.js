/** The table: a row per layer, with bars for its share of the total. */

import { h } from "page/dom.js";
import { amount, bytes, percent } from "page/numbers.js";
import { shapesText } from "page/model/shapes.js";
import { matcher } from "page/model/search.js";

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {import("page/model/tree.js").Figures} Figures */
/** @typedef {import("page/model/store.js").Store} Store */
/** @typedef {import("page/model/types.js").Row} Row */
/** @typedef {"params" | "macs" | "activations"} Measure */

/** @type {[Measure, string, (number: number) => string][]} */
const MEASURES = [
  ["params", "params", amount],
  ["macs", "MACs", amount],
  ["activations", "activations", bytes],
];
const MARKS = /** @type {Record<string, [string, string]>} */ ({
  match: ["✓", "matches its formula"],
  mismatch: ["✗", "differs from its formula"],
  uncovered: ["?", "changes the size and no rule covers it"],
});

export class Table {
  /** @param {HTMLElement} region @param {Tree} tree @param {Store} store @param {import("page/model/graph.js").Graph} graph */
  constructor(region, tree, store, graph) {
    this.region = region;
    this.graph = graph;
    this.tree = tree;
    this.store = store;
    this.body = h("tbody");
    this.heads = MEASURES.map(([name, title]) => this.head(name, title));
    this.table = h(
      "table",
      { role: "treegrid", "aria-label": "Layers" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "layer" }, "layer"),
          h("th", { scope: "col", class: "type" }, "type"),
          h("th", { scope: "col", class: "shapes" }, "in → out"),
          ...this.heads,
          h("th", { scope: "col", class: "size" }, "size"),
        ),
      ),
      this.body,
    );
    this.nothing = h("p", { class: "quiet nothing", role: "status" });
    region.replaceChildren(this.table, this.nothing);
    /** @type {Map<number, HTMLTableRowElement>} */
    this.lines = new Map();
    this.figures = tree.whole(store.letters);
    this.measureAgain();
    this.draw();
    this.listen();
  }

  /** @param {Measure} name @param {string} title */
  head(name, title) {
    const sort = () => this.store.sort(this.store.order === name ? "" : name);
    return h("th", { scope: "col", class: name, "aria-sort": "none" }, h("button", { type: "button", onclick: sort }, title));
  }

  listen() {
    const at = (/** @type {Event} */ event) => {
      const line = event.target instanceof Element ? event.target.closest("tr[data-row]") : null;
      return line ? Number(line.getAttribute("data-row")) : -1;
    };
    this.body.addEventListener("click", (event) => {
      const row = at(event);
      if (row < 0) return;
      const fold = event.target instanceof Element && event.target.closest(".fold");
      if (fold) this.store.fold(row);
      else if (event.target instanceof Element && event.target.closest(".more")) this.store.unroll(row);
      else this.store.choose(row);
    });
    this.body.addEventListener("dblclick", (event) => {
      const row = at(event);
      if (row >= 0 && this.folds(row)) this.store.fold(row);
    });
    this.body.addEventListener("pointerover", (event) => this.store.hover(at(event)));
    this.body.addEventListener("pointerleave", () => this.store.hover(-1));
    this.store.listen((part) => {
      if (part === "letters") {
        this.measureAgain();
        this.refresh();
        if (this.store.order) this.draw();
      } else if (part === "chosen" || part === "hovered") this.mark(part);
      else this.draw();
    });
  }

  /** @param {number} row */
  folds(row) {
    return this.tree.children[row].length > 0;
  }

  measureAgain() {
    const { tree, store } = this;
    this.own = tree.own(store.letters);
    this.figures = tree.whole(store.letters);
    /** @type {Figures} */
    this.totals = this.figures[0];
  }

  /** Whether rows stand in a list by themselves, and not in the tree. */
  get flat() {
    return this.store.order !== "" || this.store.search.trim() !== "";
  }

  /** Whether a row is one of several equal blocks, of which only the first is shown. @param {number} row */
  repeats(row) {
    const run = this.graph.runWith(row);
    if (!run || this.store.each.has(run[0])) return false;
    const { chosen } = this.store;
    return chosen < 0 || !this.tree.within(chosen, row);
  }

  /** How many rows like this one are left out after it. @param {number} row */
  more(row) {
    const run = this.graph.rowRuns.find((one) => one[0] === row);
    return this.flat || !run || this.store.each.has(row) ? 0 : run.length - 1;
  }

  /** The rows that are shown, in order. */
  shown() {
    const { tree, store, own } = this;
    if (!this.flat) return tree.visible(store.open, (row) => this.repeats(row));
    const fits = matcher(store.search, tree, store.letters);
    const rows = tree.rows.map((_, place) => place).filter((place) => place > 0 && fits(place));
    const by = store.order;
    if (!by) return rows;
    return rows.filter((place) => own?.[place][by]).sort((a, b) => (own?.[b][by] ?? 0) - (own?.[a][by] ?? 0));
  }

  draw() {
    const rows = this.shown();
    this.lines = new Map(rows.map((row) => [row, this.line(row)]));
    this.body.replaceChildren(...this.lines.values());
    this.heads.forEach((head, place) => {
      head.setAttribute("aria-sort", this.store.order === MEASURES[place][0] ? "descending" : "none");
    });
    this.nothing.textContent = rows.length ? "" : `No layer is called, is or has “${this.store.search}”.`;
    this.refresh();
    this.mark("chosen");
  }

  /** A line without its figures. @param {number} place */
  line(place) {
    const { tree, store } = this;
    const row = tree.rows[place];
    const folds = !this.flat && this.folds(place);
    const depth = this.flat ? 0 : tree.depth(place);
    const name = this.flat ? tree.name(place) : row.label;
    const open = store.open.has(place);
    const more = this.more(place);
    return h(
      "tr",
      {
        "data-row": place,
        "data-state": row.state,
        class: row.state === "failed" ? "failed" : null,
        tabindex: -1,
        "aria-level": depth + 1,
        "aria-expanded": folds ? String(open) : null,
      },
      h(
        "td",
        { class: "layer", style: `--depth: ${depth}` },
        h("span", { class: `kind ${row.kind}`, title: row.kind }),
        folds &&
          h("button", { type: "button", class: "fold", tabindex: -1, "aria-label": open ? "Fold" : "Unfold" }, open ? "▾" : "▸"),
        h("span", { class: "name", dir: "auto" }, name),
        row.again && h("span", { class: "quiet" }, ` ${row.again}`),
        more > 0 && h("button", { type: "button", class: "more", tabindex: -1, title: "Show each of them" }, `+ ${more} equal`),
      ),
      h("td", { class: "type", dir: "auto" }, row.role === "operation" ? h("i", {}, row.type) : row.type),
      h("td", { class: "shapes" }),
      ...MEASURES.map(([name]) => h("td", { class: name }, h("span", { class: "number" }), h("span", { class: "bar" }))),
      this.sizeMark(row),
    );
  }

  /** @param {Row} row */
  sizeMark(row) {
    const [sign, words] = MARKS[row.status ?? ""] ?? ["", ""];
    return h("td", { class: `size ${row.status ?? ""}` }, sign && h("span", { role: "img", "aria-label": words, title: words }, sign));
  }

  /** The figures of the lines, at the letters' present sizes. */
  refresh() {
    const { tree, store } = this;
    const refusing = new Set(tree.broken(store.letters).map(({ row }) => row));
    const first = refusing.size ? Math.min(...refusing) : Infinity;
    for (const [place, line] of this.lines) {
      const row = tree.rows[place];
      line.classList.toggle("failed", row.state === "failed" || refusing.has(place));
      line.classList.toggle("after", place > first && !refusing.has(place));
      const [before, after] = [row.in, row.out].map((shapes, side) => shapesText(shapes, tree.model.batch, store.letters, row.more?.[side]));
      line.cells[2].textContent = told(row, before, after);
      MEASURES.forEach(([name, , text], column) => {
        const number = (this.flat ? this.own : this.figures)?.[place][name] ?? null;
        fillBar(line.cells[3 + column], number, this.totals?.[name] ?? null, text);
      });
    }
  }

  /** Scroll the table, and not the page, as little as shows a line. @param {HTMLTableRowElement} line */
  scrollTo(line) {
    const region = this.region;
    const [top, bottom] = [line.offsetTop - (this.table.tHead?.offsetHeight ?? 0), line.offsetTop + line.offsetHeight];
    if (top < region.scrollTop) region.scrollTop = top;
    else if (bottom > region.scrollTop + region.clientHeight) region.scrollTop = bottom - region.clientHeight + 2;
  }

  /** Open what is around a row, if the tree is shown. @param {number} row */
  reveal(row) {
    if (!this.flat) this.store.openAll(this.tree.above(row));
  }

  /** Give the keyboard to the chosen line. */
  focus() {
    this.lines.get(this.store.chosen)?.focus({ preventScroll: true });
  }

  /** @param {"chosen" | "hovered"} part */
  mark(part) {
    const row = this.store[part];
    // One of several equal blocks is shown when it is chosen.
    if (part === "chosen" && row >= 0 && !this.flat && !this.lines.has(row) && this.shown().includes(row)) {
      this.draw();
      return;
    }
    const name = part === "chosen" ? "aria-selected" : "data-hovered";
    for (const line of this.body.querySelectorAll(`[${name}]`)) line.removeAttribute(name);
    const line = this.lines.get(row);
    line?.setAttribute(name, "true");
    if (part === "chosen") {
      for (const other of this.body.querySelectorAll("tr[tabindex='0']")) other.setAttribute("tabindex", "-1");
      (line ?? this.body.querySelector("tr"))?.setAttribute("tabindex", "0");
      if (line) requestAnimationFrame(() => this.scrollTo(line)); // once what is chosen has its room
    }
  }
}

/** @param {Row} row @param {string} before @param {string} after */
function told(row, before, after) {
  if (row.state === "failed" || row.state === "unfinished") return before ? `${before} → ?` : "?";
  if (row.state === "not called" || row.state === "weights only") return row.state;
  return before && before !== after ? `${before} → ${after}` : after;
}

/** @param {HTMLTableCellElement} cell @param {number | null} number @param {number | null} total @param {(n: number) => string} text */
function fillBar(cell, number, total, text) {
  const [words, bar] = /** @type {HTMLElement[]} */ ([...cell.children]);
  words.textContent = number === null ? "?" : number === 0 ? "" : text(number);
  const share = number && total ? Math.max(0, Math.min(number / total, 1)) : 0;
  bar.style.setProperty("--share", String(share));
  cell.title = share ? `${percent(share)} of the whole` : "";
}
