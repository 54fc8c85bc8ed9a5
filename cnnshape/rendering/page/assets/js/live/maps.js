/**
 * The maps of one stage in one canvas: painted, pointed at, walked through by key.
 *
 * @typedef {object} Panel
 * @property {HTMLElement} element
 * @property {(values: Float32Array, colours: import("page/live/colours.js").Colours) => void} paint
 * @property {(at: number | null, window: number[]) => void} mark
 * @property {() => void} focus
 *
 * @typedef {object} Events what a reader does
 * @property {(at: number) => void} point
 * @property {(at: number) => void} choose
 * @property {(way: "on" | "back") => void} go
 */

import { h } from "page/dom.js";
import { css, extent, pixel, ramp, rung } from "page/live/colours.js";
import { called, numberAt, placeOf, sizeOf } from "page/live/stages.js";
import { shortly } from "page/live/numbers.js";

/** @typedef {import("page/live/stages.js").Stage} Stage */

/** Maps that are shown; of more, the first. */
const MOST = 256;
/** More maps than this are drawn smaller. */
const MANY = 20;
/** Pixels that a stage's maps may stand tall, if there is room beside them. */
const TALL = 268;

/** @param {Stage} stage @param {number} room how wide it may be @param {Events} events @returns {Panel} */
export function mapsPanel(stage, room, events) {
  const layout = arranged(stage, room);
  const canvas = h("canvas", {
    width: layout.width, height: layout.height, tabindex: "0", role: "application",
    "aria-roledescription": "maps", "aria-label": `${stage.name}, ${sizeOf(stage)}: arrows move from unit to unit`,
    style: `width:${layout.width}px`,
  });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(layout.width, layout.height);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = h("span", { class: "quiet scale" });
  const more = stage.shape[0] > MOST ? ` · the first ${MOST} of ${stage.shape[0]}` : "";
  /** @type {{at: number | null, window: number[], colours: import("page/live/colours.js").Colours | null}} */
  const state = { at: null, window: [], colours: null };

  function show() {
    context.putImageData(image, 0, 0);
    if (!state.colours) return;
    context.strokeStyle = css(state.colours.mark);
    context.lineWidth = 1.5;
    for (const [left, top, width, height] of boxes(stage, layout, state.window)) {
      context.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
    }
    context.lineWidth = 2;
    for (const [left, top, width, height] of boxes(stage, layout, state.at === null ? [] : [state.at])) {
      context.strokeRect(left - 1, top - 1, width + 2, height + 2);
    }
  }

  canvas.addEventListener("pointermove", (event) => {
    const at = hit(stage, layout, canvas, event);
    if (at !== null) events.point(at);
  });
  canvas.addEventListener("click", (event) => {
    const at = hit(stage, layout, canvas, event);
    if (at !== null) events.choose(at);
  });
  canvas.addEventListener("keydown", (event) => {
    const way = { Enter: "on", Escape: "back" }[event.key];
    const at = moved(stage, state.at, event.key, layout.columns);
    if (way) events.go(/** @type {"on" | "back"} */ (way));
    else if (at !== null) events.choose(at);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => state.at === null && events.point(0));

  return {
    element: h("section", { class: "stage", "aria-label": stage.name },
      h("h2", { dir: "auto" }, stage.name, " ", h("span", { class: "quiet" }, sizeOf(stage))),
      canvas, h("p", { class: "quiet small" }, scale, more)),
    paint(values, colours) {
      state.colours = colours;
      const { reach, signed, low, high } = extent(values);
      fillPixels(stage, layout, pixels, values, (value) => rung(value, reach), ramp(colours, signed), colours);
      scale.textContent = signed ? `${shortly(low)} to ${shortly(high)}` : `0 to ${shortly(high)}`;
      show();
    },
    mark(at, window) {
      Object.assign(state, { at, window });
      canvas.setAttribute("aria-label", `${stage.name}, ${sizeOf(stage)}${at === null ? "" : `: ${called(stage, at)}`}: arrows move`);
      show();
    },
    focus: () => canvas.focus(),
  };
}

/** Where the maps stand. @param {Stage} stage @param {number} room */
export function arranged({ shape: [all, height, width], vector }, room) {
  const count = Math.min(all, MOST);
  const side = Math.max(height, width);
  const large = count > MANY ? 56 : 84;
  const cell = vector ? 9 : Math.max(1, Math.round(Math.min(large, large * (side / 28) ** 0.7) / side));
  const gap = vector ? 2 : 7;
  const [wide, tall] = [cell * width, cell * height];
  const rowsThatFit = Math.max(1, Math.floor((TALL + gap) / (tall + gap)));
  const ideal = Math.ceil(Math.sqrt(count) * (vector ? 1 : 0.8));
  const most = Math.max(1, Math.floor((room + gap - 4) / (wide + gap)));
  const columns = Math.min(count, most, Math.max(ideal, Math.ceil(count / rowsThatFit)));
  const rows = Math.ceil(count / columns);
  // A line around each map, and room for the mark of a unit.
  return {
    count, cell, columns, stepX: wide + gap, stepY: tall + gap, edge: 2,
    width: columns * (wide + gap) - gap + 4, height: rows * (tall + gap) - gap + 4,
  };
}

/** @typedef {ReturnType<typeof arranged>} Layout */

/** The upper left corner of a map. @param {Layout} layout @param {number} map */
const corner = ({ columns, stepX, stepY, edge }, map) => [
  edge + (map % columns) * stepX, edge + Math.floor(map / columns) * stepY,
];

/**
 * @param {Stage} stage @param {Layout} layout @param {Uint32Array} pixels @param {Float32Array} values
 * @param {(value: number) => number} rungOf @param {Uint32Array} colours
 * @param {import("page/live/colours.js").Colours} theme
 */
function fillPixels({ shape: [, height, width] }, layout, pixels, values, rungOf, colours, theme) {
  const [ground, line] = [pixel(theme.ground), pixel(theme.line)];
  pixels.fill(ground);
  const { cell } = layout;
  for (let map = 0; map < layout.count; map++) {
    const [left, top] = corner(layout, map);
    for (let y = -1; y <= cell * height; y++) {
      pixels.fill(line, (top + y) * layout.width + left - 1, (top + y) * layout.width + left + cell * width + 1);
    }
    for (let row = 0; row < height; row++) {
      const first = (top + row * cell) * layout.width + left;
      for (let column = 0; column < width; column++) {
        const colour = colours[rungOf(values[(map * height + row) * width + column])];
        pixels.fill(colour, first + column * cell, first + (column + 1) * cell);
      }
      for (let y = 1; y < cell; y++) {
        pixels.copyWithin(first + y * layout.width, first, first + cell * width);
      }
    }
  }
}

/**
 * The rectangles around some numbers, one for each map that they are in.
 * @param {Stage} stage @param {Layout} layout @param {number[]} numbers
 * @returns {[number, number, number, number][]}
 */
function boxes(stage, layout, numbers) {
  /** @type {Map<number, [number, number, number, number]>} */
  const spans = new Map();
  for (const at of numbers) {
    if (at < 0) continue;
    const [map, row, column] = placeOf(stage, at);
    const [top, left, bottom, right] = spans.get(map) ?? [row, column, row, column];
    spans.set(map, [Math.min(top, row), Math.min(left, column), Math.max(bottom, row), Math.max(right, column)]);
  }
  return [...spans].filter(([map]) => map < layout.count).map(([map, [top, left, bottom, right]]) => {
    const [x, y] = corner(layout, map);
    const { cell } = layout;
    return [x + left * cell, y + top * cell, (right - left + 1) * cell, (bottom - top + 1) * cell];
  });
}

/**
 * Which number a pointer is at.
 * @param {Stage} stage @param {Layout} layout @param {HTMLCanvasElement} canvas @param {MouseEvent} event
 */
function hit(stage, layout, canvas, event) {
  const box = canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) * layout.width) / box.width - layout.edge;
  const y = ((event.clientY - box.top) * layout.height) / box.height - layout.edge;
  const [across, down] = [Math.floor(x / layout.stepX), Math.floor(y / layout.stepY)];
  const map = down * layout.columns + across;
  const column = Math.floor((x - across * layout.stepX) / layout.cell);
  const row = Math.floor((y - down * layout.stepY) / layout.cell);
  const [, height, width] = stage.shape;
  const inside = x >= 0 && y >= 0 && across < layout.columns && map < layout.count && row < height && column < width;
  return inside ? numberAt(stage, [map, row, column]) : null;
}

/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * Where a key leads from a number: arrows within the map, Page Up and Down to another one.
 * @param {Stage} stage @param {number | null} at @param {string} key @param {number} columns
 * @returns {number | null}
 */
export function moved(stage, at, key, columns) {
  const [count, height, width] = stage.shape;
  const [map, row, column] = placeOf(stage, at ?? 0);
  const jump = { PageUp: -1, PageDown: 1 }[key];
  if (jump) return numberAt(stage, [(map + jump + count) % count, row, column]);
  const way = WAYS[key];
  if (!way) return null;
  if (stage.vector) {
    const next = map + way[0] * columns + way[1];
    return next < 0 || next >= count ? map : next;
  }
  const within = (/** @type {number} */ n, /** @type {number} */ size) => Math.min(size - 1, Math.max(0, n));
  return numberAt(stage, [map, within(row + way[0], height), within(column + way[1], width)]);
}
