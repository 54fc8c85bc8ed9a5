/** The rows as a tree, and their figures at the letters' present sizes. */

import { evaluate } from "page/expression.js";

/** @typedef {import("page/model/types.js").Model} Model */
/** @typedef {import("page/model/types.js").Row} Row */
/** @typedef {import("page/model/types.js").Shape} Shape */
/** @typedef {import("page/expression.js").Letters} Letters */
/** @typedef {{params: number | null, macs: number | null, activations: number | null}} Figures */

export class Tree {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.rows = model.rows;
    /** @type {number[][]} */
    this.children = model.rows.map(() => []);
    model.rows.forEach((row, place) => {
      if (row.parent >= 0) this.children[row.parent].push(place);
    });
    /** @type {Map<number, number>} the row of a call, by the call's index */
    this.ofCall = new Map();
    /** @type {Map<number, number>} */
    this.ofOperation = new Map();
    model.rows.forEach((row, place) => {
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

  /** Whether `row` is `outer` or inside it. @param {number} row @param {number} outer */
  within(row, outer) {
    return row === outer || this.above(row).includes(outer);
  }

  /** The rows that are shown while `open` are opened, in order. @param {Set<number>} open */
  visible(open) {
    /** @type {number[]} */
    const found = [];
    const todo = [...this.children[0]].reverse();
    if (!todo.length) return [0];
    for (let row = todo.pop(); row !== undefined; row = todo.pop()) {
      found.push(row);
      if (open.has(row)) todo.push(...[...this.children[row]].reverse());
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
