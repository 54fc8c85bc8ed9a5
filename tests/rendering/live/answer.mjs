// Reads questions as JSON from stdin and writes what the page's modules make of it.
import { readFileSync } from "node:fs";

import { run } from "page/live/forward.js";
import { unpack } from "page/live/weights.js";

const answers = {
  /** Every step's result for every picture. */
  run: ({ chain, weights, pictures }) => {
    const arrays = unpack(weights);
    return Object.values(unpack(pictures)).map((picture) =>
      run(chain, picture, arrays).map((result) => Buffer.from(result.buffer).toString("base64")),
    );
  },
};

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map((question) => answers[question.ask](question))));
