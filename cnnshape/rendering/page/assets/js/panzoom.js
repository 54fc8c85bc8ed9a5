/** A picture in a frame: dragged, zoomed with the wheel or two fingers, fitted. */

import { h } from "page/dom.js";

const [LEAST, MOST] = [0.05, 8];
const STEP = 1.25;
/** Around a fitted picture, and how much larger than drawn it is shown at most. */
const [MARGIN, LARGEST_FIT] = [12, 1.35];

export class PanZoom {
  /** @param {HTMLElement} frame what holds one picture @param {number} [below] room for what lies over it at the bottom */
  constructor(frame, below = 0) {
    this.frame = frame;
    this.below = below;
    this.inner = h("div", { class: "panned" });
    this.inner.append(...frame.childNodes);
    frame.append(this.inner);
    frame.classList.add("framed");
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.moved = false;
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    this.listen();
  }

  /** @returns {SVGSVGElement | null} */
  get picture() {
    return this.inner.querySelector("svg");
  }

  /** The picture as drawn, in pixels. */
  get size() {
    const box = this.picture?.viewBox.baseVal;
    // Graphviz writes points; a third more are pixels.
    return { width: (box?.width || 1) * (4 / 3), height: (box?.height || 1) * (4 / 3) };
  }

  /** @param {SVGSVGElement} svg */
  show(svg) {
    const { width, height } = { width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height };
    svg.setAttribute("width", `${width * (4 / 3)}`);
    svg.setAttribute("height", `${height * (4 / 3)}`);
    this.inner.replaceChildren(svg);
  }

  place() {
    this.inner.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  /** As large as the frame allows: the whole picture, or its width if it would become too small. */
  fit() {
    const { width, height } = this.size;
    const [free, deep] = [this.frame.clientWidth - 2 * MARGIN, this.frame.clientHeight - 2 * MARGIN - this.below];
    const whole = Math.min(free / width, deep / height);
    this.scale = Math.min(Math.max(whole, Math.min(free / width, 0.6)), LARGEST_FIT);
    this.x = MARGIN + (free - width * this.scale) / 2;
    this.y = MARGIN + Math.max(0, (deep - height * this.scale) / 2);
    this.place();
  }

  /** After the picture has changed: where it is, but not out of sight. */
  keep() {
    const { width, height } = this.size;
    const [right, bottom] = [this.x + width * this.scale, this.y + height * this.scale];
    if (right < 60 || bottom < 60 || this.x > this.frame.clientWidth - 60 || this.y > this.frame.clientHeight - 60) this.fit();
    else this.place();
  }

  /** Zoom about a point of the frame. @param {number} factor @param {number} [x] @param {number} [y] */
  zoom(factor, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.min(Math.max(this.scale * factor, LEAST), MOST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  /** @param {number} x @param {number} y */
  pan(x, y) {
    this.x += x;
    this.y += y;
    this.place();
  }

  /** Move as little as needed for an element of the picture to be seen. @param {Element} element */
  reveal(element) {
    const [box, frame] = [element.getBoundingClientRect(), this.frame.getBoundingClientRect()];
    /** @param {number} low @param {number} high @param {number} from @param {number} to */
    const shift = (low, high, from, to) => {
      if (low >= from + MARGIN && high <= to - MARGIN) return 0;
      return high - low > to - from ? from + MARGIN - low : (from + to) / 2 - (low + high) / 2;
    };
    this.pan(shift(box.left, box.right, frame.left, frame.right), shift(box.top, box.bottom, frame.top, frame.bottom));
  }

  listen() {
    const { frame, pointers } = this;
    frame.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const box = frame.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false },
    );
    frame.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      pointers.set(event.pointerId, event);
      this.moved = false;
    });
    frame.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel", "pointerleave"])) {
      frame.addEventListener(name, (event) => {
        pointers.delete(event.pointerId);
        if (!pointers.size) frame.classList.remove("dragged");
      });
    }
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const { frame, pointers } = this;
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (!this.moved && Math.hypot(dx, dy) < 4) return; // a click that trembles
    if (!this.moved) frame.setPointerCapture(event.pointerId);
    this.moved = true;
    frame.classList.add("dragged");
    const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
    if (other) {
      const apart = (/** @type {PointerEvent} */ one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const box = frame.getBoundingClientRect();
      const middle = [(event.clientX + other.clientX) / 2 - box.left, (event.clientY + other.clientY) / 2 - box.top];
      this.zoom(apart(event) / (apart(before) || 1), ...middle);
      this.pan(dx / 2, dy / 2);
    } else {
      this.pan(dx, dy);
    }
    pointers.set(event.pointerId, event);
  }

  /** The buttons for those without a wheel. */
  buttons() {
    /** @param {string} sign @param {string} label @param {() => void} act */
    const button = (sign, label, act) => h("button", { type: "button", "aria-label": label, title: label, onclick: act }, sign);
    return [
      button("−", "Smaller", () => this.zoom(1 / STEP)),
      button("+", "Larger", () => this.zoom(STEP)),
      button("fit", "Fit the picture", () => this.fit()),
    ];
  }
}
