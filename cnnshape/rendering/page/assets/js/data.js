/** What Python wrote into the page. */

import { byId } from "page/dom.js";

/**
 * The JSON in the script element `id`.
 * @template T
 * @param {string} id @returns {T}
 */
export function read(id) {
  return JSON.parse(byId(id).textContent ?? "null");
}
