"""Reading the arguments of an operation, with traced sizes as expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnshape.experiments.symbolic.state import Dims, Sizes
from cnnshape.tracing.trace import Operation, Ref


def first(op: Operation, sizes: Sizes) -> Dims:
    """The sizes of the first tensor among the arguments."""
    found = next((sizes.of(a) for a in flat(op.args) if isinstance(a, Ref)), None)
    if found is None:
        return sizes.of_value(op.inputs[0])
    return found


def flat(arguments: Sequence[Any]) -> list[Any]:
    """The items of nested tuples."""
    found: list[Any] = []
    for argument in arguments:
        found += flat(argument) if isinstance(argument, tuple) else [argument]  # pyright: ignore[reportUnknownArgumentType]
    return found


def argument(op: Operation, sizes: Sizes, position: int, *names: str, default: Any = None) -> Any:
    """An argument by its place or one of its names."""
    for name in names:
        if name in op.kwargs:
            return sizes.known(op.kwargs[name])
    return sizes.known(op.args[position]) if position < len(op.args) else default


def numbers_of(op: Operation, sizes: Sizes, position: int, *names: str) -> tuple[Any, ...]:
    """The sizes of ``view(2, 3)``, ``view((2, 3))`` and ``view(size=(2, 3))`` alike."""
    for name in names:
        if name in op.kwargs:
            return tuple(sizes.known(op.kwargs[name]))
    rest = sizes.known(op.args[position:])
    return rest[0] if len(rest) == 1 and isinstance(rest[0], tuple) else rest


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple, or the value as one."""
    return value if isinstance(value, tuple) else (value,)
