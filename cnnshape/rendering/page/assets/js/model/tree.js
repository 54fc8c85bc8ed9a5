/** The rows as a tree, and their figures at the letters' present sizes. */

import { evaluate } from "page/expression.js";

/** @typedef {import("page/model/types.js").Model} Model */
/** @typedef {import("page/model/types.js").Row} Row */
/** @typedef {import("page/model/types.js").Shape} Shape */
/** @typedef {import("page/expression.js").Letters} Letters */
/** @typedef {{params: number | null, macs: number | null, activations: number | null}} Figures */

/** What equal blocks have in common, which is written once. */
const SHARED = ["arguments", "check", "field", "source", "named", "dtypes", "words"];

/** @param {Model} model @returns {Row[]} */
function unpacked({ rows, shared }) {
  return rows.map((row) => {
    const whole = /** @type {Record<string, unknown>} */ ({ ...row });
    for (const name of SHARED) if (name in whole) whole[name] = shared[/** @type {number} */ (whole[name])];
    return /** @type {Row} */ (/** @type {unknown} */ (whole));
  });
}

export class Tree {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.rows = unpacked(model);
    /** @type {number[][]} */
    this.children = this.rows.map(() => []);
    this.rows.forEach((row, place) => {
      if (row.parent >= 0) this.children[row.parent].push(place);
    });
    /** @type {Map<number, number>} the row of a call, by the call's index */
    this.ofCall = new Map();
    /** @type {Map<string, number> | undefined} */
    this.addresses = undefined;
    /** @type {Map<number, number>} */
    this.ofOperation = new Map();
    this.rows.forEach((row, place) => {
      if (row.role === "operation") this.ofOperation.set(row.operation ?? -1, place);
      else if (row.call !== undefined && row.call !== null) this.ofCall.set(row.call, place);
    });
  }

  /** @param {number} row @returns {number[]} from the row above up to the root */
  above(row) {
    const found = [];
    for (let at = this.rows[row].parent; at >= 0; at = this.rows[at].parent) found.push(at);
    return found;
  }

  /** The row after everything inside `row`. @param {number} row */
  end(row) {
    let last = row;
    for (let inner = this.children[row]; inner.length; inner = this.children[last]) last = /** @type {number} */ (inner.at(-1));
    return last + 1;
  }

  /** Whether `row` is `outer` or inside it. @param {number} row @param {number} outer */
  within(row, outer) {
    return row === outer || this.above(row).includes(outer);
  }

  /**
   * The rows that are shown while `open` are opened, in order.
   * @param {Set<number>} open @param {(row: number) => boolean} hidden what repeats another row
   */
  visible(open, hidden) {
    /** @type {number[]} */
    const found = [];
    const shown = (/** @type {number} */ row) => this.children[row].filter((child) => !hidden(child)).reverse();
    const todo = shown(0);
    if (!todo.length) return [0];
    for (let row = todo.pop(); row !== undefined; row = todo.pop()) {
      found.push(row);
      if (open.has(row)) todo.push(...shown(row));
    }
    return found;
  }

  /** How deep a row is drawn; the first ones are at 0. @param {number} row */
  depth(row) {
    return Math.max(this.above(row).length - 1, 0);
  }

  /** The name that no other row has, but for calls again. @param {number} row */
  name(row) {
    const one = this.rows[row];
    if (one.role === "operation") return one.path ? `${one.path} · ${one.type}` : one.type;
    return one.path || one.label;
  }

  /** The letters' sizes to begin with: one example, where the model takes that. @returns {Letters} */
  firstLetters() {
    const { letters, batch } = this.model;
    const one = typeof batch === "string" && batch in letters ? { ...letters, [batch]: 1 } : { ...letters };
    return this.broken(one).length ? { ...letters } : one;
  }

  /** What the model needs and these sizes are not, with the rows it comes from. @param {Letters} letters */
  broken(letters) {
    return this.model.constraints
      .filter(({ text }) => evaluate(text, letters) === 0)
      .map(({ text, operation = -1, call = -1 }) => ({ text, row: this.ofOperation.get(operation) ?? this.ofCall.get(call) ?? -1 }));
  }

  /** What the page's address calls a row: `C2`, `pool@2` for a second call. @param {number} row */
  address(row) {
    const one = this.rows[row];
    const call = /\((\d+)/.exec(one.again ?? "")?.[1];
    if (one.role === "operation") return `${one.path ?? ""}/${one.type}.${one.operation}`;
    if (one.role === "parameter") return `${one.path ?? ""}/${one.label}`;
    return `${one.path ?? ""}${call ? `@${call}` : ""}`;
  }

  /** The row that an address means; -1 for none. @param {string} address */
  at(address) {
    this.addresses ??= new Map(this.rows.map((_, row) => /** @type {[string, number]} */ ([this.address(row), row])).reverse());
    return address ? (this.addresses.get(address) ?? -1) : -1;
  }

  /** What each row has itself, without what is inside. @param {Letters} letters @returns {Figures[]} */
  own(letters) {
    return this.rows.map((row) => ({
      params: evaluate(row.params, letters),
      macs: evaluate(row.macs, letters),
      activations: evaluate(row.activations ?? 0, letters),
    }));
  }

  /** What each row has with everything inside. @param {Letters} letters @returns {Figures[]} */
  whole(letters) {
    const sums = this.own(letters);
    // Parents come before their children.
    for (let place = sums.length - 1; place > 0; place -= 1) {
      const above = sums[this.rows[place].parent];
      above.activations = plus(above.activations, sums[place].activations);
    }
    this.rows.forEach((row, place) => {
      if (row.allParams !== undefined) sums[place].params = evaluate(row.allParams, letters);
      if (row.allMacs !== undefined) sums[place].macs = evaluate(row.allMacs, letters);
    });
    return sums;
  }
}

/** @param {number | null} a @param {number | null} b */
const plus = (a, b) => (a === null || b === null ? null : a + b);
