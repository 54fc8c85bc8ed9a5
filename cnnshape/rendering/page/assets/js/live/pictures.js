/**
 * Pictures to choose from, and one of the reader's own.
 */

import { h } from "page/dom.js";
import { colourOf, pixel } from "page/live/colours.js";
import { fitted, fromBytes } from "page/live/picture.js";
import { bytes } from "page/live/weights.js";

/** @typedef {import("page/live/picture.js").Picture} Picture */
/** @typedef {import("page/live/picture.js").Taken} Taken */

/** A file of more pixels along a side is made smaller first. */
const LARGEST = 1024;

/**
 * A row of buttons, a picture on each.
 * @param {{label: string, data: string}[]} given @param {number[]} shape @param {Taken} taken
 * @param {(picture: Picture, label: string) => void} choose
 */
export function pictureButtons(given, shape, taken, choose) {
  const pictures = given.map(({ data }) => fromBytes(bytes(data), shape));
  const [, height, width] = shape;
  const canvases = pictures.map(() => h("canvas", { width, height, "aria-hidden": "true" }));
  const buttons = canvases.map((canvas, n) =>
    h("button", {
      type: "button", "aria-pressed": "false", "aria-label": `test picture ${n + 1}: ${given[n].label}`, title: given[n].label,
      onclick: () => { press(n); choose(pictures[n], given[n].label); },
    }, canvas),
  );
  /** @param {number | null} which */
  function press(which) {
    buttons.forEach((button, n) => button.setAttribute("aria-pressed", String(n === which)));
  }
  return {
    element: h("div", { class: "pictures", role: "group", "aria-label": "Test pictures" }, ...buttons),
    press,
    first: pictures.length ? () => buttons[0].click() : null,
    /** @param {import("page/live/colours.js").Colours} colours */
    paint(colours) {
      canvases.forEach((canvas, n) => paintSmall(canvas, pictures[n], taken, colours));
    },
  };
}

/**
 * @param {HTMLCanvasElement} canvas @param {Picture} picture @param {Taken} taken
 * @param {import("page/live/colours.js").Colours} colours
 */
function paintSmall(canvas, { height, width, channels }, taken, colours) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at++) {
    const levels = channels.map((values) => values[at]);
    pixels[at] = pixel(levels.length === 3
      ? [255 * levels[0], 255 * levels[1], 255 * levels[2]]
      : colourOf(colours, taken.dark ? levels[0] : 1 - levels[0], false));
  }
  context.putImageData(image, 0, 0);
}

/**
 * A button that opens a file, and a place to drop one on.
 * @param {HTMLElement} place @param {number[]} shape @param {Taken} taken
 * @param {(picture: Picture, label: string) => void} choose @param {(problem: string) => void} fail
 */
export function fileButton(place, shape, taken, choose, fail) {
  const input = h("input", { type: "file", accept: "image/*", id: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const button = h("button", { type: "button", onclick: () => input.click() }, "Open a picture…");
  /** @param {File} file */
  async function open(file) {
    try {
      choose(fitted(await pixelsOf(file), shape, taken), file.name);
    } catch {
      fail(`${file.name} is no picture that this browser can read.`);
    }
  }
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) open(file);
    input.value = "";
  });
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
  return [button, input];
}

/** Red, green and blue of a picture file, on white where it is transparent. @param {File} file @returns {Promise<Picture>} */
async function pixelsOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((size) => Math.max(1, Math.round(size * scale)));
  const context = /** @type {CanvasRenderingContext2D} */ (h("canvas", { width, height }).getContext("2d"));
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const channels = [0, 1, 2].map((channel) =>
    Float32Array.from({ length: width * height }, (_, at) => data[4 * at + channel] / 255),
  );
  return { height, width, channels };
}
