/** What the chosen window reads and gives, in words and as a sum. */

/** @import { Rule } from "page/formula/rule.js" */
/** @import { AxisWindows, Window } from "page/formula/windows.js" */

/** More terms than this are cut short. */
const MOST_TERMS = 7;

/** @param {Window} window */
const length = ({ start, stop, step }) => Math.ceil((stop - start) / step);

/** Subscript digits. @param {number} index */
const low = (index) => String(index).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);

/**
 * The terms from the tap `first` to `last`; of many, those at both ends.
 * @param {number} first @param {number} last @param {string} sign @param {(tap: number) => string} term
 */
function terms(first, last, sign, term) {
  const count = last - first + 1;
  const places = count > MOST_TERMS ? [0, 1, 2, null, count - 2, count - 1] : [...Array(Math.max(count, 0)).keys()];
  return places.map((place) => (place === null ? "…" : term(first + place))).join(sign);
}

/**
 * What is behind one window along one axis: `y₁ = w₀x₁ + w₁x₂ + w₂x₃`.
 * @param {Rule} rule @param {AxisWindows} axis @param {number} index
 */
export function sum(rule, axis, index) {
  const window = axis.window(index);
  const at = (/** @type {number} */ tap) => window.start + tap * window.step;
  // The taps that lie in the row itself, not in its padding.
  const first = Math.max(0, Math.ceil(-window.start / window.step));
  const last = Math.min(length(window) - 1, Math.floor((axis.size - 1 - window.start) / window.step));
  if (axis.spreads) return spreading(rule, index, last < first ? "" : terms(first, last, ", ", termOf(rule, index, at)));
  const y = `y${low(index)}`;
  const read = (/** @type {string} */ sign) => terms(first, last, sign, (tap) => `x${low(at(tap))}`);
  switch (rule.kind) {
    case "unfold":
      return `column ${index} = ${terms(0, length(window) - 1, ", ", (tap) => (tap < first || tap > last ? "0" : `x${low(at(tap))}`))}`;
    case "max_pool":
      return `${y} = max(${read(", ")})`;
    case "lp_pool":
      return `${y} = (${terms(first, last, " + ", (tap) => `x${low(at(tap))}ᵖ`)})^(1/p)`;
    case "avg_pool":
      return `${y} = (${read(" + ")})/${Math.min(window.stop, axis.end) - window.start}`;
    case "adaptive_pool":
      return `${y} = (${read(" + ")})/${length(window)}`;
    default:
      return `${y} = ${terms(first, last, " + ", (tap) => `w${low(tap)}x${low(at(tap))}`) || "0"}`;
  }
}

/** @param {Rule} rule @param {number} index @param {(tap: number) => number} at */
const termOf = (rule, index, at) => (/** @type {number} */ tap) =>
  rule.kind === "conv_transpose" ? `w${low(tap)}x${low(index)} to y${low(at(tap))}` : `y${low(at(tap))}`;

/** What one element of the input is added to. @param {Rule} rule @param {number} index @param {string} where */
function spreading(rule, index, where) {
  if (!where) return "all of it is cut away";
  if (rule.kind === "max_unpool") return `x${low(index)} goes to one of ${where}`;
  return rule.kind === "fold" ? `patch ${index} is added to ${where}` : `adds ${where}`;
}

/** From where to where a window reaches. @param {AxisWindows} axis @param {number} index */
function reach(axis, index) {
  const window = axis.window(index);
  const count = length(window);
  const at = (/** @type {number} */ tap) => String(window.start + tap * window.step).replace("-", "−");
  return count > 4 ? `${at(0)} to ${at(count - 1)}` : [...Array(count).keys()].map(at).join(", ");
}

/** The chosen window in words. @param {AxisWindows[]} axes @param {number[]} chosen */
export function sentence(axes, chosen) {
  if (axes.some((axis) => axis.count < 1)) return "There is no window.";
  const total = axes.reduce((product, axis) => product * axis.count, 1);
  const place = axes.length > 1 ? chosen[0] * axes[1].count + chosen[1] : chosen[0];
  const verb = axes[0].spreads ? "is written to" : "reads";
  const where =
    axes.length > 1 ? `rows ${reach(axes[0], chosen[0])}; columns ${reach(axes[1], chosen[1])}` : reach(axes[0], chosen[0]);
  return `Window ${(place + 1).toLocaleString("en-US")} of ${total.toLocaleString("en-US")} ${verb} ${where}.`;
}
