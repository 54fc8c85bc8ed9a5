/** What is looked at: a rule, its numbers along each axis, a formula by hand; kept in the address. */

/** @import { Rule, Values } from "page/formula/rule.js" */

/** @typedef {{rule: string, rows: Values[], formula: string}} State */

/** What an argument is unless something says otherwise. @type {Values} */
const USUAL = { input: 8, kernel: 3, stride: 1, padding: 0, dilation: 1, output_padding: 0, output: 3 };
/** The largest number that a field takes, which a page can draw. */
export const LARGEST = 1_000_000;

/** What an argument is at least. @param {string} role */
export const least = (role) => (["kernel", "stride", "dilation", "input"].includes(role) ? 1 : 0);

/** The numbers that a rule takes, out of those of another one. @param {Rule} rule @param {Values} values @returns {Values} */
export function fitted(rule, values) {
  return Object.fromEntries(
    rule.roles.map((role) => {
      const kernel = values.kernel ?? rule.data.example.kernel;
      const usual = role === "stride" && rule.data.stride_is_kernel ? kernel : (rule.data.example[role] ?? USUAL[role]);
      return [role, values[role] ?? usual];
    }),
  );
}

/** As it stands in the address: `#rule=conv&input=8x10&kernel=3`. @param {State} state */
export function addressOf({ rule, rows, formula }) {
  const parts = new URLSearchParams({ rule });
  for (const role of Object.keys(rows[0])) parts.set(role, rows.map((row) => row[role]).join("x"));
  if (formula) parts.set("formula", formula);
  return `#${parts}`;
}

/** What an address says, null where it says nothing that can be looked at. @param {string} address @param {Record<string, Rule>} rules @returns {State | null} */
export function stateOf(address, rules) {
  const parts = new URLSearchParams(address.replace(/^#/, ""));
  const rule = parts.get("rule") ?? "";
  if (!Object.hasOwn(rules, rule)) return null;
  /** @type {Values[]} */
  const rows = [{}, {}];
  let axes = 1;
  for (const role of rules[rule].roles) {
    const numbers = (parts.get(role) ?? "").split("x");
    if (!numbers.every((number) => /^\d{1,7}$/.test(number)) || numbers.length > 2) continue;
    axes = Math.max(axes, numbers.length);
    for (const [index, row] of rows.entries()) row[role] = clamped(role, Number(numbers[index] ?? numbers[0]));
  }
  return {
    rule,
    rows: rows.slice(0, axes).map((row) => fitted(rules[rule], row)),
    formula: (parts.get("formula") ?? "").slice(0, 2000),
  };
}

/** @param {string} role @param {number} number */
export const clamped = (role, number) => Math.min(Math.max(Math.round(number), least(role)), LARGEST);
