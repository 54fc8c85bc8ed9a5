/** A formula by hand held against the rule: exact, needs_floor, conditional or wrong, and where it differs. */

import { cheaper, constantAtoms, generalAtoms, weakest } from "page/formula/conditions.js";
import { read } from "page/formula/equations.js";
import { evaluate, whole } from "page/formula/evaluate.js";
import { constantsOf, node, substitute, written } from "page/formula/expression.js";
import { any, both, equal, first, maskOf, size, within, without } from "page/formula/mask.js";
import { Points } from "page/formula/points.js";

/** @import { Chosen } from "page/formula/conditions.js" */
/** @import { Equation } from "page/formula/equations.js" */
/** @import { Fraction } from "page/formula/evaluate.js" */
/** @import { Expression } from "page/formula/expression.js" */
/** @import { Mask } from "page/formula/mask.js" */
/** @import { Judging } from "page/formula/points.js" */
/** @import { Rule, Values } from "page/formula/rule.js" */
/** @import { Grammar } from "page/formula/tokens.js" */

/**
 * `counterexample` is the smallest configuration where formula and layer differ, `rounding` one where
 * the formula is a fraction although the rounded value is right; `expression` is over the roles.
 * @typedef {{
 *   label: string, readAs: string, verdict: "exact" | "needs_floor" | "conditional" | "wrong", needsFloor: boolean,
 *   holdsWhen: string[], counterexample: Values | null, rounding: Values | null, repaired: string | null,
 *   repairedWhen: string[], compared: number, expression: Expression,
 * }} Judgement
 */

/** What a formula says of something else than the output. */
export class NotJudged extends Error {}

/** @type {Map<string, Points>} */
const known = new Map();

/**
 * Judge every formula in a text.
 * @param {string} text @param {Rule} rule @param {Grammar} grammar @param {Judging} judging @returns {Judgement[]}
 */
export function judge(text, rule, grammar, judging) {
  return read(text, rule.kind, rule.roles, grammar).map((equation) => {
    if (equation.quantity !== "output") {
      throw new NotJudged(`a rule for the ${equation.quantity} is judged by the command line: cnnshape formula`);
    }
    return new Comparison(equation, rule, judging).judgement();
  });
}

class Comparison {
  /** @param {Equation} equation @param {Rule} rule @param {Judging} judging */
  constructor(equation, rule, judging) {
    this.equation = equation;
    this.rule = rule;
    this.constants = constantsOf(equation.expression);
    const key = [rule.kind, rule.ceilMode, ...rule.roles, ...this.constants].join();
    if (known.size > 20) known.clear();
    if (!known.has(key)) known.set(key, new Points(rule, this.constants, judging));
    this.points = /** @type {Points} */ (known.get(key));
    const { values, rounded, asWritten } = this.right(equation.expression);
    this.values = values;
    this.rounded = rounded;
    this.asWritten = asWritten;
    const general = generalAtoms(this.points, judging);
    const texts = new Set(general.map((atom) => atom.text));
    this.attempts = [general];
    if (this.constants.length) {
      const extra = constantAtoms(this.points, this.constants).filter((atom) => !texts.has(atom.text));
      this.attempts.push([...general, ...extra]);
    }
  }

  /** Where a formula is right once it is rounded, and where as it stands. @param {Expression} expression */
  right(expression) {
    const values = this.points.rows.map((row) => evaluate(expression, row));
    const up = this.rule.ceilMode;
    const right = values.map((value, index) => value !== null && Number(whole(value, up)) === this.points.actual[index]);
    const rounded = maskOf(right);
    return { values, rounded, asWritten: both(rounded, maskOf(values.map((value) => value !== null && value.below == 1))) };
  }

  /** @returns {Judgement} */
  judgement() {
    const found = this.verdict();
    const letters = this.letters();
    const [repaired, repairedWhen] = this.repair(found);
    return {
      label: this.equation.label,
      readAs: written(substitute(this.equation.expression, letters)),
      verdict: found.verdict,
      needsFloor: found.needsFloor,
      holdsWhen: found.held ? found.held.atoms.map((atom) => atom.text) : [],
      counterexample: found.counterexample,
      rounding: found.rounding,
      repaired: repaired && written(substitute(repaired, letters)),
      repairedWhen,
      compared: this.points.rows.length,
      expression: this.equation.expression,
    };
  }

  /** @typedef {{verdict: Judgement["verdict"], needsFloor: boolean, held: Chosen | null, counterexample: Values | null, rounding: Values | null}} Found */

  /** @returns {Found} */
  verdict() {
    const { everywhere } = this.points;
    const none = { held: null, counterexample: null, rounding: null };
    if (within(everywhere, this.asWritten)) return { ...none, verdict: "exact", needsFloor: false };
    if (within(everywhere, this.rounded)) {
      return { ...none, verdict: "needs_floor", needsFloor: true, rounding: this.fraction(without(everywhere, this.asWritten)) };
    }
    const held = this.weakest(this.rounded);
    if (held === null) {
      const fractional = this.values.some((value) => value !== null && value.below != 1);
      return { ...none, verdict: "wrong", needsFloor: fractional, counterexample: this.smallest(fractional) };
    }
    const rest = without(held.mask, this.asWritten);
    const needsFloor = any(rest);
    return {
      verdict: "conditional", needsFloor, held,
      counterexample: this.smallest(needsFloor),
      rounding: needsFloor ? this.fraction(rest) : null,
    };
  }

  /** @param {Mask} right @returns {Chosen | null} */
  weakest(right) {
    const { points } = this;
    const [inputs, kernels] = ["input", "kernel"].map((role) => (points.roles.includes(role) ? points.byValue(role) : []));
    /** @type {Chosen | null} */
    let best = null;
    for (const atoms of this.attempts) {
      const found = weakest(atoms, right, inputs, kernels);
      if (found !== null && (best === null || cheaper(found, best))) best = found;
    }
    return best;
  }

  /** The formula that holds most widely, if it does so more widely than the author's. @param {Found} found @returns {[Expression | null, string[]]} */
  repair(found) {
    if (found.verdict === "exact") return [null, []];
    const rounding = this.rule.ceilMode ? "ceil" : "floor";
    const own = found.verdict === "needs_floor" ? withRounding(this.equation.expression, rounding) : [];
    const tried = [this.asWritten];
    let widest = found.needsFloor || !found.held ? 0 : size(found.held.mask);
    /** @type {[Expression | null, string[]]} */
    let best = [null, []];
    for (const candidate of [...own, this.rule.expression]) {
      const mask = this.right(candidate).asWritten;
      if (within(this.points.everywhere, mask)) return [candidate, []];
      const held = tried.some((old) => equal(old, mask)) ? null : this.weakest(mask);
      tried.push(mask);
      if (held !== null && size(held.mask) > widest) {
        best = [candidate, held.atoms.map((atom) => atom.text)];
        widest = size(held.mask);
      }
    }
    return best;
  }

  /** Among kernels that fit into the bare input if possible. @param {boolean} needsFloor */
  smallest(needsFloor) {
    const differs = without(this.points.everywhere, needsFloor ? this.rounded : this.asWritten);
    const fitting = both(differs, this.fits());
    return this.example(any(fitting) ? fitting : differs);
  }

  /** Without padding if possible. @param {Mask} mask */
  fraction(mask) {
    const { points } = this;
    let bare = this.fits();
    if (points.roles.includes("padding")) bare = both(bare, points.where((row) => row.padding === 0));
    const found = both(mask, bare);
    return this.example(any(found) ? found : mask);
  }

  /** Where the kernel fits into the bare input; everywhere where that says nothing. @returns {Mask} */
  fits() {
    const { points } = this;
    if (this.rule.data.grows || !this.rule.has("kernel")) return points.everywhere;
    return points.where(({ input, kernel, dilation = 1 }) => dilation * (kernel - 1) + 1 <= input);
  }

  /** @param {Mask} mask @returns {Values | null} */
  example(mask) {
    const index = first(mask);
    return index < 0 ? null : this.points.rows[index];
  }

  /** Role → the name that the author used; the usual letter for the others. */
  letters() {
    const letters = { ...this.equation.written };
    for (const [role, letter] of Object.entries(this.rule.letters)) {
      if (!(role in letters)) letters[role] = Object.values(letters).includes(letter) ? role : letter;
    }
    return letters;
  }
}

/** The expression with its fractions rounded, or all of it. @param {Expression} expression @param {string} rounding */
function withRounding(expression, rounding) {
  const all = node(rounding, expression);
  if (expression.op !== "sum") return [all];
  const terms = expression.args.map((term) => (term.op === "quotient" ? node(rounding, term) : term));
  return [node("sum", ...terms), all];
}

/** The value of a judged formula in one configuration. @param {Judgement} judged @param {Values} values @returns {Fraction | null} */
export const valueOf = (judged, values) => evaluate(judged.expression, values);

/** The verdict in words. @param {Judgement} judged @param {Rule} rule */
export function summary(judged, rule) {
  const up = rule.ceilMode ? "up" : "down";
  const when = listed(judged.holdsWhen);
  switch (judged.verdict) {
    case "exact":
      return `this is what the layer gives (equal in all ${judged.compared.toLocaleString("en-US")} configurations compared)`;
    case "needs_floor":
      return `right everywhere once it is rounded ${up}, as the framework rounds`;
    case "conditional":
      return `right when ${when}${judged.needsFloor ? `, once it is rounded ${up}` : ""}`;
    default:
      return "no simple condition makes it right";
  }
}

/** @param {string[]} items */
export const listed = (items) =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
