/** The chosen layer: its size worked out, what it was told, what it costs, what it sees and feeds. */

import { fill, h } from "page/dom.js";
import { evaluate, pretty } from "page/expression.js";
import { amount, bytes, count, percent } from "page/numbers.js";
import { fieldPicture } from "page/model/field.js";
import { shapeText } from "page/model/shapes.js";

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {import("page/model/store.js").Store} Store */
/** @typedef {import("page/model/types.js").Row} Row */
/** @typedef {import("page/model/types.js").Shape} Shape */
/** @typedef {import("page/model/types.js").Check} Check */
/** @typedef {import("page/dom.js").Child} Child */

/** Arguments that every layer has, and that say something only where they are not these. */
const DEFAULTS = /** @type {Record<string, RegExp>} */ ({
  dilation: /^\(?1(, 1|,)*\)?$/,
  groups: /^1$/,
  transposed: /False/,
  output_padding: /^\(?0(, 0|,)*\)?$/,
  padding_mode: /zeros/,
  return_indices: /False/,
  ceil_mode: /False/,
  inplace: /./,
  affine: /True/,
  track_running_stats: /True/,
});

export class Chosen {
  /** @param {HTMLElement} region @param {Tree} tree @param {Store} store @param {import("page/model/neighbours.js").Neighbours} neighbours */
  constructor(region, tree, store, neighbours) {
    this.region = region;
    this.tree = tree;
    this.store = store;
    this.neighbours = neighbours;
    store.listen((part) => {
      if (part === "chosen" || part === "letters") this.draw();
    });
    this.draw();
  }

  draw() {
    const { tree, store, region } = this;
    const row = tree.rows[store.chosen];
    if (!row) {
      fill(region, h("p", { class: "quiet hint" }, "Choose a layer in the table or the diagram. ↑ ↓ move, → ← unfold and fold, Enter follows the data, Escape goes back, / searches."));
      return;
    }
    const body = h(
      "div",
      { class: "about" },
      this.heading(row),
      row.check && this.check(row, row.check),
      this.facts(row),
      this.links("fed by", this.neighbours.feeding(store.chosen)),
      this.links("feeds", this.neighbours.fed(store.chosen)),
      this.arguments(row),
    );
    fill(region, body, this.field(row));
  }

  /** @param {Row} row */
  heading(row) {
    const name = this.tree.name(this.store.chosen);
    const words = row.words || row.type;
    return h(
      "h2",
      {},
      h("span", { class: `kind ${row.kind}` }),
      h("span", { dir: "auto" }, name),
      h("span", { class: "quiet", dir: "auto" }, `  ${words}${row.again ? ` ${row.again}` : ""}`),
      row.source && h("span", { class: "quiet source", dir: "ltr" }, ` · ${row.source.replace(/^.*site-packages[\\/]/, "")}`),
    );
  }

  /** The formula and its substitution at the present sizes; the expression too, where there is one. @param {Row} row @param {Check} check */
  check(row, check) {
    const { letters } = this.store;
    const lettered = [...(row.in ?? []), ...(row.out ?? [])].flat().some((dim) => typeof dim === "string");
    const worked = check.substitutions.map((line) => atSizes(line, row, letters));
    return h(
      "div",
      { class: "formulas" },
      check.formula && h("p", { class: "formula" }, check.formula),
      ...[...new Set(worked)].map((line) => {
        const at = line.lastIndexOf(" = ");
        return h("p", { class: "formula" }, "= ", at < 0 ? line : line.slice(0, at + 3), at >= 0 && h("b", {}, line.slice(at + 3)));
      }),
      check.mark === "mismatch" && h("p", { class: "bad" }, `✗ by its formula it should be ${check.expected ? shapeText(check.expected, letters) : "impossible"}`),
      check.note && h("p", { class: "bad" }, check.note),
      lettered && h("p", { class: "quiet" }, "in letters: ", h("span", { class: "formula" }, lettersOf(row))),
    );
  }

  /** @param {Row} row */
  facts(row) {
    const { tree, store } = this;
    const figures = tree.whole(store.letters);
    const [own, all] = [figures[store.chosen], figures[0]];
    /** @param {number | null} number @param {number | null} total */
    const share = (number, total) => (number && total ? `, ${percent(number / total)} of all` : "");
    const [ins, outs] = row.named ?? [namedBy(row.in, "input"), namedBy(row.out, "")];
    const dtypes = (row.dtypes ?? []).join(", ");
    /** @type {[string, Child][]} */
    const facts = [
      ["in", tensors(ins, store, row.more?.[0])],
      ["out", row.state === "failed" ? "raised here" : tensors(outs, store, row.more?.[1])],
      ["parameters", own.params === null ? "unknown" : own.params ? count(own.params) + share(own.params, all.params) : ""],
      ["MACs", own.macs === null ? "unknown" : own.macs ? count(own.macs) + share(own.macs, all.macs) : ""],
      ["activations", own.activations === null ? "unknown" : own.activations ? bytes(own.activations) + share(own.activations, all.activations) : ""],
      ["dtype", dtypes],
    ];
    return h("dl", { class: "facts" }, ...facts.filter(([, said]) => said).map(([name, said]) => h("div", {}, h("dt", {}, name), h("dd", {}, said))));
  }

  /** @param {string} words @param {import("page/model/neighbours.js").Neighbour[]} rows */
  links(words, rows) {
    if (!rows.length) return null;
    const shown = rows.slice(0, 8);
    const links = shown.flatMap(({ row, name }, place) => {
      const text = h("span", { dir: "auto" }, name);
      const link = row < 0 ? text : h("a", { href: `#${encodeURI(this.tree.address(row))}` }, text);
      return place ? [", ", link] : [link];
    });
    return h("p", { class: "links" }, h("span", { class: "quiet" }, `${words} `), ...links, rows.length > shown.length && ` and ${rows.length - shown.length} more`);
  }

  /** @param {Row} row */
  arguments(row) {
    const told = (row.arguments ?? []).filter(([name, value]) => !DEFAULTS[name]?.test(value));
    if (!told.length) return null;
    return h("p", { class: "arguments", dir: "ltr" }, told.map(([name, value]) => `${name}=${value}`).join("  "));
  }

  /** @param {Row} row */
  field(row) {
    const { tree, store } = this;
    const input = tree.model.inputs[0]?.shape;
    if (!row.field || !input) return null;
    const sizes = input.map((dim) => evaluate(dim, store.letters) ?? 0);
    return fieldPicture(row.field, sizes);
  }
}

/** Sizes as the numbers they are now, in a substitution written in letters. @param {string} line @param {Row} row @param {Record<string, number>} letters */
function atSizes(line, row, letters) {
  let said = line;
  const dims = new Set([...(row.in ?? []), ...(row.out ?? [])].flat().filter((dim) => typeof dim === "string"));
  const known = [...dims].map((dim) => /** @type {[string, string]} */ ([pretty(String(dim)), String(evaluate(dim, letters) ?? "?").replace("-", "−")]));
  known.sort((a, b) => b[0].length - a[0].length);
  for (const [text, number] of known) said = said.replaceAll(wholeText(text), number);
  return said;
}

/** A text that is no part of a longer word. @param {string} text */
function wholeText(text) {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${escaped}(?![\\p{L}\\p{N}_])`, "gu");
}

/** @param {Row} row */
function lettersOf(row) {
  const text = (/** @type {Shape[] | undefined} */ shapes) => (shapes?.[0] ?? []).map((dim) => (typeof dim === "string" ? bracketed(pretty(dim)) : String(dim))).join("×");
  const [before, after] = [text(row.in), text(row.out)];
  return before === after ? after : `${before} → ${after}`;
}

/** An expression beside others; a letter or a rounded quotient stands for itself. @param {string} text */
const bracketed = (text) => (/^([\p{L}\p{N}_]+|⌊[^⌊⌋]*⌋)$/u.test(text) ? text : `(${text})`);

/** @param {Shape[] | undefined} shapes @param {string} name @returns {import("page/model/types.js").Named[]} */
const namedBy = (shapes, name) => (shapes ?? []).map((shape, place) => [place ? `${name} ${place + 1}`.trim() : name, shape, ""]);

/** @param {import("page/model/types.js").Named[]} named @param {Store} store @param {number} [more] */
function tensors(named, store, more = 0) {
  const shown = named.slice(0, 6).map(([name, shape]) => {
    const plain = name.replace(/^\[0\]$/, "");
    return `${plain ? `${plain} ` : ""}${shapeText(shape, store.letters)}`;
  });
  return shown.join(", ") + (named.length + more > 6 ? ` and ${amount(named.length + more - 6)} more` : "");
}
