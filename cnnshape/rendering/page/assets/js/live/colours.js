/**
 * Numbers as colours: zero is the page's ground, ink what is above it where nothing is below, else
 * blue above and orange below.
 *
 * @typedef {[number, number, number]} Rgb
 * @typedef {{ground: Rgb, ink: Rgb, above: Rgb, below: Rgb, line: Rgb, mark: Rgb}} Colours
 */

const STEPS = 256;

/** Those of the theme that is chosen. @returns {Colours} */
export function themeColours() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return rgb(getComputedStyle(probe).color);
  };
  const colours = {
    ground: read("ground"), ink: read("ink"), above: read("above"), below: read("below"),
    line: read("map-line"), mark: read("mark"),
  };
  probe.remove();
  return colours;
}

/** `rgb(1, 2, 3)`, or `color(srgb 0.1 0.2 0.3)` of a mixed one. @param {string} text @returns {Rgb} */
function rgb(text) {
  const numbers = (text.match(/[\d.]+/g) ?? []).map(Number);
  const scale = text.startsWith("color") ? 255 : 1;
  return [scale * numbers[0], scale * numbers[1], scale * numbers[2]];
}

/** Between two colours. @param {Rgb} from @param {Rgb} to @param {number} part @returns {Rgb} */
export function mixed(from, to, part) {
  return /** @type {Rgb} */ (from.map((level, n) => level + (to[n] - level) * part));
}

/**
 * The colours of −reach … reach in so many steps, as pixels of a picture.
 * @param {Colours} colours @param {boolean} signed
 */
export function ramp(colours, signed) {
  const found = new Uint32Array(2 * STEPS + 1);
  for (let n = -STEPS; n <= STEPS; n++) found[n + STEPS] = pixel(colourOf(colours, n / STEPS, signed));
  return found;
}

/** The colour of a number in −1…1. @param {Colours} colours @param {number} value @param {boolean} signed */
export function colourOf({ ground, ink, above, below }, value, signed) {
  const part = Math.min(1, Math.abs(value));
  return mixed(ground, value < 0 ? below : signed ? above : ink, part);
}

/** Which place of a ramp a number has. @param {number} value @param {number} reach */
export const rung = (value, reach) => Math.round(STEPS * Math.min(1, Math.max(-1, value / reach))) + STEPS;

/** A colour as a pixel. @param {Rgb} colour */
export const pixel = ([red, green, blue]) =>
  (255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red);

/** @param {Rgb} colour */
export const css = ([red, green, blue]) => `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)})`;

/** Whether text on a colour is to be light. @param {Rgb} colour */
export function isDeep([red, green, blue]) {
  const [r, g, b] = [red, green, blue].map((level) => {
    const part = level / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.179; // where black and white contrast alike
}

/** How far numbers reach, and whether some are below zero. @param {ArrayLike<number>} values */
export function extent(values) {
  let [low, high] = [0, 0];
  for (let at = 0; at < values.length; at++) {
    if (values[at] < low) low = values[at];
    else if (values[at] > high) high = values[at];
  }
  return { reach: Math.max(-low, high) || 1, signed: low < 0, low, high };
}
