/** Where each window of a layer lies along one axis; the same as `cnnshape.formulas.windows`. */

/** @import { Rule, Values } from "page/formula/rule.js" */

/** Positions from `start` to `stop` (not counted), `step` apart. @typedef {{start: number, stop: number, step: number}} Window */

/**
 * The windows lie over the *row*: the padded input, or the output of a layer that spreads its input.
 * Positions count from the first element of the row; what is before 0 is padding, or is cut away.
 */
export class AxisWindows {
  /** @param {Partial<AxisWindows>} fields */
  constructor(fields) {
    this.spreads = false;
    this.size = 0;
    this.count = 0;
    this.stride = 1;
    this.span = 1;
    this.dilation = 1;
    this.before = 0;
    this.after = 0;
    this.added = 0;
    this.adaptive = false;
    Object.assign(this, fields);
  }

  /** @param {number} index @returns {Window} */
  window(index) {
    if (this.adaptive) {
      const start = Math.floor((index * this.size) / this.count);
      return { start, stop: Math.ceil(((index + 1) * this.size) / this.count), step: 1 };
    }
    const start = index * this.stride - this.before;
    return { start, stop: start + this.span, step: this.dilation };
  }

  /** The position behind the last window. */
  get reach() {
    return this.count > 0 ? this.window(this.count - 1).stop : -this.before;
  }

  /** Where the padded row ends. */
  get end() {
    return this.size + this.after;
  }

  /** What no window reaches at the end of the padded row. @returns {[number, number]} */
  get leftOver() {
    return this.count > 0 ? [Math.min(this.reach, this.end), this.end] : [0, 0];
  }

  /** What the last window takes in beyond the padded row. @returns {[number, number]} */
  get beyond() {
    return [this.end, Math.max(this.end, this.reach)];
  }

  /** Whether a window is larger than the padded row. */
  get misfit() {
    return this.count < 1 && !this.adaptive && !this.spreads;
  }

  /** Every position that is drawn. @returns {[number, number]} */
  get row() {
    const needed = this.misfit ? this.span - this.before : this.reach;
    return [-this.before, Math.max(this.end, needed, -this.before)];
  }

  /** What stands at a position. @param {number} position @returns {Role} */
  roleAt(position) {
    const [first, last] = this.leftOver;
    const left = position >= first && position < last;
    if (this.spreads) {
      if (position < 0 || position >= this.size) return "cut";
      if (position >= this.size - this.added) return "added";
      return left ? "left over" : "element";
    }
    if (this.count < 1) {
      if (position >= this.end) return "missing";
    } else if (left) return "left over";
    else if (position >= this.end) return "beyond";
    return position >= 0 && position < this.size ? "element" : "padding";
  }
}

/** @typedef {"element" | "padding" | "left over" | "beyond" | "cut" | "added" | "missing"} Role */

/** Whether a window has a position. @param {Window} window @param {number} position */
export const includes = (window, position) =>
  position >= window.start && position < window.stop && (position - window.start) % window.step === 0;

/**
 * The windows of a layer along one axis, whether its conditions hold or not.
 * @param {Rule} rule @param {Values} values
 */
export function axisWindows(rule, values) {
  const size = rule.size(values);
  const { input, kernel, stride = 1, padding = 0, dilation = 1, output_padding: added = 0 } = values;
  if (rule.kind === "adaptive_pool") return new AxisWindows({ size: input, count: size, adaptive: true });
  const span = dilation * (kernel - 1) + 1;
  if (rule.kind === "conv" && !rule.has("padding")) {
    const before = Math.floor((span - 1) / 2);
    return new AxisWindows({ size: input, count: input, span, dilation, before, after: span - 1 - before });
  }
  const { spreads } = rule.data;
  if (!spreads || rule.kind === "fold") {
    const count = Math.max(size, 0);
    return new AxisWindows({ spreads, size: input, count, stride, span, dilation, before: padding, after: padding });
  }
  const after = Math.max((input - 1) * stride + span - padding - size, 0);
  return new AxisWindows({ spreads, size, count: input, stride, span, dilation, before: padding, after, added });
}

/** What is said of the row, and whether it is about something lost. @param {AxisWindows} axis @param {Rule} rule */
export function remarks(axis, rule) {
  /** @type {[string, boolean][]} */
  const found = [];
  const left = axis.leftOver[1] - axis.leftOver[0];
  if (left && (!axis.spreads || rule.kind === "fold")) {
    const them = left === 1 ? "it" : "them";
    let why = `the floor rounds ${them} away`;
    if (rule.ceilMode) why = "a window there would begin behind the input";
    if (rule.kind === "fold") why = `no patch reaches ${them}`;
    found.push([`${left} left over: ${why}`, true]);
  }
  const beyond = axis.beyond[1] - axis.beyond[0];
  if (!axis.spreads && beyond && axis.count > 0) {
    found.push([`${beyond} place${beyond === 1 ? "" : "s"} beyond the edge: ceil_mode lets the last window go on`, false]);
  }
  if (axis.spreads && (axis.before || axis.after)) found.push([cut(axis.before, axis.after), true]);
  if (axis.added) found.push([`output_padding adds ${axis.added} at the end`, false]);
  if (axis.misfit) {
    found.push([`the kernel spans ${axis.span}, the padded input has ${Math.max(0, axis.end + axis.before)}`, true]);
  }
  return found;
}

/** @param {number} before @param {number} after */
function cut(before, after) {
  if (before === after) return `padding cuts ${before} away at both ends`;
  const ends = [before ? `${before} away at the start` : "", after ? `${after} away at the end` : ""];
  return `padding cuts ${ends.filter(Boolean).join(" and ")}`;
}
