"""Which arguments give a wanted size: every answer in a range, the usual ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.evaluate import check_arguments, complete, example
from cnnshape.formulas.inverse import inputs_giving
from cnnshape.formulas.registry import STRIDE_IS_KERNEL
from cnnshape.formulas.rule import AxisRule
from cnnshape.formulas.solutions import Solutions
from cnnshape.formulas.subjects import Subject, subject
from cnnshape.formulas.writing import substitute, unicode

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
    about = subject(kind, ceil_mode=ceil_mode, roles=(*known, *unknowns))
    _check_question(about, unknowns, known)
    output = _wanted(about, unknowns, output)
    any_input = output == "same" and "input" not in known
    if any_input:
        known["input"] = _any_input(known)
    filled = complete(about, known, but=unknowns)
    for role, value in filled.items():
        if isinstance(value, tuple):
            raise UsageError(f"solve works along one axis; {role} has {len(value)} numbers")
    bounds = {role: (ranges or {}).get(role, RANGES[role]) for role in unknowns}
    _check_ranges(bounds)
    found = _search(about, unknowns, filled, output, bounds)
    found.sort(key=lambda solution: _rank(solution, unknowns))
    from cnnshape.formulas.same import same_note

    return Solutions(
        about.kind,
        tuple(unknowns),
        tuple(found),
        dict(bounds),
        unicode(about.rule.expression),
        {role: value for role, value in filled.items() if role != "input" or not any_input},
        output,
        _substituted(about, filled, found[0]) if found and not any_input else None,
        same_note(about, unknowns, filled, output, bool(found)),
        about.rule.source,
    )


def _check_question(about: Subject, unknowns: Sequence[str], known: Mapping[str, Any]) -> None:
    if not 1 <= len(unknowns) <= 2 or len(set(unknowns)) != len(unknowns):
        raise UsageError("solve takes one or two unknowns, such as padding or kernel,padding")
    for role in unknowns:
        if role not in about.roles:
            solvable = ", ".join(about.roles)
            raise UsageError(f"{about.kind} cannot be solved for {role}; it can for {solvable}")
        if role in known:
            raise UsageError(f"{role} is both given and asked for; leave one of them away")


def _wanted(about: Subject, unknowns: Sequence[str], output: int | str | None) -> int | str:
    """The output that is wanted; where nothing is said, padding is solved to keep the size."""
    if output is None:
        if tuple(unknowns) == ("padding",):
            return "same"
        raise UsageError(
            f"solve needs the output that is wanted: give --output, "
            f"as in {example(about)} --output 28 --solve {','.join(unknowns)}"
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
    about: Subject,
    unknowns: Sequence[str],
    filled: Mapping[str, int],
    output: int | str,
    bounds: Mapping[str, tuple[int, int]],
) -> list[dict[str, int]]:
    if tuple(unknowns) == ("input",):
        return _inputs(about, filled, int(output), bounds["input"])
    rule = about.rule
    found: list[dict[str, int]] = []
    row: dict[str, Any] = dict(filled)
    follows = about.kind in STRIDE_IS_KERNEL and not {"stride"} & {*filled, *unknowns}
    checked = False
    for values in product(*(range(bounds[role][0], bounds[role][1] + 1) for role in unknowns)):
        row.update(zip(unknowns, values, strict=True))
        if follows:
            row["stride"] = row["kernel"]
        if not checked:
            check_arguments(about, {**row, **dict.fromkeys(unknowns, 1)})
            checked = True
        wanted = int(row["input"] if output == "same" else output)
        if _gives(rule, about.values(row), wanted):
            found.append(dict(zip(unknowns, values, strict=True)))
    return found


def _inputs(
    about: Subject, filled: Mapping[str, int], output: int, bounds: tuple[int, int]
) -> list[dict[str, int]]:
    """Inputs by the inverse of the rule, not by trying each."""
    check_arguments(about, {**filled, "input": 1})
    names = about.rule.names.values()
    arguments = {
        name: filled[role] for name, role in zip(names, about.roles, strict=True) if role != "input"
    }
    if about.ceil_mode:
        arguments["ceil_mode"] = True
    if about.kind == "pad" and "padding" in filled:
        arguments = {"before": filled["padding"], "after": filled["padding"]}
    low, high = bounds
    return [
        {"input": size}
        for interval in inputs_giving(about.kind, output, **arguments)
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


def _substituted(about: Subject, filled: Mapping[str, int], solution: Mapping[str, int]) -> str:
    row = {**filled, **solution}
    if "stride" in about.roles and "stride" not in row:
        row["stride"] = row["kernel"]
    values = about.values(row)
    numbers = substitute(about.rule.expression, dict(zip(about.rule.names, values, strict=True)))
    return f"{unicode(numbers)} = {about.rule.function(*values)}"
