/**
 * Arrays as the page carries them: base64 of their bytes, lowest first.
 */

/**
 * Arrays of float32 by their names.
 * @param {Record<string, string>} packed
 * @returns {Record<string, Float32Array>}
 */
export function unpack(packed) {
  return Object.fromEntries(Object.entries(packed).map(([name, text]) => [name, singles(bytes(text))]));
}

/** @param {string} text */
export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** @param {Uint8Array} stored */
function singles(stored) {
  const view = new DataView(stored.buffer);
  return Float32Array.from({ length: stored.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}
