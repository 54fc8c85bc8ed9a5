/** Simple conditions under which a formula may hold; the same as `cnnshape.formulas.holds_when`. */

import { any, both, meets, size, within } from "page/formula/mask.js";

/** @import { Mask } from "page/formula/mask.js" */
/** @import { Judging, Points } from "page/formula/points.js" */
/** @import { Values } from "page/formula/rule.js" */

/** One condition: its text, where it holds, and what it costs a reader. @typedef {{text: string, mask: Mask, cost: number}} Atom */
/** @typedef {{atoms: Atom[], mask: Mask}} Chosen */

const MOST_CONDITIONS = 5;
const FEWEST_INPUTS = 6;
const [USUAL, UNUSUAL] = [10, 16];

/** What each condition of Python's table says. @type {Record<string, (row: Values) => boolean>} */
const HOLDS = {
  "dilation=1": (row) => row.dilation === 1,
  "padding=0": (row) => row.padding === 0,
  "stride=1": (row) => row.stride === 1,
  "output_padding=0": (row) => row.output_padding === 0,
  "stride=kernel": (row) => row.stride === row.kernel,
  "padding=dilation*(kernel - 1)/2": (row) => 2 * row.padding === row.dilation * (row.kernel - 1),
  "padding=(kernel - 1)/2": (row) => 2 * row.padding === row.kernel - 1,
  "padding=kernel//2": (row) => row.padding === Math.floor(row.kernel / 2),
  "kernel odd": (row) => row.kernel % 2 === 1,
  "kernel even": (row) => row.kernel % 2 === 0,
  "output_padding=stride - 1": (row) => row.output_padding === row.stride - 1,
  "stride<=kernel": (row) => row.stride <= row.kernel,
  "stride + padding<=kernel": (row) => row.stride + row.padding <= row.kernel,
};

/** The conditions that mean something for a kind. @param {Points} points @param {Judging} judging @returns {Atom[]} */
export function generalAtoms(points, judging) {
  const { rule } = points;
  const usual = new Set([...judging.usual, rule.data.pooling ? "stride=kernel" : "stride=1"]);
  const table = [...judging.conditions, ...(rule.ceilMode ? judging.ceil : [])];
  const found = table
    .filter(([text, roles]) => text in HOLDS && roles.every((role) => points.roles.includes(role)))
    .map(([text]) => ({ text, mask: points.where(HOLDS[text]), cost: usual.has(text) ? USUAL : UNUSUAL }));
  return telling(points, [...found, ...divisible(points)]);
}

/** Where the rule itself has nothing to round. @param {Points} points @returns {Atom[]} */
function divisible(points) {
  const { rule } = points;
  if (rule.data.grows || !["input", "kernel", "stride"].every((role) => rule.has(role))) return [];
  const padded = rule.has("padding") ? "input + 2*padding" : "input";
  const text = rule.has("dilation") ? `${padded} - dilation*(kernel - 1) - 1` : `${padded} - kernel`;
  const mask = points.where(
    ({ input, kernel, stride, padding = 0, dilation = 1 }) =>
      (input + 2 * padding - dilation * (kernel - 1) - 1) % stride === 0,
  );
  return [{ text: `(${text}) divisible by stride`, mask, cost: UNUSUAL + 1 }];
}

/** Arguments that equal a number in the formula, or its neighbour. @param {Points} points @param {number[]} constants @returns {Atom[]} */
export function constantAtoms(points, constants) {
  const more = constants.map((number) => number + 1);
  const halves = constants.filter((number) => number % 2 === 0).map((number) => number / 2);
  /** @type {Record<string, number[]>} */
  const wanted = {
    kernel: [...constants, ...more], stride: constants, padding: [...constants, ...halves], output: constants,
  };
  const atoms = Object.entries(wanted)
    .filter(([role]) => points.roles.includes(role))
    .flatMap(([role, numbers]) =>
      [...new Set(numbers)]
        .sort((a, b) => a - b)
        .map((number) => ({
          text: `${role}=${number}`,
          mask: points.where((row) => row[role] === number),
          cost: UNUSUAL,
        })),
    );
  return telling(points, atoms);
}

/** Those that hold in some of the configurations and not in all. @param {Points} points @param {Atom[]} atoms */
const telling = (points, atoms) => atoms.filter(({ mask }) => any(mask) && !within(points.everywhere, mask));

/**
 * The conditions that ask least under which `right` holds everywhere; null where there are none.
 * @param {Atom[]} atoms @param {Mask} right @param {Mask[]} inputs @param {Mask[]} kernels @returns {Chosen | null}
 */
export function weakest(atoms, right, inputs, kernels) {
  const fewest = Math.min(FEWEST_INPUTS, inputs.length);
  /** @param {Chosen} chosen */
  const varied = ({ atoms: chosen, mask }) => {
    if (inputs.filter((each) => meets(each, mask)).length < fewest) return false;
    const named = chosen.some((atom) => atom.text.startsWith("kernel="));
    return named || kernels.length < 2 || kernels.filter((each) => meets(each, mask)).length > 1;
  };
  /** @type {Chosen | null} */
  let best = null;
  /** @type {Chosen[]} */
  const found = [];
  for (let count = 1; count <= MOST_CONDITIONS; count += 1) {
    if (best !== null && cost(best)[0] <= count * USUAL) break;
    const more = [...combinations(atoms, count)].filter((each) => within(each.mask, right) && varied(each));
    // What adds to a set that is enough, and what asks for more than another does, is no news.
    const fresh = more.filter(
      (each) => !found.some((old) => old.atoms.length < each.atoms.length && old.atoms.every((a) => each.atoms.includes(a))),
    );
    const widest = fresh.filter(
      (each) => !fresh.some((other) => within(each.mask, other.mask) && !within(other.mask, each.mask)),
    );
    found.push(...fresh);
    /** @type {Chosen[]} */
    const all = best ? [...widest, best] : widest;
    best = all.length ? all.reduce((least, each) => (cheaper(each, least) ? each : least)) : null;
  }
  return best;
}

/** Cheap to say first, then wide. @param {Chosen} chosen @returns {[number, number]} */
const cost = ({ atoms, mask }) => [atoms.reduce((total, atom) => total + atom.cost, 0), -size(mask)];

/** @param {Chosen} a @param {Chosen} b */
export function cheaper(a, b) {
  const [first, second] = [cost(a), cost(b)];
  return first[0] < second[0] || (first[0] === second[0] && first[1] < second[1]);
}

/**
 * Every choice of so many, in the order of the atoms, that some configuration meets.
 * @param {Atom[]} atoms @param {number} count @param {number} from @returns {Generator<Chosen>}
 */
function* combinations(atoms, count, from = 0) {
  for (let index = from; index <= atoms.length - count; index += 1) {
    const { mask } = atoms[index];
    if (count === 1) {
      yield { atoms: [atoms[index]], mask };
      continue;
    }
    for (const rest of combinations(atoms, count - 1, index + 1)) {
      const common = both(mask, rest.mask);
      if (any(common)) yield { atoms: [atoms[index], ...rest.atoms], mask: common };
    }
  }
}
