/** What the letters and words of a formula stand for; the names are Python's. */

/** @import { Grammar } from "page/formula/tokens.js" */

/** @param {string} name @param {string[]} roles @param {Grammar} grammar */
function lookup(name, roles, grammar) {
  const low = name.length > 1 ? name.toLowerCase() : name;
  return roles.find((role) => grammar.names[role].includes(name) || grammar.names[role].includes(low)) ?? null;
}

/** The part before and after the first mark. @param {string} text @param {string} mark */
function partition(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}

/**
 * The argument that a name stands for, out of those a kind has: `H_in` is the input.
 * @param {string} name @param {string[]} roles @param {Grammar} grammar @returns {string | null}
 */
export function roleOf(name, roles, grammar) {
  const exact = lookup(name, roles, grammar);
  if (exact !== null) return exact;
  const { marks } = grammar;
  let [base, mark] = partition(name, "_");
  base = base.replace(/\d+$/, "") || base;
  mark = mark.replace(/^_+|_+$/g, "");
  if (marks.input.includes(mark) && roles.includes("input")) {
    return marks.axes_with_in.includes(base) || lookup(base, roles, grammar) === "input" ? "input" : null;
  }
  if (!mark || marks.axis.includes(mark) || /^\d+$/.test(mark)) return lookup(base, roles, grammar);
  const last = mark.lastIndexOf("_");
  if (!marks.axis.includes(mark.slice(last + 1))) return null;
  const first = last < 0 ? "" : mark.slice(0, last);
  return roleOf(first ? `${base}_${first}` : base, roles, grammar);
}

/** Whether a name is marked as the output: H_out, n', W_new. @param {string} name @param {Grammar} grammar */
export const isOutput = (name, grammar) =>
  name.endsWith("'") || grammar.marks.output.includes(partition(name, "_")[1]);

/**
 * What an equation computes, by the name on its left side.
 * @param {string} label @param {string[]} roles @param {Grammar} grammar
 */
export function quantityOf(label, roles, grammar) {
  if (grammar.features.includes(label.toLowerCase().replace(/^_+|_+$/g, ""))) return "in_features";
  const base = label.replace(/^same_/, "").replace(/(?<=.)_same$/, "").replace(/(?<=.)_s$/, "");
  return roleOf(label, roles, grammar) ?? roleOf(base, roles, grammar) ?? "output";
}

/**
 * Whether a name means neither a size of the layer nor one of its arguments.
 * @param {string} label @param {string[]} roles @param {Grammar} grammar
 */
export function isSomethingElse(label, roles, grammar) {
  if (grammar.others.includes(label.toLowerCase())) return true;
  const every = ["kernel", "padding", "stride", "dilation", "output_padding"];
  const absent = every.filter((role) => !roles.includes(role));
  return (label.length > 1 || label === "P" || label === "p") && roleOf(label, absent, grammar) !== null;
}

/** @type {Record<string, string>} */
const SHOWN = {
  input: "W H L N n i in", kernel: "F K k f kernel", padding: "P p pad", stride: "S s stride",
  dilation: "D d dilation", output_padding: "OP A a output_padding", output: "O o output_size",
};

/** What a formula of a kind may name. @param {string[]} roles */
export const understood = (roles) => roles.map((role) => `${SHOWN[role]} (${role})`).join(", ");
