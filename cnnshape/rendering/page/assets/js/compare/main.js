/** A comparison: the row that is pointed at shows its layer in both pictures. */

import { startTheme } from "page/theme.js";

startTheme();
const rows = /** @type {HTMLTableRowElement[]} */ ([...document.querySelectorAll("tr[data-a]")]);
const sides = [...document.querySelectorAll(".side")];

/**
 * The paths under which a layer may be drawn: its own, of those before it in a folded run, of what it is in.
 * @param {string} path @returns {Generator<string>}
 */
function* places(path) {
  for (let name = path; name; name = name.slice(0, Math.max(name.lastIndexOf("."), 0))) {
    yield name;
    const [, above, last] = /** @type {string[]} */ (name.match(/^(.*?)([^.]*)$/s) ?? ["", "", ""]);
    for (let number = Number(last) - 1; /^\d{1,4}$/.test(last) && number >= 0; number -= 1) yield above + number;
  }
}

/** @param {Element} side @param {string} path @returns {Element | null} */
function drawn(side, path) {
  for (const name of places(path)) {
    const box = side.querySelector(`[data-path="${CSS.escape(name)}"]`);
    if (box) return box;
  }
  return null;
}

/** @param {HTMLTableRowElement} row @param {boolean} scroll */
function point(row, scroll) {
  document.querySelectorAll(".pointed").forEach((box) => box.classList.remove("pointed"));
  rows.forEach((other) => other.classList.toggle("chosen", other === row));
  sides.forEach((side, place) => {
    const box = drawn(side, (place ? row.dataset.b : row.dataset.a) ?? "");
    box?.classList.add("pointed");
    if (scroll) box?.scrollIntoView({ block: "center", inline: "center" });
  });
}

rows.forEach((row, place) => {
  row.addEventListener("pointerenter", () => point(row, false));
  row.addEventListener("focus", () => point(row, true));
  row.addEventListener("click", () => point(row, true));
  row.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    rows[place + step]?.focus();
    event.preventDefault();
  });
});
