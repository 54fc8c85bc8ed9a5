/**
 * The network itself: from a picture to the result of every step.
 */

import { convolution } from "page/live/convolution.js";
import { isFunction, pointwise } from "page/live/functions.js";
import { linear } from "page/live/linear.js";
import { norm, responseNorm, softmax } from "page/live/norms.js";
import { pooling } from "page/live/pooling.js";

/** @typedef {import("page/live/chain.js").Chain} Chain */
/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/** @type {Record<string, (step: Step, x: Float32Array, weights: Weights) => Float32Array>} */
const KINDS = {
  conv: convolution,
  max_pool: pooling,
  avg_pool: pooling,
  adaptive_avg_pool: pooling,
  adaptive_max_pool: pooling,
  linear,
  batch_norm: norm,
  block_norm: norm,
  response_norm: responseNorm,
  softmax,
  log_softmax: softmax,
  softmin: softmax,
  reshape: (_, x) => x,
};

/**
 * The result of one step.
 * @param {Step} step
 * @param {Float32Array} x
 * @param {Weights} weights
 */
export function forward(step, x, weights) {
  const compute = isFunction(step) ? pointwise : KINDS[step.kind];
  if (!compute) throw new Error(`no computation for ${step.kind}`);
  return compute(step, x, weights);
}

/**
 * The results of all steps, in their order.
 * @param {Chain} chain
 * @param {Float32Array} picture prepared as the network takes it
 * @param {Weights} weights
 */
export function run(chain, picture, weights) {
  /** @type {Float32Array[]} */
  const results = [];
  let x = picture;
  for (const step of chain.steps) {
    x = forward(step, x, weights);
    results.push(x);
  }
  return results;
}
