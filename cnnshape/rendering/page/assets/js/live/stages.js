/**
 * Steps in the groups that are shown as one: a layer with the activation, norm and reshape after it.
 *
 * @typedef {object} Stage
 * @property {string} name of its first step
 * @property {number[]} steps
 * @property {number} shown the step whose numbers are shown: the last but a reshape
 * @property {[number, number, number]} shape maps, height, width of these numbers
 * @property {boolean} vector they are no maps
 */

import { maps } from "page/live/chain.js";

/** @typedef {import("page/live/chain.js").Chain} Chain */
/** @typedef {import("page/live/chain.js").Step} Step */

/** @param {Step} step */
const begins = ({ kind }) => kind === "conv" || kind === "linear" || kind.endsWith("_pool");

/** @param {Chain} chain @returns {Stage[]} */
export function stagesOf({ steps }) {
  /** @type {number[][]} */
  const groups = [];
  steps.forEach((step, n) => {
    const current = groups.at(-1);
    if (current && !begins(step)) current.push(n);
    else if (step.kind !== "reshape") groups.push([n]);
  });
  return groups.map((group) => {
    const shown = group.findLast((n) => steps[n].kind !== "reshape") ?? group[0];
    const shape = maps(steps[shown].output);
    return { name: steps[group[0]].name, steps: group, shown, shape, vector: shape[1] * shape[2] === 1 };
  });
}

/** The map, row and column of a number. @param {Stage} stage @param {number} at @returns {[number, number, number]} */
export function placeOf({ shape: [, height, width] }, at) {
  return [Math.floor(at / (height * width)), Math.floor(at / width) % height, at % width];
}

/** The number at a map, row and column. @param {Stage} stage @param {number[]} place */
export const numberAt = ({ shape: [, height, width] }, [map, row, column]) => (map * height + row) * width + column;

/** As a person calls it: `map 0, unit (7, 9)`. @param {Stage} stage @param {number} at */
export function called(stage, at) {
  const [map, row, column] = placeOf(stage, at);
  return stage.vector ? `unit ${map}` : `map ${map}, unit (${row}, ${column})`;
}

/** Its size in words: `6×28×28`, `120`. @param {Stage} stage */
export const sizeOf = ({ shape, vector }) => (vector ? String(shape[0]) : shape.join("×"));
