/** Tokens become an expression: precedence, implicit products, rounding brackets, fractions. */

import { add, multiply, negative, node, number } from "page/formula/expression.js";
import { Unreadable } from "page/formula/tokens.js";

/** @import { Expression } from "page/formula/expression.js" */
/** @import { Token } from "page/formula/tokens.js" */

/** Deeper brackets, and larger exponents, are refused. */
const DEEPEST = 40;
const HIGHEST_POWER = 6;
/** @type {Record<string, string>} */
const CLOSES = { "(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉" };
/** @type {Record<string, string>} */
const ROUNDS = { "⌊": "floor", "⌈": "ceil" };

/**
 * One expression out of a slice of tokens.
 * @param {string} text @param {Token[]} tokens @param {(token: Token) => Expression} resolve of a name
 * @returns {Expression}
 */
export function parse(text, tokens, resolve) {
  return new Parser([...text], tokens, resolve).whole();
}

class Parser {
  /** @param {string[]} text @param {Token[]} tokens @param {(token: Token) => Expression} resolve */
  constructor(text, tokens, resolve) {
    this.text = text;
    this.tokens = tokens;
    this.resolve = resolve;
    this.index = 0;
    this.depth = 0;
  }

  whole() {
    const expression = this.sum();
    if (this.here.kind !== "end") this.expected("an operator");
    return expression;
  }

  get here() {
    return this.tokens[this.index];
  }

  take() {
    const token = this.here;
    if (token.kind !== "end") this.index += 1;
    return token;
  }

  /** @param {string[]} operators */
  is(...operators) {
    return this.here.kind === "operator" && operators.includes(this.here.text);
  }

  isComma() {
    return this.here.kind === "comma" && this.here.text === ",";
  }

  /** @param {string} what @returns {never} */
  expected(what) {
    const { kind, start, end } = this.here;
    const found = kind === "end" ? "the end" : `'${this.text.slice(start, end).join("")}'`;
    throw new Unreadable(`expected ${what}, found ${found}`, start);
  }

  /** @returns {Expression} */
  sum() {
    this.depth += 1;
    if (this.depth > DEEPEST) throw new Unreadable(`brackets deeper than ${DEEPEST} are not read`, this.here.start);
    let expression = this.product();
    while (this.is("+", "-")) {
      const minus = this.take().text === "-";
      const right = this.product();
      expression = add(expression, minus ? negative(right) : right);
    }
    this.depth -= 1;
    return expression;
  }

  /** @returns {Expression} */
  product() {
    let expression = this.signed();
    /** @type {Token | null} */
    let divided = null;
    for (;;) {
      if (this.is("*", "/", "//", "%")) {
        const operator = this.take();
        const right = this.signed();
        divided = operator.text === "*" ? null : operator;
        expression = combined(operator.text, expression, right);
      } else if (["name", "open", "frac", "function"].includes(this.here.kind)) {
        if (divided) throw new Unreadable("a/bc can be read in two ways; write (a/b)c or a/(bc)", divided.start);
        expression = multiply(expression, this.power());
      } else return expression;
    }
  }

  /** @returns {Expression} */
  signed() {
    let signs = 0;
    while (this.is("+", "-")) signs += Number(this.take().text === "-");
    const operand = this.power();
    return signs % 2 ? negative(operand) : operand;
  }

  /** @returns {Expression} */
  power() {
    const base = this.atom();
    if (!this.is("^")) return base;
    const at = this.take();
    const closing = this.here.kind === "open" && "({".includes(this.here.text) ? CLOSES[this.take().text] : "";
    const exponent = this.take();
    if (exponent.kind !== "number" || !/^\d+$/.test(exponent.text)) {
      throw new Unreadable("an exponent must be a whole number", exponent.start);
    }
    if (closing) this.close(closing, at);
    if (Number(exponent.text) > HIGHEST_POWER) {
      throw new Unreadable(`exponents beyond ${HIGHEST_POWER} are not read`, exponent.start);
    }
    if (this.is("^")) throw new Unreadable("a power of a power is not read", this.here.start);
    return node("power", base, number(Number(exponent.text)));
  }

  /** @returns {Expression} */
  atom() {
    const token = this.here;
    switch (token.kind) {
      case "number":
        this.take();
        return decimal(token.text);
      case "name":
        this.take();
        this.skipIndex();
        return this.resolve(token);
      case "open":
        return this.bracketed();
      case "frac":
        this.take();
        return node("quotient", this.fractionPart(), this.fractionPart());
      case "function":
        return this.call();
      default:
        return this.expected('a number, a name or "("');
    }
  }

  /** `padding[0]` is the padding. */
  skipIndex() {
    const [open, index, close] = this.tokens.slice(this.index, this.index + 3);
    if (open?.text === "[" && close?.text === "]" && /^\d+$/.test(index.text)) this.index += 3;
  }

  /** @returns {Expression} */
  bracketed() {
    const opening = this.take();
    const inside = this.sum();
    this.close(CLOSES[opening.text], opening);
    return ROUNDS[opening.text] ? node(ROUNDS[opening.text], inside) : inside;
  }

  /** @param {string} closing @param {Token} opening */
  close(closing, opening) {
    if (this.here.kind === "close" && this.here.text === closing) this.take();
    else if (this.here.kind === "end") throw new Unreadable(`this bracket is never closed by '${closing}'`, opening.start);
    else this.expected(`'${closing}' or an operator`);
  }

  /** A group in braces, or one character as in \frac12. @returns {Expression} */
  fractionPart() {
    if (this.here.kind === "open" && this.here.text === "{") return this.bracketed();
    const { kind, text, start, end } = this.here;
    if ((kind === "number" || kind === "name") && /^[\p{L}\p{N}]{2,}$/u.test(text)) {
      const one = { kind, text: text[0], start, end: start + 1 };
      const rest = { kind, text: text.slice(1), start: start + 1, end };
      this.tokens.splice(this.index, 1, one, rest);
    }
    return this.atom();
  }

  /** @returns {Expression} */
  call() {
    const name = this.take();
    if (this.here.kind !== "open" || !"([{".includes(this.here.text)) this.expected(`"(" after ${name.text}`);
    const opening = this.take();
    const operands = [this.sum()];
    while (this.isComma()) {
      this.take();
      operands.push(this.sum());
    }
    this.close(CLOSES[opening.text], opening);
    const several = name.text === "min" || name.text === "max";
    if (several ? operands.length < 2 : operands.length > 1) {
      const wanted = several ? "two arguments or more" : "one argument";
      throw new Unreadable(`${name.text} takes ${wanted}, not ${operands.length}`, name.start);
    }
    return node(name.text, ...operands);
  }
}

/** @param {string} operator @param {Expression} left @param {Expression} right */
function combined(operator, left, right) {
  if (operator === "*") return multiply(left, right);
  const quotient = node("quotient", left, right);
  if (operator === "/") return quotient;
  if (operator === "//") return node("floor", quotient);
  // Python's remainder, which has the sign of the divisor.
  return add(left, negative(multiply(right, node("floor", quotient))));
}

/** An exact number: 0.5 is the fraction 1/2. @param {string} text @returns {Expression} */
function decimal(text) {
  const [whole, digits = ""] = text.split(".");
  const kept = digits.replace(/0+$/, "");
  if (!kept) return number(Number(whole || 0));
  let [above, below] = [Number((whole || "0") + kept), 10 ** kept.length];
  for (const prime of [2, 5]) {
    while (above % prime === 0 && below % prime === 0) [above, below] = [above / prime, below / prime];
  }
  return node("quotient", number(above), number(below));
}
