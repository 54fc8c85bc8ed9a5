// Reads questions as JSON from stdin and writes what the page's modules make of it.
import { readFileSync } from "node:fs";

import { field } from "page/live/field.js";
import { run } from "page/live/forward.js";
import { centred, drawn, mass, penWidth } from "page/live/ink.js";
import { fitted, inked, prepared } from "page/live/picture.js";
import { resample } from "page/live/resample.js";
import { unit } from "page/live/unit.js";
import { unpack } from "page/live/weights.js";

const answers = {
  /** Every step's result for every picture. */
  run: ({ chain, weights, pictures }) => {
    const arrays = unpack(weights);
    return Object.values(unpack(pictures)).map((picture) =>
      run(chain, picture, arrays).map((result) => Buffer.from(result.buffer).toString("base64")),
    );
  },
  /** Some units of each step, [step, number], worked out for one picture, with their fields. */
  units: ({ chain, weights, picture, which }) => {
    const arrays = unpack(weights);
    const [x] = Object.values(unpack(picture));
    const results = run(chain, x, arrays);
    return which.map(([step, at]) => ({
      ...unit(chain.steps[step], step ? results[step - 1] : x, at, arrays),
      field: field(chain, step, at),
    }));
  },
  /** A file's pixels (planes of 0 to 1) as the network's pictures are. */
  fitted: ({ file, shape, taken }) => {
    const channels = file.channels.map((values) => Float32Array.from(values));
    const found = fitted({ ...file, channels }, shape, taken);
    return found.channels.map((values) => Array.from(values));
  },
  resample: ({ height, width, pixels, to }) =>
    Array.from(resample({ height, width, pixels: Float32Array.from(pixels) }, ...to).pixels),
  /** Strokes as they are, or in their place, as ink and as what the network takes. */
  ink: ({ strokes, shape, extent, taken }) => {
    const [, height, width] = shape;
    const placed = extent === undefined ? strokes : centred(strokes, height, width, extent);
    const ink = drawn(placed, height, width, penWidth(height, width, extent ?? 20 / 28));
    const given = taken ? Array.from(prepared(inked(ink, taken), taken)) : null;
    return { ink: Array.from(ink.pixels), mass: mass(ink), strokes: placed, given };
  },
};

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map((question) => answers[question.ask](question))));
