/** A text of one or several equations, read for one kind of layer. */

import { multiply, symbol } from "page/formula/expression.js";
import { isOutput, isSomethingElse, quantityOf, roleOf, understood } from "page/formula/names.js";
import { parse } from "page/formula/parser.js";
import { Unreadable, tokens } from "page/formula/tokens.js";

/** @import { Expression } from "page/formula/expression.js" */
/** @import { Grammar, Token } from "page/formula/tokens.js" */

/**
 * `label` is the name that the formula has, or empty; `written` the name of each argument in it.
 * @typedef {{label: string, expression: Expression, written: Record<string, string>, quantity: string}} Equation
 */

/**
 * Every formula in a text; those of something else than the output have their quantity alone.
 * @param {string} text @param {string} kind @param {string[]} roles @param {Grammar} grammar @returns {Equation[]}
 */
export function read(text, kind, roles, grammar) {
  const parts = split(withoutWrapper(tokens(text, grammar))).filter((part) => part.length);
  if (!parts.length) throw new Unreadable("the formula is empty; try one such as (W - F + 2P)/S + 1", 0);
  if (parts.length > grammar.equations) {
    throw new Unreadable(`${parts.length} equations are too many; at most ${grammar.equations} are read at once`, 0);
  }
  return parts.map((part) => equation(text, part, kind, roles, grammar));
}

/** Without brackets around equations: (N = …, M = …). @param {Token[]} found @returns {Token[]} */
function withoutWrapper(found) {
  const end = found[found.length - 1];
  let body = found.filter((token) => token.kind !== "end");
  for (;;) {
    while (body.at(-1)?.kind === "comma") body = body.slice(0, -1);
    while (body[0]?.kind === "comma") body = body.slice(1);
    const wrapped = body.length > 1 && ["(", "[", "{"].includes(body[0].text) && encloses(body);
    if (!wrapped || !body.some((token) => token.kind === "equals")) return [...body, end];
    body = body.slice(1, -1);
  }
}

/** Whether the first bracket is closed by the last token. @param {Token[]} body */
function encloses(body) {
  let depth = 0;
  for (const [index, token] of body.entries()) {
    depth += Number(token.kind === "open") - Number(token.kind === "close");
    if (depth === 0) return index === body.length - 1;
  }
  return false;
}

/** The parts between commas that stand in no bracket. @param {Token[]} found */
function split(found) {
  /** @type {Token[][]} */
  const parts = [[]];
  let depth = 0;
  for (const token of found) {
    const last = parts[parts.length - 1];
    depth += Number(token.kind === "open") - Number(token.kind === "close");
    if (token.kind === "comma" && depth <= 0) {
      if (token.text !== "\n" || isComplete(last)) parts.push([]);
    } else if (token.kind !== "end" && !(token.kind === "comma" && token.text !== ",")) last.push(token);
  }
  return parts;
}

/** Whether a formula may end here; a line that breaks after an operator goes on. @param {Token[]} part */
const isComplete = (part) => part.length > 0 && !["operator", "equals", "frac"].includes(part[part.length - 1].kind);

/**
 * @param {string} text @param {Token[]} part @param {string} kind @param {string[]} roles @param {Grammar} grammar
 * @returns {Equation}
 */
function equation(text, part, kind, roles, grammar) {
  const [label, formula] = sides(part);
  const name = label.map((token) => token.text).join("_");
  const shown = label.map((token) => token.text).join("");
  let quantity = name === "" ? "output" : quantityOf(name, roles, grammar);
  if (name && quantity === "output" && isSomethingElse(name, roles, grammar)) {
    throw new Unreadable(`${name} is not judged for ${kind}`, label[0].start);
  }
  /** @type {Record<string, string>} */
  const written = {};
  const resolve = names(kind, roles, grammar, written);
  const end = formula[formula.length - 1].end;
  const last = { kind: "end", text: "", start: end, end };
  // A rule for an argument is for the command line; what its letters mean is not looked at here.
  if (quantity !== "output" && quantity !== "input") return { label: shown, expression: symbol("?"), written, quantity };
  const expression = parse(text, [...formula, last], resolve);
  // W = (W − F)/S + 1 names the size after the layer like the one before it.
  if (quantity === "input") quantity = "output";
  return { label: shown, expression, written, quantity };
}

/** The name that is computed, empty where none is given, and the formula. @param {Token[]} part @returns {[Token[], Token[]]} */
function sides(part) {
  /** @type {Token[][]} */
  const found = [[]];
  /** @type {Token[]} */
  const equals = [];
  for (const token of part) {
    if (token.kind === "equals") {
      equals.push(token);
      found.push([]);
    } else found[found.length - 1].push(token);
  }
  if (found.length > 2) throw new Unreadable("a second = stands here; separate equations by commas", equals[1].start);
  if (found.length === 1) return [[], found[0]];
  const [label, formula] = isLabel(found[0]) ? found : [found[1], found[0]];
  if (!isLabel(label)) {
    throw new Unreadable("one side of = must be a name alone, as in N = … or padding = …", equals[0].start);
  }
  if (!formula.length) throw new Unreadable("the formula is missing on one side of =", equals[0].start);
  return [label, formula];
}

/** A name such as N, H_out, "output size", or nothing at all. @param {Token[]} side */
const isLabel = (side) => side.length <= 4 && side.every((token) => token.kind === "name");

/**
 * What turns a name into the symbol of its argument, and notes how it is written.
 * @param {string} kind @param {string[]} roles @param {Grammar} grammar @param {Record<string, string>} written
 * @returns {(token: Token) => Expression}
 */
function names(kind, roles, grammar, written) {
  return (token) => {
    const letters = [...token.text];
    const known = letters.length === 2 && letters.every((letter) => roleOf(letter, roles, grammar) !== null);
    const parts = roleOf(token.text, roles, grammar) !== null ? [token.text] : known ? letters : [];
    if (!parts.length && isOutput(token.text, grammar)) {
      throw new Unreadable(`${token.text} is the output; a formula computes it from the input`, token.start);
    }
    if (!parts.length) {
      throw new Unreadable(
        `'${token.text}' is not understood in a formula of ${kind}; understood are ${understood(roles)}`,
        token.start,
      );
    }
    return parts
      .map((part) => {
        const role = /** @type {string} */ (roleOf(part, roles, grammar));
        written[role] ??= part;
        if (written[role] !== part) {
          throw new Unreadable(`${written[role]} and ${part} both name the ${role}; use one of them`, token.start);
        }
        return symbol(role);
      })
      .reduce((left, right) => multiply(left, right));
  };
}
