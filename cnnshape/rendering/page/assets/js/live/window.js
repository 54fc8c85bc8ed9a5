/**
 * Which rows and columns of its input one position of a window covers.
 */

import { given, maps } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Step} Step */

/** @param {Step} step */
export const isAdaptive = (step) => step.kind.startsWith("adaptive_");

/**
 * Where the window lies along one axis (0 rows, 1 columns), in order; what lies beyond the maps
 * (below 0, or at the size and after) is padding.
 * @param {Step} step
 * @param {0 | 1} axis
 * @param {number} position
 * @returns {number[]}
 */
export function covered(step, axis, position) {
  if (isAdaptive(step)) {
    const [first, stop] = adaptive(step, axis, position);
    return Array.from({ length: stop - first }, (_, tap) => first + tap);
  }
  const start = position * given(step.stride)[axis] - given(step.padding)[axis];
  const dilation = given(step.dilation)[axis];
  return Array.from({ length: given(step.kernel)[axis] }, (_, tap) => start + tap * dilation);
}

/**
 * The first place of an adaptive window, and the one after its last.
 * @param {Step} step
 * @param {0 | 1} axis
 * @param {number} position
 * @returns {[number, number]}
 */
function adaptive(step, axis, position) {
  const size = maps(step.input)[axis + 1] ?? 1;
  const positions = maps(step.output)[axis + 1] ?? 1;
  return [
    Math.floor((position * size) / positions),
    Math.ceil(((position + 1) * size) / positions),
  ];
}

/**
 * The positions along one axis at which a tap of the window lies within the maps: first, last.
 * @param {Step} step
 * @param {0 | 1} axis
 * @param {number} tap
 * @param {number} size of the input along this axis
 * @param {number} positions
 * @returns {[number, number]}
 */
export function reached(step, axis, tap, size, positions) {
  const stride = given(step.stride)[axis];
  const offset = tap * given(step.dilation)[axis] - given(step.padding)[axis];
  const first = Math.max(0, Math.ceil(-offset / stride));
  const last = Math.min(positions - 1, Math.floor((size - 1 - offset) / stride));
  return [first, last];
}
