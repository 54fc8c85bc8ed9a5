/** Shapes in words, at the letters' present sizes. */

import { evaluate } from "page/expression.js";
import { count } from "page/numbers.js";

/** @typedef {import("page/model/types.js").Shape} Shape */
/** @typedef {import("page/expression.js").Letters} Letters */

/** One size as digits; `?` where it is unknown. @param {string | number} dim @param {Letters} letters */
export function sizeText(dim, letters) {
  const size = evaluate(dim, letters);
  return size === null ? "?" : String(size).replace("-", "−");
}

/** `6×28×28`. @param {Shape} shape @param {Letters} letters */
export function shapeText(shape, letters) {
  return shape.length ? shape.map((dim) => sizeText(dim, letters)).join("×") : "scalar";
}

/**
 * The first of several shapes, without the batch that all of them have.
 * @param {Shape[] | undefined} shapes @param {string | number | null} batch @param {Letters} letters
 * @param {number} [more] how many there are beside the listed ones
 */
export function shapesText(shapes, batch, letters, more = 0) {
  if (!shapes?.length) return "";
  const first = batch !== null && shapes[0][0] === batch ? shapes[0].slice(1) : shapes[0];
  return shapeText(first, letters) + (shapes.length + more > 1 ? ` +${count(shapes.length + more - 1)}` : "");
}
