/** What the reader has chosen, opened, searched and set; whoever shows it listens. */

/** @typedef {import("page/expression.js").Letters} Letters */
/** @typedef {"params" | "macs" | "activations" | ""} Order */
/** @typedef {"chosen" | "hovered" | "open" | "search" | "order" | "letters"} Part */

export class Store {
  /** @param {Iterable<number>} open @param {Letters} letters */
  constructor(open, letters) {
    /** @type {number} the row that is chosen; -1 for none */
    this.chosen = -1;
    /** @type {number} */
    this.hovered = -1;
    /** @type {Set<number>} rows whose inside is shown */
    this.open = new Set(open);
    /** @type {Set<number>} first rows of runs of which each block is shown */
    this.each = new Set();
    this.search = "";
    /** @type {Order} */
    this.order = "";
    this.letters = letters;
    /** @type {((part: Part) => void)[]} */
    this.listeners = [];
  }

  /** @param {(part: Part) => void} listener */
  listen(listener) {
    this.listeners.push(listener);
  }

  /** @param {Part} part */
  tell(part) {
    for (const listener of this.listeners) listener(part);
  }

  /** @param {number} row */
  choose(row) {
    if (row !== this.chosen) {
      this.chosen = row;
      this.tell("chosen");
    }
  }

  /** @param {number} row */
  hover(row) {
    if (row !== this.hovered) {
      this.hovered = row;
      this.tell("hovered");
    }
  }

  /** @param {number} row @param {boolean} [wanted] */
  fold(row, wanted = !this.open.has(row)) {
    if (wanted === this.open.has(row)) return;
    if (wanted) this.open.add(row);
    else this.open.delete(row);
    this.tell("open");
  }

  /** @param {Iterable<number>} rows */
  openAll(rows) {
    const before = this.open.size;
    for (const row of rows) this.open.add(row);
    if (this.open.size !== before) this.tell("open");
  }

  /** Show each block of a run. @param {number} first */
  unroll(first) {
    this.each.add(first);
    this.tell("open");
  }

  /** @param {string} text */
  look(text) {
    this.search = text;
    this.tell("search");
  }

  /** @param {Order} order */
  sort(order) {
    this.order = order;
    this.tell("order");
  }

  /** @param {Letters} letters */
  set(letters) {
    this.letters = letters;
    this.tell("letters");
  }
}
