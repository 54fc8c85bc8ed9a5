/**
 * Pooling: the largest number, or the mean, under a window of each map.
 */

import { given, maps } from "page/live/chain.js";
import { covered, isAdaptive } from "page/live/window.js";

/** @typedef {import("page/live/chain.js").Step} Step */

/**
 * @param {Step} step
 * @param {Float32Array} x
 */
export function pooling(step, x) {
  const [channels, height, width] = maps(step.input);
  const [, rows, columns] = poolShape(step);
  const down = spans(step, 0, rows);
  const along = spans(step, 1, columns);
  const largest = step.kind.endsWith("max_pool");
  const result = new Float32Array(channels * rows * columns);
  for (let channel = 0; channel < channels; channel++) {
    const map = x.subarray(channel * height * width, (channel + 1) * height * width);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [ys, xs] = [given(down[row]), given(along[column])];
        const found = largest ? highest(map, ys, xs, width) : total(map, ys, xs, width);
        result[(channel * rows + row) * columns + column] =
          largest ? found : found / divisor(step, row, column);
      }
    }
  }
  return result;
}

/**
 * The shape of the result as maps; a mean over whole maps may have dropped both axes.
 * @param {Step} step
 * @returns {[number, number, number]}
 */
export function poolShape(step) {
  const [channels] = maps(step.input);
  return step.output.length === 3 ? maps(step.output) : [channels, 1, 1];
}

/**
 * What a mean divides by.
 * @param {Step} step
 * @param {number} row
 * @param {number} column
 */
export function divisor(step, row, column) {
  if (step.divisor) return step.divisor;
  const sizes = [0, 1].map((which) => {
    const axis = /** @type {0 | 1} */ (which);
    const places = covered(step, axis, axis === 0 ? row : column);
    const size = given(step.input[1 + axis]);
    if (isAdaptive(step)) return places.length;
    // A window that ceil_mode lets begin within may end beyond the padding: that is no part of it.
    const end = size + given(step.padding)[axis];
    return step.count_include_pad
      ? places.filter((place) => place < end).length
      : places.filter((place) => place >= 0 && place < size).length;
  });
  return given(sizes[0]) * given(sizes[1]);
}

/**
 * The places within the maps that each position of the window covers along one axis.
 * @param {Step} step
 * @param {0 | 1} axis
 * @param {number} positions
 */
function spans(step, axis, positions) {
  const size = given(step.input[1 + axis]);
  return Array.from({ length: positions }, (_, position) =>
    covered(step, axis, position).filter((place) => place >= 0 && place < size),
  );
}

/**
 * @param {Float32Array} map
 * @param {number[]} ys
 * @param {number[]} xs
 * @param {number} width
 */
function highest(map, ys, xs, width) {
  let found = -Infinity;
  for (const y of ys) {
    for (const x of xs) {
      const value = map[y * width + x];
      if (value > found || Number.isNaN(value)) found = value;
    }
  }
  return found;
}

/**
 * @param {Float32Array} map
 * @param {number[]} ys
 * @param {number[]} xs
 * @param {number} width
 */
function total(map, ys, xs, width) {
  let sum = 0;
  for (const y of ys) for (const x of xs) sum += map[y * width + x];
  return sum;
}
