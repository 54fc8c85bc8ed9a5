"""Reading the recorded arguments of an operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnshape.tracing.trace import Operation


def argument(op: Operation, position: int, name: str, default: Any = None) -> Any:
    """An argument by its place or its name."""
    if name in op.kwargs:
        return op.kwargs[name]
    return op.args[position] if position < len(op.args) else default


def rest(op: Operation, position: int, name: str) -> tuple[Any, ...]:
    """The numbers of ``view(2, 3)``, ``view((2, 3))`` or ``view(size=(2, 3))`` alike."""
    found = op.kwargs.get(name)
    if found is None:
        found = op.args[position:]
    if isinstance(found, tuple) and len(found) == 1 and isinstance(found[0], tuple):
        found = found[0]
    return found if isinstance(found, tuple) else (found,)


def per_axis(value: Any, axes: int) -> tuple[int, ...] | None:
    """One integer per axis, from one for all or a sequence."""
    if isinstance(value, int):
        return (int(value),) * axes
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = tuple(value)
        if len(items) == 1:
            items *= axes
        if len(items) == axes and all(isinstance(item, int) for item in items):
            return tuple(int(item) for item in items)
    return None
