/**
 * Strokes of a pen become pixels of ink, 0 to 1; and stand where those of the training pictures do.
 *
 * @typedef {{x: number, y: number}} Point in pixels of the picture, from its upper left corner
 * @typedef {Point[]} Stroke
 * @typedef {import("page/live/resample.js").Plane} Plane
 */

/** The pen's width as a part of what a digit takes: that of MNIST's strokes. */
const PEN = 0.12;
/** Objects that take more of their picture are centred by their ends, not by their mass. */
const FULL = 0.9;

/**
 * How wide the pen is in pixels, where objects take such a part of the larger side.
 * @param {number} height @param {number} width @param {number} extent
 */
export const penWidth = (height, width, extent) => PEN * extent * Math.max(height, width);

/** @param {number} height @param {number} width @returns {Plane} */
export const blank = (height, width) => ({ height, width, pixels: new Float32Array(height * width) });

/**
 * Draw the way from one point to the next into a picture.
 * @param {Plane} plane @param {Point} from @param {Point} to @param {number} pen its width
 */
export function draw(plane, from, to, pen) {
  const radius = pen / 2;
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius - 1));
  const right = Math.min(plane.width - 1, Math.ceil(Math.max(from.x, to.x) + radius + 1));
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius - 1));
  const bottom = Math.min(plane.height - 1, Math.ceil(Math.max(from.y, to.y) + radius + 1));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const away = distance({ x: column + 0.5, y: row + 0.5 }, from, to);
      const ink = Math.min(1, Math.max(0, radius + 0.5 - away));
      const at = row * plane.width + column;
      if (ink > plane.pixels[at]) plane.pixels[at] = ink;
    }
  }
}

/** @param {Stroke[]} strokes @param {number} height @param {number} width @param {number} pen */
export function drawn(strokes, height, width, pen) {
  const plane = blank(height, width);
  for (const stroke of strokes) {
    stroke.forEach((point, n) => draw(plane, stroke[Math.max(0, n - 1)], point, pen));
  }
  return plane;
}

/** From a point to the line between two others. @param {Point} point @param {Point} from @param {Point} to */
function distance(point, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / length : 0;
  const part = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - part * dx, point.y - from.y - part * dy);
}

/**
 * The strokes as large as objects are in the training pictures, in the middle: their mass as in
 * MNIST, or their ends where objects fill the picture.
 * @param {Stroke[]} strokes @param {number} height @param {number} width
 * @param {number} extent the part of the picture's larger side that an object takes
 * @returns {Stroke[]}
 */
export function centred(strokes, height, width, extent) {
  const points = strokes.flat();
  if (points.length === 0) return strokes;
  const pen = penWidth(height, width, extent);
  const [left, right] = ends(points.map(({ x }) => x));
  const [top, bottom] = ends(points.map(({ y }) => y));
  const size = Math.max(right - left, bottom - top);
  const wanted = extent * Math.max(height, width) - pen;
  const scale = size > pen ? wanted / size : 1;
  const sized = moved(strokes, scale, width / 2 - (scale * (left + right)) / 2, height / 2 - (scale * (top + bottom)) / 2);
  if (extent > FULL) return sized;
  const [x, y] = mass(drawn(sized, height, width, pen));
  const roomX = Math.max(0, (width - pen - scale * (right - left)) / 2);
  const roomY = Math.max(0, (height - pen - scale * (bottom - top)) / 2);
  return moved(sized, 1, within(width / 2 - x, roomX), within(height / 2 - y, roomY));
}

/** @param {number[]} numbers */
const ends = (numbers) => [Math.min(...numbers), Math.max(...numbers)];

/** @param {number} shift @param {number} room */
const within = (shift, room) => Math.min(room, Math.max(-room, shift));

/** @param {Stroke[]} strokes @param {number} scale @param {number} right @param {number} down */
const moved = (strokes, scale, right, down) =>
  strokes.map((stroke) => stroke.map(({ x, y }) => ({ x: scale * x + right, y: scale * y + down })));

/** The centre of a picture's ink. @param {Plane} plane @returns {[number, number]} */
export function mass({ height, width, pixels }) {
  let [sum, x, y] = [0, 0, 0];
  pixels.forEach((ink, at) => {
    sum += ink;
    x += ink * ((at % width) + 0.5);
    y += ink * (Math.floor(at / width) + 0.5);
  });
  return sum ? [x / sum, y / sum] : [width / 2, height / 2];
}
