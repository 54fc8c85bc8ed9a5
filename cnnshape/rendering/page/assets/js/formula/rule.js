/** A size rule along one axis, out of the data that Python wrote. */

import { evaluate } from "page/formula/evaluate.js";
import { substitute, symbol, written } from "page/formula/expression.js";
import { parse } from "page/formula/parser.js";
import { tokens } from "page/formula/tokens.js";

/** @import { Expression } from "page/formula/expression.js" */
/** @import { Grammar } from "page/formula/tokens.js" */

/**
 * @typedef {{words: string, left: string, right: string, argument: boolean}} ConditionData
 * @typedef {{
 *   kind: string, ceil_mode: boolean, letters: [string, string][], formula: string, shown: string,
 *   conditions: ConditionData[], spreads: boolean, grows: boolean, stride_is_kernel: boolean, pooling: boolean,
 *   example: Record<string, number>, source: string,
 * }} RuleData
 * @typedef {{words: string, left: Expression, right: Expression, argument: boolean}} Condition
 * @typedef {Record<string, number>} Values by role
 */

export class Rule {
  /** @param {RuleData} data @param {Grammar} grammar */
  constructor(data, grammar) {
    this.data = data;
    this.kind = data.kind;
    this.ceilMode = data.ceil_mode;
    /** @type {string[]} */
    this.roles = data.letters.map(([, role]) => role);
    /** Role → the letter of the formula. @type {Record<string, string>} */
    this.letters = Object.fromEntries(data.letters.map(([letter, role]) => [role, letter]));
    const role = Object.fromEntries(data.letters);
    /** @param {string} text */
    const read = (text) => parse(text, tokens(text, grammar), (token) => symbol(role[token.text]));
    /** Over the roles. */
    this.expression = read(data.formula);
    /** @type {Condition[]} */
    this.conditions = data.conditions.map((each) => ({ ...each, left: read(each.left), right: read(each.right) }));
  }

  /** @param {string} role */
  has(role) {
    return this.roles.includes(role);
  }

  /** The size of the output, whether the conditions hold or not; 0 for a stride of 0. @param {Values} values */
  size(values) {
    return Number(evaluate(this.expression, values)?.above ?? 0);
  }

  /** The first condition that these values break. @param {Values} values */
  broken(values) {
    return this.conditions.find((each) => !holds(each, values)) ?? null;
  }

  /** The formula with the numbers in it, and what comes out. @param {Values} values */
  substitution(values) {
    const numbers = written(substitute(this.expression, values));
    const size = String(this.size(values));
    return numbers === size ? numbers : `${numbers} = ${size}`;
  }

  /** A condition with its numbers: `9 ≤ 7`. @param {Condition} condition @param {Values} values */
  withNumbers(condition, values) {
    return `${written(substitute(condition.left, values))} ≤ ${written(substitute(condition.right, values))}`;
  }
}

/** @param {Condition} condition @param {Values} values */
function holds(condition, values) {
  const left = evaluate(condition.left, values);
  const right = evaluate(condition.right, values);
  return left !== null && right !== null && left.above * right.below <= right.above * left.below;
}
