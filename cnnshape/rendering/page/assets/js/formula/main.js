/** A size formula as a page: numbers, picture, formula and a formula by hand follow one another. */

import { read } from "page/data.js";
import { byId, fill, h } from "page/dom.js";
import { showFields } from "page/formula/fields.js";
import { gridView } from "page/formula/grid_view.js";
import { showJudged, zeroOf } from "page/formula/judged_view.js";
import { Player } from "page/formula/player.js";
import { rowView } from "page/formula/row_view.js";
import { Rule } from "page/formula/rule.js";
import { addressOf, fitted, stateOf } from "page/formula/state.js";
import { sentence, sum } from "page/formula/told.js";
import { axisWindows, remarks } from "page/formula/windows.js";
import { startTheme } from "page/theme.js";

/** @import { Judging } from "page/formula/points.js" */
/** @import { RuleData, Values } from "page/formula/rule.js" */
/** @import { State } from "page/formula/state.js" */
/** @import { Grammar } from "page/formula/tokens.js" */

/** @type {{rules: Record<string, RuleData>, grammar: Grammar, judging: Judging}} */
const data = read("formulas");
const rules = Object.fromEntries(Object.entries(data.rules).map(([name, each]) => [name, new Rule(each, data.grammar)]));
/** @type {State} */
const first = read("start");
const state = stateOf(location.hash, rules) ?? first;

const kind = /** @type {HTMLSelectElement} */ (byId("kind"));
const option = /** @type {HTMLInputElement} */ (byId("option"));
const axes = /** @type {HTMLInputElement} */ (byId("axes"));
const formula = /** @type {HTMLInputElement} */ (byId("by-hand"));
const picture = byId("picture");
const player = new Player(() => draw());
/** What a checkbox beside the kind turns on. @type {Record<string, string>} */
const OPTIONS = {
  conv: "same", max_pool: "ceil_mode", avg_pool: "ceil_mode", lp_pool: "ceil_mode",
};
const SIDES = ["height", "width"];

const rule = () => rules[state.rule];

/** The fields anew, and all that follows. */
function rebuild() {
  const name = rule().kind;
  kind.value = name;
  byId("option-field").hidden = !(name in OPTIONS);
  byId("option-name").textContent = OPTIONS[name] === "same" ? "padding same" : "ceil_mode";
  option.checked = state.rule !== name;
  axes.checked = state.rows.length > 1;
  showFields(byId("fields"), rule(), state.rows, (axis, role, number) => {
    state.rows[axis][role] = number;
    update();
  });
  update();
}

/** After a number has changed. */
function update() {
  history.replaceState(null, "", addressOf(state));
  const windows = state.rows.map((row) => axisWindows(rule(), row));
  player.measure(windows.reduce((product, axis) => product * Math.max(axis.count, 0), 1));
  showFormula();
  draw();
  judgeSoon();
}

function showFormula() {
  const each = rule();
  const lines = [...new Set(state.rows.map((row) => (each.broken(row) ? "" : each.substitution(row))))].filter(Boolean);
  const adaptive = each.kind === "adaptive_pool";
  fill(byId("rule"), adaptive ? "window i: ⌊iH/O⌋ … ⌈(i + 1)H/O⌉ − 1" : each.data.shown);
  fill(byId("substitution"), ...(adaptive ? [] : lines.map((line) => h("span", {}, `= ${line}`))));
  const reasons = state.rows.flatMap((row, axis) => {
    const broken = each.broken(row);
    if (!broken) return [];
    const side = state.rows.length > 1 ? `${SIDES[axis]}: ` : "";
    return [`${side}impossible, for ${each.withNumbers(broken, row)} does not hold. ${broken.words}.`];
  });
  fill(byId("impossible"), ...new Set(reasons));
}

/** The picture with the chosen window, and what is said of it. */
function draw() {
  const each = rule();
  const windows = state.rows.map((row) => axisWindows(each, row));
  const width = picture.clientWidth - 4;
  const label = state.rows.map((row) => each.roles.map((role) => `${role} ${row[role]}`).join(", ")).join("; ");
  const across = Math.max(windows.at(-1)?.count ?? 1, 1);
  const chosen = windows.length > 1 ? [Math.floor(player.index / across), player.index % across] : [player.index];
  const told = sentence(windows, chosen);
  if (windows.length > 1) {
    const [row, column] = chosen;
    fill(
      picture,
      gridView({
        axes: windows, chosen: [row, column], width, label: `${each.kind}: ${label}. ${told}`,
        choose: (down, right) => player.go(down * across + right),
      }),
    );
  } else {
    fill(
      picture,
      rowView({
        axis: windows[0], chosen: player.index, width, label: `${each.kind}: ${label}. ${told}`,
        zero: zeroOf(each), choose: (index) => player.go(index),
      }),
    );
  }
  byId("told").setAttribute("aria-live", player.playing ? "off" : "polite");
  fill(byId("told"), told);
  const possible = windows.every((axis) => axis.count > 0);
  fill(byId("sum"), possible && windows.length === 1 ? sum(each, windows[0], player.index) : "");
  fill(
    byId("remarks"),
    ...windows.flatMap((axis, side) =>
      remarks(axis, each).map(([text, lost]) =>
        h("li", { class: lost ? "wrong" : "" }, windows.length > 1 ? `${SIDES[side]}: ${text}` : text),
      ),
    ),
  );
}

let waiting = 0;
/** Judging takes a moment: not at each step of a slider. */
function judgeSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    showJudged(byId("judged"), {
      text: formula.value,
      rule: rule(),
      row: state.rows[0],
      grammar: data.grammar,
      judging: data.judging,
      width: byId("judged").clientWidth - 8,
      one: state.rows.length === 1,
      type: write,
      look: (/** @type {Values} */ values) => {
        state.rows = [{ ...values }];
        player.go(0);
        rebuild();
        picture.focus();
      },
    });
  }, 150);
}

/** Judge another formula by hand. @param {string} text */
function write(text) {
  formula.value = state.formula = text;
  history.replaceState(null, "", addressOf(state));
  judgeSoon();
}

/** @param {string} name of a rule */
function choose(name) {
  state.rule = name;
  state.rows = state.rows.map((row) => fitted(rule(), row));
  player.go(0);
  rebuild();
}

startTheme();
for (const name of new Set(Object.values(rules).map((each) => each.kind))) kind.append(h("option", { value: name }, name));
kind.addEventListener("change", () => choose(kind.value));
option.addEventListener("change", () => choose(option.checked ? `${kind.value} ${OPTIONS[kind.value]}` : kind.value));
axes.addEventListener("change", () => {
  state.rows = axes.checked ? [state.rows[0], { ...state.rows[0] }] : [state.rows[0]];
  player.go(0);
  rebuild();
});
formula.value = state.formula;
formula.addEventListener("input", () => write(formula.value));
addEventListener("hashchange", () => {
  Object.assign(state, stateOf(location.hash, rules) ?? first);
  formula.value = state.formula;
  rebuild();
});
let known = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === known) return;
  known = innerWidth;
  draw();
  judgeSoon();
});
byId("controls").hidden = false;
rebuild();
