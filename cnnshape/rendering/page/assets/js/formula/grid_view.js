/** Two axes as a picture: a grid with the windows along both of its sides, and the output beside it. */

import { s } from "page/dom.js";
import { lanes, ruler } from "page/formula/ruler.js";
import { SMALLER, classes, dots, sheet } from "page/formula/row_view.js";
import { includes } from "page/formula/windows.js";

/** @import { AxisWindows, Role, Window } from "page/formula/windows.js" */
/** @import { Ruler } from "page/formula/ruler.js" */

const PITCH = 22;
const CELL = 20;
const BAR = 4;
const LANE = 9;
const TOP = 22;
/** How wide a letter of a name is. */
const LETTER = 7;
/** On a page narrower than this the output stands below the input, unless both are small. */
const NARROW = 640;
/** Of two roles that meet, the one that a cell has: the first of these. @type {Role[]} */
const STRONGER = ["missing", "cut", "left over", "beyond", "padding", "added", "element"];

/**
 * @typedef {{
 *   axes: AxisWindows[], chosen: [number, number], width: number, label: string,
 *   choose: (row: number, column: number) => void,
 * }} View the axes down and across
 */

/** @param {View} view @returns {SVGSVGElement} */
export function gridView(view) {
  const { axes, label, width } = view;
  const room = width < NARROW ? width - 50 : width / 2 - 60;
  const most = Math.max(6, Math.min(24, Math.floor((room * SMALLER) / PITCH)));
  const grid = gridMarks(view, most);
  const other = otherMarks(view, most);
  const [first, second] = axes[0].spreads ? [other, grid] : [grid, other];
  // On a narrow page the second stands below the first.
  const beside = width >= NARROW || first.width + 60 + second.width <= width;
  const [x, y] = beside ? [first.width + 60, 0] : [0, first.height + 14];
  const right = beside ? x + second.width : Math.max(first.width, second.width);
  const bottom = beside ? Math.max(first.height, second.height) : y + second.height;
  return sheet(
    right,
    bottom,
    width,
    label,
    first.marks,
    beside && s("text", { class: "arrow", x: first.width + 30, y: TOP + 40 }, "→"),
    s("g", { transform: `translate(${x} ${y})` }, second.marks),
  );
}

/** @typedef {{marks: SVGGElement, width: number, height: number}} Part */

/** The padded grid with its windows. @param {View} view @param {number} most @returns {Part} */
function gridMarks({ axes, chosen }, most) {
  const looked = axes.map((axis, place) => (axis.count > 0 ? axis.window(chosen[place]) : null));
  const [down, across] = axes.map((axis, place) => ruler(axis.row, most, looked[place]));
  const cells = down.positions.flatMap((row) =>
    across.positions.map((column) => {
      const roles = [axes[0].roleAt(row), axes[1].roleAt(column)];
      const role = /** @type {Role} */ (STRONGER.find((each) => roles.includes(each)));
      const read = [row, column].every((position, place) => {
        const window = looked[place];
        return window !== null && includes(window, position);
      });
      return square(across.at(column), down.at(row), classes(role, axes[0].spreads, read));
    }),
  );
  const [right, bottom] = [across.length * PITCH, TOP + down.length * PITCH];
  const [below, beside] = [bars(axes[1], across, chosen[1], true), bars(axes[0], down, chosen[0], false)];
  const size = axes.map((axis) => Math.max(axis.size, 0)).join("×");
  return {
    marks: s(
      "g",
      {},
      s("text", { class: "name", x: 0, y: 10 }, `${axes[0].spreads ? "output" : "input"} ${size}`),
      ...cells,
      ...gaps(down, across),
      s("g", { transform: `translate(0 ${bottom + 5})` }, ...below.marks),
      s("g", { transform: `translate(${right + 5} ${TOP})` }, ...beside.marks),
    ),
    width: Math.max(right + 5 + beside.depth, LETTER * (size.length + 7)),
    height: bottom + 5 + below.depth,
  };
}

/** What stands on the other side of the windows, one for each. @param {View} view @param {number} most @returns {Part} */
function otherMarks({ axes, chosen, choose }, most) {
  const counts = axes.map((axis) => Math.max(axis.count, 0));
  const [down, across] = counts.map((count, place) =>
    ruler([0, count], most, { start: chosen[place], stop: chosen[place] + 1, step: 1 }),
  );
  const kind = axes[0].spreads ? "takes" : "gives";
  const cells = down.positions.flatMap((row) =>
    across.positions.map((column) => {
      const mine = row === chosen[0] && column === chosen[1];
      const each = square(across.at(column), down.at(row), `other ${kind} choice ${mine ? "chosen" : ""}`);
      each.addEventListener("click", () => choose(row, column));
      return each;
    }),
  );
  const name = `${axes[0].spreads ? "input" : "output"} ${counts.join("×")}`;
  return {
    marks: s("g", {}, s("text", { class: "name", x: 0, y: 10 }, name), ...cells, ...gaps(down, across)),
    width: Math.max(across.length * PITCH, LETTER * name.length),
    height: TOP + down.length * PITCH + 5,
  };
}

/** @param {number} column @param {number} row @param {string} look */
const square = (column, row, look) =>
  s("g", { class: look }, s("rect", { x: column * PITCH + 1, y: TOP + row * PITCH, width: CELL, height: CELL, rx: 3 }));

/** Dots where rows and columns are left out. @param {Ruler} down @param {Ruler} across */
function gaps(down, across) {
  const ends = (/** @type {Ruler} */ { positions }) => [positions[0], positions[positions.length - 1]];
  const columns = across.gaps.flatMap(({ at }) =>
    ends(down).flatMap((row) => dots(at * PITCH, TOP + (down.at(row) + 0.45) * PITCH, 2.5)),
  );
  const rows = down.gaps.flatMap(({ at }) =>
    ends(across).flatMap((column) =>
      [-5, 0, 5].map((step) =>
        s("circle", { class: "dot", cx: (across.at(column) + 0.5) * PITCH, cy: TOP + at * PITCH + step, r: 1.25 }),
      ),
    ),
  );
  return [...columns, ...rows];
}

/** The windows of one axis as bars beneath the columns, or beside the rows. @param {AxisWindows} axis @param {Ruler} places @param {number} chosen @param {boolean} along */
function bars(axis, places, chosen, along) {
  /** @param {Window} window @param {number} lane @param {string} state */
  const bar = ({ start, stop }, lane, state) => {
    const from = places.at(start) * PITCH + 1;
    const length = (places.at(stop) - places.at(start)) * PITCH - 2;
    const box = along
      ? { x: from, y: lane * LANE, width: length, height: BAR }
      : { x: lane * LANE, y: from - 1, width: BAR, height: length };
    return s("g", { class: `window ${state}` }, s("rect", { ...box, rx: BAR / 2 }));
  };
  if (axis.misfit) {
    const window = { start: -axis.before, stop: axis.span - axis.before, step: 1 };
    return { marks: [bar(window, 0, "wrong")], depth: LANE };
  }
  const shown = lanes(axis, places, chosen);
  const marks = shown.map(({ index, lane }) => bar(axis.window(index), lane, index === chosen ? "chosen" : ""));
  return { marks, depth: Math.max(0, ...shown.map(({ lane }) => lane + 1)) * LANE };
}
