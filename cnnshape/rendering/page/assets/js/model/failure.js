/** Why the model raised: the place, the reason, how the size came about, what to change. */

import { fill, h } from "page/dom.js";

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {{text: string, then: string[], tried: string, good: boolean}} Suggestion */
/**
 * @typedef {object} Failure
 * @property {string} headline
 * @property {number | null} call
 * @property {string} message
 * @property {string[]} sources
 * @property {string[]} derivation
 * @property {Suggestion[]} suggestions
 */

/** A text in which the names of layers lead to their rows. @param {string} text @param {Tree} tree @returns {(string | Node)[]} */
export function linked(text, tree) {
  return text.split(/([\p{L}_][\p{L}\p{N}_.]*)/u).map((word) => {
    const name = word.replace(/\.+$/, "");
    const row = name ? tree.at(name) : -1;
    if (row <= 0) return word;
    return h("span", {}, h("a", { href: `#${encodeURI(name)}` }, name), word.slice(name.length));
  });
}

/** @param {HTMLElement} region @param {Failure} failure @param {Tree} tree */
export function showFailure(region, failure, tree) {
  region.hidden = false;
  fill(
    region,
    h("h2", { class: "bad", dir: "auto" }, "✗ ", ...linked(failure.headline, tree)),
    failure.sources.length > 0 && h("p", { class: "quiet", dir: "ltr" }, failure.sources.join(" · ")),
    failure.derivation.length > 0 && h("ol", { class: "derivation" }, ...failure.derivation.map((step) => h("li", {}, ...linked(step, tree)))),
    failure.message && h("details", {}, h("summary", { class: "quiet" }, "what torch said"), h("pre", { dir: "ltr" }, failure.message)),
    ...failure.suggestions.map((one, place) => suggestion(one, place)),
  );
}

/** @param {Suggestion} one @param {number} place */
function suggestion(one, place) {
  const lines = [one.text, ...one.then];
  const code = h("code", { dir: "ltr" }, lines.join("\n"));
  const copy = h("button", { type: "button", onclick: () => void copied(lines.join("\n"), copy) }, "copy");
  return h(
    "div",
    { class: "suggestion" },
    h("p", {}, place ? "or " : "to fix: ", h("span", { class: one.good ? "good" : "quiet" }, `${one.good ? "✓ " : ""}${one.tried}`)),
    h("div", { class: "code" }, h("pre", {}, code), copy),
  );
}

/** @param {string} text @param {HTMLButtonElement} button */
async function copied(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
  } catch {
    getSelection()?.selectAllChildren(/** @type {Node} */ (button.previousElementSibling));
    button.textContent = document.execCommand("copy") ? "copied" : "select it by hand";
  }
  setTimeout(() => (button.textContent = "copy"), 1500);
}
