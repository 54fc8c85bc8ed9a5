"""Every so many rows and columns of a tensor, put one behind the other: space becomes depth."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cnnshape.analysis.accounts import Accounts
from cnnshape.operations.axes import Joined, Kept, Windowed
from cnnshape.tracing.trace import Operation
from cnnshape.words import listed, ordinal

_AXES = {1: ("position",), 2: ("row", "column"), 3: ("plane", "row", "column")}
_NUMBERS = {2: "second", 3: "third", 4: "fourth"}


def parts_joined(accounts: Accounts, join: Operation) -> list[Operation]:
    """The slices of one tensor that an operation joins, and nothing else; empty for others."""
    trace, entry = accounts.trace, accounts.entry(join)
    if entry is None or entry.family != "joining":
        return []
    makers = [trace.values[value].producer for value in join.inputs]
    slices = [trace.operations[maker] for maker in makers if maker is not None]
    sliced = all((one := accounts.entry(op)) and one.family == "slicing" for op in slices)
    if not sliced or not len(slices) == len(makers) > 1:
        return []
    return slices if len({op.inputs[0] for op in slices}) == 1 else []


def slice_words(accounts: Accounts, slices: Sequence[Operation], join: Operation) -> str:
    """``every second row and column, 4 parts``; empty where the slices are other ones.

    They are, if they leave out a position, if one is in two of them, or if they are joined along
    an axis that they were cut from.
    """
    steps = [_steps(accounts, op) for op in slices]
    if not steps or any(one is None for one in steps):
        return ""
    known = [one for one in steps if one is not None]
    axes = {tuple((axis, step) for axis, _, step in one) for one in known}
    starts = {tuple(start for _, start, _ in one) for one in known}
    if len(axes) != 1 or len(starts) != len(slices):
        return ""
    (pattern,) = axes
    whole = prod(step for _, step in pattern)
    names, numbers = _AXES.get(len(pattern)), {step for _, step in pattern}
    if names is None or len(slices) != whole or len(numbers) != 1 or _cut(accounts, join, pattern):
        return ""
    (step,) = numbers
    return f"every {_NUMBERS.get(step, ordinal(step))} {listed(names)}, {whole} parts"


def _steps(accounts: Accounts, op: Operation) -> tuple[tuple[int, int, int], ...] | None:
    """(axis, first position, step) of each axis that is sliced; None where there is more to it."""
    account = accounts.of(op)
    found: list[tuple[int, int, int]] = []
    for axis, origin in enumerate(account.results[0] if account else ()):
        if isinstance(origin, Windowed) and origin.rule == "slice":
            start, step = origin.arguments.get("start"), origin.arguments.get("step")
            if not isinstance(start, int) or not isinstance(step, int) or not 0 <= start < step:
                return None
            found.append((axis, start, step))
        elif not isinstance(origin, Kept):
            return None
    return tuple(found) or None


def _cut(accounts: Accounts, join: Operation, pattern: Sequence[tuple[int, int]]) -> bool:
    account = accounts.of(join)
    joined = [
        axis
        for axis, origin in enumerate(account.results[0] if account else ())
        if isinstance(origin, Joined)
    ]
    return not joined or any(axis in joined for axis, _ in pattern)
