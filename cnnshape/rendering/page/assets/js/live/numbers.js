/**
 * Numbers of a computation as a person reads them, with a real minus.
 */

/** @param {number} value @param {number} digits */
export const fixed = (value, digits) => value.toFixed(digits).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

/** With three decimals, or in powers of ten where that says nothing. @param {number} value */
export function exactly(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.0005 || size >= 100000)) return value.toExponential(2).replace(/-/g, "−");
  return fixed(value, 3);
}

/** With two or three significant digits. @param {number} value */
export function shortly(value) {
  const size = Math.abs(value);
  return fixed(value, size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}
