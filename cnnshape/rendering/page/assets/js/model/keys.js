/** The keyboard: arrows move, Enter follows, Escape goes back, `/` searches. */

/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {import("page/model/store.js").Store} Store */
/** @typedef {import("page/model/table.js").Table} Table */
/** @typedef {import("page/model/diagram.js").Diagram} Diagram */
/** @typedef {import("page/model/neighbours.js").Neighbours} Neighbours */

const WAYS = /** @type {Record<string, "up" | "down" | "left" | "right">} */ ({
  ArrowUp: "up",
  ArrowDown: "down",
  ArrowLeft: "left",
  ArrowRight: "right",
});

export class Keys {
  /**
   * @param {{tree: Tree, store: Store, table: Table, diagram: Diagram, neighbours: Neighbours, search: HTMLInputElement}} parts
   */
  constructor({ tree, store, table, diagram, neighbours, search }) {
    Object.assign(this, { tree, store, table, diagram, neighbours, search });
    this.tree = tree;
    this.store = store;
    this.table = table;
    this.diagram = diagram;
    this.neighbours = neighbours;
    this.search = search;
    /** @type {number[]} what was chosen before, by Enter */
    this.path = [];
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (this.pressed(event)) event.preventDefault();
    });
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key meant something here */
  pressed(event) {
    const { target, key } = event;
    if (target === this.search) return this.searching(key);
    if (target instanceof HTMLInputElement) return false;
    if (key === "/") {
      this.search.focus();
      this.search.select();
      return true;
    }
    if (key === "Escape") return this.back();
    if (target instanceof HTMLElement && target.closest("button, a, summary")) return false;
    const way = WAYS[key];
    if (way) return this.inDiagram ? this.step(way) : this.move(way);
    if (key === "Enter") return this.follow();
    if (key === " ") return this.fold();
    if (key === "+") this.diagram.view.zoom(1.25);
    else if (key === "-") this.diagram.view.zoom(0.8);
    else if (key === "0") this.diagram.view.fit();
    else return false;
    return true;
  }

  get inDiagram() {
    return this.diagram.frame.contains(document.activeElement);
  }

  /** @param {string} key */
  searching(key) {
    if (key === "Escape") {
      this.search.value = "";
      this.store.look("");
      this.search.blur();
    } else if (key === "Enter" || key === "ArrowDown") {
      const [first] = this.table.shown();
      if (first !== undefined) {
        this.search.blur();
        this.store.choose(first);
        this.table.focus();
      }
    } else return false;
    return true;
  }

  /** @param {"up" | "down" | "left" | "right"} way */
  move(way) {
    const { store, tree, table } = this;
    const rows = table.shown();
    const at = rows.indexOf(store.chosen);
    const row = store.chosen;
    if (way === "up" || way === "down") {
      const next = at < 0 ? 0 : Math.min(Math.max(at + (way === "down" ? 1 : -1), 0), rows.length - 1);
      store.choose(rows[next]);
    } else if (row < 0) return false;
    else if (way === "right") {
      if (tree.children[row].length && !store.open.has(row)) this.diagram.unfold(row);
      else if (tree.children[row].length) store.choose(tree.children[row][0]);
    } else if (store.open.has(row) && tree.children[row].length) store.fold(row, false);
    else if (tree.rows[row].parent > 0) store.choose(tree.rows[row].parent);
    table.focus();
    return true;
  }

  /** @param {"up" | "down" | "left" | "right"} way */
  step(way) {
    const node = this.diagram.step(way);
    if (node) this.store.choose(node.row);
    return true;
  }

  fold() {
    const row = this.store.chosen;
    if (row < 0 || !this.tree.children[row].length) return false;
    if (this.store.open.has(row)) this.store.fold(row, false);
    else this.diagram.unfold(row);
    return true;
  }

  follow() {
    const row = this.store.chosen;
    const next = row < 0 ? undefined : this.neighbours.fed(row).find((one) => one.row >= 0);
    if (!next) return false;
    this.path.push(row);
    this.store.choose(next.row);
    return true;
  }

  back() {
    const before = this.path.pop();
    if (this.store.search) {
      this.search.value = "";
      this.store.look("");
    } else this.store.choose(before ?? -1);
    return true;
  }
}
