/**
 * A picture of another size: linear between pixels, averaging where it shrinks.
 *
 * @typedef {{height: number, width: number, pixels: Float32Array}} Plane
 */

/** @param {Plane} plane @param {number} height @param {number} width @returns {Plane} */
export function resample(plane, height, width) {
  const rows = taps(plane.height, height);
  const columns = taps(plane.width, width);
  const wide = new Float32Array(plane.height * width);
  for (let row = 0; row < plane.height; row++) {
    for (let column = 0; column < width; column++) {
      for (const [from, share] of columns[column]) {
        wide[row * width + column] += share * plane.pixels[row * plane.width + from];
      }
    }
  }
  const pixels = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    for (const [from, share] of rows[row]) {
      for (let column = 0; column < width; column++) {
        pixels[row * width + column] += share * wide[from * width + column];
      }
    }
  }
  return { height, width, pixels };
}

/**
 * Which of `size` pixels each of `wanted` is made of, with their shares, which sum to one.
 * @param {number} size @param {number} wanted @returns {[number, number][][]}
 */
function taps(size, wanted) {
  const scale = size / wanted;
  const reach = Math.max(scale, 1);
  return Array.from({ length: wanted }, (_, n) => {
    const centre = (n + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const last = Math.min(size, Math.floor(centre + reach + 0.5));
    /** @type {[number, number][]} */
    const found = [];
    for (let from = first; from < last; from++) {
      const share = Math.max(0, 1 - Math.abs((from - centre + 0.5) / reach));
      if (share > 0) found.push([from, share]);
    }
    const all = found.reduce((sum, [, share]) => sum + share, 0);
    return found.map(([from, share]) => [from, share / all]);
  });
}

/**
 * As coarse as pictures of another size are that were scaled to this one.
 * @param {Plane} plane @param {[number, number]} size @returns {Plane}
 */
export function asCoarseAs(plane, [height, width]) {
  return resample(averaged(plane, height, width), plane.height, plane.width);
}

/** The mean of the area of each pixel. @param {Plane} plane @param {number} height @param {number} width @returns {Plane} */
function averaged(plane, height, width) {
  const pixels = new Float32Array(height * width);
  const rows = areas(plane.height, height);
  const columns = areas(plane.width, width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (const [y, tall] of rows[row]) {
        for (const [x, wide] of columns[column]) sum += tall * wide * plane.pixels[y * plane.width + x];
      }
      pixels[row * width + column] = sum;
    }
  }
  return { height, width, pixels };
}

/** @param {number} size @param {number} wanted @returns {[number, number][][]} */
function areas(size, wanted) {
  const scale = size / wanted;
  return Array.from({ length: wanted }, (_, n) => {
    /** @type {[number, number][]} */
    const found = [];
    for (let from = Math.floor(n * scale); from < Math.min(size, (n + 1) * scale); from++) {
      const share = Math.min(from + 1, (n + 1) * scale) - Math.max(from, n * scale);
      found.push([from, share / scale]);
    }
    return found;
  });
}
