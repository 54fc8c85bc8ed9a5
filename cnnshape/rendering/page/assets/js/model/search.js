/** Which rows a search means: a name, a class, or a shape such as `*×512×7×7`. */

import { evaluate } from "page/expression.js";

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {import("page/model/types.js").Shape} Shape */
/** @typedef {import("page/expression.js").Letters} Letters */

/** @param {string} text @returns {(string | number)[] | null} the sizes of a shape, `*` for any */
export function shapePattern(text) {
  const sizes = text.split(/[×x,]/iu).map((part) => part.trim());
  if (sizes.length < 2 || sizes.some((size) => !/^(\d+|\*)$/.test(size))) return null;
  return sizes.map((size) => (size === "*" ? size : Number(size)));
}

/** @param {(string | number)[]} wanted @param {Shape} shape @param {Letters} letters */
function fits(wanted, shape, letters) {
  const starred = wanted[0] === "*" ? wanted.slice(1) : wanted;
  // A star at the front stands for any number of sizes; without one the batch may be left out.
  const tail = shape.slice(-starred.length);
  const enough = wanted[0] === "*" ? shape.length >= starred.length : shape.length - starred.length <= 1;
  return (
    enough &&
    tail.length === starred.length &&
    starred.every((size, axis) => size === "*" || evaluate(tail[axis], letters) === size)
  );
}

/**
 * Whether a row is meant; every row is by an empty text.
 * @param {string} text @param {Tree} tree @param {Letters} letters @returns {(row: number) => boolean}
 */
export function matcher(text, tree, letters) {
  const wanted = text.trim();
  if (!wanted) return () => true;
  const sizes = shapePattern(wanted);
  if (sizes) {
    return (row) => [...(tree.rows[row].in ?? []), ...(tree.rows[row].out ?? [])].some((shape) => fits(sizes, shape, letters));
  }
  const words = wanted.toLowerCase().split(/\s+/);
  return (row) => {
    const one = tree.rows[row];
    const said = `${tree.name(row)} ${one.type} ${one.words ?? ""} ${one.kind}`.toLowerCase();
    return words.every((word) => said.includes(word));
  };
}
