/** A formula as a small tree: the same nodes, and the same writing, as `cnnshape.formulas.expression`. */

/**
 * `op` is number, symbol, sum, negative, product, quotient, power, floor, ceil, round, min or max.
 * @typedef {{op: string, args: Expression[], value: number | string | null}} Expression
 */

/** @param {string} op @param {Expression[]} args @returns {Expression} */
export const node = (op, ...args) => ({ op, args, value: null });
/** @param {number} value @returns {Expression} */
export const number = (value) => ({ op: "number", args: [], value });
/** @param {string} value @returns {Expression} */
export const symbol = (value) => ({ op: "symbol", args: [], value });
/** @param {Expression} operand */
export const negative = (operand) => node("negative", operand);

/** A sum stays flat. @param {Expression} left @param {Expression} right */
export const add = (left, right) => node("sum", ...(left.op === "sum" ? left.args : [left]), right);

/** So does a product. @param {Expression} left @param {Expression} right */
export const multiply = (left, right) =>
  node("product", ...(left.op === "product" ? left.args : [left]), right);

/** @param {Expression} expression @returns {Set<string>} */
export function namesOf(expression) {
  if (expression.op === "symbol") return new Set([String(expression.value)]);
  return new Set(expression.args.flatMap((operand) => [...namesOf(operand)]));
}

/**
 * The expression with numbers or names in the place of symbols.
 * @param {Expression} expression @param {Record<string, number | string>} values @returns {Expression}
 */
export function substitute(expression, values) {
  if (expression.op === "symbol") {
    const value = values[String(expression.value)];
    if (value === undefined) return expression;
    return typeof value === "number" ? number(value) : symbol(value);
  }
  if (!expression.args.length) return expression;
  return node(expression.op, ...expression.args.map((operand) => substitute(operand, values)));
}

/**
 * The numbers from 2 that stand in a formula, but for the 2 of 2P and for exponents: the first four.
 * @param {Expression} expression @returns {number[]}
 */
export function constantsOf(expression, largest = 64) {
  /** @type {Set<number>} */
  const found = new Set();
  /** @param {Expression} each */
  const walk = (each) => {
    const { op, value } = each;
    if (op === "number" && Number(value) >= 2 && Number(value) <= largest) found.add(Number(value));
    const operands = op === "power" ? each.args.slice(0, 1) : each.args;
    const pads = op === "product" && operands.some((one) => one.value === "padding" || one.value === "P");
    for (const operand of operands) if (!(pads && operand.op === "number")) walk(operand);
  };
  walk(expression);
  return [...found].sort((a, b) => a - b).slice(0, 4);
}

// ---- writing ----

/** How tightly each operator binds; a looser operand gets parentheses. @type {Record<string, number>} */
const BINDING = { sum: 1, negative: 2, product: 3, quotient: 3, power: 4 };
const ATOM = 9;
/** @type {Record<string, [string, string]>} */
const ROUNDING = { floor: ["⌊", "⌋"], ceil: ["⌈", "⌉"], round: ["round(", ")"] };

/** @param {Expression} each */
function binding(each) {
  if (each.op === "number" && Number(each.value) < 0) return BINDING.negative;
  return BINDING[each.op] ?? ATOM;
}

/** @param {Expression} each @param {number} least */
function bound(each, least) {
  const text = written(each);
  return binding(each) >= least ? text : `(${text})`;
}

/** The formula as it is written on paper: `⌊(H − K)/S⌋ + 1`. @param {Expression} each @returns {string} */
export function written(each) {
  const { op, args } = each;
  if (op === "number" || op === "symbol") return String(each.value).replace(/^-/, "−");
  if (op === "sum") return sum(args);
  if (op === "negative") return `−${bound(args[0], 3)}`;
  if (op === "product") return product(args);
  if (op === "quotient") return `${bound(args[0], 3)}/${bound(args[1], 4)}`;
  if (op === "power") return bound(args[0], 5) + raised(written(args[1]));
  if (ROUNDING[op]) return ROUNDING[op][0] + written(args[0]) + ROUNDING[op][1];
  return `${op}(${args.map(written).join(", ")})`;
}

/** @param {string} exponent */
const raised = (exponent) =>
  /^\d+$/.test(exponent) ? exponent.replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]) : `^(${exponent})`;

/** @param {Expression[]} args */
function sum([first, ...rest]) {
  return rest.reduce(
    (text, operand) =>
      operand.op === "negative" ? `${text} − ${bound(operand.args[0], 3)}` : `${text} + ${bound(operand, 3)}`,
    bound(first, 1),
  );
}

/** @param {Expression[]} args */
function product(args) {
  return args.reduce((text, operand, index) => {
    const factor = bound(operand, index ? 4 : 3);
    return text + (index ? joint(args[index - 1], operand, factor) : "") + factor;
  }, "");
}

/**
 * Nothing where paper needs no sign, as in 2P, D(K − 1) and (H − 1)S.
 * @param {Expression} left @param {Expression} right @param {string} factor
 */
function joint(left, right, factor) {
  const letters = (left.op === "symbol" && String(left.value).length === 1) || binding(left) < 3;
  if (!letters && left.op !== "number") return "·";
  if (right.op === "sum") return left.op === "number" && !namesOf(right).size ? "·" : "";
  const oneLetter = right.op === "symbol" && factor.length === 1;
  return oneLetter && left.op !== "symbol" ? "" : "·";
}
