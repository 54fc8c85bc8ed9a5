/**
 * The part of the picture that one unit depends on.
 *
 * @typedef {[number, number]} Span first and last
 * @typedef {[Span, Span, Span]} Region maps, rows, columns
 */

import { given, maps } from "page/live/chain.js";
import { isFunction } from "page/live/functions.js";
import { covered } from "page/live/window.js";

/** @typedef {import("page/live/chain.js").Chain} Chain */
/** @typedef {import("page/live/chain.js").Step} Step */

/**
 * Rows and columns of the picture behind number `at` of the result of step `which`; what would
 * stand in the padding is left out.
 * @param {Chain} chain @param {number} which @param {number} at
 * @returns {[Span, Span]}
 */
export function field(chain, which, at) {
  let region = cell(chain.steps[which].output, at);
  for (let n = which; n >= 0; n--) region = before(chain.steps[n], region);
  return [region[1], region[2]];
}

/** One number of a shape. @param {number[]} shape @param {number} at @returns {Region} */
function cell(shape, at) {
  const [, height, width] = maps(shape);
  const place = [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
  return /** @type {Region} */ (place.map((n) => [n, n]));
}

/** All of a shape. @param {number[]} shape @returns {Region} */
const everything = (shape) => /** @type {Region} */ (maps(shape).map((size) => [0, size - 1]));

/** What a region of a step's result depends on. @param {Step} step @param {Region} region @returns {Region} */
function before(step, region) {
  if (step.kind === "conv" || step.kind.endsWith("_pool")) return behind(step, region);
  if (isFunction(step) || step.kind === "batch_norm") return region;
  if (step.kind === "response_norm") return [everything(step.input)[0], region[1], region[2]];
  if (step.kind === "reshape") return reshaped(step, region);
  return everything(step.input);
}

/** @param {Step} step @param {Region} region @returns {Region} */
function behind(step, region) {
  const whole = everything(step.input);
  const pool = step.kind !== "conv";
  const [rows, columns] = /** @type {[Span, Span]} */ ([0, 1].map((which) => {
    const axis = /** @type {0 | 1} */ (which);
    const [first, last] = step.output.length === 3 ? region[axis + 1] : [0, 0];
    const [low] = covered(step, axis, first);
    const high = given(covered(step, axis, last).at(-1));
    return [Math.max(low, 0), Math.min(high, whole[axis + 1][1])];
  }));
  return [pool ? region[0] : whole[0], rows, columns];
}

/** The same numbers under another shape. @param {Step} step @param {Region} region @returns {Region} */
function reshaped(step, region) {
  if (String(maps(step.input)) === String(maps(step.output))) return region;
  const single = region.every(([first, last]) => first === last);
  if (!single) return everything(step.input);
  const [, height, width] = maps(step.output);
  return cell(step.input, (region[0][0] * height + region[1][0]) * width + region[2][0]);
}
