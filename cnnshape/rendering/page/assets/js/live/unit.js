/**
 * One number of a step's result, worked out: what it looks at, and what it makes of that.
 *
 * @typedef {object} Unit
 * @property {"sum" | "largest" | "mean" | "norm" | "function" | "share" | "same"} how
 * @property {number} first the first map it looks at
 * @property {[number, number, number]} shape maps, rows and columns of what it looks at
 * @property {number[]} places where each of these numbers stands in the input; −1 in the padding
 * @property {number[]} values
 * @property {number[] | null} weights what each is multiplied by
 * @property {number} sum of the products; of the values where there are no weights
 * @property {number | null} bias
 * @property {number} divisor
 * @property {import("page/live/norms.js").Normalised | null} norm
 * @property {number} value
 */

import { count, given, maps, weight } from "page/live/chain.js";
import { forward } from "page/live/forward.js";
import { isFunction, value } from "page/live/functions.js";
import { normalised } from "page/live/norms.js";
import { divisor, poolShape } from "page/live/pooling.js";
import { covered } from "page/live/window.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */

/**
 * @param {Step} step
 * @param {Float32Array} x what arrives
 * @param {number} at which number of the result
 * @param {Weights} weights
 * @returns {Unit}
 */
export function unit(step, x, at, weights) {
  if (step.kind === "conv") return filtered(step, x, at, weights);
  if (step.kind === "linear") return combined(step, x, at, weights);
  if (step.kind.endsWith("_pool")) return pooled(step, x, at);
  if (step.kind === "batch_norm" || step.kind === "block_norm") {
    const norm = normalised(step, x, at, weights);
    const found = ((x[at] - norm.mean) / norm.deviation) * norm.weight + norm.bias;
    return { ...one(x, at), how: "norm", norm, value: found };
  }
  if (isFunction(step) || step.kind === "reshape") {
    if (step.kind === "reshape") return one(x, at);
    return { ...one(x, at), how: "function", value: value(step, x[at], at, weights) };
  }
  return shared(step, x, at, weights);
}

/** @param {Float32Array} x @param {number} at @returns {Unit} */
function one(x, at) {
  return {
    how: "same", first: 0, shape: [1, 1, 1], places: [at], values: [x[at]], weights: null, sum: x[at],
    bias: null, divisor: 1, norm: null, value: x[at],
  };
}

/** @param {Step} step @param {Float32Array} x @param {number} at @param {Weights} weights @returns {Unit} */
function filtered(step, x, at, weights) {
  const [channels] = maps(step.input);
  const [filters, rows, columns] = maps(step.output);
  const filter = Math.floor(at / (rows * columns));
  const part = channels / given(step.groups);
  const first = Math.floor(filter / (filters / given(step.groups))) * part;
  const window = under(step, first, part, Math.floor(at / columns) % rows, at % columns);
  const kernel = given(weight(step, "weight", weights));
  const size = window.places.length;
  return summed(window, x, kernel.subarray(filter * size, (filter + 1) * size), bias(step, filter, weights));
}

/** @param {Step} step @param {Float32Array} x @param {number} at @param {Weights} weights @returns {Unit} */
function combined(step, x, at, weights) {
  const features = given(step.input.at(-1));
  const made = given(step.output.at(-1));
  const row = Math.floor(at / made);
  const matrix = given(weight(step, "weight", weights)).subarray((at % made) * features, ((at % made) + 1) * features);
  const places = Array.from({ length: features }, (_, feature) => row * features + feature);
  return summed({ first: 0, shape: [1, 1, features], places }, x, matrix, bias(step, at % made, weights));
}

/** @param {Step} step @param {number} at @param {Weights} weights */
function bias(step, at, weights) {
  const found = weight(step, "bias", weights);
  return found ? found[at] : null;
}

/**
 * @param {{first: number, shape: [number, number, number], places: number[]}} window
 * @param {Float32Array} x
 * @param {Float32Array} kernel
 * @param {number | null} bias
 * @returns {Unit}
 */
function summed({ first, shape, places }, x, kernel, bias) {
  const values = places.map((place) => (place < 0 ? 0 : x[place]));
  const sum = values.reduce((all, value, n) => all + value * kernel[n], 0);
  return {
    how: "sum", first, shape, places, values, weights: Array.from(kernel), sum, bias, divisor: 1,
    norm: null, value: sum + (bias ?? 0),
  };
}

/** @param {Step} step @param {Float32Array} x @param {number} at @returns {Unit} */
function pooled(step, x, at) {
  const [, rows, columns] = poolShape(step);
  const [row, column] = [Math.floor(at / columns) % rows, at % columns];
  const window = under(step, Math.floor(at / (rows * columns)), 1, row, column);
  const largest = step.kind.endsWith("max_pool");
  const inside = window.places.filter((place) => place >= 0).map((place) => x[place]);
  const sum = inside.reduce((all, value) => all + value, 0);
  const by = largest ? 1 : divisor(step, row, column);
  return {
    ...window, how: largest ? "largest" : "mean",
    values: window.places.map((place) => (place < 0 ? 0 : x[place])),
    weights: null, sum, bias: null, divisor: by, norm: null,
    value: largest ? Math.max(...inside) : sum / by,
  };
}

/** @param {Step} step @param {Float32Array} x @param {number} at @param {Weights} weights @returns {Unit} */
function shared(step, x, at, weights) {
  const axis = step.axis ?? 0;
  const inner = count(step.input.slice(axis + 1));
  const size = step.input[axis];
  const start = at - (Math.floor(at / inner) % size) * inner;
  const places = Array.from({ length: size }, (_, n) => start + n * inner);
  return {
    ...one(x, at), how: "share", shape: [1, 1, size], places,
    values: places.map((place) => x[place]), value: forward(step, x, weights)[at],
  };
}

/**
 * The window at one position over some maps: its shape, and where its numbers stand.
 * @param {Step} step @param {number} first @param {number} part
 * @param {number} row @param {number} column
 * @returns {{first: number, shape: [number, number, number], places: number[]}}
 */
function under(step, first, part, row, column) {
  const [, height, width] = maps(step.input);
  const ys = covered(step, 0, row);
  const xs = covered(step, 1, column);
  const places = [];
  for (let channel = first; channel < first + part; channel++) {
    for (const y of ys) {
      for (const x of xs) {
        const inside = y >= 0 && y < height && x >= 0 && x < width;
        places.push(inside ? (channel * height + y) * width + x : -1);
      }
    }
  }
  return { first, shape: [part, ys.length, xs.length], places };
}
