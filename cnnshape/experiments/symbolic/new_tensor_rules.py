"""Operations that make a tensor of given sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnshape.experiments.symbolic.reading import argument, as_tuple, first, flat, numbers_of
from cnnshape.experiments.symbolic.state import Dims, Sizes
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.tracing.trace import Operation, Ref

Rule = Callable[[Operation, Sizes], "Sequence[Dims] | None"]


def filled_tensor_sizes(position: int) -> Rule:
    """``zeros(2, 3)`` and ``x.new_zeros(2, 3)``: sizes from argument ``position`` on."""

    def rule(op: Operation, sizes: Sizes) -> list[Dims] | None:
        shape = numbers_of(op, sizes, position, "size")
        count = len(sizes.numbers(op.outputs[0]))
        return [tuple(shape[:count])]

    return rule


def full_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """``full(size, value)``."""
    return [tuple(as_tuple(argument(op, sizes, 0, "size")))]


def arange_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``⌈(end − start)/step⌉`` numbers."""
    bounds = _bounds(op, sizes)
    if bounds is None:
        return None
    start, stop, step = bounds
    return [((stop - start + step - 1) // step,)]


def _bounds(op: Operation, sizes: Sizes) -> tuple[Any, Any, Any] | None:
    """Start, end and step of an ``arange``; None if one is no whole number."""
    numbers: list[Any] = [n for n in sizes.known(op.args) if isinstance(n, int | float | Sum)]
    if "end" in op.kwargs:
        start = sizes.known(op.kwargs.get("start", 0))
        numbers = [start, sizes.known(op.kwargs["end"]), *numbers[2:]]
    if any(isinstance(n, float) for n in numbers):
        return None
    if len(numbers) == 1:
        return 0, numbers[0], 1
    start, stop, step = (*numbers, 1)[:3]
    return start, stop, step


_KEEP_VALUES = frozenset(
    "unsqueeze squeeze expand expand_as broadcast_to view reshape flatten repeat tile to long int "
    "type clone contiguous transpose permute".split()
)


def counted_to(value: int, sizes: Sizes) -> Whole | None:
    """The end of the ``arange`` that a tensor of indices came from; None if it came otherwise.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> class Count(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.arange(x.shape[1]).unsqueeze(0) + 2
    >>> trace = record(Count(), Inputs((torch.zeros(1, 9),))).trace
    >>> counted_to(trace.outputs[0].value, Sizes(trace))
    11
    """
    producers = {out: op for op in sizes.trace.operations for out in op.outputs}
    shift: Whole = 0
    while True:
        op = producers.get(value)
        if op is None:
            return None
        if op.name == "arange":
            bounds = _bounds(op, sizes)
            return None if bounds is None or bounds[2] != 1 else bounds[1] + shift
        added = op.args[1] if op.name in ("add", "radd") and len(op.args) == 2 else None
        if isinstance(added, int):
            shift = shift + sizes.known(added)
        elif op.name not in _KEEP_VALUES:
            return None
        value = op.inputs[0]


def linspace_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """As many numbers as steps."""
    steps = argument(op, sizes, 2, "steps")
    return None if steps is None else [(steps,)]


def meshgrid_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """A grid of all the sides."""
    tensors = [sizes.of(a) for a in flat(op.args) if isinstance(a, Ref)]
    sides = [dims[0] if dims else 1 for dims in tensors if dims is not None]
    if op.kwargs.get("indexing", "ij") == "xy" and len(sides) > 1:
        sides[0], sides[1] = sides[1], sides[0]
    return [tuple(sides)] * len(op.outputs)


def shape_of_input_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """The shape of the first tensor."""
    return [first(op, sizes)] * len(op.outputs)
