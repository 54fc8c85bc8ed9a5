"""Other sizes of the input, for a model that refuses the one it got by a check of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.source_code import line_of
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value

#: What poolings and patches commonly divide a picture by.
_MULTIPLES = (8, 16, 32, 64)
#: By how much a side is commonly too large.
_HALVES = (2, 4)
#: The longest side that is proposed, and the largest number in a message that is taken for one.
_LARGEST = 4096
_MOST = 40


def other_sizes(failing: Failing) -> Iterator[Suggestion]:
    """The sizes that the message names, multiples of what it names, halves and doubles.

    For a check of the author's own and a view that does not divide: elsewhere the numbers at the
    failing call say more.
    """
    own = failing.operation is None and not failing.module.builtin
    checked = failing.failure.type == "AssertionError" or line_of(
        failing.failure.source
    ).startswith("raise ")
    if not (own and checked) and failing.name not in ("view", "reshape"):
        return
    value = _picture(failing)
    shape = None if value is None else sizes(value)
    if value is None or shape is None or not value.name:
        return
    seen = {shape}
    for after in _sizes(shape, [n for n in _numbers(failing) if n not in shape]):
        if after not in seen and max(after) <= _LARGEST and min(after) > 0:
            seen.add(after)
            yield new_input(value.name, shape, after)
        if len(seen) > _MOST:
            return


def _picture(failing: Failing) -> Value | None:
    """The input with the most axes, a signal at least."""
    values = [failing.trace.values[named.value] for named in failing.trace.inputs]
    return max(values, key=lambda value: len(value.shape), default=None)


def _numbers(failing: Failing) -> list[int]:
    """The numbers in the message and among the settings of the failing module."""
    said = [int(digits) for digits in re.findall(r"\d{1,4}", failing.failure.message)]
    held: Iterable[object] = failing.module.config.values()
    return [n for n in dict.fromkeys([*said, *held]) if isinstance(n, int) and 1 < n <= _LARGEST]


def _sizes(shape: Sizes, numbers: list[int]) -> Iterator[Sizes]:
    axes = range(2 if len(shape) > 3 else 1, len(shape))
    if not axes:
        return
    for number in (*numbers, *_MULTIPLES):
        for up in (True, False):
            yield _each(shape, axes, lambda n, m=number, up=up: (-(-n // m) if up else n // m) * m)
    for axis in axes:
        for by in _HALVES:
            yield _each(shape, [axis], lambda n, by=by: n // by)
            yield _each(shape, [axis], lambda n, by=by: n * by)
    for by in _HALVES:
        yield _each(shape, axes, lambda n, by=by: n // by)
        yield _each(shape, axes, lambda n, by=by: n * by)
    for number in numbers:
        yield _each(shape, axes, lambda _n, m=number: m)
        for axis in range(1, len(shape)):
            yield _each(shape, [axis], lambda _n, m=number: m)


def _each(shape: Sizes, axes: Iterable[int], change: Callable[[int], int]) -> Sizes:
    after = list(shape)
    for axis in axes:
        after[axis] = change(shape[axis])
    return tuple(after)
