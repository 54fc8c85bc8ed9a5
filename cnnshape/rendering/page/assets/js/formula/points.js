/** The configurations on which a formula is compared with a rule, the smallest first. */

import { maskOf } from "page/formula/mask.js";

/** @import { Mask } from "page/formula/mask.js" */
/** @import { Rule, Values } from "page/formula/rule.js" */

/**
 * @typedef {{
 *   order: string[], values: Record<string, number[]>, few: Record<string, number[]>,
 *   conditions: [string, string[]][], ceil: [string, string[]][], usual: string[],
 * }} Judging
 */

/** Valid configurations, and the rule's size for each. */
export class Points {
  /** @param {Rule} rule @param {number[]} constants of the formula @param {Judging} judging */
  constructor(rule, constants, judging) {
    this.rule = rule;
    this.roles = judging.order.filter((role) => rule.has(role));
    /** @type {Values[]} */
    this.rows = candidates(this.roles, constants, judging).filter((row) => rule.broken(row) === null);
    this.actual = this.rows.map((row) => rule.size(row));
    this.everywhere = this.where(() => true);
    /** @type {Map<string, Mask[]>} */
    this.masks = new Map();
  }

  /** @param {(row: Values) => boolean} holds @returns {Mask} */
  where(holds) {
    return maskOf(this.rows.map(holds));
  }

  /** The set of each value that an argument takes. @param {string} role @returns {Mask[]} */
  byValue(role) {
    const known = this.masks.get(role);
    if (known) return known;
    const values = [...new Set(this.rows.map((row) => row[role]))];
    const masks = values.map((value) => this.where((row) => row[role] === value));
    this.masks.set(role, masks);
    return masks;
  }
}

/** @param {string[]} roles @param {number[]} constants @param {Judging} judging @returns {Values[]} */
function candidates(roles, constants, { values, few }) {
  // With six arguments there would be too many; the inputs are fewer then.
  const inputs = roles.length > 5 ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 28, 64] : values.input;
  /** @type {Record<string, number[]>} */
  const usual = { ...values, input: inputs };
  const blocks = [usual];
  if (constants.length) {
    const near = constants.flatMap((number) => [number - 1, number, number + 1]);
    for (const role of roles) if (role !== "factor" && role !== "output") blocks.push({ ...few, [role]: near });
    blocks.push({
      ...few,
      kernel: constants.flatMap((number) => [number, number + 1]),
      stride: [1, ...constants],
      padding: [0, ...constants],
      input: inputs,
    });
  }
  /** @type {Map<string, Values>} */
  const found = new Map();
  for (const block of blocks) {
    for (const row of product(roles, block)) found.set(roles.map((role) => row[role]).join(), row);
  }
  return [...found.values()].sort((a, b) => {
    const role = roles.find((each) => a[each] !== b[each]);
    return role === undefined ? 0 : a[role] - b[role];
  });
}

/** @param {string[]} roles @param {Record<string, number[]>} block @returns {Values[]} */
function product(roles, block) {
  /** @type {Values[]} */
  let rows = [{}];
  for (const role of roles) {
    const values = [...new Set(block[role])];
    rows = rows.flatMap((row) => values.map((value) => ({ ...row, [role]: value })));
  }
  return rows;
}
