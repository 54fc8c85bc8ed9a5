/**
 * Convolution: every filter over all maps of its group.
 */

import { given, maps, weight } from "page/live/chain.js";
import { reached } from "page/live/window.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/**
 * @param {Step} step
 * @param {Float32Array} x
 * @param {Weights} weights
 */
export function convolution(step, x, weights) {
  const [channels, height, width] = maps(step.input);
  const [filters, rows, columns] = maps(step.output);
  const kernel = given(weight(step, "weight", weights));
  const bias = weight(step, "bias", weights);
  const [tall, wide] = given(step.kernel);
  const part = channels / given(step.groups);
  const perGroup = filters / given(step.groups);
  const result = new Float32Array(filters * rows * columns);
  const sums = new Float64Array(rows * columns);
  for (let filter = 0; filter < filters; filter++) {
    sums.fill(bias ? bias[filter] : 0);
    const first = Math.floor(filter / perGroup) * part;
    for (let channel = 0; channel < part; channel++) {
      const map = x.subarray((first + channel) * height * width);
      for (let i = 0; i < tall; i++) {
        for (let j = 0; j < wide; j++) {
          const factor = kernel[((filter * part + channel) * tall + i) * wide + j] ?? 0;
          if (factor !== 0) add(step, sums, map, factor, [i, j]);
        }
      }
    }
    result.set(sums, filter * rows * columns);
  }
  return result;
}

/**
 * Add one tap of the kernel, times the map, to every position that it reaches.
 * @param {Step} step
 * @param {Float64Array} sums
 * @param {Float32Array} map
 * @param {number} factor
 * @param {[number, number]} tap
 */
function add(step, sums, map, factor, [i, j]) {
  const [, height, width] = maps(step.input);
  const [, rows, columns] = maps(step.output);
  const [top, bottom] = reached(step, 0, i, height, rows);
  const [left, right] = reached(step, 1, j, width, columns);
  const [down, along] = given(step.stride);
  const [dilationDown, dilationAlong] = given(step.dilation);
  const [above, before] = given(step.padding);
  for (let row = top; row <= bottom; row++) {
    const line = (row * down + i * dilationDown - above) * width + j * dilationAlong - before;
    for (let column = left; column <= right; column++) {
      const at = row * columns + column;
      sums[at] += factor * map[line + column * along];
    }
  }
}
