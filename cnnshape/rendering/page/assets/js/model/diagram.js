/** The diagram: laid out in the page, folded, linked with the table, its ways highlighted. */

import { layOut } from "page/engine.js";
import { substituted } from "page/expression.js";
import { PanZoom } from "page/panzoom.js";
import { dotOf } from "page/model/dot.js";

/** @typedef {import("page/model/graph.js").Graph} Graph */
/** @typedef {import("page/model/graph.js").Node} Node */
/** @typedef {import("page/model/graph.js").Scene} Scene */
/** @typedef {import("page/model/store.js").Store} Store */
/** @typedef {import("page/model/tree.js").Tree} Tree */

/** Pictures that were laid out and may be wanted again. */
const KEPT = 40;
/** More boxes than this take Graphviz long; nobody reads them. */
const MOST = 700;

export class Diagram {
  /**
   * @param {HTMLElement} frame @param {Graph} graph @param {Tree} tree @param {Store} store
   * @param {import("page/model/dot.js").Colors} colors @param {(words: string) => void} tell
   */
  constructor(frame, graph, tree, store, colors, tell) {
    this.graph = graph;
    this.tree = tree;
    this.store = store;
    this.colors = colors;
    this.tell = tell;
    this.frame = frame;
    this.view = new PanZoom(frame, 44);
    if (this.view.picture) this.view.show(this.view.picture);
    this.view.fit();
    /** @type {Scene} */
    this.scene = { nodes: [], items: [], edges: [] };
    /** @type {Map<string, Element>} */
    this.parts = new Map();
    /** @type {Map<string, string>} */
    this.known = new Map();
    this.asked = 0;
    this.ready = false;
    this.listen();
    this.draw();
  }

  listen() {
    const { frame, store } = this;
    frame.addEventListener("click", (event) => {
      if (this.view.moved) return;
      const part = this.partAt(event.target);
      if (!part) store.choose(-1);
      else if ("items" in part && onTitle(event.target)) this.fold(part.row);
      else if ("items" in part) store.choose(part.row);
      else if (part.closed && store.chosen === part.row) this.unfold(part.row);
      else if (part.row >= 0) store.choose(part.row);
    });
    frame.addEventListener("dblclick", (event) => {
      const part = this.partAt(event.target);
      if (part && !("items" in part) && part.closed) this.unfold(part.row);
    });
    frame.addEventListener("pointerover", (event) => {
      const part = this.partAt(event.target);
      store.hover(part && !("items" in part) ? part.row : -1);
    });
    frame.addEventListener("pointerleave", () => store.hover(-1));
    store.listen((part) => {
      if (part === "open") this.draw();
      else if (part === "letters") this.reword();
      else if (part === "chosen") this.mark(true);
      else if (part === "hovered") this.markHovered();
    });
    let width = frame.clientWidth;
    new ResizeObserver(() => {
      if (frame.clientWidth !== width) this.view.fit();
      width = frame.clientWidth;
    }).observe(frame);
  }

  /** Close a container in both. @param {number} row */
  fold(row) {
    if (row < 0) return;
    this.store.fold(row, false);
    this.store.choose(row);
  }

  /** Open a container, and what alone is inside it. @param {number} row */
  unfold(row) {
    const rows = [row];
    for (let inner = this.tree.children[row]; inner.length === 1 && this.tree.children[inner[0]].length; ) {
      rows.push(inner[0]);
      inner = this.tree.children[inner[0]];
    }
    this.store.openAll(rows);
  }

  /** @param {EventTarget | null} target @returns {Node | import("page/model/graph.js").Group | null} */
  partAt(target) {
    const id = target instanceof Element ? target.closest("g.node, g.cluster")?.id : undefined;
    if (!id) return null;
    const node = this.scene.nodes.find((one) => one.id === id);
    return node ?? this.groupAt(this.scene.items, id.replace(/^t/, ""));
  }

  /** @param {(Node | import("page/model/graph.js").Group)[]} items @param {string} id @returns {import("page/model/graph.js").Group | null} */
  groupAt(items, id) {
    for (const item of items) {
      if (!("items" in item)) continue;
      const found = item.id === id ? item : this.groupAt(item.items, id);
      if (found) return found;
    }
    return null;
  }

  /** A text of shapes at the letters' sizes. @param {string} words */
  worded = (words) => substituted(words, this.store.letters);

  async draw() {
    const scene = this.graph.scene(this.store.open);
    if (scene.nodes.length > MOST) {
      this.tell(`${scene.nodes.length} boxes are too many to draw: fold some`);
      return;
    }
    const number = ++this.asked;
    const dot = dotOf(scene, this.colors, this.worded);
    let text;
    try {
      text = this.known.get(dot) ?? (await layOut(dot));
    } catch (error) {
      this.tell(`The diagram cannot be laid out here: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.known.set(dot, text);
    if (this.known.size > KEPT) this.known.delete(/** @type {string} */ (this.known.keys().next().value));
    if (number !== this.asked) return; // a later one is on its way
    this.tell("");
    this.show(scene, text);
  }

  /** @param {Scene} scene @param {string} text */
  show(scene, text) {
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const svg = /** @type {SVGSVGElement} */ (/** @type {Element} */ (document.importNode(parsed, true)));
    for (const title of svg.querySelectorAll("title")) title.remove();
    svg.setAttribute("aria-hidden", "true"); // the table says all of it
    for (const node of svg.querySelectorAll("g.node")) level(node);
    this.scene = scene;
    this.parts = new Map([...svg.querySelectorAll("g[id]")].map((part) => [part.id, part]));
    const first = !this.ready;
    const anchor = this.store.chosen >= 0 ? this.graph.nodesOf(scene, this.store.chosen)[0] : null;
    this.view.show(svg);
    if (first) performance.mark("laid out");
    this.ready = true;
    this.frame.dataset.ready = "true";
    this.mark(false);
    this.markRefused();
    if (first) this.view.fit();
    const part = anchor && this.parts.get(anchor.id);
    if (part) this.view.reveal(part);
    else if (!first) this.view.keep();
  }

  /** Mark what is chosen, and the ways from it to the inputs and outputs. @param {boolean} reveal */
  mark(reveal) {
    if (!this.ready) return;
    for (const part of this.parts.values()) part.classList.remove("is-chosen", "to-here", "from-here");
    for (const halo of this.frame.querySelectorAll(".halo")) halo.remove();
    const chosen = this.graph.nodesOf(this.scene, this.store.chosen);
    for (const node of chosen) {
      const part = this.parts.get(node.id);
      part?.classList.add("is-chosen");
      const outline = part?.querySelector("path, polygon, ellipse");
      const halo = /** @type {Element | undefined} */ (outline?.cloneNode());
      halo?.setAttribute("class", "halo");
      if (halo) part?.prepend(halo);
    }
    this.frame.toggleAttribute("data-chosen", chosen.length > 0);
    this.markWay(this.way(chosen, "head", "tail"), "to-here");
    this.markWay(this.way(chosen, "tail", "head"), "from-here");
    const part = reveal && chosen.length ? this.parts.get(chosen[0].id) : null;
    if (part) this.view.reveal(part);
  }

  /** @param {Iterable<import("page/model/graph.js").Edge>} edges @param {string} name */
  markWay(edges, name) {
    for (const { id, door } of edges) {
      this.parts.get(`e${id}`)?.classList.add(name);
      if (door) this.parts.get(`e${door}`)?.classList.add(name);
    }
  }

  markHovered() {
    for (const part of this.parts.values()) part.classList.remove("is-hovered");
    if (!this.ready) return;
    for (const node of this.graph.nodesOf(this.scene, this.store.hovered)) this.parts.get(node.id)?.classList.add("is-hovered");
  }

  /** Every edge on a way that leads to some nodes, or away from them. @param {Node[]} nodes @param {"tail" | "head"} near @param {"tail" | "head"} far */
  way(nodes, near, far) {
    const reached = new Set(nodes);
    const todo = [...nodes];
    /** @type {Set<import("page/model/graph.js").Edge>} */
    const edges = new Set();
    for (let node = todo.pop(); node; node = todo.pop()) {
      for (const edge of this.scene.edges) {
        if (edge[near] !== node) continue;
        edges.add(edge);
        if (!reached.has(edge[far])) todo.push(edge[far]);
        reached.add(edge[far]);
      }
    }
    return edges;
  }

  /** The texts at the letters' present sizes; nothing is moved. */
  reword() {
    for (const { id, box } of this.scene.nodes) {
      const texts = [...(this.parts.get(id)?.querySelectorAll("text") ?? [])];
      const words = [...(box.lines ?? []), ...(box.strips ?? []).map(([strip]) => strip)].map(this.worded);
      // Name and parameters come first and have no sizes.
      words.forEach((word, place) => {
        const text = texts[texts.length - words.length + place];
        if (text && text.textContent !== word) text.textContent = word;
      });
    }
    for (const { id, label, door } of this.scene.edges) {
      const text = label && this.parts.get(`e${door ?? id}`)?.querySelector("text");
      if (text) text.textContent = this.worded(label);
    }
    this.markRefused();
  }

  /** What the model refuses at these sizes is drawn as what fails. */
  markRefused() {
    for (const part of this.parts.values()) part.classList.remove("is-refused");
    for (const { row } of this.tree.broken(this.store.letters)) {
      for (const node of this.graph.nodesOf(this.scene, row)) this.parts.get(node.id)?.classList.add("is-refused");
    }
  }

  /** The node that the arrow key leads to from what is chosen. @param {"up" | "down" | "left" | "right"} way */
  step(way) {
    const [from] = this.graph.nodesOf(this.scene, this.store.chosen);
    if (!from) return this.scene.nodes.find((node) => node.row >= 0) ?? null;
    const here = this.middle(from);
    const near = this.scene.edges.flatMap(({ tail, head }) => {
      if (way === "down" && tail === from) return [head];
      return way === "up" && head === from ? [tail] : [];
    });
    const beside = this.scene.nodes.filter((node) => {
      const there = this.middle(node);
      return node !== from && Math.abs(there.y - here.y) < 30 && (way === "left" ? there.x < here.x : there.x > here.x);
    });
    const candidates = (way === "up" || way === "down" ? near : beside).filter((node) => node.row >= 0);
    const apart = (/** @type {Node} */ node) => Math.hypot(this.middle(node).x - here.x, this.middle(node).y - here.y);
    return candidates.sort((a, b) => apart(a) - apart(b))[0] ?? null;
  }

  /** @param {Node} node */
  middle(node) {
    const box = this.parts.get(node.id)?.getBoundingClientRect();
    return box ? { x: box.left + box.width / 2, y: box.top + box.height / 2 } : { x: 0, y: 0 };
  }
}

/** Whether a click was at a frame's title, and not somewhere inside it. @param {EventTarget | null} target */
const onTitle = (target) => target instanceof Element && target.closest("g.node") !== null;

/** Texts of two sizes in one row stand on one line, which Graphviz does not see to. @param {Element} node */
function level(node) {
  const [first, second] = node.querySelectorAll("text");
  const [y, other] = [first, second].map((text) => Number(text?.getAttribute("y")));
  if (second && Math.abs(y - other) < 5) second.setAttribute("y", String(y));
}
