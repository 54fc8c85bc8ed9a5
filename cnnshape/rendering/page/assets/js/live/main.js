/**
 * The page: a drawing, every layer's maps of it, the classes' probabilities, one unit worked out.
 */

import { read } from "page/data.js";
import { byId, fill, h } from "page/dom.js";
import { count } from "page/live/chain.js";
import { themeColours } from "page/live/colours.js";
import { field } from "page/live/field.js";
import { onwards } from "page/live/follow.js";
import { run } from "page/live/forward.js";
import { blank } from "page/live/ink.js";
import { mapsPanel } from "page/live/maps.js";
import { exactly } from "page/live/numbers.js";
import { drawingPad } from "page/live/pad.js";
import { inked, prepared } from "page/live/picture.js";
import { fileButton, pictureButtons } from "page/live/pictures.js";
import { probabilities, resultList } from "page/live/results.js";
import { called, stagesOf } from "page/live/stages.js";
import { unit } from "page/live/unit.js";
import { unpack } from "page/live/weights.js";
import { workedOut } from "page/live/worked.js";
import { startTheme } from "page/theme.js";

/**
 * @typedef {object} Live what Python wrote
 * @property {import("page/live/chain.js").Chain} chain
 * @property {Record<string, string>} weights
 * @property {{label: string, data: string}[]} pictures
 * @property {import("page/live/picture.js").Taken} taken
 * @property {string[]} classes
 */

/** @type {Live} */
const live = read("network");
const { chain, taken, classes } = live;
const weights = unpack(live.weights);
const stages = stagesOf(chain);
const last = stages[stages.length - 1];
const answers = last.vector && last.shown === chain.steps.findLastIndex(({ kind }) => kind !== "reshape") && last.shape[0] > 1;

/** @type {{picture: import("page/live/picture.js").Picture, colours: import("page/live/colours.js").Colours, x: Float32Array, results: Float32Array[], chosen: {stage: number, at: number} | null, pinned: boolean, past: {stage: number, at: number}[], frame: number}} */
const state = {
  picture: inked(blank(chain.input[1], chain.input[2]), taken), colours: themeColours(), x: new Float32Array(),
  results: [], chosen: null, pinned: false, past: [], frame: 0,
};

/** Units of a vector that leave room for another one below it. */
const SHORT = 130;

startTheme();
const shown = h("p", { class: "quiet small", id: "shown", "aria-live": "polite" });
const said = h("p", { class: "unseen", "aria-live": "polite" });
const pad = drawingPad(chain.input, taken, (ink) => {
  buttons.press(null);
  shown.textContent = "your drawing";
  take(inked(ink, taken));
});
const buttons = pictureButtons(live.pictures, chain.input, taken, (picture, label) => show(picture, `test picture: ${label}`));
const open = fileButton(pad.element, chain.input, taken, (picture, label) => {
  buttons.press(null);
  show(picture, label);
}, (problem) => fill(shown, h("span", { role: "alert", class: "problem" }, problem)));
const panels = stages.map((stage, n) => {
  const events = {
    point: (/** @type {number} */ at) => { if (!state.pinned) choose(n, at); },
    choose: (/** @type {number} */ at) => pin(n, at),
    go: (/** @type {"on" | "back"} */ way) => (way === "on" ? goOn() : goBack()),
  };
  return answers && stage === last ? resultList(stage.name, classes, stage.shape[0], events) : mapsPanel(stage, room(), events);
});
const worked = workedOut();
const glance = h("button", { type: "button", class: "glance", onclick: () => worked.element.scrollIntoView() });

/** Show a picture that was not drawn. @param {import("page/live/picture.js").Picture} picture @param {string} label */
function show(picture, label) {
  pad.forget();
  shown.textContent = label;
  take(picture);
}

/** Compute and paint in the next frame. @param {import("page/live/picture.js").Picture} picture */
function take(picture) {
  state.picture = picture;
  if (!state.frame) state.frame = requestAnimationFrame(update);
}

function update() {
  state.frame = 0;
  performance.mark("update");
  state.x = prepared(state.picture, taken);
  state.results = run(chain, state.x, weights);
  performance.measure("computed", "update");
  paint();
  performance.measure("shown", "update");
}

function paint() {
  pad.paint(state.picture, state.colours);
  stages.forEach((stage, n) => {
    const panel = panels[n];
    const values = state.results[stage.shown];
    if ("focus" in panel && stage === last && answers) {
      /** @type {ReturnType<typeof resultList>} */ (panel).paint(probabilities(chain.steps[last.shown], values));
    } else /** @type {import("page/live/maps.js").Panel} */ (panel).paint(values, state.colours);
  });
  workOut();
}

/** Look at a unit. @param {number} stage @param {number} at */
function choose(stage, at) {
  if (state.chosen?.stage === stage && state.chosen.at === at) return;
  state.chosen = { stage, at };
  workOut();
}

/** Look at a unit until another one is clicked. @param {number} stage @param {number} at */
function pin(stage, at) {
  state.pinned = true;
  state.chosen = { stage, at };
  workOut();
  said.textContent = `${stages[stage].name}, ${called(stages[stage], at)}: ${exactly(state.results[stages[stage].shown][at])}`;
  history.replaceState(null, "", `#${encodeURIComponent(stages[stage].name)}/${at}`);
}

function goOn() {
  if (!state.chosen) return;
  const { stage, at } = state.chosen;
  const next = stages[stage + 1];
  const to = next ? onwards(chain.steps[next.steps[0]], at, weights) : null;
  if (to === null) return;
  state.past.push(state.chosen);
  pin(stage + 1, to);
  panels[stage + 1].focus();
}

function goBack() {
  const before = state.past.pop();
  if (!before) {
    state.pinned = false;
    workOut();
    return;
  }
  pin(before.stage, before.at);
  panels[before.stage].focus();
}

/** Mark the chosen unit and what it sees, and work it out. */
function workOut() {
  if (!state.chosen || state.results.length === 0) return;
  const { stage: which, at } = state.chosen;
  const stage = stages[which];
  const first = chain.steps[stage.steps[0]];
  const arriving = stage.steps[0] === 0 ? state.x : state.results[stage.steps[0] - 1];
  const { places } = unit(first, arriving, at, weights);
  const seen = field(chain, stage.shown, at);
  pad.mark(seen);
  panels.forEach((panel, n) => panel.mark(n === which ? at : null, n === which - 1 && first.kind !== "linear" ? places : []));
  const values = state.results[stage.shown];
  fill(glance, `${stage.name}, ${called(stage, at)} = ${exactly(values[at])} ↓`);
  const own = answers && stage === last && chain.steps[last.shown].kind !== "softmax";
  worked.show({
    stage, kept: state.pinned, at, first: which === 0, source: stages[which - 1]?.name ?? `the drawing${normalised()}`, chain, weights, picture: state.x, results: state.results, field: seen, colours: state.colours,
    probability: own ? probabilities(chain.steps[last.shown], values)[at] : null,
    follow: (place) => {
      if (which === 0) return;
      state.past.push({ stage: which, at });
      pin(which - 1, place);
    },
  });
}

/** How wide the maps may be: beside drawing and probabilities, or alone on a phone. */
function room() {
  const width = document.documentElement.clientWidth;
  return width <= 720 ? width - 28 : width - 40 - 274 - (width > 1380 ? 242 : 0);
}

/** How the pixels are normalised, where they are. */
function normalised() {
  const [mean, std] = [taken.mean, taken.std].map((values) => (new Set(values).size === 1 ? values[0] : NaN));
  if (mean === 0 && std === 1) return "";
  return Number.isNaN(mean + std) ? ", normalised" : `: (pixel − ${exactly(mean)}) / ${exactly(std)}`;
}

/** Panels in the order of the data; short vectors one below the other. */
function columns() {
  /** @type {HTMLElement[]} */
  const found = [];
  let stack = null;
  for (const [n, stage] of stages.entries()) {
    if (answers && stage === last) continue;
    if (!stage.vector || stage.shape[0] > SHORT) {
      stack = null;
      found.push(panels[n].element);
    } else {
      if (!stack) found.push((stack = h("div", { class: "stack" })));
      stack.append(panels[n].element);
    }
  }
  return found;
}

const size = chain.input.join("×");
fill(byId("live"),
  h("div", { class: "flow" },
    h("section", { class: "input", "aria-label": "The picture" },
      h("h2", {}, "x ", h("span", { class: "quiet" }, size)),
      pad.element, h("p", { class: "tools" }, ...open), buttons.element, shown),
    h("div", { class: "stages" }, ...columns()),
    answers && panels[panels.length - 1].element),
  h("p", { class: "quiet small legend" },
    "Draw here, or drop a picture: every map follows. Point at a unit and it is worked out below; a click keeps it. ",
    "Zero is the page’s ground; what is above it is ink, or blue where other numbers are below it, in orange. ",
    "Each layer has a scale of its own."),
  worked.element, glance, said);

/** The unit that the address names (`#C2/351`, `#C2`), or one of the first stage. */
function beginning() {
  const [name, number] = location.hash.slice(1).split("/");
  const which = stages.findIndex((stage) => encodeURIComponent(stage.name) === name || stage.name === name);
  if (which < 0) return choose(0, central(stages[0]));
  const at = Number(number);
  pin(which, number && Number.isInteger(at) && at >= 0 && at < count(stages[which].shape) ? at : central(stages[which]));
}

/** A unit of the first map that sees much of a drawing. @param {import("page/live/stages.js").Stage} stage */
const central = ({ shape: [, height, width] }) => Math.floor(height / 3) * width + Math.floor(width / 2);

function repaint() {
  state.colours = themeColours();
  buttons.paint(state.colours);
  paint();
}

if (buttons.first) buttons.first();
cancelAnimationFrame(state.frame);
update();
beginning();
repaint();
addEventListener("hashchange", beginning);
new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
