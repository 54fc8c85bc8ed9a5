/** What the chosen window reads and gives, in words and as a sum. */

/** @import { Rule } from "page/formula/rule.js" */
/** @import { AxisWindows, Window } from "page/formula/windows.js" */

/** More terms than this are cut short. */
const MOST_TERMS = 7;

/** @param {Window} window */
const positions = ({ start, stop, step }) =>
  Array.from({ length: Math.ceil((stop - start) / step) }, (_, index) => start + index * step);

/** @param {string[]} terms @param {string} sign */
const cut = (terms, sign) =>
  terms.length > MOST_TERMS ? [...terms.slice(0, 3), "…", ...terms.slice(-2)].join(sign) : terms.join(sign);

const low = (/** @type {number} */ index) => String(index).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]);

/**
 * The sum (or what it is) behind one output along one axis: `y₁ = w₀x₁ + w₁x₂ + w₂x₃`.
 * @param {Rule} rule @param {AxisWindows} axis @param {number} index
 */
export function sum(rule, axis, index) {
  const taps = positions(axis.window(index));
  const inside = taps.filter((position) => position >= 0 && position < axis.size);
  const read = inside.map((position) => `x${low(position)}`);
  const y = `y${low(index)}`;
  if (axis.spreads) {
    const to = inside.map((position) => `y${low(position)}`);
    if (rule.kind === "max_unpool") return `x${low(index)} goes to one of ${cut(to, ", ")}`;
    const terms = taps.flatMap((position, tap) => (inside.includes(position) ? [`w${low(tap)}x${low(index)} to y${low(position)}`] : []));
    if (rule.kind === "fold") return to.length ? `patch ${index} is added to ${cut(to, ", ")}` : `patch ${index} is cut away`;
    return terms.length ? `adds ${cut(terms, ", ")}` : "all of it is cut away";
  }
  if (rule.kind === "unfold") return `column ${index} = ${cut(taps.map((position) => (inside.includes(position) ? `x${low(position)}` : "0")), ", ")}`;
  if (rule.kind === "max_pool") return `${y} = max(${cut(read, ", ")})`;
  if (rule.kind === "lp_pool") return `${y} = (${cut(read.map((each) => `${each}ᵖ`), " + ")})^(1/p)`;
  if (rule.kind === "avg_pool" || rule.kind === "adaptive_pool") {
    const divisor = rule.kind === "avg_pool" ? taps.filter((position) => position < axis.end).length : taps.length;
    return `${y} = (${cut(read, " + ")})/${divisor}`;
  }
  const terms = taps.flatMap((position, tap) => (inside.includes(position) ? [`w${low(tap)}x${low(position)}`] : []));
  return `${y} = ${terms.length ? cut(terms, " + ") : "0"}`;
}

/** From where to where a window reaches. @param {AxisWindows} axis @param {number} index */
function reach(axis, index) {
  const taps = positions(axis.window(index)).map((position) => String(position).replace("-", "−"));
  return taps.length > 4 ? `${taps[0]} to ${taps[taps.length - 1]}` : taps.join(", ");
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
