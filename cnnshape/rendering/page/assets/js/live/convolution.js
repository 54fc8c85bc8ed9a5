/**
 * Convolution: every filter over all maps of its group.
 *
 * One tap of the kernel at a time is added to every position that it reaches: the rows and columns
 * of that are worked out once, and what is left inside is a product and a sum.
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
  const taps = tapsOf(step);
  const part = channels / given(step.groups);
  const perGroup = filters / given(step.groups);
  const [down, along] = given(step.stride);
  const result = new Float32Array(filters * rows * columns);
  const sums = new Float64Array(rows * columns);
  for (let filter = 0; filter < filters; filter++) {
    sums.fill(bias ? bias[filter] : 0);
    const first = Math.floor(filter / perGroup) * part;
    for (let channel = 0; channel < part; channel++) {
      const map = (first + channel) * height * width;
      const weightsAt = (filter * part + channel) * taps.length;
      for (let n = 0; n < taps.length; n++) {
        const { top, bottom, left, right, start } = taps[n];
        const factor = kernel[weightsAt + n];
        for (let row = top; row <= bottom; row++) {
          let from = map + start + row * down * width + left * along;
          const stop = row * columns + right;
          for (let to = row * columns + left; to <= stop; to++, from += along) sums[to] += factor * x[from];
        }
      }
    }
    result.set(sums, filter * rows * columns);
  }
  return result;
}

/**
 * The positions that each tap of the kernel reaches, and where in a map it stands at position 0.
 * @param {Step} step
 */
function tapsOf(step) {
  const [, height, width] = maps(step.input);
  const [, rows, columns] = maps(step.output);
  const [tall, wide] = given(step.kernel);
  const [above, before] = given(step.padding);
  const [dilationDown, dilationAlong] = given(step.dilation);
  return Array.from({ length: tall * wide }, (_, n) => {
    const [i, j] = [Math.floor(n / wide), n % wide];
    const [top, bottom] = reached(step, 0, i, height, rows);
    const [left, right] = reached(step, 1, j, width, columns);
    const start = (i * dilationDown - above) * width + j * dilationAlong - before;
    return { top, bottom, left, right, start };
  });
}
