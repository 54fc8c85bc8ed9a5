/** The receptive field of a unit in the middle, on the grid of the input. */

import { h, s } from "page/dom.js";

/** @typedef {import("page/model/types.js").Field} Field */

const SIDE = 180;
/** Finer grids than this are drawn as an area. */
const FINEST = 64;

/**
 * @param {Field} field @param {number[]} input sizes of the first input
 * @returns {HTMLElement | null}
 */
export function fieldPicture(field, input) {
  if (field.size === "global") return picture(input.slice(-2), null, "sees the whole input");
  const axes = field.size.length;
  if (!axes || axes > 2 || input.length <= axes) return null;
  const sizes = axes === 1 ? [1, input[input.length - 1]] : input.slice(-2);
  const [size, stride, offset] = [field.size, field.stride, field.offset].map((each) => spread(each, axes));
  if (sizes.some((one) => one < 1) || !size || !stride || !offset) return null;
  const spans = sizes.map((whole, axis) => span(whole, size[axis], stride[axis], offset[axis]));
  const shown = axes === 1 ? size.slice(1) : size;
  const apart = axes === 1 ? stride.slice(1) : stride;
  const words = `sees ${text(shown)} of the input${apart.some((one) => one > 1) ? `, ${text(apart)} apart` : ""}`;
  return picture(sizes, spans, words);
}

/** Per axis of the picture; a sequence is a row. @param {import("page/model/types.js").Extent} extent @param {number} axes */
function spread(extent, axes) {
  if (!Array.isArray(extent) || extent.some((one) => one === null)) return null;
  return axes === 1 ? [1, extent[0]] : extent;
}

/** @param {number[]} sizes */
const text = (sizes) => (new Set(sizes).size === 1 && sizes.length > 1 && sizes[0] === 1 ? "1×1" : sizes.join("×"));

/** What the unit nearest to the middle sees. @param {number} whole @param {number} size @param {number} stride @param {number} offset */
function span(whole, size, stride, offset) {
  const unit = Math.max(0, Math.round(((whole - size) / 2 - offset) / Math.max(stride, 1)));
  const start = offset + unit * stride;
  return { start, stop: start + size };
}

/** @param {number[]} sizes @param {{start: number, stop: number}[] | null} spans @param {string} words */
function picture(sizes, spans, words) {
  const [rows, columns] = sizes;
  if (!(rows > 0 && columns > 0)) return null;
  const cell = SIDE / Math.max(rows, columns, 1);
  const [height, width] = [Math.max(rows * cell, 10), columns * cell];
  const shapes = [s("rect", { class: "input", width, height })];
  const [down, along] = spans ?? [{ start: 0, stop: rows }, { start: 0, stop: columns }];
  /** @param {number} at @param {number} most */
  const inside = (at, most) => Math.min(Math.max(at, 0), most);
  const [top, left] = [inside(down.start, rows), inside(along.start, columns)];
  const scale = height / rows;
  shapes.push(
    s("rect", { class: "seen", x: left * cell, y: top * scale, width: (inside(along.stop, columns) - left) * cell, height: (inside(down.stop, rows) - top) * scale }),
  );
  const lines = [];
  for (let at = 1; columns <= FINEST && at < columns; at += 1) lines.push(`M${at * cell} 0V${height}`);
  for (let at = 1; rows <= FINEST && at < rows; at += 1) lines.push(`M0 ${at * scale}H${width}`);
  const svg = s(
    "svg",
    { viewBox: `-2 -2 ${width + 4} ${height + 4}`, width: width + 4, height: height + 4, role: "img", "aria-label": words },
    ...shapes,
    s("path", { class: "grid", d: lines.join("") }),
    s("rect", { class: "edge", x: left * cell, y: top * scale, width: (inside(along.stop, columns) - left) * cell, height: (inside(down.stop, rows) - top) * scale }),
  );
  return h("figure", { class: "field-picture" }, svg, h("figcaption", { class: "quiet" }, words));
}
