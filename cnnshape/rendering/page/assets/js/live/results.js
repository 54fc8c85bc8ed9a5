/**
 * The network's answer: a bar and a number for every class, the most probable one in bold.
 */

import { h } from "page/dom.js";
import { fixed } from "page/live/numbers.js";

/** Classes that are shown; of more, the most probable. */
const MOST = 20;

/**
 * Probabilities, and what they are called; null where the result is none of one number per class.
 * @param {import("page/live/chain.js").Step} last @param {Float32Array} result
 * @returns {Float64Array}
 */
export function probabilities(last, result) {
  if (last.kind === "softmax" || last.kind === "sigmoid") return Float64Array.from(result);
  const shift = last.kind === "log_softmax" ? 0 : result.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = Float64Array.from(result, (value) => Math.exp(value - shift));
  const sum = last.kind === "log_softmax" ? 1 : powers.reduce((all, value) => all + value, 0);
  return powers.map((value) => value / sum);
}

/**
 * @param {string} name @param {string[]} classes @param {number} count
 * @param {import("page/live/maps.js").Events} events
 */
export function resultList(name, classes, count, events) {
  const rows = Array.from({ length: Math.min(count, MOST) }, () => {
    const label = h("span", { class: "class", dir: "auto" });
    const bar = h("span", { class: "bar" });
    const value = h("span", { class: "value" });
    const button = h("button", { type: "button", "aria-pressed": "false" }, label, h("span", { class: "track" }, bar), value);
    return { label, bar, value, button, at: 0 };
  });
  for (const row of rows) {
    row.button.addEventListener("click", () => events.choose(row.at));
    row.button.addEventListener("pointerenter", () => events.point(row.at));
    row.button.addEventListener("keydown", ({ key }) => { if (key === "Escape") events.go("back"); });
  }
  const said = h("p", { class: "unseen", "aria-live": "polite" });
  let timer = 0;
  return {
    element: h("section", { class: "results", "aria-label": `${name}, probabilities` },
      h("h2", {}, name, " ", h("span", { class: "quiet" }, "probabilities")), ...rows.map(({ button }) => button), said),
    /** @param {Float64Array} found */
    paint(found) {
      const order = Array.from(found.keys()).sort((a, b) => found[b] - found[a]);
      const shown = found.length > MOST ? order.slice(0, MOST) : Array.from(found.keys());
      rows.forEach((row, n) => {
        const at = shown[n];
        const text = `${fixed(100 * found[at], 1)} %`;
        row.at = at;
        row.label.textContent = classes[at] ?? String(at);
        row.value.textContent = text;
        row.bar.style.width = `${100 * Math.min(1, found[at])}%`;
        row.button.classList.toggle("most", at === order[0]);
      });
      clearTimeout(timer);
      const most = order[0];
      timer = window.setTimeout(() => {
        said.textContent = `most probable: ${classes[most] ?? most}, ${fixed(100 * found[most], 1)} %`;
      }, 800);
    },
    /** @param {number | null} at */
    mark(at) {
      for (const row of rows) row.button.setAttribute("aria-pressed", String(row.at === at));
    },
    focus: () => rows[0].button.focus(),
  };
}
