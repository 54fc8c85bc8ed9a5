/** A scene as DOT, with labels and weights as the static picture has them. */

import { isGroup, mainPath, nodesIn } from "page/model/graph.js";

/** @typedef {import("page/model/graph.js").Node} Node */
/** @typedef {import("page/model/graph.js").Group} Group */
/** @typedef {import("page/model/graph.js").Scene} Scene */
/** @typedef {import("page/model/graph.js").Box} Box */
/** @typedef {Record<string, string>} Colors */
/** @typedef {(text: string) => string} Worded what a text of shapes says at the letters' sizes */

const TABLE = '<table border="0" cellborder="0" cellspacing="0" cellpadding="1">';
/** Graphviz packs frames with a weight of 128; a main path that is to stay straight needs more. */
const [STRAIGHT, NEAR] = [1000, 3];

/** @param {string} words */
const text = (words) =>
  // Control characters are no XML; Python has written them as escapes where it could.
  words.replace(/[\u0000-\u001f]/g, " ").replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const FONT = "Helvetica, Arial, sans-serif";
const pen = document.createElement("canvas").getContext("2d");

/** How wide a text is, which Graphviz can only guess in a browser. @param {string} words @param {number} size @param {string} [weight] */
function width(words, size, weight = "normal") {
  if (!pen) return words.length * size * 0.55;
  pen.font = `${weight} ${size}px ${FONT}`;
  return Math.ceil(pen.measureText(words).width);
}

/** @param {string} words @param {string} color @param {number} size */
const font = (words, color, size) => (words ? `<font color="${color}" point-size="${size}">${text(words)}</font>` : "");
/** @param {string} words @param {string} color */
const bold = (words, color) => (words ? `<font color="${color}"><b>${text(words)}</b></font>` : "");
/** @param {string} words */
const quoted = (words) => `"${words.replace(/[\\"]/g, "\\$&")}"`;
/** @param {Record<string, string | number>} attributes */
const listed = (attributes) =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}=${/^<.*>$/s.test(String(value)) ? value : quoted(String(value))}`)
    .join(" ");

/**
 * @param {Scene} scene @param {Colors} colors @param {Worded} worded
 * @returns {string}
 */
export function dotOf(scene, colors, worded) {
  return new Writer(scene, colors, worded).write();
}

class Writer {
  /** @param {Scene} scene @param {Colors} colors @param {Worded} worded */
  constructor(scene, colors, worded) {
    this.scene = scene;
    this.colors = colors;
    this.worded = worded;
    /** @type {string[]} */
    this.lines = [];
    /** @type {Map<Node, Node[]>} */
    this.before = new Map(scene.nodes.map((node) => [node, []]));
    for (const { tail, head } of scene.edges) if (tail.order < head.order) this.before.get(head)?.push(tail);
    /** @type {Map<string, string>} where an edge enters a folded block */
    this.doors = new Map();
    /** @type {Set<string>} */
    this.entered = new Set();
    /** @type {Map<Node, number>} */
    this.heads = new Map();
    for (const { tail } of scene.edges) this.heads.set(tail, (this.heads.get(tail) ?? 0) + 1);
  }

  write() {
    const { colors, lines } = this;
    const fontname = "Helvetica,Arial,sans-serif";
    lines.push(
      "digraph model {",
      `graph [${listed({ rankdir: "TB", bgcolor: "transparent", pad: 0.1, nodesep: 0.3, ranksep: 0.32, newrank: "true", fontname })}]`,
      `node [${listed({ shape: "box", style: "rounded,filled", margin: "0.11,0.07", penwidth: 1.1, height: 0.1, width: 0.1, fontname, fontsize: 12 })}]`,
      `edge [${listed({ color: colors.edge, fontcolor: colors.muted, fontname, fontsize: 10, arrowsize: 0.65, penwidth: 1.1 })}]`,
    );
    this.items(this.scene.items);
    for (const item of this.scene.items) if (isGroup(item)) this.titles(item);
    this.edges();
    lines.push("}");
    return lines.join("\n");
  }

  /** @param {(Node | Group)[]} items */
  items(items) {
    for (const item of items) {
      if (isGroup(item)) this.group(item);
      else this.lines.push(`${item.id} [${listed({ id: item.id, class: item.box.kind, ...this.look(item.box) })}]`);
    }
  }

  /** @param {Group} group */
  group(group) {
    const { colors, lines } = this;
    const frame = { style: "rounded,filled", fillcolor: colors["container-fill"], color: colors["container-line"], penwidth: 1, margin: 12, id: group.id };
    lines.push(`subgraph cluster_${group.id} { graph [${listed(frame)}]`);
    const gap = group.title && group.what ? "&#160;&#160;" : "";
    const words = width(group.title, 12, "bold") + width(group.what, 11) + (gap ? 8 : 0);
    const said = `${bold(group.title, colors.muted)}${gap}${font(group.what, colors.muted, 11)}`;
    const label = `<${TABLE}<tr><td align="left" width="${words}">${said}</td></tr></table>>`;
    lines.push(`t${group.id} [${listed({ label, shape: "plain", style: "", id: `t${group.id}` })}]`);
    if (group.times > 1) this.open(group);
    this.items(group.items);
    lines.push("}");
  }

  /** Doors where a folded block reads what came before more than once. @param {Group} group */
  open(group) {
    const inside = new Set(nodesIn(group));
    const entering = this.scene.edges.filter(({ tail, head }) => inside.has(head) && !inside.has(tail) && tail.order < head.order);
    for (const { tail } of entering) {
      const heads = entering.filter((edge) => edge.tail === tail && !this.doors.has(edge.id));
      if (heads.length < 2) continue;
      const id = `d${tail.id}${group.id}`;
      for (const edge of heads) this.doors.set(edge.id, (edge.door = id));
      const fillcolor = this.colors.edge;
      this.lines.push(`${id} [${listed({ id, label: "", shape: "circle", fixedsize: "true", width: 0.07, fillcolor, color: fillcolor })}]`);
    }
  }

  /** @param {Box} box @returns {Record<string, string | number>} */
  look(box) {
    const { colors } = this;
    const kind = box.failed ? "failing" : box.sign ? "merge" : box.kind;
    const [fillcolor, color] = [colors[`${kind}-fill`], colors[`${kind}-line`]];
    /** @type {Record<string, string | number>} */
    const look = { fillcolor, color };
    if (box.failed) look.penwidth = 2;
    if (box.role === "input" || box.role === "output") return { ...look, label: this.pill(box), margin: "0.16,0.07" };
    const strips = box.strips ?? [];
    if (box.sign && [...box.sign].length === 1 && !strips.length) {
      return { ...look, label: box.sign, shape: "circle", fixedsize: "true", width: 0.3, margin: 0, fontsize: 14, fontcolor: colors["merge-text"] };
    }
    if (box.sign) return { ...look, label: this.sign(box), margin: "0.09,0.04" };
    return { ...look, label: this.label(box, kind) };
  }

  /** @param {Box} box */
  pill(box) {
    const color = this.colors["io-text"];
    const title = box.title ?? "";
    const details = (box.lines ?? []).map(this.worded).map((line) => `<td width="${width(line, 12) + 8}" align="right">${font(line, color, 12)}</td>`);
    return `<${TABLE}<tr><td width="${width(title, 12, "bold")}">${bold(title, color)}</td>${details.join("")}</tr></table>>`;
  }

  /** @param {Box} box */
  sign(box) {
    const color = this.colors["merge-text"];
    const sign = box.sign ?? "";
    const cells = (box.strips ?? []).map(([words, kind]) => `<td width="4" cellpadding="0"></td>${this.strip(words, kind, "")}`);
    return `<${TABLE}<tr><td><font color="${color}" point-size="${[...sign].length === 1 ? 14 : 11}">${text(sign)}</font></td>${cells.join("")}</tr></table>>`;
  }

  /** @param {Box} box @param {string} kind */
  label(box, kind) {
    const color = this.colors[`${kind}-text`];
    const aside = font(box.aside ?? "", this.colors.muted, 10);
    const span = aside ? ' colspan="2"' : "";
    const right = aside ? `<td align="right" width="${width(box.aside ?? "", 10) + 8}">${aside}</td>` : "";
    const title = box.title ?? "";
    const rows = [`<tr><td align="left" width="${width(title, 12, "bold")}">${bold(title, color)}</td>${right}</tr>`];
    for (const line of (box.lines ?? []).map(this.worded)) {
      rows.push(`<tr><td${span} align="left" width="${width(line, 10)}">${font(line, color, 10)}</td></tr>`);
    }
    for (const [words, kind] of box.strips ?? []) {
      rows.push(`<tr><td${span} height="3" cellpadding="0"></td></tr>`, `<tr>${this.strip(words, kind, span)}</tr>`);
    }
    return `<${TABLE}${rows.join("")}</table>>`;
  }

  /** @param {string} words @param {string} kind @param {string} span */
  strip(words, kind, span) {
    const [fill, color] = [this.colors[`${kind}-fill`], this.colors[`${kind}-text`]];
    const said = this.worded(words);
    return `<td${span} align="left" bgcolor="${fill}" style="rounded" cellpadding="3" width="${width(said, 10) + 8}">${font(said, color, 10)}</td>`;
  }

  /** Edges that nobody sees: they keep every title at the head of its frame. @param {Group} group */
  titles(group) {
    const inside = new Set(nodesIn(group));
    const title = `t${group.id}`;
    const fed = new Set();
    for (const item of group.items) {
      const own = new Set(nodesIn(item));
      const tails = [...own].flatMap((node) => this.before.get(node) ?? []).filter((tail) => !own.has(tail));
      if (!tails.some((tail) => inside.has(tail))) this.unseen(title, isGroup(item) ? `t${item.id}` : item.id);
      for (const tail of tails) if (!inside.has(tail)) fed.add(tail.id);
      if (isGroup(item)) this.titles(item);
    }
    for (const tail of fed) this.unseen(tail, title);
  }

  /** @param {string} tail @param {string} head */
  unseen(tail, head) {
    this.lines.push(`${tail} -> ${head} [style=invis weight=0]`);
  }

  edges() {
    const path = mainPath(this.scene);
    const trunk = new Set(path.slice(1).map((head, place) => `${path[place].id}-${head.id}`));
    for (const { id, tail, head, label } of this.scene.edges) {
      const back = head.order <= tail.order;
      /** @type {Record<string, string | number>} */
      const look = { id: `e${id}` };
      if (back) Object.assign(look, { style: "dashed", weight: 0, dir: "back" });
      else if (trunk.has(id)) look.weight = STRAIGHT;
      else if (this.before.get(head)?.length === 1 && (this.heads.get(tail) ?? 0) > 1) look.weight = NEAR;
      if (label) look.label = this.beside(this.worded(label));
      const [from, to] = back ? [head, tail] : [tail, head]; // laid out as a skip, but for its arrow
      const door = this.doors.get(id);
      if (door) this.through(door, from, look);
      this.lines.push(`${door ?? from.id} -> ${to.id} [${listed(look)}]`);
    }
  }

  /** The way into a folded block up to its door, once for all that it reads there. @param {string} door @param {Node} from @param {Record<string, string | number>} look */
  through(door, from, look) {
    const entering = { id: `e${door}`, weight: STRAIGHT, dir: "none", ...(look.label ? { label: look.label } : {}) };
    if (!this.entered.has(door)) this.lines.push(`${from.id} -> ${door} [${listed(entering)}]`);
    this.entered.add(door);
    delete look.label;
  }

  /** The shape beside an arrow. @param {string} words */
  beside(words) {
    return `<${TABLE}<tr><td align="right" width="${width(words, 10) + 8}">${text(words)}</td></tr></table>>`;
  }
}
