/** Light or dark: as the system has it, until the reader chooses. */

import { byId } from "page/dom.js";

const KEY = "cnnshape-theme";
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

/** Storage is refused to some pages that are opened from a file. @returns {string | null} */
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {string} theme */
function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It is then chosen for this visit alone.
  }
}

export function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

/** Let the button `#theme` switch between the two. */
export function startTheme() {
  const button = byId("theme");
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  const tell = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    store(root.dataset.theme);
    tell();
  });
  system.addEventListener("change", tell);
  tell();
}
