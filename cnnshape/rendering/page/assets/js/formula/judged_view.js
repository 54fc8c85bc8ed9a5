/** The formula by hand: its value here, the verdict, and the picture of where it differs. */

import { fill, h } from "page/dom.js";
import { shown } from "page/formula/evaluate.js";
import { NotJudged, judge, summary, valueOf } from "page/formula/judge.js";
import { rowView } from "page/formula/row_view.js";
import { Unreadable } from "page/formula/tokens.js";
import { axisWindows } from "page/formula/windows.js";

/** @import { Judgement } from "page/formula/judge.js" */
/** @import { Judging } from "page/formula/points.js" */
/** @import { Rule, Values } from "page/formula/rule.js" */
/** @import { Grammar } from "page/formula/tokens.js" */

/** What stands in the place of padding. @param {Rule} rule */
export const zeroOf = (rule) => (rule.kind === "max_pool" ? "−∞" : "0");

/**
 * @typedef {{
 *   text: string, rule: Rule, row: Values, grammar: Grammar, judging: Judging, width: number,
 *   look: (values: Values) => void, type: (text: string) => void, one: boolean,
 * }} Question
 */

/** The last text that was judged: what it says of the rule does not change with the numbers. */
let last = { key: "", judgements: /** @type {Judgement[]} */ ([]) };

/** Show what is found about a text. @param {HTMLElement} place @param {Question} question */
export function showJudged(place, question) {
  const { text, rule, grammar, judging } = question;
  if (!text.trim()) {
    const usual = rule.data.grows ? "S(W - 1) + F - 2P" : rule.has("stride") ? "(W - F + 2P)/S + 1" : "";
    fill(
      place,
      h("p", { class: "quiet" }, "Type a size formula, in the letters you use, or paste LaTeX."),
      usual && h("button", { type: "button", onclick: () => question.type(usual) }, `try ${usual}`),
    );
    return;
  }
  const key = [rule.kind, rule.ceilMode, ...rule.roles, text].join("\n");
  try {
    if (last.key !== key) last = { key, judgements: judge(text, rule, grammar, judging) };
  } catch (error) {
    if (!(error instanceof Unreadable || error instanceof NotJudged)) throw error;
    fill(place, ...unreadable(text, error));
    return;
  }
  fill(place, ...last.judgements.map((judged) => h("div", { class: "judgement" }, ...told(judged, question))));
}

/** @param {string} text @param {Unreadable | NotJudged} error */
function unreadable(text, error) {
  if (error instanceof NotJudged) return [h("p", { class: "wrong" }, error.message)];
  const characters = [...text];
  const [before, here] = [characters.slice(0, error.position).join(""), characters[error.position]];
  const after = characters.slice(error.position + 1).join("");
  return [
    h("p", { class: "wrong" }, error.message),
    h("p", { class: "formula" }, before, h("mark", {}, here ?? " "), after),
  ];
}

/** @param {Judgement} judged @param {Question} question */
function told(judged, question) {
  const { rule, row } = question;
  const name = judged.label ? `${judged.label} = ` : "";
  const example = judged.counterexample ?? judged.rounding;
  const value = valueOf(judged, row);
  const right = value !== null && value.below == 1 && Number(value.above) === rule.size(row);
  const here = value === null ? "undefined, it divides by 0" : shown(value);
  return [
    h("p", { class: "formula" }, `${name}${judged.readAs} = `, h("strong", { class: right ? "right" : "wrong" }, here)),
    h("p", { class: "quiet" }, hereIs(question, right, value !== null && value.below != 1)),
    h("p", {}, h("strong", { class: judged.verdict === "exact" ? "right" : "wrong" }, judged.verdict.replace("_", " ")), `: ${summary(judged, rule)}`),
    judged.repaired && h("p", {}, "right: ", h("span", { class: "formula" }, name + judged.repaired), when(judged)),
    ...(example ? counterexample(judged, example, question) : []),
  ].filter(Boolean);
}

/** @param {Judgement} judged */
const when = (judged) => (judged.repairedWhen.length ? `, when ${judged.repairedWhen.join(" and ")}` : "");

/** @param {Question} question @param {boolean} right @param {boolean} fraction */
function hereIs({ rule, row, one }, right, fraction) {
  const these = one ? "with these numbers" : "with the numbers of the height";
  if (rule.broken(row)) return `${these}, which the layer does not take`;
  if (right) return `${these}, as the layer gives`;
  return `${these}${fraction ? ", a fraction" : ""}; the layer gives ${rule.size(row)}`;
}

/** The picture of where the two differ. @param {Judgement} judged @param {Values} example @param {Question} question */
function counterexample(judged, example, { rule, row, width, look, one }) {
  const value = valueOf(judged, example);
  const gives = value === null ? "is undefined" : `gives ${shown(value)}`;
  const sizes = rule.roles.map((role) => `${role.replace("_", " ")} ${example[role]}`).join(", ");
  const words = `${sizes}: the formula ${gives}, the layer gives ${rule.size(example)}`;
  const what = judged.counterexample ? "The smallest case where they differ" : "A fraction, because nothing rounds it";
  const axis = axisWindows(rule, example);
  if (one && rule.roles.every((role) => example[role] === row[role])) {
    return [h("h3", {}, what), h("p", { class: "example" }, `${words}: the picture here`)];
  }
  return [
    h("h3", {}, what),
    h("p", { class: "example" }, words),
    h(
      "div",
      { class: "drawn" },
      rowView({ axis, chosen: 0, width, label: `${what}: ${words}`, zero: zeroOf(rule) }),
    ),
    h("button", { type: "button", onclick: () => look(example) }, "look at it"),
  ];
}
