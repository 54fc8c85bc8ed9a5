/**
 * Where one draws: with mouse, finger or keys. What is seen is what the network takes.
 *
 * @typedef {object} Pad
 * @property {HTMLElement} element
 * @property {(picture: import("page/live/picture.js").Picture, colours: import("page/live/colours.js").Colours) => void} paint
 * @property {(field: [[number, number], [number, number]] | null) => void} mark
 * @property {() => void} forget begin anew with the next stroke
 */

import { h } from "page/dom.js";
import { colourOf, css, pixel } from "page/live/colours.js";
import { blank, centred, draw, drawn, penWidth } from "page/live/ink.js";

/** @typedef {import("page/live/ink.js").Point} Point */
/** @typedef {import("page/live/ink.js").Stroke} Stroke */
/** @typedef {import("page/live/resample.js").Plane} Plane */

const SIDE = 252;
/** Milliseconds without a stroke after which the drawing is centred. */
const PAUSE = 700;

/**
 * @param {number[]} shape channels, height, width
 * @param {import("page/live/picture.js").Taken} taken
 * @param {(ink: Plane) => void} inked told after every part of a stroke
 * @returns {Pad}
 */
export function drawingPad([channels, height, width], taken, inked) {
  const cell = Math.max(1, Math.floor(SIDE / Math.max(height, width)));
  const canvas = h("canvas", {
    id: "pad", width: width * cell, height: height * cell, tabindex: "0", role: "application",
    "aria-roledescription": "drawing", style: `width:${width * cell}px`,
    "aria-label": "Draw a digit: arrows move the pen, Space puts it down and lifts it",
  });
  const pen = penWidth(height, width, taken.extent);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width * cell, height * cell);
  const pixels = new Uint32Array(image.data.buffer);
  const centring = h("input", { type: "checkbox", id: "centre", checked: true });
  /** @type {{strokes: Stroke[], ink: Plane, down: boolean, pen: Point | null, timer: number, field: any, mark: string}} */
  const state = { strokes: [], ink: blank(height, width), down: false, pen: null, timer: 0, field: null, mark: "red" };

  /** @param {Point} point */
  function begin(point) {
    clearTimeout(state.timer);
    state.down = true;
    state.strokes.push([]);
    goOn(point);
  }

  /** @param {Point} point */
  function goOn(point) {
    const stroke = state.strokes[state.strokes.length - 1];
    draw(state.ink, stroke.at(-1) ?? point, point, pen);
    stroke.push(point);
    inked(state.ink);
  }

  function end() {
    state.down = false;
    clearTimeout(state.timer);
    if (centring.checked) state.timer = window.setTimeout(centre, PAUSE);
  }

  function centre() {
    redraw(centred(state.strokes, height, width, taken.extent));
  }

  /** @param {Stroke[]} strokes */
  function redraw(strokes) {
    clearTimeout(state.timer);
    state.strokes = strokes;
    state.ink = drawn(strokes, height, width, pen);
    inked(state.ink);
  }

  /** @param {PointerEvent} event @returns {Point} */
  function pointOf(event) {
    const box = canvas.getBoundingClientRect();
    return { x: ((event.clientX - box.left) * width) / box.width, y: ((event.clientY - box.top) * height) / box.height };
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    begin(pointOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!state.down || !canvas.hasPointerCapture(event.pointerId)) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event]) goOn(pointOf(part));
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    canvas.addEventListener(name, () => state.down && end());
  }
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (event.key === " ") {
      const at = (state.pen ??= { x: width / 2, y: height / 2 });
      state.down ? end() : begin(at);
    } else if (way) {
      const at = state.pen ?? { x: width / 2, y: height / 2 };
      state.pen = { x: within(at.x + way[0], width), y: within(at.y + way[1], height) };
      if (state.down) goOn(state.pen);
      else show();
    } else return;
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => { state.pen = null; if (state.down) end(); show(); });

  function show() {
    context.putImageData(image, 0, 0);
    context.strokeStyle = state.mark;
    if (state.pen) {
      context.lineWidth = state.down ? 3 : 1.5;
      context.strokeRect(state.pen.x * cell - 5, state.pen.y * cell - 5, 10, 10);
    }
    if (!state.field) return;
    const [[top, bottom], [left, right]] = state.field;
    context.lineWidth = 2;
    context.strokeRect(left * cell + 1, top * cell + 1, (right - left + 1) * cell - 2, (bottom - top + 1) * cell - 2);
  }

  const undo = h("button", { type: "button", onclick: () => redraw(state.strokes.slice(0, -1)) }, "Undo");
  const clear = h("button", { type: "button", onclick: () => redraw([]) }, "Clear");
  return {
    element: h("div", {}, canvas,
      h("p", { class: "tools" }, clear, undo, h("label", {}, centring, " centre it"))),
    paint(picture, colours) {
      state.mark = css(colours.mark);
      for (let at = 0; at < height * width; at++) {
        const levels = picture.channels.map((values) => values[at]);
        const colour = channels === 3 ? rgb(levels) : colourOf(colours, taken.dark ? levels[0] : 1 - levels[0], false);
        const first = Math.floor(at / width) * cell * width * cell + (at % width) * cell;
        for (let y = 0; y < cell; y++) pixels.fill(pixel(colour), first + y * width * cell, first + y * width * cell + cell);
      }
      show();
    },
    mark(field) {
      state.field = field;
      show();
    },
    forget() {
      clearTimeout(state.timer);
      Object.assign(state, { strokes: [], ink: blank(height, width), down: false });
    },
  };
}

/** @param {number[]} levels @returns {[number, number, number]} */
const rgb = ([red, green, blue]) => [255 * red, 255 * green, 255 * blue];

/** @param {number} n @param {number} size */
const within = (n, size) => Math.min(size - 0.5, Math.max(0.5, n));
