/**
 * A long sum in parts that can be looked at: a map of the window, a row, ten features.
 *
 * @typedef {{label: string, rows: number, columns: number, first: number, sum: number}} Part
 */

import { maps } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/unit.js").Unit} Unit */

/** A map of more numbers is taken apart into its rows. */
const MOST = 100;
const FEATURES = 10;

/**
 * @param {Unit} unit @param {Step} step @param {number[]} before the shape that arrived before a reshape
 * @returns {Part[]}
 */
export function partsOf(unit, step, before) {
  const products = unit.values.map((value, n) => value * (unit.weights?.[n] ?? 1));
  return split(unit, step, before).map((part) => {
    const stop = part.first + part.rows * part.columns;
    return { ...part, sum: products.slice(part.first, stop).reduce((all, product) => all + product, 0) };
  });
}

/** @param {Unit} unit @param {Step} step @param {number[]} before @returns {Omit<Part, "sum">[]} */
function split(unit, step, before) {
  const [count, rows, columns] = step.kind === "linear" ? features(step, before) : unit.shape;
  const size = rows * columns;
  if (size > 1) {
    const what = step.kind === "linear" && rows === 1 ? "row" : "map";
    return numbered(count, (map) => ({ label: `${what} ${unit.first + map}`, rows, columns, first: map * size }));
  }
  const blocks = Math.ceil(count / FEATURES);
  return numbered(blocks, (block) => {
    const first = block * FEATURES;
    const last = Math.min(count, first + FEATURES) - 1;
    return { label: `${first}…${last}`, rows: 1, columns: last - first + 1, first };
  });
}

/** The maps that a linear layer's features were, where these are small. @param {Step} step @param {number[]} before */
function features(step, before) {
  const [count, height, width] = maps(before);
  const all = step.input.at(-1) ?? 1;
  if (count * height * width !== all || step.input.length > 1) return [all, 1, 1];
  return height * width > MOST ? [count * height, 1, width] : [count, height, width];
}

/** @template T @param {number} count @param {(n: number) => T} make @returns {T[]} */
const numbered = (count, make) => Array.from({ length: count }, (_, n) => make(n));
