/**
 * From a unit on to the one of the next stage that it moves most.
 */

import { given, maps, weight } from "page/live/chain.js";
import { poolShape } from "page/live/pooling.js";
import { covered } from "page/live/window.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/**
 * A number of the step's result that number `at` of its input goes into; null if it goes nowhere.
 * @param {Step} step @param {number} at @param {Weights} weights
 * @returns {number | null}
 */
export function onwards(step, at, weights) {
  if (step.kind === "linear") return heaviest(step, at, weights);
  if (step.kind !== "conv" && !step.kind.endsWith("_pool")) return at;
  const [, height, width] = maps(step.input);
  const [, rows, columns] = step.kind === "conv" ? maps(step.output) : poolShape(step);
  const map = Math.floor(at / (height * width));
  const [row, i] = middle(step, 0, Math.floor(at / width) % height, rows);
  const [column, j] = middle(step, 1, at % width, columns);
  if (row < 0 || column < 0) return null;
  const filter = step.kind === "conv" ? strongest(step, map, i, j, weights) : map;
  return (filter * rows + row) * columns + column;
}

/**
 * The position whose window has a place nearest to its middle, and which tap covers it; −1 if none.
 * @param {Step} step @param {0 | 1} axis @param {number} place @param {number} positions
 * @returns {[number, number]}
 */
function middle(step, axis, place, positions) {
  let [best, found, away] = [-1, -1, Infinity];
  for (let position = 0; position < positions; position++) {
    const places = covered(step, axis, position);
    const tap = places.indexOf(place);
    const off = Math.abs(tap - (places.length - 1) / 2);
    if (tap >= 0 && off < away) [best, found, away] = [position, tap, off];
  }
  return [best, found];
}

/** @param {Step} step @param {number} map @param {number} i @param {number} j @param {Weights} weights */
function strongest(step, map, i, j, weights) {
  const [channels] = maps(step.input);
  const [filters] = maps(step.output);
  const [tall, wide] = given(step.kernel);
  const groups = given(step.groups);
  const [part, perGroup] = [channels / groups, filters / groups];
  const kernel = given(weight(step, "weight", weights));
  const first = Math.floor(map / part) * perGroup;
  const strength = (/** @type {number} */ filter) =>
    Math.abs(kernel[((filter * part + (map % part)) * tall + i) * wide + j]);
  return largest(first, first + perGroup, strength);
}

/** @param {Step} step @param {number} at @param {Weights} weights */
function heaviest(step, at, weights) {
  const features = given(step.input.at(-1));
  const made = given(step.output.at(-1));
  const matrix = given(weight(step, "weight", weights));
  const unit = largest(0, made, (each) => Math.abs(matrix[each * features + (at % features)]));
  return Math.floor(at / features) * made + unit;
}

/** @param {number} first @param {number} stop @param {(n: number) => number} size */
function largest(first, stop, size) {
  let best = first;
  for (let n = first; n < stop; n++) if (size(n) > size(best)) best = n;
  return best;
}
