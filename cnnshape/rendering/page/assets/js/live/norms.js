/**
 * Norms: numbers less their mean, by their deviation; and softmax, which shares one among many.
 */

import { count, given, maps, weight } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/**
 * What each number is shifted and scaled by: mean, deviation, weight and bias at a place.
 * @typedef {{mean: number, deviation: number, weight: number, bias: number}} Normalised
 */

/**
 * @param {Step} step
 * @param {Float32Array} x
 * @param {Weights} weights
 */
export function norm(step, x, weights) {
  const block = step.kind === "batch_norm" ? count(step.input.slice(1)) : given(step.block);
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start += block) {
    const found = statistics(step, x, start, weights);
    for (let at = start; at < start + block; at++) {
      const { weight: scale, bias } = affine(step, at, weights);
      const value = x[at];
      result[at] = ((value - found.mean) / found.deviation) * scale + bias;
    }
  }
  return result;
}

/**
 * Everything that one number is normalised with.
 * @param {Step} step
 * @param {Float32Array} x
 * @param {number} at
 * @param {Weights} weights
 * @returns {Normalised}
 */
export function normalised(step, x, at, weights) {
  const block = step.kind === "batch_norm" ? count(step.input.slice(1)) : given(step.block);
  const start = Math.floor(at / block) * block;
  return { ...statistics(step, x, start, weights), ...affine(step, at, weights) };
}

/**
 * Mean and deviation: learned ones of the channel, or those of the block.
 * @param {Step} step
 * @param {Float32Array} x
 * @param {number} start
 * @param {Weights} weights
 */
function statistics(step, x, start, weights) {
  if (step.kind === "batch_norm") {
    const channel = start / count(step.input.slice(1));
    const variance = given(given(weight(step, "running_var", weights))[channel]);
    const mean = given(given(weight(step, "running_mean", weights))[channel]);
    return { mean, deviation: Math.sqrt(variance + given(step.eps)) };
  }
  const block = given(step.block);
  let mean = 0;
  for (let at = start; at < start + block; at++) mean += x[at] / block;
  let variance = 0;
  for (let at = start; at < start + block; at++) {
    variance += (x[at] - mean) ** 2 / block;
  }
  return { mean, deviation: Math.sqrt(variance + given(step.eps)) };
}

/**
 * @param {Step} step
 * @param {number} at
 * @param {Weights} weights
 */
function affine(step, at, weights) {
  const each = step.kind === "batch_norm" ? count(step.input.slice(1)) : given(step.each);
  const scale = weight(step, "weight", weights);
  const bias = weight(step, "bias", weights);
  const place = Math.floor(at / each);
  return {
    weight: scale ? given(scale[place % scale.length]) : 1,
    bias: bias ? given(bias[place % bias.length]) : 0,
  };
}

/**
 * Each number by a power of the squares in the maps around its own.
 * @param {Step} step
 * @param {Float32Array} x
 */
export function responseNorm(step, x) {
  const [channels, height, width] = maps(step.input);
  const area = height * width;
  const around = given(step.around);
  const result = new Float32Array(x.length);
  for (let at = 0; at < x.length; at++) {
    const channel = Math.floor(at / area);
    const first = Math.max(0, channel - Math.floor(around / 2));
    const last = Math.min(channels - 1, channel + Math.floor((around - 1) / 2));
    let squares = 0;
    for (let near = first; near <= last; near++) {
      squares += x[at + (near - channel) * area] ** 2;
    }
    const base = given(step.k) + (given(step.alpha) * squares) / around;
    result[at] = x[at] / base ** given(step.beta);
  }
  return result;
}

/**
 * Softmax, its logarithm, or that of the negative, along one axis.
 * @param {Step} step
 * @param {Float32Array} x
 */
export function softmax(step, x) {
  const axis = given(step.axis);
  const size = given(step.input[axis]);
  const inner = count(step.input.slice(axis + 1));
  const sign = step.kind === "softmin" ? -1 : 1;
  const result = new Float32Array(x.length);
  for (let start = 0; start < x.length; start++) {
    if (Math.floor(start / inner) % size !== 0) continue;
    const places = Array.from({ length: size }, (_, n) => start + n * inner);
    const values = places.map((at) => sign * x[at]);
    const highest = Math.max(...values);
    const sum = values.reduce((all, value) => all + Math.exp(value - highest), 0);
    places.forEach((at, n) => {
      const shifted = given(values[n]) - highest;
      result[at] = step.kind === "log_softmax" ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
    });
  }
  return result;
}
