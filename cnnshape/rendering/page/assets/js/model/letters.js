/** Letters of the input as handles: a slider and a field each; what the model needs of them. */

import { fill, h } from "page/dom.js";
import { evaluate, pretty } from "page/expression.js";

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {import("page/model/store.js").Store} Store */
/** @typedef {import("page/expression.js").Letters} Letters */

/** How far a slider goes at least; fields take any size. */
const [LEAST_END, BATCH_END] = [64, 32];

export class LetterBar {
  /** @param {HTMLElement} bar @param {HTMLElement} needs @param {Tree} tree @param {Store} store */
  constructor(bar, needs, tree, store) {
    this.tree = tree;
    this.store = store;
    this.needs = needs;
    /** @type {Map<string, {slider: HTMLInputElement, field: HTMLInputElement, room: HTMLElement}>} */
    this.handles = new Map();
    const names = Object.keys(store.letters);
    bar.hidden = !names.length;
    bar.append(...names.map((name) => this.handle(name)));
    bar.addEventListener("submit", (event) => event.preventDefault());
    this.initial = { ...store.letters };
    if (names.length) bar.append(h("button", { type: "button", onclick: () => store.set({ ...this.initial }), "aria-label": "Reset the sizes", title: "The sizes that the page began with" }, "↺"));
    store.listen((part) => {
      if (part === "letters") this.refresh();
    });
    if (names.length) this.refresh();
  }

  /** @param {string} name */
  handle(name) {
    const value = this.store.letters[name];
    const end = name === this.tree.model.batch ? BATCH_END : Math.max(LEAST_END, 2 * value);
    const change = (/** @type {Event} */ event) => {
      const size = Math.round(Number(/** @type {HTMLInputElement} */ (event.target).value));
      if (size >= 1 && Number.isSafeInteger(size)) this.store.set({ ...this.store.letters, [name]: size });
    };
    const common = { min: 1, value, oninput: change };
    const slider = h("input", { type: "range", max: end, "aria-label": `Size ${name}`, ...common });
    const field = h("input", { type: "number", class: "field", "aria-label": `Size ${name} as a number`, ...common });
    const room = h("span", { class: "unseen" });
    this.handles.set(name, { slider, field, room });
    return h("span", { class: "letter" }, h("b", {}, name), slider, field, room);
  }

  refresh() {
    const { store, tree } = this;
    for (const [name, { slider, field, room }] of this.handles) {
      const value = String(store.letters[name]);
      if (slider.value !== value) slider.value = value;
      if (Number(field.value) !== store.letters[name]) field.value = value;
      room.textContent = room.title = accepted(tree, store.letters, name, Number(slider.max));
      slider.title = room.textContent;
    }
    const broken = tree.broken(store.letters);
    this.needs.hidden = !broken.length;
    fill(this.needs, ...broken.map(({ text, row }) => this.refusal(text, row)));
  }

  /** @param {string} text @param {number} row */
  refusal(text, row) {
    const [, left, relation, right] = /^(.*) (==|>=|<=|!=|<|>) (.*)$/.exec(text) ?? [];
    const now = left && evaluate(left, this.store.letters);
    const sides = left && /[^\d-]/.test(left) ? `: ${pretty(left)} is ${String(now).replace("-", "−")}` : "";
    const said = relation && right ? sides : "";
    const name = row >= 0 ? this.tree.name(row) : this.tree.model.name;
    const link = row >= 0 ? h("a", { href: `#${encodeURI(this.tree.address(row))}`, dir: "auto" }, name) : name;
    return h("p", {}, "✗ ", link, " needs ", h("span", { class: "formula" }, pretty(text)), said);
  }
}

/**
 * Which sizes of one letter the model takes while the others stay, in words.
 * @param {Tree} tree @param {Letters} letters @param {string} name @param {number} end
 */
function accepted(tree, letters, name, end) {
  const constraints = tree.model.constraints;
  if (!constraints.some(({ text }) => new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, "u").test(text))) return `any ${name}`;
  /** @type {number[]} */
  const fits = [];
  for (let size = 1; size <= end; size += 1) {
    if (constraints.every(({ text }) => evaluate(text, { ...letters, [name]: size }))) fits.push(size);
  }
  if (!fits.length) return `no ${name} up to ${end} beside the other sizes`;
  const first = fits[0];
  const last = fits[fits.length - 1];
  const steps = fits.slice(1).map((size, place) => size - fits[place]);
  const every = steps.length && steps.every((step) => step === steps[0]) ? steps[0] : 0;
  const range = last === end ? `${name} from ${first}` : first === last ? `${name} = ${first}` : `${name} from ${first} to ${last}`;
  return every > 1 ? `${range}, every ${every}` : range;
}
