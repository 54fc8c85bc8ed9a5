/** A formula's text as tokens, whatever it was written in; the tables are Python's. */

/** @typedef {{kind: string, text: string, start: number, end: number}} Token */
/**
 * @typedef {{
 *   longest: number, digits: number, equations: number,
 *   same: Record<string, string>, subscripts: Record<string, string>, superscripts: Record<string, string>,
 *   operators: string, brackets: Record<string, string>, functions: Record<string, string>,
 *   latex: {looks: string[], words: string[], places: string[], symbols: Record<string, string>, fractions: string[]},
 *   names: Record<string, string[]>, features: string[], others: string[],
 *   marks: {axes_with_in: string[], input: string[], output: string[], axis: string[]},
 *   defaults: Record<string, number>,
 * }} Grammar
 */

/** A formula that cannot be read, and the character where. */
export class Unreadable extends Error {
  /** @param {string} problem @param {number} position */
  constructor(problem, position) {
    super(problem);
    this.position = position;
  }
}

/** @param {string} character */
const isLetter = (character) => /^\p{L}$/u.test(character) && !"ªº".includes(character);
/** @param {string} character */
const isLetterOrDigit = (character) => /^[\p{L}\p{N}]$/u.test(character);
/** @param {string} character */
const isDigit = (character) => /^\p{Nd}$/u.test(character);

/** The tokens of a formula, an `end` last. @param {string} text @param {Grammar} grammar @returns {Token[]} */
export function tokens(text, grammar) {
  if ([...text].length > grammar.longest) {
    throw new Unreadable(`a formula of ${[...text].length} characters is too long; at most ${grammar.longest} are read`, 0);
  }
  return new Lexer(text, grammar).run();
}

class Lexer {
  /** @param {string} text @param {Grammar} grammar */
  constructor(text, grammar) {
    this.grammar = grammar;
    this.text = [...text];
    this.plain = this.text.map((character) => grammar.same[character] ?? character);
    this.position = 0;
    /** @type {Token[]} */
    this.found = [];
    this.closing = new Set(Object.values(grammar.brackets));
  }

  run() {
    while (this.position < this.plain.length) this.next();
    this.add("end", "", this.position);
    return this.found;
  }

  /** @param {string} kind @param {string} text @param {number} start */
  add(kind, text, start) {
    this.found.push({ kind, text, start, end: Math.max(this.position, start) });
  }

  /** @param {number} ahead */
  peek(ahead) {
    return this.plain[this.position + ahead] ?? "";
  }

  /** @param {number} from @param {number} [to] */
  slice(from, to) {
    return this.plain.slice(from, to).join("");
  }

  next() {
    const start = this.position;
    const character = this.plain[start];
    if (character === "\\") this.command();
    else if (isDigit(character) || (character === "." && isDigit(this.peek(1)))) this.number();
    else if (isLetter(character)) this.name();
    else if (character in this.grammar.superscripts) this.superscript();
    else if (/^\s$/.test(character) || "$&~'".includes(character)) {
      this.position += 1;
      if (character === "\n") this.add("comma", "\n", start);
    } else this.punctuation(character, start);
  }

  /** @param {string} character @param {number} start */
  punctuation(character, start) {
    this.position += 1;
    const following = this.peek(0);
    if (character === "≔" || (character === ":" && following === "=")) {
      if (character === ":") this.position += 1;
      this.add("equals", "=", start);
    } else if (character === "=") {
      if (following === "=") this.position += 1;
      this.add("equals", "=", start);
    } else if (this.grammar.operators.includes(character)) {
      const pair = character + following;
      if (pair === "//" || pair === "**") this.position += 1;
      this.add("operator", pair === "//" ? "//" : pair === "**" ? "^" : character, start);
    } else if (character in this.grammar.brackets) this.add("open", character, start);
    else if (this.closing.has(character)) this.add("close", character, start);
    else if (",;".includes(character)) this.add("comma", character, start);
    else if (!(character === "." && /^[ .$\n]*$/.test(this.slice(this.position)))) {
      throw new Unreadable(`no formula has the character '${this.text[start]}'`, start);
    }
  }

  number() {
    const start = this.position;
    let point = false;
    while (isDigit(this.peek(0)) || (this.peek(0) === "." && !point && isDigit(this.peek(1)))) {
      point = point || this.peek(0) === ".";
      this.position += 1;
    }
    const digits = this.slice(start, this.position);
    if (digits.length > this.grammar.digits) {
      throw new Unreadable(`a number of ${digits.length} digits is no size`, start);
    }
    this.add("number", digits.normalize("NFKC"), start);
  }

  superscript() {
    const start = this.position;
    while (this.peek(0) in this.grammar.superscripts) this.position += 1;
    const digits = this.plain.slice(start, this.position).map((each) => this.grammar.superscripts[each]);
    this.add("operator", "^", start);
    this.add("number", digits.join(""), start);
  }

  name() {
    const start = this.position;
    while (isLetterOrDigit(this.peek(0)) || (this.peek(0) === "_" && !["{", "\\"].includes(this.peek(1)))) {
      if (this.peek(0) in this.grammar.superscripts) break;
      this.position += 1;
      // math.floor, torch.floor
      if (this.peek(0) === "." && isLetter(this.peek(1))) this.position += 1;
    }
    this.finishName(this.slice(start, this.position).split(".").at(-1) ?? "", start);
  }

  /** What hangs on a name: subscripts, primes, and superscripts such as ^{[l-1]}. @param {string} word @param {number} start */
  finishName(word, start) {
    let name = this.lowered(word);
    for (;;) {
      const following = this.peek(0);
      if (following === "_") {
        this.position += 1;
        name += `_${this.script()}`;
      } else if (following === "'") {
        this.position += 1;
        name += "'";
      } else if (following === "^" && this.isDecoration()) {
        this.position += 1;
        name += this.script().includes("prime") ? "'" : "";
      } else break;
    }
    const { functions } = this.grammar;
    if (name === "mod" && this.afterOperand()) this.add("operator", "%", start);
    else if (Object.hasOwn(functions, name.toLowerCase())) this.add("function", functions[name.toLowerCase()], start);
    else if ((name === "x" || name === "X") && this.afterOperand()) this.add("operator", "*", start);
    else this.add("name", name, start);
  }

  /** Whether an `x` here multiplies. */
  afterOperand() {
    return ["number", "name", "close"].includes(this.found.at(-1)?.kind ?? "");
  }

  /** Whether the superscript here marks a layer, as in n^{[l-1]}, rather than a power. */
  isDecoration() {
    const rest = this.slice(this.position + 1).replace(/^[{ ]+/, "");
    if (rest.startsWith("(")) return !/^\d+$/.test(rest.slice(1).split(")")[0].trim());
    return ["[", "'", "\\prime", "\\text"].some((mark) => rest.startsWith(mark));
  }

  /** What stands behind _ or ^: a group in braces, a command, or one word. @returns {string} */
  script() {
    const start = this.position;
    const here = this.peek(0);
    if (here === "{") return this.braces();
    if (here === "\\") {
      this.position += 1;
      this.letters();
      return this.peek(0) === "{" ? this.script() : this.slice(start + 1, this.position);
    }
    if (here === "[" || here === "(") {
      const end = this.plain.indexOf(this.grammar.brackets[here], start);
      if (end >= 0) {
        this.position = end + 1;
        return this.slice(start + 1, end);
      }
    }
    while (isLetterOrDigit(this.peek(0))) this.position += 1;
    if (this.position === start) throw new Unreadable("a subscript is missing here", start);
    return this.slice(start, this.position);
  }

  braces() {
    const start = this.position;
    let depth = 0;
    while (this.position < this.plain.length) {
      depth += Number(this.peek(0) === "{") - Number(this.peek(0) === "}");
      this.position += 1;
      if (!depth) return this.word(this.slice(start + 1, this.position - 1));
    }
    throw new Unreadable("this brace is never closed", start);
  }

  letters() {
    while (isLetter(this.peek(0))) this.position += 1;
  }

  command() {
    const start = this.position;
    this.position += 1;
    this.letters();
    const command = this.slice(start + 1, this.position);
    const { latex, functions } = this.grammar;
    if (!command) this.oneCharacter(start);
    else if (latex.fractions.includes(command)) this.add("frac", command, start);
    else if (Object.hasOwn(latex.symbols, command)) this.symbol(latex.symbols[command], start);
    else if (Object.hasOwn(functions, command)) this.add("function", functions[command], start);
    else if (latex.words.includes(command) || latex.places.includes(command)) {
      while (this.peek(0) === " ") this.position += 1;
      const word = this.peek(0) === "{" ? this.braces() : "";
      if (word && latex.words.includes(command)) this.finishName(word, start);
    } else if (!latex.looks.includes(command)) {
      throw new Unreadable(`the LaTeX command \\${command} is not understood`, start);
    }
  }

  /** @param {string} character @param {number} start */
  symbol(character, start) {
    if (character in this.grammar.brackets) this.add("open", character, start);
    else if (this.closing.has(character)) this.add("close", character, start);
    else if (this.grammar.operators.includes(character)) this.add("operator", character, start);
  }

  /** @param {number} start */
  oneCharacter(start) {
    const character = this.peek(0);
    this.position += 1;
    if (character === "\\") this.add("comma", "\\\\", start);
    else if (character === "{" || character === "}") this.symbol(character, start);
    else if (character === "_") this.add("name", "_", start);
    else if (!",;:!> []()|%".includes(character)) {
      throw new Unreadable(`the LaTeX command \\${character} is not understood`, start);
    }
  }

  /** Unicode subscripts as an ordinary one: Hᵢₙ is H_in. @param {string} name */
  lowered(name) {
    const letters = [...name];
    const first = letters.findIndex((letter) => letter in this.grammar.subscripts);
    if (first < 0) return name;
    const low = letters.map((letter) => this.grammar.subscripts[letter] ?? letter);
    return `${low.slice(0, first).join("")}_${low.slice(first).join("")}`;
  }

  /** The content of braces as a name: `\text{kernel\_size}` is kernel_size. @param {string} text */
  word(text) {
    let word = text;
    for (const command of [...this.grammar.latex.words, "rm", "it"]) word = word.replaceAll(`\\${command}`, "");
    word = word.replaceAll("\\_", "_").replaceAll("\\", "").replace(/^[ {}$]+|[ {}$]+$/g, "");
    return word.replace(/[{}]/g, " ").split(/\s+/).filter(Boolean).join("_");
  }
}
