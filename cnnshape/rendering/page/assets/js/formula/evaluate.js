/** The exact value of a formula: a fraction of whole numbers, never rounded. */

/** @import { Expression } from "page/formula/expression.js" */

/**
 * A Number, or a BigInt where numbers become too large; within one value all are alike. Operators
 * are the same for both, so one text computes with either.
 * @typedef {number} Whole
 */
/** In lowest terms, `below` positive. @typedef {{above: Whole, below: Whole}} Fraction */

/** A formula divides by 0. */
class Undefined extends Error {}
/** A Number is too large to be exact. */
class Inexact extends Error {}

/** @param {Whole} value */
function exact(value) {
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Inexact();
  return value;
}

/** @param {Whole} a @param {Whole} b @returns {Whole} */
export function floorDivide(a, b) {
  const rest = a % b;
  const whole = (a - rest) / b;
  return rest != 0 && rest < 0 !== b < 0 ? less(whole) : whole;
}

/** One less, of either kind. @param {Whole} value */
const less = (value) => (typeof value === "number" ? value - 1 : value - /** @type {any} */ (1n));

/** @param {Whole} above @param {Whole} below @returns {Fraction} */
function reduced(above, below) {
  let [a, b] = [above, below];
  while (b != 0) [a, b] = [b, a % b];
  if (a < 0 !== below < 0) a = -a;
  return { above: above / a, below: below / a };
}

/** @param {Fraction} x @param {Fraction} y @returns {Fraction} */
function plus(x, y) {
  if (x.below == y.below && x.below == 1) return { above: exact(x.above + y.above), below: x.below };
  return reduced(exact(x.above * y.below + y.above * x.below), exact(x.below * y.below));
}

/** @param {Fraction} x @param {Fraction} y @returns {Fraction} */
function times(x, y) {
  const above = exact(x.above * y.above);
  const below = exact(x.below * y.below);
  return below == 1 ? { above, below } : reduced(above, below);
}

/** @param {Fraction} x @param {Fraction} y @returns {Fraction} */
function over(x, y) {
  if (y.above == 0) throw new Undefined();
  return reduced(exact(x.above * y.below), exact(x.below * y.above));
}

/** Half to even, as Python rounds. @param {Fraction} x */
function rounded(x) {
  const whole = floorDivide(x.above, x.below);
  const rest = x.above - whole * x.below;
  const up = rest + rest > x.below || (rest + rest == x.below && whole % /** @type {any} */ (typeof whole === "number" ? 2 : 2n) != 0);
  return up ? -less(-whole) : whole;
}

/** @param {Fraction} x @param {Fraction} y */
const isLess = (x, y) => x.above * y.below < y.above * x.below;

/** @typedef {(value: number) => Whole} Of */

/**
 * @param {Expression} each @param {Record<string, number>} values @param {Of} of @returns {Fraction}
 */
function value(each, values, of) {
  const { op, args } = each;
  if (op === "number") return { above: of(Number(each.value)), below: of(1) };
  if (op === "symbol") return { above: of(values[String(each.value)]), below: of(1) };
  const first = value(args[0], values, of);
  switch (op) {
    case "negative":
      return { above: -first.above, below: first.below };
    case "sum":
      return args.slice(1).reduce((total, one) => plus(total, value(one, values, of)), first);
    case "product":
      return args.slice(1).reduce((total, one) => times(total, value(one, values, of)), first);
    case "quotient":
      return over(first, value(args[1], values, of));
    case "power": {
      let result = { above: of(1), below: of(1) };
      for (let step = 0; step < Number(args[1].value); step += 1) result = times(result, first);
      return result;
    }
    case "floor":
      return { above: floorDivide(first.above, first.below), below: of(1) };
    case "ceil":
      return { above: -floorDivide(-first.above, first.below), below: of(1) };
    case "round":
      return { above: rounded(first), below: of(1) };
    default:
      return args.slice(1).reduce((best, one) => {
        const other = value(one, values, of);
        return isLess(other, best) === (op === "min") ? other : best;
      }, first);
  }
}

/**
 * The value of a formula where its symbols have these values; null where it divides by 0.
 * @param {Expression} expression @param {Record<string, number>} values @returns {Fraction | null}
 */
export function evaluate(expression, values) {
  try {
    return value(expression, values, Number);
  } catch (error) {
    if (error instanceof Undefined) return null;
    if (!(error instanceof Inexact)) throw error;
  }
  try {
    return value(expression, values, /** @type {any} */ (BigInt));
  } catch (error) {
    if (error instanceof Undefined) return null;
    throw error;
  }
}

/** The whole number below (or above) a fraction. @param {Fraction} x @param {boolean} up */
export const whole = (x, up) => (up ? -floorDivide(-x.above, x.below) : floorDivide(x.above, x.below));

/** As people write it: 2.5 for 5/2, 0.3333 for 1/3. @param {Fraction} x */
export function shown(x) {
  if (x.below == 1) return String(x.above).replace("-", "−");
  const number = Number(x.above) / Number(x.below);
  let rest = Number(x.below);
  for (const prime of [2, 5]) while (rest % prime === 0) rest /= prime;
  return String(Number(number.toPrecision(rest === 1 ? 12 : 4))).replace("-", "−");
}
