/** One axis as a picture: the cells of the row, the windows as bars, the outputs under their windows. */

import { s } from "page/dom.js";
import { lanes, ruler } from "page/formula/ruler.js";
import { includes } from "page/formula/windows.js";

/** @import { AxisWindows, Role, Window } from "page/formula/windows.js" */
/** @import { Ruler } from "page/formula/ruler.js" */

export const PITCH = 36;
const CELL = 33;
const BAR = 5;
const LANE = 13;
const DROP = 22;
/** A picture may be drawn so much smaller to fit the page, before parts of it are left out. */
export const SMALLER = 1.45;

/**
 * @typedef {{
 *   axis: AxisWindows, chosen: number, width: number, label: string, zero: string,
 *   choose?: (index: number) => void,
 * }} View
 */

/** @param {View} view @returns {SVGSVGElement} */
export function rowView({ axis, chosen, width, label, zero, choose }) {
  const most = Math.max(8, Math.min(40, Math.floor((width * SMALLER) / PITCH)));
  const looked = axis.count > 0 ? axis.window(chosen) : null;
  const places = ruler(axis.row, most, looked);
  const shown = axis.misfit ? [] : lanes(axis, places, chosen);
  const depth = (axis.misfit ? 1 : Math.max(0, ...shown.map(({ lane }) => lane + 1))) * LANE;
  const centres = spread(
    shown.map(({ index }) => middle(places, axis.window(index))),
    shown.map(({ index }, place) => (shown[place + 1]?.index > index + 1 ? 2.2 * PITCH : PITCH)),
  );
  const shift = Math.max(0, CELL / 2 - Math.min(...centres, CELL)) + 2;
  const row = (axis.spreads ? CELL + 2 * DROP + depth : 0) + 18;
  const bars = axis.spreads ? CELL + DROP + 6 + 18 : row + CELL + 10;
  const others = axis.spreads ? 18 : row + CELL + 10 + depth + DROP - 4;
  const cells = (/** @type {number} */ position) => cell(axis, places, position, row, looked, zero);
  const strings = shown.map(({ index, lane }, place) => {
    const y = bars + lane * LANE + BAR / 2;
    const end = axis.spreads ? others + CELL : others;
    return s("line", { class: "string", x1: middle(places, axis.window(index)), y1: y, x2: centres[place], y2: end });
  });
  const misfit = { start: -axis.before, stop: axis.span - axis.before, step: axis.dilation };
  const marks = s(
    "g",
    { transform: `translate(${shift} 0)` },
    ...strings,
    ...places.positions.map(cells),
    ...places.gaps.flatMap(({ at, hidden }) => gap(at * PITCH - 1.5, row + CELL / 2, hidden, row - 6)),
    ...shown.map(({ index, lane }) => bar(axis.window(index), places, bars + lane * LANE, index === chosen ? "chosen" : "")),
    axis.misfit && bar(misfit, places, bars, "wrong"),
    ...shown.map(({ index }, place) => other(axis, index, centres[place], others, index === chosen, choose)),
    ...shown.flatMap(({ index }, place) => {
      const next = shown[place + 1];
      if (!next || next.index === index + 1) return [];
      const x = (centres[place] + centres[place + 1]) / 2;
      return gap(x, others + CELL / 2, next.index - index - 1, others + (axis.spreads ? -6 : CELL + 13));
    }),
  );
  const right = Math.max(places.length * PITCH, ...centres.map((centre) => centre + CELL / 2)) + shift + 2;
  const bottom = Math.max(row, axis.misfit ? 0 : others) + CELL + (axis.misfit ? 24 : 20);
  return sheet(right, bottom, width, label, marks);
}

/**
 * The drawing surface, no wider than the page.
 * @param {number} right @param {number} bottom @param {number} width @param {string} label @param {(Node | false)[]} marks
 * @returns {SVGSVGElement}
 */
export function sheet(right, bottom, width, label, ...marks) {
  const scale = Math.max(Math.min(1, width / right), 1 / SMALLER);
  const size = { width: right * scale, height: bottom * scale, viewBox: `0 0 ${right} ${bottom}` };
  return s("svg", { role: "img", "aria-label": label, ...size }, ...marks);
}

/** @param {Ruler} places @param {Window} window */
const middle = (places, { start, stop }) => ((places.at(start) + places.at(stop)) / 2) * PITCH - (PITCH - CELL) / 2;

/** @param {AxisWindows} axis @param {Ruler} places @param {number} position @param {number} y @param {Window | null} looked @param {string} zero */
function cell(axis, places, position, y, looked, zero) {
  const role = axis.roleAt(position);
  const read = looked !== null && includes(looked, position);
  const x = places.at(position) * PITCH;
  const inside = position >= 0 && position < axis.size;
  const blank = role === "beyond" || role === "missing" || role === "cut";
  const text = inside ? String(position) : blank ? "" : zero;
  return s(
    "g",
    { class: classes(role, axis.spreads, read) },
    s("rect", { x, y, width: CELL, height: CELL, rx: 5 }),
    s("text", { x: x + CELL / 2, y: y + CELL / 2 + 4.3, class: text.length > 4 ? "small" : "" }, text),
  );
}

/** How a cell looks. @param {Role} role @param {boolean} spreads @param {boolean} read */
export const classes = (role, spreads, read) =>
  `cell ${role.replace(" ", "-")} ${spreads ? "gives" : ""} ${read ? "read" : ""}`;

/** @param {Window} window @param {Ruler} places @param {number} y @param {string} state */
function bar(window, places, y, state) {
  const [left, right] = [places.at(window.start) * PITCH, places.at(window.stop) * PITCH - 3];
  const crossing = places.crosses(window);
  /** @param {number} x @param {number} width @param {number} height */
  const piece = (x, width, height) => s("rect", { x, y: y + (BAR - height) / 2, width, height, rx: height / 2 });
  const pieces = [];
  if (window.step === 1 || crossing) pieces.push(piece(left, right - left, BAR));
  else {
    pieces.push(piece(left, right - left, 1.2));
    for (let tap = window.start; tap < window.stop; tap += window.step) pieces.push(piece(places.at(tap) * PITCH, CELL, BAR));
  }
  const gaps = places.gaps.filter(({ at }) => at * PITCH > left && at * PITCH < right);
  return s(
    "g",
    { class: `window ${state}` },
    ...pieces,
    ...gaps.flatMap(({ at }) => [
      s("rect", { class: "blank", x: at * PITCH - 12.5, y: y - 1, width: 22, height: BAR + 2 }),
      ...dots(at * PITCH - 1.5, y + BAR / 2, 2.5),
    ]),
  );
}

/** @param {AxisWindows} axis @param {number} index @param {number} centre @param {number} y @param {boolean} isChosen @param {((index: number) => void) | undefined} choose */
function other(axis, index, centre, y, isChosen, choose) {
  return s(
    "g",
    {
      class: `other ${axis.spreads ? "takes" : "gives"} ${isChosen ? "chosen" : ""} ${choose ? "choice" : ""}`,
      onclick: choose && (() => choose(index)),
    },
    s("rect", { x: centre - CELL / 2, y, width: CELL, height: CELL, rx: 5 }),
    s("text", { x: centre, y: y + CELL / 2 + 4.3, class: index > 9999 ? "small" : "" }, String(index)),
  );
}

/** @param {number} x @param {number} y @param {number} hidden @param {number} above */
const gap = (x, y, hidden, above) => [
  ...dots(x, y, 3.5),
  s("text", { class: "more", x, y: above }, `${hidden.toLocaleString("en-US")} more`),
];

/** @param {number} x @param {number} y @param {number} side */
export const dots = (x, y, side) =>
  [-2, 0, 2].map((step) => s("circle", { class: "dot", cx: x + step * side, cy: y, r: side / 2 }));

/**
 * Places as near as may be to those wished for, each at least `rooms` behind the last.
 * @param {number[]} wished @param {number[]} rooms
 */
export function spread(wished, rooms) {
  /** @type {number[]} */
  const placed = [];
  for (const [index, wish] of wished.entries()) {
    placed.push(index ? Math.max(wish, placed[index - 1] + rooms[index - 1]) : wish);
  }
  const pushed = Math.max(0, ...placed.map((at, index) => at - wished[index]));
  return placed.map((at) => at - pushed / 2);
}
