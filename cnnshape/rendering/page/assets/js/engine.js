/** Graphviz, unpacked and started in a worker when the first layout is asked for. */

import { byId } from "page/dom.js";

/** What is said inside the worker, after the library itself. */
const ANSWERING = `
const ready = Viz.instance();
self.onmessage = async ({ data: [number, dot] }) => {
  try {
    self.postMessage([number, (await ready).renderString(dot, { format: "svg" }), null]);
  } catch (error) {
    self.postMessage([number, null, String(error)]);
  }
};`;

/** @typedef {{done: (svg: string) => void, failed: (error: Error) => void}} Waiting */

/** @type {Promise<Worker> | null} */
let started = null;
/** @type {Map<number, Waiting>} */
const waiting = new Map();
let asked = 0;

/** @returns {Promise<string>} */
async function unpacked() {
  const packed = atob((byId("engine").textContent ?? "").trim());
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/** @returns {Promise<Worker>} */
async function start() {
  const code = new Blob([await unpacked(), ANSWERING], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(code));
  worker.onmessage = ({ data: [number, svg, error] }) => {
    const one = waiting.get(number);
    waiting.delete(number);
    if (error === null) one?.done(svg);
    else one?.failed(new Error(error));
  };
  worker.onerror = (event) => {
    const why = event.message ? `: ${event.message}` : "";
    for (const one of waiting.values()) one.failed(new Error(`the layout engine did not start${why}`));
    waiting.clear();
  };
  return worker;
}

/**
 * The picture of a graph as SVG text.
 * @param {string} dot @returns {Promise<string>}
 */
export async function layOut(dot) {
  started ??= start();
  const worker = await started;
  const number = ++asked;
  return new Promise((done, failed) => {
    waiting.set(number, { done, failed });
    worker.postMessage([number, dot]);
  });
}
