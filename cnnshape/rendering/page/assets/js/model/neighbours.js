/** What feeds a row and what it feeds, along the edges of the diagram. */

/** @typedef {import("page/model/graph.js").Graph} Graph */
/** @typedef {import("page/model/tree.js").Tree} Tree */
/** @typedef {{row: number, name: string}} Neighbour */

export class Neighbours {
  /** @param {Graph} graph @param {Tree} tree */
  constructor(graph, tree) {
    this.graph = graph;
    this.tree = tree;
  }

  /** @param {number} row */
  feeding(row) {
    return this.near(row, -1);
  }

  /** @param {number} row */
  fed(row) {
    return this.near(row, 1);
  }

  /** @param {number} row @param {1 | -1} way @returns {Neighbour[]} */
  near(row, way) {
    const { graph } = this;
    const at = graph.drawn(row);
    const own = graph.boxOf.get(at);
    if (own !== undefined && !this.tree.children[at].length) {
      // Inside a box the data goes from one row to the next.
      const rows = graph.rows[own].filter((one) => !this.tree.children[one].length);
      const next = rows[rows.indexOf(at) + way];
      if (rows.includes(at) && next !== undefined) return [this.told(next + row - at)];
    }
    const inside = new Set(graph.data.boxes.map((_, box) => box).filter((box) => box === own || graph.around[box].includes(at)));
    /** @type {Map<number, Neighbour>} */
    const found = new Map();
    for (const [tail, head] of graph.data.edges) {
      const [from, to] = way > 0 ? [tail, head] : [head, tail];
      if (inside.has(from) && !inside.has(to)) found.set(to, this.box(to, way, row - at));
    }
    return [...found.values()];
  }

  /** @param {number} box @param {1 | -1} way @param {number} shift @returns {Neighbour} */
  box(box, way, shift) {
    const rows = this.graph.rows[box].filter((one) => !this.tree.children[one].length);
    const row = way > 0 ? rows[0] : rows.at(-1);
    const { title, sign, lines, home } = this.graph.data.boxes[box];
    // A neighbour in the same block is that of the block that was chosen.
    const same = row !== undefined && shift && this.graph.drawn(row + shift) === row ? row + shift : row;
    if (same !== undefined) return this.told(same);
    const around = this.tree.ofCall.get(home) ?? 0;
    const twin = shift && this.tree.rows[around + shift] && this.graph.drawn(around + shift) === around ? around + shift : around;
    const where = this.tree.rows[twin].path;
    return { row: -1, name: `${title || sign || lines?.[0] || "a function"}${where && sign ? ` in ${where}` : ""}` };
  }

  /** @param {number} row @returns {Neighbour} */
  told(row) {
    return { row, name: this.tree.name(row) };
  }
}
