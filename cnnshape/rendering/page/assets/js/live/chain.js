/**
 * The plan of a network as the page is given it, and what is asked of it again and again.
 *
 * A shape has no batch: channels, height, width of maps, or one number for a vector. Numbers stand
 * row by row, map after map, as torch lays them out.
 *
 * @typedef {object} Step
 * @property {string} kind which computation: conv, max_pool, linear, relu, …
 * @property {string} name the layer's path, or the function's name
 * @property {string} words it in words
 * @property {Record<string, string>} weights names of arrays by their role
 * @property {number[]} input the shape that arrives
 * @property {number[]} output the shape that leaves
 * @property {string} size how its size follows
 * @property {[number, number]} [kernel] rows and columns, and so the next three
 * @property {[number, number]} [stride]
 * @property {[number, number]} [padding] above and left of the maps
 * @property {[number, number]} [dilation]
 * @property {number} [groups]
 * @property {boolean} [count_include_pad]
 * @property {number | null} [divisor]
 * @property {number} [eps]
 * @property {number} [block] how many numbers are normalised together
 * @property {number} [each] how many of them share a weight
 * @property {number} [axis]
 * @property {number} [around] how many maps a number is measured by
 * @property {number} [alpha]
 * @property {number} [beta]
 * @property {number} [k]
 * @property {number | null} [min]
 * @property {number | null} [max]
 *
 * @typedef {{input: number[], steps: Step[]}} Chain
 * @typedef {Record<string, Float32Array>} Weights
 */

/**
 * How many numbers a shape holds.
 * @param {number[]} shape
 */
export function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Channels, height and width of a shape; a vector is so many maps of one number.
 * @param {number[]} shape
 * @returns {[number, number, number]}
 */
export function maps(shape) {
  const [channels = 1, ...rest] = shape;
  const width = rest.pop() ?? 1;
  return [channels, count(rest), width];
}

/**
 * The weights of a step in one role; null where it has none.
 * @param {Step} step
 * @param {string} role
 * @param {Weights} weights
 */
export function weight(step, role, weights) {
  const name = step.weights[role];
  return name === undefined ? null : /** @type {Float32Array} */ (weights[name]);
}

/**
 * An argument that its kind of step always has.
 * @template T
 * @param {T | null | undefined} value
 * @returns {T}
 */
export function given(value) {
  if (value === undefined || value === null) throw new Error("a step lacks an argument");
  return value;
}
