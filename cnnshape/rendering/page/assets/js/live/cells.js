/**
 * Numbers in a grid, each on the colour that it has in the maps.
 */

import { h } from "page/dom.js";
import { colourOf, css, isDeep } from "page/live/colours.js";
import { fixed } from "page/live/numbers.js";

/**
 * @param {string} caption @param {number[]} values @param {number} columns
 * @param {object} look
 * @param {import("page/live/colours.js").Colours} look.colours
 * @param {number} look.reach what has the full colour
 * @param {boolean} look.signed numbers above zero are blue, not ink
 * @param {(n: number) => boolean} [look.padding] a number that stands for nothing
 * @param {number} [look.best] the number that was chosen among them
 * @param {(n: number) => void} [look.follow] told which one was clicked
 */
export function cells(caption, values, columns, { colours, reach, signed, padding, best, follow }) {
  const rows = Array.from({ length: Math.ceil(values.length / columns) }, (_, row) => row);
  const cell = (/** @type {number} */ n) => {
    const colour = colourOf(colours, values[n] / reach, signed);
    const outside = padding?.(n) ?? false;
    const style = `background:${css(colour)};color:${isDeep(colour) ? "#fff" : "#000"}`;
    return h("td", {
      class: [outside && "padding", n === best && "best", follow && !outside && "follows"].filter(Boolean).join(" ") || null,
      style: outside ? null : style, title: outside ? "padding" : null,
      onclick: follow && !outside ? () => follow(n) : null,
    }, n === best && h("span", { class: "unseen" }, "the largest: "), fixed(values[n], 2));
  };
  return h("table", { class: "cells" }, h("caption", { class: "quiet" }, caption),
    h("tbody", {}, ...rows.map((row) =>
      h("tr", {}, ...Array.from({ length: Math.min(columns, values.length - row * columns) }, (_, column) => cell(row * columns + column))))));
}
