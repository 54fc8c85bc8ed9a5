/**
 * A linear layer: every feature over the last axis.
 */

import { given, weight } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/**
 * @param {Step} step
 * @param {Float32Array} x
 * @param {Weights} weights
 */
export function linear(step, x, weights) {
  const matrix = given(weight(step, "weight", weights));
  const bias = weight(step, "bias", weights);
  const features = given(step.input.at(-1));
  const made = given(step.output.at(-1));
  const rows = x.length / features;
  const result = new Float32Array(rows * made);
  for (let row = 0; row < rows; row++) {
    for (let unit = 0; unit < made; unit++) {
      let sum = bias ? bias[unit] : 0;
      for (let feature = 0; feature < features; feature++) {
        sum += matrix[unit * features + feature] * x[row * features + feature];
      }
      result[row * made + unit] = sum;
    }
  }
  return result;
}
