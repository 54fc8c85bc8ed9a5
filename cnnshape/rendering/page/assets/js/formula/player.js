/** The kernel's way over the cells: one window after the other, by button, key, or by itself. */

import { byId } from "page/dom.js";

const PACE = 700;

export class Player {
  /** @param {() => void} moved */
  constructor(moved) {
    this.moved = moved;
    this.index = 0;
    this.count = 1;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.slider = /** @type {HTMLInputElement} */ (byId("step"));
    this.button = byId("play");
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    byId("back").addEventListener("click", () => this.step(-1));
    byId("forward").addEventListener("click", () => this.step(1));
    this.button.addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get playing() {
    return this.timer !== undefined;
  }

  /** So many windows there are now. @param {number} count */
  measure(count) {
    this.count = Math.max(count, 1);
    this.index = Math.min(this.index, this.count - 1);
    this.slider.max = String(this.count - 1);
    this.slider.disabled = count < 2;
    this.slider.value = String(this.index);
  }

  /** @param {number} index */
  go(index) {
    this.pause();
    this.index = Math.min(Math.max(index, 0), this.count - 1);
    this.show();
  }

  /** @param {number} by */
  step(by) {
    this.go((this.index + by + this.count) % this.count);
  }

  toggle() {
    if (this.playing) {
      this.pause();
      this.show();
      return;
    }
    this.timer = setInterval(() => {
      this.index = (this.index + 1) % this.count;
      this.show();
    }, PACE);
    this.show();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  show() {
    this.button.textContent = this.playing ? "❚❚ pause" : "▶ play";
    this.slider.value = String(this.index);
    this.moved();
  }

  /** Arrows step, Home and End jump, the space bar plays, wherever nothing else takes them. @param {KeyboardEvent} event */
  key(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (event.altKey || event.ctrlKey || event.metaKey || target?.closest("input, select, textarea")) return;
    if (event.key === " " && target?.closest("button, a")) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.go(0),
      End: () => this.go(this.count - 1),
      " ": () => this.toggle(),
      Escape: () => this.go(this.index),
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  }
}
