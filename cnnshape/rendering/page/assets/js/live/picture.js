/**
 * From ink, or the pixels of a file, to what the network takes.
 *
 * @typedef {object} Taken how the network's pictures are, with a number for every channel
 * @property {number[]} mean
 * @property {number[]} std
 * @property {number[]} background 0 to 1
 * @property {boolean} dark they are light on dark
 * @property {number} extent the part of a picture's larger side that an object takes
 * @property {[number, number] | null} coarse the size that they were scaled up from
 * @property {boolean} like whether a picture is cropped and inverted to be like them
 *
 * @typedef {import("page/live/resample.js").Plane} Plane
 * @typedef {{height: number, width: number, channels: Float32Array[]}} Picture values 0 to 1
 */

import { asCoarseAs, resample } from "page/live/resample.js";

/** A picture of objects that take less than this part of what they take there is cropped. */
const SMALL = 0.7;

/** Ink on the pictures' ground. @param {Plane} ink @param {Taken} taken @returns {Picture} */
export function inked(ink, taken) {
  const { height, width, pixels } = taken.coarse ? asCoarseAs(ink, taken.coarse) : ink;
  const level = taken.dark ? 1 : 0;
  const channels = taken.background.map((ground) => pixels.map((value) => ground + value * (level - ground)));
  return { height, width, channels };
}

/** All channels, one after another, normalised. @param {Picture} picture @param {Taken} taken */
export function prepared({ channels }, { mean, std }) {
  const area = channels[0].length;
  const result = new Float32Array(area * channels.length);
  channels.forEach((values, channel) => {
    result.set(values.map((value) => (value - mean[channel]) / std[channel]), channel * area);
  });
  return result;
}

/** Bytes as they are stored. @param {Uint8Array} bytes @param {number[]} shape @returns {Picture} */
export function fromBytes(bytes, [channels, height, width]) {
  const area = height * width;
  const planes = Array.from({ length: channels }, (_, channel) =>
    Float32Array.from(bytes.subarray(channel * area, (channel + 1) * area), (byte) => byte / 255),
  );
  return { height, width, channels: planes };
}

/**
 * The pixels of a file as the network's pictures are: cropped to what stands out where that is
 * small, fitted with its proportions kept, inverted where its ground is dark and theirs light.
 * @param {Picture} file red, green, blue @param {number[]} shape @param {Taken} taken
 * @returns {Picture}
 */
export function fitted(file, shape, taken) {
  const ground = border(file);
  const box = taken.like ? standingOut(file, ground) : null;
  let picture = file;
  if (box && part(box, file) < SMALL * taken.extent) picture = cropped(file, box, ground, taken.extent);
  const fit = framed(shape[0] === 1 ? grey(picture) : picture, shape[1], shape[2]);
  const dark = ground.reduce((sum, level) => sum + level, 0) / ground.length < 0.5;
  if (!taken.like || dark === taken.dark) return fit;
  return { ...fit, channels: fit.channels.map((values) => values.map((value) => 1 - value)) };
}

/** The median of the outermost pixels of each channel. @param {Picture} picture */
export function border({ height, width, channels }) {
  return channels.map((values) => {
    const edge = values.filter((_, at) => {
      const [row, column] = [Math.floor(at / width), at % width];
      return row === 0 || column === 0 || row === height - 1 || column === width - 1;
    });
    return edge.sort()[Math.floor((edge.length - 1) / 2)];
  });
}

/**
 * Top, left, and the ends, of what is not ground; null if nothing is.
 * @param {Picture} picture @param {number[]} ground
 * @returns {[number, number, number, number] | null}
 */
function standingOut({ height, width, channels }, ground) {
  const contrast = channels[0].map((_, at) =>
    Math.max(...channels.map((values, channel) => Math.abs(values[at] - ground[channel]))),
  );
  const most = contrast.reduce((high, value) => Math.max(high, value), 0);
  if (most === 0) return null;
  let [top, left, bottom, right] = [height, width, 0, 0];
  contrast.forEach((value, at) => {
    if (value <= 0.25 * most) return;
    const [row, column] = [Math.floor(at / width), at % width];
    [top, left] = [Math.min(top, row), Math.min(left, column)];
    [bottom, right] = [Math.max(bottom, row + 1), Math.max(right, column + 1)];
  });
  return [top, left, bottom, right];
}

/** @param {[number, number, number, number]} box @param {Picture} picture */
const part = ([top, left, bottom, right], { height, width }) =>
  Math.max((bottom - top) / height, (right - left) / width);

/**
 * A square of the ground with what stands out in its middle.
 * @param {Picture} picture @param {[number, number, number, number]} box
 * @param {number[]} ground @param {number} extent
 * @returns {Picture}
 */
function cropped({ width, channels }, [top, left, bottom, right], ground, extent) {
  const [tall, wide] = [bottom - top, right - left];
  const side = Math.max(tall, wide);
  const whole = Math.max(side, Math.round(side / Math.max(extent, 0.1)));
  const [down, along] = [Math.floor((whole - tall) / 2), Math.floor((whole - wide) / 2)];
  const planes = channels.map((values, channel) => {
    const plane = new Float32Array(whole * whole).fill(ground[channel]);
    for (let row = 0; row < tall; row++) {
      const line = values.subarray((top + row) * width + left, (top + row) * width + right);
      plane.set(line, (down + row) * whole + along);
    }
    return plane;
  });
  return { height: whole, width: whole, channels: planes };
}

/** @param {Picture} picture @returns {Picture} */
function grey({ height, width, channels: [red, green, blue] }) {
  const values = red.map((level, at) => 0.299 * level + 0.587 * green[at] + 0.114 * blue[at]);
  return { height, width, channels: [values] };
}

/**
 * Scaled into a frame, the rest filled with its border's colour.
 * @param {Picture} picture @param {number} height @param {number} width @returns {Picture}
 */
function framed(picture, height, width) {
  const scale = Math.min(width / picture.width, height / picture.height);
  const tall = Math.max(1, Math.round(picture.height * scale));
  const wide = Math.max(1, Math.round(picture.width * scale));
  const small = picture.channels.map((pixels) => resample({ ...picture, pixels }, tall, wide).pixels);
  const levels = border({ height: tall, width: wide, channels: small });
  const [down, along] = [Math.floor((height - tall) / 2), Math.floor((width - wide) / 2)];
  const channels = small.map((values, channel) => {
    const plane = new Float32Array(height * width).fill(levels[channel]);
    for (let row = 0; row < tall; row++) {
      plane.set(values.subarray(row * wide, (row + 1) * wide), (down + row) * width + along);
    }
    return plane;
  });
  return { height, width, channels };
}
