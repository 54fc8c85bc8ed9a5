"""Tensors laid over each other, aligned at their last axes; an axis of size 1 is stretched.

Source: https://docs.pytorch.org/docs/stable/notes/broadcasting.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cnnshape.formulas.algebra import Sum
from cnnshape.operations.axes import Account, AxisOf, Broadcast, Kept, Need, Origin, Size
from cnnshape.operations.call import Operand


class Line(NamedTuple):
    """One axis of a tensor: its size in letters, and its number in one run."""

    source: AxisOf
    size: Size
    number: int


def lines(x: Operand, start: int = 0, stop: int | None = None) -> tuple[Line, ...]:
    """The axes of ``x`` from ``start`` to ``stop``."""
    chosen = range(*slice(start, stop).indices(x.rank))
    return tuple(Line(x.axis(axis), x.sizes[axis], x.shape[axis]) for axis in chosen)


def overlaid(axes: Iterable[Line]) -> tuple[Origin, tuple[Need, ...]]:
    """Several axes as one: those that are not of size 1 have to agree.

    >>> origin, needs = overlaid((Line(AxisOf(0, 1), 5, 5), Line(AxisOf(1, 0), 1, 1)))
    >>> origin.size, needs
    (5, ())
    """
    distinct = tuple(dict.fromkeys(axes))
    first, *others = [line for line in distinct if line.number != 1] or distinct[:1]
    if len(distinct) == 1:
        return Kept(first.source, first.size), ()
    needs = tuple(
        Need(first.size, "==", line.size, "", first.source, line.source) for line in others
    )
    return Broadcast(tuple(line.source for line in distinct), _told((first, *others))), needs


def _told(agreeing: Sequence[Line]) -> Size:
    """The size that says most: an expression, else a number, else none."""
    sizes = [line.size for line in agreeing if line.size is not None]
    return next((size for size in sizes if isinstance(size, Sum)), sizes[0] if sizes else None)


def aligned(*tensors: Sequence[Line]) -> tuple[tuple[Origin, ...], tuple[Need, ...]]:
    """The axes of several tensors laid over each other, and what has to agree."""
    origins: list[Origin] = []
    needs: list[Need] = []
    for back in range(max(map(len, tensors), default=0), 0, -1):
        origin, more = overlaid(axes[-back] for axes in tensors if len(axes) >= back)
        origins.append(origin)
        needs += more
    return tuple(origins), tuple(needs)


def broadcast(*tensors: Operand, results: int = 1) -> Account:
    """The account of an operation that works position by position.

    >>> x, bias = Operand.of(0, 2, 8, 5), Operand.of(1, 8, 1)
    >>> broadcast(x, bias).sizes
    ((2, 8, 5),)
    """
    if len(tensors) == 1:
        return Account((tensors[0].all_kept(),) * results)
    origins, needs = aligned(*map(lines, tensors))
    return Account((origins,) * results, needs=needs)
