"""Tensors, axes and shapes that hypothesis draws for the operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from hypothesis import strategies as st

#: ``draw(strategy)``, as hypothesis gives it.
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]
#: Arguments of a call.
Arguments: TypeAlias = tuple[Any, ...]


def number(draw: Draw, low: int, high: int) -> int:
    """A whole number, both ends included."""
    return draw(st.integers(low, high))


def shape(draw: Draw, ranks: tuple[int, int] = (1, 4), sizes: tuple[int, int] = (1, 4)) -> Any:
    """Sizes of so many axes; those of an axis of size 1 are drawn often."""
    return tuple(draw(st.lists(st.integers(*sizes), min_size=ranks[0], max_size=ranks[1])))


def tensor(
    draw: Draw, ranks: tuple[int, int] = (1, 4), sizes: tuple[int, int] = (1, 4)
) -> torch.Tensor:
    """A tensor of floats of any shape."""
    return torch.zeros(shape(draw, ranks, sizes))


def axis(draw: Draw, rank: int) -> int:
    """An axis, often counted from the end."""
    return number(draw, -rank, rank - 1)


def axes(draw: Draw, rank: int, at_least: int = 0) -> tuple[int, ...]:
    """Different axes, each often counted from the end."""
    chosen = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=at_least))
    return tuple(a - rank if draw(st.booleans()) else a for a in chosen)
