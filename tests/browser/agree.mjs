// Runs the page's modules in Node over a file of cases and prints what they find, as JSON.
import { readFileSync } from "node:fs";
import { register } from "node:module";

const root = new URL("../../cnnshape/rendering/page/assets/js/", import.meta.url).href;
const hooks = `
export const resolve = (name, context, next) =>
  next(name.startsWith("page/") ? ${JSON.stringify(root)} + name.slice(5) : name, context);
export const load = (url, context, next) =>
  next(url, url.startsWith(${JSON.stringify(root)}) ? { ...context, format: "module" } : context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const { Rule } = await import("page/formula/rule.js");
const { axisWindows, remarks } = await import("page/formula/windows.js");
const { judge, summary, valueOf } = await import("page/formula/judge.js");
const { read } = await import("page/formula/equations.js");
const { evaluate, shown } = await import("page/formula/evaluate.js");
const { written } = await import("page/formula/expression.js");

const { data, sizes = [], formulas = [], texts = [] } = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const rules = Object.fromEntries(Object.entries(data.rules).map(([name, each]) => [name, new Rule(each, data.grammar)]));

function size({ rule: name, values }) {
  const rule = rules[name];
  const axis = axisWindows(rule, values);
  const [start, stop] = axis.row;
  const positions = Array.from({ length: Math.min(stop - start, 80) }, (_, index) => start + index);
  const windows = Array.from({ length: Math.min(axis.count, 40) }, (_, index) => axis.window(index));
  return {
    size: rule.size(values),
    broken: rule.broken(values)?.words ?? null,
    substitution: rule.substitution(values),
    windows: windows.map(({ start: first, stop: last, step }) => [first, last, step]),
    left_over: axis.leftOver[1] - axis.leftOver[0],
    roles: positions.map((position) => axis.roleAt(position)),
    remarks: axis.misfit ? [] : remarks(axis, rule),
  };
}

function judged({ rule: name, text, values }) {
  const rule = rules[name];
  return judge(text, rule, data.grammar, data.judging).map((each) => {
    const value = valueOf(each, values);
    return {
      verdict: each.verdict,
      needs_floor: each.needsFloor,
      holds_when: each.holdsWhen,
      counterexample: each.counterexample,
      rounding: each.rounding,
      repaired: each.repaired,
      repaired_when: each.repairedWhen,
      read_as: each.readAs,
      label: each.label,
      compared: each.compared,
      value: value && shown(value),
      summary: summary(each, rule).replace(/ \(.*configurations compared\)/, ""),
    };
  });
}

function readAs({ rule: name, text, values }) {
  const rule = rules[name];
  try {
    return read(text, rule.kind, rule.roles, data.grammar).map((each) => {
      if (each.quantity !== "output") return [each.label, each.quantity];
      const value = evaluate(each.expression, values);
      return [each.label, written(each.expression), value && shown(value)];
    });
  } catch (error) {
    return `${error.position}: ${error.message}`;
  }
}

process.stdout.write(
  JSON.stringify({ sizes: sizes.map(size), formulas: formulas.map(judged), texts: texts.map(readAs) }),
);
