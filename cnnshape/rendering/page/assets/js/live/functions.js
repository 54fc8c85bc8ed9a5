/**
 * Activations: a function of each number by itself.
 */

import { given, maps, weight } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Step} Step */
/** @typedef {import("page/live/chain.js").Weights} Weights */
/** @typedef {(x: number, step: any) => number} OfNumber */

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const sigmoid = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));
const softplus = (/** @type {number} */ x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const bounded = (/** @type {number} */ x, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(Math.max(x, low), high);

/** @type {Record<string, OfNumber>} */
const FUNCTIONS = {
  relu: (x) => (x > 0 ? x : 0),
  relu6: (x) => bounded(x, 0, 6),
  sigmoid,
  tanh: Math.tanh,
  silu: (x) => x * sigmoid(x),
  mish: (x) => x * Math.tanh(softplus(x)),
  selu: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanhshrink: (x) => x - Math.tanh(x),
  hardsigmoid: (x) => bounded(x + 3, 0, 6) / 6,
  hardswish: (x) => (x * bounded(x + 3, 0, 6)) / 6,
  log_sigmoid: (x) => -softplus(-x),
  leaky_relu: (x, { negative_slope: slope }) => (x > 0 ? x : slope * x),
  elu: (x, { alpha }) => (x > 0 ? x : alpha * Math.expm1(x)),
  celu: (x, { alpha }) => Math.max(x, 0) + Math.min(0, alpha * Math.expm1(x / alpha)),
  softplus: (x, { beta, threshold }) => (beta * x > threshold ? x : softplus(beta * x) / beta),
  hardshrink: (x, { lambd }) => (Math.abs(x) > lambd ? x : 0),
  softshrink: (x, { lambd }) => x - bounded(x, -lambd, lambd),
  threshold: (x, { threshold, value }) => (x > threshold ? x : value),
  clamp: (x, { min, max }) => bounded(x, min ?? -Infinity, max ?? Infinity),
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  gelu_tanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  affine: (x, { scale, shift }) => scale * x + shift,
};

/** @param {Step} step */
export const isFunction = (step) => step.kind in FUNCTIONS || step.kind === "prelu";

/**
 * The function of a step at one place of its input.
 * @param {Step} step
 * @param {number} x
 * @param {number} at
 * @param {Weights} weights
 */
export function value(step, x, at, weights) {
  if (step.kind === "prelu") return x > 0 ? x : slope(step, at, weights) * x;
  return given(FUNCTIONS[step.kind])(x, step);
}

/**
 * A learned slope below zero: of the channel, or one for all.
 * @param {Step} step
 * @param {number} at
 * @param {Weights} weights
 */
export function slope(step, at, weights) {
  const slopes = given(weight(step, "weight", weights));
  const [, height, width] = maps(step.input);
  return given(slopes[Math.floor(at / (height * width)) % slopes.length]);
}

/**
 * @param {Step} step
 * @param {Float32Array} x
 * @param {Weights} weights
 */
export function pointwise(step, x, weights) {
  return x.map((number, at) => value(step, number, at, weights));
}

/**
 * The error function: its series near zero, its continued fraction away from it.
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 and 7.1.14.
 * @param {number} x
 */
export function erf(x) {
  const size = Math.abs(x);
  if (size > 2.5) return Math.sign(x) * (1 - tail(size));
  let [term, sum] = [size, size];
  for (let n = 1; term > 1e-12 * sum; n++) {
    term *= (2 * size * size) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * sum * Math.exp(-size * size)) / Math.sqrt(Math.PI);
}

/** @param {number} x */
function tail(x) {
  let fraction = x;
  for (let n = 40; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
