/**
 * Expressions of letters as reports have them: `2400*N*(H//2 - 4)`, `max(L, 512)`, `H//4 - 6 >= 1`.
 *
 * Integers, letters, `+ - * // %`, brackets, `max`, `min`, and one relation. `//` rounds down, as in
 * Python. Numbers beyond 2⁵³ lose digits, never their size.
 */

/** @typedef {Record<string, number>} Letters */
/** @typedef {(letters: Letters) => number} Evaluated */

const TOKEN = /\s*(\/\/|[<>=!]=|[-+*%(),<>]|\d+|[\p{L}_][\p{L}\p{N}_]*)/uy;

/** @param {string} text @returns {string[]} */
function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`cannot read ${JSON.stringify(text.slice(at))}`);
    found.push(match[1]);
  }
  return found;
}

/** The rest of a division that rounds down, as Python has it. @param {number} a @param {number} b */
const modulo = (a, b) => a - b * Math.floor(a / b);

/** @type {Record<string, (a: number, b: number) => number>} */
const OPERATORS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "//": (a, b) => Math.floor(a / b),
  "%": modulo,
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
  ">=": (a, b) => Number(a >= b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  "<": (a, b) => Number(a < b),
};
const LEVELS = [["==", "!=", ">=", "<=", ">", "<"], ["+", "-"], ["*", "//", "%"]];

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.tokens = tokens(text);
    this.at = 0;
  }

  /** @param {string} [wanted] */
  next(wanted) {
    const token = this.tokens[this.at++];
    if (token === undefined || (wanted && token !== wanted)) throw new SyntaxError(`expected ${wanted ?? "more"}`);
    return token;
  }

  /** @param {number} level @returns {Evaluated} */
  read(level = 0) {
    if (level === LEVELS.length) return this.signed();
    let left = this.read(level + 1);
    while (LEVELS[level].includes(this.tokens[this.at])) {
      const operator = OPERATORS[this.next()];
      const [first, second] = [left, this.read(level + 1)];
      left = (letters) => operator(first(letters), second(letters));
    }
    return left;
  }

  /** @returns {Evaluated} */
  signed() {
    if (this.tokens[this.at] !== "-") return this.single();
    this.next();
    const positive = this.signed();
    return (letters) => -positive(letters);
  }

  /** @returns {Evaluated} */
  single() {
    const token = this.next();
    if (token === "(") {
      const inside = this.read();
      this.next(")");
      return inside;
    }
    if (/^\d/.test(token)) return () => Number(token);
    if (this.tokens[this.at] === "(") return this.called(token);
    return (letters) => letters[token] ?? NaN;
  }

  /** @param {string} name @returns {Evaluated} */
  called(name) {
    const pick = name === "max" ? Math.max : name === "min" ? Math.min : null;
    if (!pick) throw new SyntaxError(`no function ${name}`);
    /** @type {Evaluated[]} */
    const parts = [];
    do {
      this.next();
      parts.push(this.read());
    } while (this.tokens[this.at] === ",");
    this.next(")");
    return (letters) => pick(...parts.map((part) => part(letters)));
  }
}

/** @type {Map<string, Evaluated>} */
const known = new Map();

/**
 * The function that an expression is.
 * @param {string} text @returns {Evaluated}
 * @throws {SyntaxError} it is none
 */
export function compile(text) {
  let found = known.get(text);
  if (!found) {
    const reader = new Reader(text);
    found = reader.read();
    if (reader.at < reader.tokens.length) throw new SyntaxError(`cannot read ${text}`);
    known.set(text, found);
  }
  return found;
}

/**
 * The number that a size or a count is; null where it is unknown.
 * @param {number | string | null | undefined} size @param {Letters} letters @returns {number | null}
 */
export function evaluate(size, letters) {
  if (typeof size === "number") return size;
  if (size === null || size === undefined || size === "?") return null;
  const value = compile(size)(letters);
  return Number.isNaN(value) ? null : value;
}

/** Where what stands before a `//` begins: a name, or all within brackets. @param {string} text @param {number} stop */
function operandStart(text, stop) {
  let at = stop - 1;
  if (text[at] !== ")") {
    while (at >= 0 && /[\p{L}\p{N}_]/u.test(text[at])) at -= 1;
    return at + 1;
  }
  for (let depth = 0; at >= 0; at -= 1) {
    depth += text[at] === ")" ? 1 : text[at] === "(" ? -1 : 0;
    if (depth === 0) return at;
  }
  return 0;
}

/** An expression with the signs of printed mathematics: `(H + 1)//2 - 1` is ⌊(H + 1)/2⌋ − 1. @param {string} text */
export function pretty(text) {
  let shown = text;
  for (let at = shown.indexOf("//"); at >= 0; at = shown.indexOf("//")) {
    const start = operandStart(shown, at);
    const divisor = /^\d+|^[\p{L}_][\p{L}\p{N}_]*/u.exec(shown.slice(at + 2))?.[0] ?? "";
    if (!divisor) return shown;
    shown = `${shown.slice(0, start)}⌊${shown.slice(start, at)}/${divisor}⌋${shown.slice(at + 2 + divisor.length)}`;
  }
  return shown
    .replaceAll("*", "·")
    .replaceAll("-", "−")
    .replaceAll(">=", "≥")
    .replaceAll("<=", "≤")
    .replaceAll("==", "=")
    .replaceAll("!=", "≠");
}

/**
 * A text of shapes with the numbers that its expressions are: `120×(H//4 − 6)` becomes `120×1`.
 * @param {string} text @param {Letters} letters
 */
export function substituted(text, letters) {
  if (!Object.keys(letters).length) return text;
  const named = new RegExp(Object.keys(letters).map((letter) => `(?<![\\p{L}\\p{N}_])${letter}(?![\\p{L}\\p{N}_])`).join("|"), "u");
  if (!named.test(text)) return text;
  // What can belong to an expression, as long as it is one; a × ends it.
  return text.replace(/(?:[\p{L}_][\p{L}\p{N}_]*|\d+|\/\/|[·−+%()]|, (?=[^×]*\))| (?=[·−+%/])|(?<=[·−+%/,]) )+/gu, (piece) => {
    if (!named.test(piece)) return piece;
    try {
      const value = compile(piece.trim().replaceAll("·", "*").replaceAll("−", "-"))(letters);
      return Number.isNaN(value) ? piece : String(value).replace("-", "−");
    } catch {
      return piece;
    }
  });
}
