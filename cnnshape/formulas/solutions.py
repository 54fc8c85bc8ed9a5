"""Which arguments give a wanted size: every answer in a range, the usual ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from cnnshape.cells import filled
from cnnshape.errors import UsageError
from cnnshape.formulas.expression import substitute, unicode
from cnnshape.formulas.inverse import inputs_giving
from cnnshape.formulas.registry import STRIDE_IS_KERNEL
from cnnshape.formulas.roles import NamedRule, check_arguments, complete, example, named_rule
from cnnshape.formulas.rule import AxisRule
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated
from cnnshape.shown import told
from cnnshape.words import listed, plural

#: Where each unknown is looked for unless a range is given.
RANGES: dict[str, tuple[int, int]] = {
    "input": (1, 4096),
    "kernel": (1, 64),
    "stride": (1, 64),
    "padding": (0, 64),
    "dilation": (1, 64),
    "output_padding": (0, 64),
    "output": (1, 4096),
    "factor": (1, 64),
    "before": (0, 64),
    "after": (0, 64),
}
#: What people choose, in the order of how often they do.
_USUAL: dict[str, tuple[int, ...]] = {
    "kernel": (3, 5, 7, 1, 2, 4, 11, 9),
    "stride": (1, 2, 4),
    "padding": (0, 1, 2, 3),
    "dilation": (1, 2),
    "output_padding": (0, 1),
    "factor": (2, 4),
}
#: No range may hold more values than this, and no pair of ranges more than its square.
WIDEST = 100_000
MOST_TRIED = 2_000_000
#: Solutions beyond this many are counted, not listed.
MOST_LISTED = 40


@dataclass(frozen=True)
class Solutions:
    """Every answer within the ranges."""

    kind: str
    solve: tuple[str, ...]
    solutions: tuple[dict[str, int], ...]
    range: dict[str, tuple[int, int]]
    formula: str
    #: What was given, defaults included.
    known: dict[str, int]
    #: The wanted size; "same" is the input's.
    output: int | str
    #: The formula with the answer put in, for the first of them.
    substitution: str | None = None
    #: What holds beyond the numbers, such as when kernel // 2 keeps the size.
    note: str | None = None
    source: str = ""

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """The answers, the usual ones first, and where they were looked for."""
        known = ", ".join(f"{role} {value}" for role, value in self.known.items())
        wanted = say("the input's size") if self.output == "same" else str(self.output)
        asked = listed(self.solve)
        lines: list[str] = [
            say("{formula} = {wanted}   with {arguments}",
                formula=self.formula, wanted=wanted, arguments=known)
            if known
            else say("{formula} = {wanted}", formula=self.formula, wanted=wanted)
        ]  # fmt: skip
        lines.append("")
        every = self._lines()
        lines += ["  " + style(text, "good") for text in every[:MOST_LISTED]]
        if len(every) > MOST_LISTED:
            left = len(every) - MOST_LISTED
            lines.append(say("  … and {left} more; -f json lists all", left=left))
        if self.substitution and len(self.solutions) == 1:
            lines.append(f"    {self.substitution}")
        ranges = ", ".join(f"{role} {low}…{high}" for role, (low, high) in self.range.items())
        if self.solutions:
            answers = plural(len(self.solutions), "answer")
            where = say("  {answers} for {ranges}", answers=answers, ranges=ranges)
            lines += ["", style(translated(where), "quiet")]
        else:
            none = say("  no {arguments} gives {wanted}", arguments=asked, wanted=wanted)
            tried = translated(say("   (tried {ranges})", ranges=ranges))
            lines.append(style(translated(none), "bad") + tried)
        if self.note:
            lines += [f"  {line}" for line in filled(translated(self.note), 74)]
        return "\n".join(map(translated, lines))

    def _lines(self) -> list[str]:
        """One line for each answer; inputs, which lie side by side, as ranges."""
        if self.solve == ("input",) and self.solutions:
            sizes = [solution["input"] for solution in self.solutions]
            first, last = sizes[0], sizes[-1]
            return [f"input = {first}" if first == last else f"input = {first}…{last}"]
        return [
            "   ".join(f"{role} = {value}" for role, value in solution.items())
            for solution in self.solutions
        ]

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return bool(self.solutions)

    def to_dict(self) -> dict[str, Any]:
        """The contract's JSON."""
        return {
            "kind": self.kind,
            "solve": list(self.solve),
            "solutions": [dict(solution) for solution in self.solutions],
            "range": {role: list(bounds) for role, bounds in self.range.items()},
            "given": {**self.known, "output": self.output},
            "formula": self.formula,
            "substitution": self.substitution,
            "note": self.note,
        }


def solve(
    kind: str,
    unknowns: Sequence[str],
    arguments: Mapping[str, Any],
    *,
    output: int | str | None,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    ceil_mode: bool = False,
) -> Solutions:
    """Every value of one or two arguments that gives the wanted size.

    Args:
        kind: A kind or an alias.
        unknowns: One or two roles.
        arguments: role → number, those that are known.
        output: The wanted size, or ``"same"`` for the input's.
        ranges: role → (first, last), in place of the usual ranges.
        ceil_mode: For pooling.

    Raises:
        UsageError: An argument is missing, unknown, or both given and asked for.
    """
    known = {role: value for role, value in arguments.items() if value is not None}
    named = named_rule(kind, ceil_mode=ceil_mode, roles=(*known, *unknowns))
    _check_question(named, unknowns, known)
    output = _wanted(named, unknowns, output)
    any_input = output == "same" and "input" not in known
    if any_input:
        known["input"] = _any_input(known)
    filled = complete(named, known, but=unknowns)
    for role, value in filled.items():
        if isinstance(value, tuple):
            raise UsageError(f"solve works along one axis; {role} has {len(value)} numbers")
    bounds = {role: (ranges or {}).get(role, RANGES[role]) for role in unknowns}
    _check_ranges(bounds)
    found = _search(named, unknowns, filled, output, bounds)
    found.sort(key=lambda solution: _rank(solution, unknowns))
    return Solutions(
        named.kind,
        tuple(unknowns),
        tuple(found),
        dict(bounds),
        unicode(named.rule.expression),
        {role: value for role, value in filled.items() if role != "input" or not any_input},
        output,
        _substituted(named, filled, found[0]) if found and not any_input else None,
        _same_note(named, unknowns, filled, output, bool(found)),
        named.rule.source,
    )


def _check_question(named: NamedRule, unknowns: Sequence[str], known: Mapping[str, Any]) -> None:
    if not 1 <= len(unknowns) <= 2 or len(set(unknowns)) != len(unknowns):
        raise UsageError("solve takes one or two unknowns, such as padding or kernel,padding")
    for role in unknowns:
        if role not in named.roles:
            solvable = ", ".join(named.roles)
            raise UsageError(f"{named.kind} cannot be solved for {role}; it can for {solvable}")
        if role in known:
            raise UsageError(f"{role} is both given and asked for; leave one of them away")


def _wanted(named: NamedRule, unknowns: Sequence[str], output: int | str | None) -> int | str:
    """The output that is wanted; where nothing is said, padding is solved to keep the size."""
    if output is None:
        if tuple(unknowns) == ("padding",):
            return "same"
        raise UsageError(
            f"solve needs the output that is wanted: give --output, "
            f"as in {example(named)} --output 28 --solve {','.join(unknowns)}"
        )
    if isinstance(output, str):
        if output != "same":
            raise UsageError(f"output must be a number or 'same', not {output!r}")
        if "input" in unknowns:
            raise UsageError("output 'same' needs a known input, or none at all")
        return output
    if output < 0:
        raise UsageError(f"output cannot be negative: {output}")
    return output


def _any_input(known: Mapping[str, Any]) -> int:
    """An input large enough to stand for all, where a padding shall keep every size."""
    sizes = [value for role, value in known.items() if role in ("kernel", "dilation")]
    return 1000 + sum(size for size in sizes if isinstance(size, int)) ** 2


def _check_ranges(bounds: Mapping[str, tuple[int, int]]) -> None:
    tried = 1
    for role, (low, high) in bounds.items():
        if low > high:
            raise UsageError(f"the range of {role} is empty: {low}:{high}")
        if high - low >= WIDEST:
            raise UsageError(f"the range of {role} is too wide: at most {WIDEST} values are tried")
        tried *= high - low + 1
    if tried > MOST_TRIED:
        raise UsageError(
            f"the ranges hold {tried:,} pairs, at most {MOST_TRIED:,} are tried; narrow one of "
            "them, as in --range kernel=1:11"
        )


def _search(
    named: NamedRule,
    unknowns: Sequence[str],
    filled: Mapping[str, int],
    output: int | str,
    bounds: Mapping[str, tuple[int, int]],
) -> list[dict[str, int]]:
    if tuple(unknowns) == ("input",):
        return _inputs(named, filled, int(output), bounds["input"])
    rule = named.rule
    found: list[dict[str, int]] = []
    row: dict[str, Any] = dict(filled)
    follows = named.kind in STRIDE_IS_KERNEL and not {"stride"} & {*filled, *unknowns}
    checked = False
    for values in product(*(range(bounds[role][0], bounds[role][1] + 1) for role in unknowns)):
        row.update(zip(unknowns, values, strict=True))
        if follows:
            row["stride"] = row["kernel"]
        if not checked:
            check_arguments(named, {**row, **dict.fromkeys(unknowns, 1)})
            checked = True
        wanted = int(row["input"] if output == "same" else output)
        if _gives(rule, named.values(row), wanted):
            found.append(dict(zip(unknowns, values, strict=True)))
    return found


def _inputs(
    named: NamedRule, filled: Mapping[str, int], output: int, bounds: tuple[int, int]
) -> list[dict[str, int]]:
    """Inputs by the inverse of the rule, not by trying each."""
    check_arguments(named, {**filled, "input": 1})
    names = named.rule.names.values()
    arguments = {
        name: filled[role] for name, role in zip(names, named.roles, strict=True) if role != "input"
    }
    if named.ceil_mode:
        arguments["ceil_mode"] = True
    if named.kind == "pad" and "padding" in filled:
        arguments = {"before": filled["padding"], "after": filled["padding"]}
    low, high = bounds
    return [
        {"input": size}
        for interval in inputs_giving(named.kind, output, **arguments)
        for size in range(max(low, interval.start), min(high, interval.stop or high) + 1)
    ]


def _gives(rule: AxisRule, values: tuple[int, ...], output: int) -> bool:
    # Zero strides and the like are refused by the conditions, before anything divides by them.
    return rule.broken(*values) is None and rule.function(*values) == output


def _rank(solution: Mapping[str, int], unknowns: Sequence[str]) -> tuple[int, ...]:
    """The usual values first, then by size."""
    ranks: list[int] = []
    for role in unknowns:
        usual = _USUAL.get(role, ())
        value = solution[role]
        ranks.append(usual.index(value) if value in usual else len(usual) + value)
    return (sum(ranks), *ranks)


def _substituted(named: NamedRule, filled: Mapping[str, int], solution: Mapping[str, int]) -> str:
    row = {**filled, **solution}
    if "stride" in named.roles and "stride" not in row:
        row["stride"] = row["kernel"]
    values = named.values(row)
    numbers = substitute(named.rule.expression, dict(zip(named.rule.names, values, strict=True)))
    return f"{unicode(numbers)} = {named.rule.function(*values)}"


def _same_note(
    named: NamedRule,
    unknowns: Sequence[str],
    filled: Mapping[str, int],
    output: int | str,
    found: bool,
) -> str | None:
    """What to know where padding is solved so that the output equals the input; else None."""
    if tuple(unknowns) != ("padding",) or named.kind not in ("conv", "max_pool", "avg_pool"):
        return None
    if output not in ("same", filled.get("input")):
        return None
    kernel, dilation = filled["kernel"], filled.get("dilation", 1)
    stride = filled.get("stride", 1)
    span = dilation * (kernel - 1)
    if stride != 1:
        if found:
            return say(
                "with stride {stride} no padding keeps every size: the one found is for this input "
                "alone; padding = kernel // 2 then gives ⌈H/S⌉ for an odd kernel and dilation 1",
                stride=stride,
            )
        return say(
            "with stride {stride} no padding keeps every size; padding = kernel // 2 then gives "
            "⌈H/S⌉ for an odd kernel and dilation 1",
            stride=stride,
        )
    if span % 2:
        dilated = say(" with dilation {dilation}", dilation=dilation) if dilation > 1 else ""
        torch = say("; padding='same' adds the odd one after") if named.kind == "conv" else ""
        return say(
            "kernel {kernel}{dilated} needs {span} in all, an odd number, and padding adds the "
            "same at both ends: none keeps the size{torch}",
            kernel=kernel, dilated=dilated, span=span, torch=torch,
        )  # fmt: skip
    if not found and named.kind != "conv":
        return say(
            "{padding} would keep the size, but padding is at most half of the kernel",
            padding=span // 2,
        )
    if dilation == 1:
        return say(
            "padding = kernel // 2 = {padding} keeps every size, because the kernel is odd "
            "and stride and dilation are 1",
            padding=kernel // 2,
        )
    if kernel // 2 == span // 2:
        return say("padding = {padding} keeps every size", padding=span // 2)
    return say(
        "padding = dilation·(kernel − 1)/2 = {padding} keeps every size; "
        "kernel // 2 = {half} does so with dilation 1 only",
        padding=span // 2, half=kernel // 2,
    )  # fmt: skip
