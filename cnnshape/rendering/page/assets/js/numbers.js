/** Numbers as a person reads them. */

const DIGITS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Every digit, in groups of three. @param {number} number */
export const count = (number) => DIGITS.format(number).replace("-", "−");

/** Three significant digits and a unit. @param {number} number @param {number} base @param {string[]} units */
function scaled(number, base, units) {
  let value = number;
  let step = 0;
  while (Math.abs(value) >= base - base / 2000 && step < units.length - 1) {
    value /= base;
    step += 1;
  }
  if (step === 0) return `${number} ${units[0]}`.trim();
  const size = Math.abs(value);
  return `${value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${units[step]}`;
}

/** `117,600` up to seven digits, `4.09 G` beyond. @param {number} number */
export const amount = (number) => (Math.abs(number) < 1e7 ? count(number) : scaled(number, 1000, PREFIXES));

/** Bytes in a binary unit. @param {number} number */
export const bytes = (number) => scaled(number, 1024, BINARY);

/** A part of 1. @param {number} part */
export function percent(part) {
  if (part === 0) return "0 %";
  return part < 0.0005 ? "< 0.1 %" : `${(part * 100).toFixed(part < 0.0995 ? 1 : 0)} %`;
}
