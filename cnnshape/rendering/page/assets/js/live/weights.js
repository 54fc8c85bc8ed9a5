/**
 * Arrays as the page carries them: base64 of their bytes, lowest first.
 *
 * @typedef {{dtype: "float32" | "float16", data: string}} Packed
 */

/**
 * @param {Record<string, Packed>} packed
 * @returns {Record<string, Float32Array>}
 */
export function unpack(packed) {
  return Object.fromEntries(
    Object.entries(packed).map(([name, { dtype, data }]) => {
      const stored = bytes(data);
      return [name, dtype === "float16" ? halves(stored) : singles(stored)];
    }),
  );
}

/** @param {string} text */
export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** @param {Uint8Array} stored */
function singles(stored) {
  const view = new DataView(stored.buffer);
  return Float32Array.from({ length: stored.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

/** @param {Uint8Array} stored */
function halves(stored) {
  const view = new DataView(stored.buffer);
  return Float32Array.from({ length: stored.length / 2 }, (_, at) => half(view.getUint16(2 * at, true)));
}

/**
 * A number of IEEE 754 binary16 by its bits.
 * @param {number} bits
 */
export function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
