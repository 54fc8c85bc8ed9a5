/** Positions along one axis as places on a page; where there are too many, parts are left out. */

/** @import { AxisWindows, Window } from "page/formula/windows.js" */

/** How much of the page a gap takes, in cells. */
export const GAP = 2;
const STAIRS = 8;
const MOST_LANES = 10;

/** The places of positions, in cells from the first; `ranges` are those that are shown. */
export class Ruler {
  /** @param {[number, number][]} ranges in order, with something between them */
  constructor(ranges) {
    this.ranges = ranges;
  }

  get positions() {
    return this.ranges.flatMap(([start, stop]) => Array.from({ length: stop - start }, (_, index) => start + index));
  }

  /** What is left out: the place of its middle, and how much. @returns {{at: number, hidden: number}[]} */
  get gaps() {
    return this.ranges.slice(1).map(([start], index) => {
      const before = this.ranges[index][1];
      return { at: this.at(before) + GAP / 2, hidden: start - before };
    });
  }

  get length() {
    return this.at(this.ranges[this.ranges.length - 1][1]);
  }

  /** The place of a position's left edge. @param {number} position */
  at(position) {
    let place = 0;
    for (const [index, [start, stop]] of this.ranges.entries()) {
      if (index > 0) {
        const before = this.ranges[index - 1][1];
        if (position < start) return place + (GAP * (position - before)) / (start - before);
        place += GAP;
      }
      if (position <= stop) return place + position - start;
      place += stop - start;
    }
    return place;
  }

  /** Whether something of a window is shown at each end of it. @param {Window} window */
  shows({ start, stop }) {
    return [start, stop - 1].every((end) => this.ranges.some(([first, last]) => end >= first && end < last));
  }

  /** Whether a window lies over something that is left out. @param {Window} window */
  crosses({ start, stop }) {
    return !this.ranges.some(([first, last]) => start >= first && stop <= last);
  }
}

/**
 * All positions if they are at most `most`, else those at both ends, and those around what is looked at.
 * @param {[number, number]} row @param {number} most @param {Window | null} [looked]
 */
export function ruler([start, stop], most, looked = null) {
  if (stop - start <= most) return new Ruler([[start, Math.max(stop, start)]]);
  const shown = Math.max(4, most - 2);
  const half = Math.ceil(shown / 2);
  const ends = merged([[start, start + half], [stop - (shown - half), stop]]);
  const plain = new Ruler(ends);
  if (looked === null || !plain.crosses(looked)) return plain;
  const span = looked.stop - looked.start;
  const middle = Math.max(2, Math.min(Math.max(span + 4, Math.floor(most / 2)), most - 8));
  const quarter = Math.max(2, Math.floor((most - 4 - middle) / 2));
  const from = Math.max(start, Math.min(looked.start - Math.max(0, Math.floor((middle - span) / 2)), stop - middle));
  /** @type {[number, number][]} */
  const seen = [[from, Math.min(from + middle, stop)]];
  if (span > middle) {
    seen[0] = [looked.start, looked.start + Math.ceil(middle / 2)];
    seen.push([looked.stop - Math.floor(middle / 2), looked.stop]);
  }
  return new Ruler(merged([[start, start + quarter], ...seen, [stop - quarter, stop]]));
}

/** Ranges in order, those that touch or overlap as one. @param {[number, number][]} ranges */
function merged(ranges) {
  /** @type {[number, number][]} */
  const found = [];
  for (const [start, stop] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = found[found.length - 1];
    // A gap is no smaller than what it hides.
    if (last && start <= last[1] + 1) last[1] = Math.max(last[1], stop);
    else found.push([start, stop]);
  }
  return found;
}

/**
 * Which windows are shown, and in which line each lies; the chosen one always is.
 * @param {AxisWindows} axis @param {Ruler} places @param {number} chosen @returns {{index: number, lane: number}[]}
 */
export function lanes(axis, places, chosen) {
  const shown = fitting(axis, places, chosen);
  const whole = places.ranges.length === 1;
  const lines = whole && axis.count <= STAIRS ? shown.length : needed(axis, places, shown);
  if (lines <= MOST_LANES) return shown.map((index, place) => ({ index, lane: place % Math.max(lines, 1) }));
  return ends(axis.count, MOST_LANES, chosen)
    .filter((index) => places.shows(axis.window(index)))
    .map((index, lane) => ({ index, lane }));
}

/** So many lines that windows in one never touch. @param {AxisWindows} axis @param {Ruler} places @param {number[]} shown */
function needed(axis, places, shown) {
  const bars = shown.map((index) => axis.window(index)).map(({ start, stop }) => [places.at(start), places.at(stop) + 0.2]);
  for (let lines = 1; lines <= MOST_LANES; lines += 1) {
    if (bars.slice(lines).every(([start], index) => bars[index][1] <= start)) return lines;
  }
  return MOST_LANES + 1;
}

/** The windows that lie over shown positions alone; a few where those are few. @param {AxisWindows} axis @param {Ruler} places @param {number} chosen */
function fitting(axis, places, chosen) {
  if (places.ranges.length === 1) return ends(axis.count, 34, chosen);
  const found = ends(axis.count, 100, chosen, 40).filter(
    (index) => index === chosen || !places.crosses(axis.window(index)),
  );
  if (found.length >= 4) return found;
  return ends(axis.count, MOST_LANES, chosen).filter((index) => places.shows(axis.window(index)));
}

/** The first and the last of a row of things, and those around the chosen one. @param {number} count @param {number} most @param {number} chosen */
function ends(count, most, chosen, around = 1) {
  if (count <= most) return Array.from({ length: Math.max(count, 0) }, (_, index) => index);
  const near = Array.from({ length: 2 * around + 1 }, (_, index) => chosen - around + index);
  const half = Math.max(2, Math.floor((most - near.length) / 2));
  const both = Array.from({ length: half }, (_, index) => [index, count - 1 - index]).flat();
  return [...new Set([...both, ...near])].filter((index) => index >= 0 && index < count).sort((a, b) => a - b);
}
