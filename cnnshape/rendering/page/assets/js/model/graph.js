/** The diagram's boxes, with what is closed put together. */

/** @typedef {import("page/model/tree.js").Tree} Tree */
/**
 * @typedef {object} Box
 * @property {string} [title]
 * @property {string} [aside]
 * @property {string[]} [lines]
 * @property {[string, string][]} [strips]
 * @property {string} kind
 * @property {string} [sign]
 * @property {boolean} [failed]
 * @property {string} role
 * @property {number} home
 * @property {number[]} [of]
 *
 * @typedef {{title: string, what: string, of: number[], times: number, items: Item[]}} Frame
 * @typedef {number | Frame} Item
 *
 * @typedef {object} GraphData
 * @property {Box[]} boxes
 * @property {[number, number, number[]][]} edges
 * @property {Item[]} frames
 * @property {Record<string, [string, string, string[]]>} closed
 * @property {number[][]} runs
 * @property {string[]} shapes
 * @property {number[]} open
 *
 * @typedef {object} Node one thing that is drawn
 * @property {string} id
 * @property {number} order
 * @property {Box} box
 * @property {number} row the row that it is chosen with; -1 for none
 * @property {boolean} closed it stands for a container
 *
 * @typedef {{id: string, row: number, title: string, what: string, times: number, items: (Node | Group)[]}} Group an open frame
 * @typedef {{id: string, tail: Node, head: Node, shapes: number[], label: string, door?: string}} Edge
 * @typedef {{nodes: Node[], items: (Node | Group)[], edges: Edge[]}} Scene
 */

export class Graph {
  /** @param {GraphData} data @param {Tree} tree */
  constructor(data, tree) {
    this.data = data;
    this.tree = tree;
    /** The rows of each box, the first of which names it. */
    this.rows = data.boxes.map((box) => this.rowsOf(box.of ?? []));
    /** The containers around each box, outermost first, without the model itself. */
    this.around = data.boxes.map((box) => {
      const home = tree.ofCall.get(box.home) ?? 0;
      return [home, ...tree.above(home)].filter((row) => row > 0).reverse();
    });
    /** @type {Map<number, number>} */
    this.boxOf = new Map(this.rows.flatMap((rows, box) => rows.map((row) => /** @type {[number, number]} */ ([row, box])).reverse()));
    /** Runs of equal blocks, of which the first alone is drawn: the rows at which they begin. */
    this.runs = data.runs.map((run) => this.rowsOf(run)).filter((run, place) => run.length === data.runs[place].length && run.length > 1);
    /** Those whose blocks are one row each, with what is inside: a table needs only the first of them. */
    this.rowRuns = this.runs.filter(([first, second, ...others]) => {
      const parent = tree.rows[first].parent;
      const alike = [second, ...others].every((row) => tree.rows[row].parent === parent);
      return alike && tree.children[first].length > 0 && second === tree.end(first);
    });
  }

  /** @param {number[]} of */
  rowsOf(of) {
    const { ofCall, ofOperation } = this.tree;
    return of.map((ref) => (ref >= 0 ? ofCall.get(ref) : ofOperation.get(-1 - ref)) ?? -1).filter((row) => row >= 0);
  }

  /** The rows that are open to begin with. */
  opened() {
    const rows = this.rowsOf(this.data.open);
    return new Set(rows.flatMap((row) => [row, ...this.tree.above(row)]));
  }

  /** The run whose further blocks begin at a row; undefined for any other row. @param {number} row */
  runWith(row) {
    return this.rowRuns.find((run) => run.indexOf(row) > 0);
  }

  /** The row that is drawn in the place of one that a run has folded away. @param {number} row */
  drawn(row) {
    let at = row;
    for (const run of this.runs) {
      const length = run[1] - run[0];
      const begun = run.findLast((start) => start <= at);
      if (begun !== undefined && begun > run[0] && at - begun < length) at = run[0] + at - begun;
    }
    return at;
  }

  /** The outermost closed container around a box; -1 if all are open. @param {number} box @param {Set<number>} open */
  closedAround(box, open) {
    return this.around[box].find((row) => !open.has(row)) ?? -1;
  }

  /** What is drawn while `open` are opened. @param {Set<number>} open @returns {Scene} */
  scene(open) {
    const closed = this.data.boxes.map((_, box) => this.closedAround(box, open));
    const members = new Map();
    for (const row of closed) if (row >= 0) members.set(row, (members.get(row) ?? 0) + 1);
    /** @type {Map<number, Node>} */
    const groups = new Map();
    const nodes = this.data.boxes.map((box, place) => {
      const row = closed[place];
      if (row < 0 || members.get(row) === 1) return this.single(box, place);
      const known = groups.get(row);
      if (known) {
        known.box.failed ||= box.failed;
        return known;
      }
      const made = this.container(row, place, box);
      groups.set(row, made);
      return made;
    });
    const drawn = [...new Set(nodes)];
    return { nodes: drawn, items: this.items(this.data.frames, nodes, ""), edges: this.edges(nodes) };
  }

  /** @param {Box} box @param {number} place @returns {Node} */
  single(box, place) {
    const rows = this.rows[place];
    const io = box.role === "input" || box.role === "output";
    const row = rows[0] ?? (io ? -1 : this.around[place].at(-1) ?? -1);
    return { id: `b${place}`, order: place, box, row, closed: false };
  }

  /** @param {number} row @param {number} order @param {Box} first @returns {Node} */
  container(row, order, first) {
    const one = this.tree.rows[row];
    const [title, aside, lines] = this.data.closed[String(one.call)] ?? [one.label, "", [one.type]];
    /** @type {Box} */
    const box = { title, aside, lines, kind: "container", role: "module", home: first.home, failed: first.failed };
    return { id: `c${row}`, order, box, row, closed: true };
  }

  /** @param {Item[]} items @param {Node[]} nodes @param {string} place @returns {(Node | Group)[]} */
  items(items, nodes, place) {
    /** @type {(Node | Group)[]} */
    const found = [];
    items.forEach((item, number) => {
      const drawn = [...new Set(boxesOf(item).map((box) => nodes[box]))];
      if (typeof item === "number" || (drawn.length === 1 && drawn[0].closed)) {
        if (!found.includes(drawn[0])) found.push(drawn[0]);
      } else {
        const id = `${place}f${number}`;
        const row = this.rowsOf(item.of)[0] ?? -1;
        found.push({ id, row, title: item.title, what: item.what, times: item.times, items: this.items(item.items, nodes, id) });
      }
    });
    return found;
  }

  /** @param {Node[]} nodes @returns {Edge[]} */
  edges(nodes) {
    /** @type {Map<string, Edge>} */
    const found = new Map();
    for (const [from, to, shapes] of this.data.edges) {
      const [tail, head] = [nodes[from], nodes[to]];
      const back = to <= from;
      if (tail === head && !(back && !tail.closed)) continue;
      const id = `${tail.id}-${head.id}`;
      const edge = found.get(id) ?? { id, tail, head, shapes: [], label: "" };
      edge.shapes = [...new Set([...edge.shapes, ...shapes])];
      found.set(id, edge);
    }
    const edges = [...found.values()].sort((a, b) => a.tail.order - b.tail.order || a.head.order - b.head.order);
    this.label(edges);
    return edges;
  }

  /** Write a shape where it is another than what flowed in before, and once. @param {Edge[]} edges */
  label(edges) {
    /** @type {Map<Node, Set<number>>} */
    const entered = new Map();
    for (const { head, shapes } of edges) {
      const known = entered.get(head) ?? new Set();
      for (const shape of shapes) known.add(shape);
      entered.set(head, known);
    }
    const said = new Set();
    for (const edge of edges) {
      if (edge.tail.box.role === "input" || edge.head.box.role === "output") continue;
      const fresh = edge.shapes.filter((shape) => !entered.get(edge.tail)?.has(shape)).map((shape) => this.data.shapes[shape]);
      const label = fresh.slice(0, 2).join(", ") + (fresh.length > 2 ? ", …" : "");
      const key = `${edge.tail.id} ${label}`;
      edge.label = said.has(key) ? "" : label;
      said.add(key);
    }
  }

  /**
   * What is drawn of a row: its own box, or the boxes of everything inside it.
   * @param {Scene} scene @param {number} row @returns {Node[]}
   */
  nodesOf(scene, row) {
    if (row < 0) return [];
    const at = this.drawn(row);
    const own = this.boxOf.get(at);
    const boxes = own === undefined ? this.data.boxes.map((_, box) => box).filter((box) => this.around[box].includes(at)) : [own];
    /** @type {Set<string>} */
    const ids = new Set();
    for (const box of boxes) {
      ids.add(`b${box}`);
      for (const outer of this.around[box]) ids.add(`c${outer}`);
    }
    return scene.nodes.filter((node) => ids.has(node.id));
  }

  /** The boxes inside a container. @param {number} row @returns {number} */
  inside(row) {
    return this.around.filter((around) => around.includes(row)).length;
  }
}

/** @param {Item} item @returns {number[]} */
function boxesOf(item) {
  return typeof item === "number" ? [item] : item.items.flatMap(boxesOf);
}

/** @param {Node | Group} item @returns {item is Group} */
export const isGroup = (item) => "items" in item;

/** @param {Node | Group} item @returns {Node[]} */
export const nodesIn = (item) => (isGroup(item) ? item.items.flatMap(nodesIn) : [item]);

/**
 * The boxes of a longest way from an input to an output; of equal ones the middle, so that branches
 * spread evenly. As `main_path` of the static picture has it.
 * @param {Scene} scene @returns {Node[]}
 */
export function mainPath({ nodes, edges }) {
  /** @type {Map<Node, Node[]>} */
  const before = new Map();
  for (const { tail, head } of edges) {
    if (tail.order < head.order) before.set(head, [...(before.get(head) ?? []), tail]);
  }
  /** @type {Map<Node, number>} */
  const length = new Map();
  /** @type {Map<Node, Node>} */
  const best = new Map();
  for (const node of [...nodes].sort((a, b) => a.order - b.order)) {
    const tails = (before.get(node) ?? []).filter((tail) => length.has(tail));
    const longest = Math.max(0, ...tails.map((tail) => length.get(tail) ?? 0));
    const equal = tails.filter((tail) => length.get(tail) === longest);
    if (equal.length) best.set(node, equal[Math.floor((equal.length - 1) / 2)]);
    length.set(node, longest + (node.box.sign ? 1 : 2));
  }
  const outputs = nodes.filter((node) => node.box.role === "output");
  const ends = outputs.length ? outputs : nodes;
  const path = [];
  let at = ends.reduce((one, other) => ((length.get(other) ?? 0) > (length.get(one) ?? 0) ? other : one), ends[0]);
  for (; at; at = /** @type {Node} */ (best.get(at))) path.push(at);
  return path.reverse();
}
