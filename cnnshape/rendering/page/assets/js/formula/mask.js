/** Sets of configurations, a bit for each. */

/** @typedef {Uint32Array} Mask */

/** @param {ArrayLike<unknown>} truths @returns {Mask} */
export function maskOf(truths) {
  const mask = new Uint32Array(Math.ceil(truths.length / 32));
  for (let index = 0; index < truths.length; index += 1) if (truths[index]) mask[index >> 5] |= 1 << (index & 31);
  return mask;
}

/** @param {Mask} a @param {Mask} b @returns {Mask} */
export const both = (a, b) => a.map((word, index) => word & b[index]);
/** What is in the first and not in the second. @param {Mask} a @param {Mask} b @returns {Mask} */
export const without = (a, b) => a.map((word, index) => word & ~b[index]);
/** @param {Mask} a @param {Mask} b */
export const equal = (a, b) => a.every((word, index) => word === b[index]);
/** Whether every one of the first is in the second. @param {Mask} a @param {Mask} b */
export const within = (a, b) => a.every((word, index) => (word & ~b[index]) === 0);
/** @param {Mask} a @param {Mask} b */
export const meets = (a, b) => a.some((word, index) => (word & b[index]) !== 0);
/** @param {Mask} mask */
export const any = (mask) => mask.some((word) => word !== 0);

/** @param {Mask} mask */
export function size(mask) {
  let total = 0;
  for (let word of mask) {
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    total += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return total;
}

/** The first of a set; -1 where it is empty. @param {Mask} mask */
export function first(mask) {
  const place = mask.findIndex((word) => word !== 0);
  return place < 0 ? -1 : place * 32 + 31 - Math.clz32(mask[place] & -mask[place]);
}
