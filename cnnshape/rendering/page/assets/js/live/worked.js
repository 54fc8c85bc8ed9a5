/**
 * One unit, worked out: what it sees, window × kernel = products, the sum, and what follows it.
 *
 * @typedef {object} Chosen
 * @property {import("page/live/stages.js").Stage} stage
 * @property {boolean} kept it stays until another one is clicked
 * @property {boolean} first there is no stage before it
 * @property {string} source what its window lies in
 * @property {number} at
 * @property {import("page/live/chain.js").Chain} chain
 * @property {Float32Array} picture
 * @property {Float32Array[]} results
 * @property {import("page/live/chain.js").Weights} weights
 * @property {[[number, number], [number, number]]} field
 * @property {number | null} probability
 * @property {import("page/live/colours.js").Colours} colours
 * @property {(at: number) => void} follow to a number of the stage before
 */

import { fill, h } from "page/dom.js";
import { maps } from "page/live/chain.js";
import { cells } from "page/live/cells.js";
import { extent } from "page/live/colours.js";
import { exactly, fixed } from "page/live/numbers.js";
import { partsOf } from "page/live/parts.js";
import { called } from "page/live/stages.js";
import { unit } from "page/live/unit.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/unit.js").Unit} Unit */
/** @typedef {import("page/live/parts.js").Part} Part */
/** @typedef {[string, number]} Line a text up to a value, and the value */

/** Parts that are offered one by one; of more, those with the largest sums. */
const MOST_PARTS = 40;
/** A part of more columns stands in three rows, not side by side. */
const WIDE = 12;

/** The section for it; `show` fills it. */
export function workedOut() {
  const element = h("section", { class: "worked", "aria-label": "The chosen unit" });
  /** @type {{unit: string, part: number | null}} */
  const state = { unit: "", part: null };
  return {
    element,
    /** @param {Chosen} chosen */
    show(chosen) {
      const key = `${chosen.stage.name} ${chosen.at}`;
      if (state.unit !== key) Object.assign(state, { unit: key, part: null });
      render(element, chosen, state.part, (part) => {
        state.part = part;
        this.show(chosen);
        /** @type {HTMLElement | null} */ (element.querySelector(`[data-part="${part}"]`))?.focus();
      });
    },
  };
}

/**
 * @param {Element} element @param {Chosen} chosen @param {number | null} part
 * @param {(part: number) => void} choosePart
 */
function render(element, chosen, part, choosePart) {
  const { stage, at, chain } = chosen;
  const first = chain.steps[stage.steps[0]];
  const found = unit(first, arriving(chosen, stage.steps[0]), at, chosen.weights);
  const grids = found.places.length > 1 && found.how !== "share";
  fill(element,
    h("h2", { dir: "auto" }, `${stage.name}, ${called(stage, at)} `, h("span", { class: "quiet" }, about(chosen, first)), chosen.kept && h("span", { class: "kept" }, "kept")),
    h("div", { class: "sum" },
      grids && terms(chosen, first, found, part, choosePart),
      h("div", { class: "formula lines" }, ...written(chosen, first, found))),
    h("p", { class: "quiet small no-print" }, "← → ↑ ↓ move to another unit, Page Up and Page Down to another map · Enter follows it on · Escape goes back, or lets a kept unit go · a click on the window goes to what it is made of"),
  );
}

/** The lines as paragraphs, the value that is shown in the maps in bold. @param {Chosen} chosen @param {Step} first @param {Unit} found */
function written(chosen, first, found) {
  const { probability, results, stage } = chosen;
  const all = lines(chosen, first, found);
  const paragraphs = all.map(([text, value], n) =>
    h("p", {}, text, n === all.length - 1 ? h("strong", {}, exactly(value)) : exactly(value)),
  );
  if (probability === null) return paragraphs;
  const count = results[stage.shown].length;
  return [...paragraphs, h("p", {}, `softmax over ${count} → `, h("strong", {}, `${fixed(100 * probability, 1)} %`))];
}

/** What arrives at a step. @param {Chosen} chosen @param {number} step */
const arriving = ({ picture, results }, step) => (step === 0 ? picture : results[step - 1]);

/** What it is, and what it sees. @param {Chosen} chosen @param {Step} first */
function about({ stage, chain, field, picture }, first) {
  const [, height, width] = maps(chain.input);
  const [[top, bottom], [left, right]] = field;
  const whole = bottom - top + 1 >= height && right - left + 1 >= width;
  const sees = whole ? "sees the whole drawing" : `sees rows ${span(top, bottom)}, columns ${span(left, right)} of the drawing`;
  const words = stage.steps.map((n) => chain.steps[n].words).join(" · ");
  const positions = stage.vector || !first.size ? "" : `; ${first.size} positions along ${first.size.includes("; ") ? "rows; columns" : "each axis"}`;
  return picture.length ? `${words} · ${sees}${positions}` : words;
}

/** @param {number} first @param {number} last */
const span = (first, last) => (first === last ? String(first) : `${first}…${last}`);

/**
 * The window, the kernel and their products, of one part of the sum.
 * @param {Chosen} chosen @param {Step} first @param {Unit} found @param {number | null} part
 * @param {(part: number) => void} choosePart
 */
function terms(chosen, first, found, part, choosePart) {
  const { chain, stage, colours, follow } = chosen;
  const reshape = chain.steps[stage.steps[0] - 1];
  const parts = partsOf(found, first, reshape?.kind === "reshape" ? reshape.input : first.input);
  const strongest = parts.reduce((best, { sum }, n) => (Math.abs(sum) > Math.abs(parts[best].sum) ? n : best), 0);
  const which = part ?? strongest;
  const { rows, columns, first: from, label } = parts[which];
  const cut = (/** @type {number[]} */ values) => values.slice(from, from + rows * columns);
  const values = cut(found.values);
  const places = cut(found.places);
  const { reach, signed } = extent(found.values);
  const several = parts.length > 1 ? `, ${label}` : "";
  const best = found.how === "largest" ? values.findIndex((value, n) => places[n] >= 0 && value === found.value) : undefined;
  const window = cells(`window of ${chosen.source}${several}`, values, columns, {
    colours, reach, signed, best, padding: (n) => places[n] < 0,
    follow: chosen.first ? undefined : (n) => follow(places[n]),
  });
  const grids = [window];
  if (found.weights) {
    const weights = cut(found.weights);
    const products = values.map((value, n) => value * weights[n]);
    const all = found.values.map((value, n) => value * (found.weights?.[n] ?? 0));
    grids.push(
      cells(kernelName(chosen, first, parts[which], which), weights, columns, { colours, reach: extent(found.weights).reach, signed: true }),
      cells(parts.length > 1 ? `products of ${label}, Σ = ${exactly(parts[which].sum)}` : "products", products, columns, { colours, reach: extent(all).reach, signed: true }),
    );
  }
  const row = grids.flatMap((grid, n) => (n ? [h("span", { class: "sign", "aria-hidden": "true" }, "×="[n - 1]), grid] : [grid]));
  return h("div", { class: "terms" },
    parts.length > 1 && partButtons(parts, which, choosePart),
    h("div", { class: columns > WIDE ? "grids tall" : "grids" }, ...row));
}

/** `C2.weight[3, 0]`, `F4.weight[7, 20:30]`. @param {Chosen} chosen @param {Step} first @param {Part} part @param {number} which */
function kernelName({ at }, first, part, which) {
  const [, height, width] = maps(first.output);
  if (first.kind === "linear") {
    const unitOf = at % (first.output.at(-1) ?? 1);
    return `weight ${first.weights.weight}[${unitOf}, ${part.first}:${part.first + part.rows * part.columns}]`;
  }
  return `kernel ${first.weights.weight}[${Math.floor(at / (height * width))}, ${which}]`;
}

/** @param {Part[]} parts @param {number} which @param {(part: number) => void} choose */
function partButtons(parts, which, choose) {
  const order = parts.map((_, n) => n).sort((a, b) => Math.abs(parts[b].sum) - Math.abs(parts[a].sum));
  const shown = order.slice(0, MOST_PARTS).sort((a, b) => a - b);
  const rest = order.slice(MOST_PARTS).reduce((all, n) => all + parts[n].sum, 0);
  return h("div", { class: "parts", role: "group", "aria-label": "Parts of the sum" },
    ...shown.map((n) => h("button", {
      type: "button", "aria-pressed": String(n === which), "data-part": n, onclick: () => choose(n),
    }, h("span", { class: "quiet" }, `${parts[n].label} `), exactly(parts[n].sum))),
    order.length > MOST_PARTS && h("span", { class: "quiet small" }, `the other ${order.length - MOST_PARTS} parts: ${exactly(rest)}`));
}

/**
 * The sum in words and numbers, and every step after it.
 * @param {Chosen} chosen @param {Step} first @param {Unit} found
 * @returns {Line[]}
 */
function lines(chosen, first, found) {
  const { stage, chain, at, results, weights } = chosen;
  const rest = stage.steps.slice(1).filter((n) => chain.steps[n].kind !== "reshape");
  return [...begun(first, found), ...rest.map((n) => after(chain.steps[n], unit(chain.steps[n], results[n - 1], at, weights)))];
}

/** The lines of the first step. @param {Step} step @param {Unit} found @returns {Line[]} */
function begun(step, found) {
  const { how, sum, bias, value } = found;
  if (how === "largest") return [[`the largest of ${inside(found)} = `, value]];
  if (how === "mean") return [["Σ window = ", sum], [`/ ${found.divisor} = `, value]];
  if (how !== "sum") return [after(step, found)];
  const all = `Σ of ${found.values.length} products = `;
  return bias === null ? [[all, sum]] : [[all, sum], [`+ bias ${exactly(bias)} = `, value]];
}

/** How many numbers lie within the maps. @param {Unit} found */
const inside = (found) => found.places.filter((place) => place >= 0).length;

/** A step that follows. @param {Step} step @param {Unit} found @returns {Line} */
function after(step, { norm, values, value }) {
  if (!norm) return [`${step.words} → `, value];
  const shifted = `(${exactly(values[0])} ${plus(-norm.mean)}) / ${exactly(norm.deviation)}`;
  return [`${step.words}: ${shifted} × ${exactly(norm.weight)} ${plus(norm.bias)} = `, value];
}

/** @param {number} value */
const plus = (value) => `${value < 0 ? "−" : "+"} ${exactly(Math.abs(value))}`;
