/** Fields and sliders for the numbers of a layer, along one axis or two. */

import { fill, h } from "page/dom.js";
import { LARGEST, clamped, least } from "page/formula/state.js";

/** @import { Rule, Values } from "page/formula/rule.js" */

/** How far a slider goes at least. @type {Record<string, number>} */
const REACH = { input: 32, kernel: 11, stride: 8, padding: 8, dilation: 6, output_padding: 6, output: 16 };
const SIDES = ["height", "width"];

/**
 * Put the fields into an element; `changed` is told the axis, the argument and its number.
 * @param {HTMLElement} place @param {Rule} rule @param {Values[]} rows
 * @param {(axis: number, role: string, number: number) => void} changed
 */
export function showFields(place, rule, rows, changed) {
  const sides = rows.length > 1 ? SIDES : [""];
  fill(
    place,
    ...rule.roles.map((role) =>
      h(
        "fieldset",
        { class: "argument" },
        h("legend", {}, role.replace("_", " "), h("span", { class: "letter" }, rule.letters[role])),
        ...sides.map((side, axis) => field(role, side, rows[axis][role], (number) => changed(axis, role, number))),
      ),
    ),
  );
}

/** @param {string} role @param {string} side @param {number} value @param {(number: number) => void} changed */
function field(role, side, value, changed) {
  const label = [role.replace("_", " "), side].filter(Boolean).join(" ");
  const [low, high] = [least(role), Math.max(REACH[role], value)];
  const number = h("input", {
    class: "field", type: "number", min: low, max: LARGEST, value, "aria-label": label, "data-role": role,
  });
  const slider = h("input", { type: "range", min: low, max: high, value, "aria-label": `${label}, slider` });
  slider.addEventListener("input", () => {
    number.value = slider.value;
    changed(Number(slider.value));
  });
  number.addEventListener("input", () => {
    if (number.value === "" || !Number.isFinite(number.valueAsNumber)) return;
    const size = clamped(role, number.valueAsNumber);
    slider.max = String(Math.max(Number(slider.max), size));
    slider.value = String(size);
    changed(size);
  });
  number.addEventListener("change", () => {
    number.value = slider.value;
  });
  return h("span", { class: "size" }, side && h("span", { class: "quiet side" }, side[0]), number, slider);
}
