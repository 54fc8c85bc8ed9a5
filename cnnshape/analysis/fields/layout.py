"""Where the axes of a picture are inside a tensor, through reshapes and permutations.

A network moves its spatial axes about: a vision transformer merges height and width into one
axis of tokens, Swin cuts them into windows and puts the windows into the batch. Each dimension
of a tensor is therefore a list of :class:`Part`, outermost first: a piece of a spatial axis, or
something else (batch, channels). Splitting and merging dimensions splits and merges parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from cnnshape.analysis.fields.reach import Reach, Window


@dataclass(frozen=True, slots=True)
class Part:
    """``size`` positions of spatial axis ``axis``, ``step`` apart; or anything else (None)."""

    size: int
    axis: int | None = None
    step: int = 1


Dimension: TypeAlias = tuple[Part, ...]
#: What is known of one axis: its intervals, that every unit may depend on every position, or
#: nothing.
Axis: TypeAlias = Reach | Literal["global", "unknown"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A tensor that depends on the picture: its dimensions, and each spatial axis's reach."""

    dims: tuple[Dimension, ...]
    axes: tuple[Axis, ...]

    def homes(self, axis: int) -> list[int]:
        """The dimensions that hold a part of ``axis``."""
        return [d for d, parts in enumerate(self.dims) if any(p.axis == axis for p in parts)]

    def count(self, axis: int) -> int:
        """How many positions of ``axis`` the tensor has; 1 where the axis has gone."""
        total = 1
        for parts in self.dims:
            for part in parts:
                total *= part.size if part.axis == axis else 1
        return total

    def marked(self, axes: Iterable[int], what: Literal["global", "unknown"]) -> Spread:
        """The same tensor with some axes global or unknown; global stays global."""
        chosen = set(axes)
        return replace(
            self,
            axes=tuple(
                what if i in chosen and axis != "global" else axis
                for i, axis in enumerate(self.axes)
            ),
        )

    def all_marked(self, what: Literal["global", "unknown"]) -> Spread:
        """Every axis global or unknown."""
        return self.marked(range(len(self.axes)), what)

    def reshaped(self, shape: Sequence[int]) -> Spread:
        """The dimensions after ``view``; axes whose order is lost become unknown."""
        dims = regroup([part for parts in self.dims for part in parts], shape)
        return lost(self, shape) if dims is None else replace(self, dims=dims)

    def permuted(self, order: Sequence[int]) -> Spread:
        """The dimensions in another order."""
        return replace(self, dims=tuple(self.dims[d] for d in order))

    def with_dim(self, dim: int, parts: Dimension) -> Spread:
        """One dimension replaced."""
        return replace(self, dims=(*self.dims[:dim], parts, *self.dims[dim + 1 :]))

    def without_dims(self, gone: Iterable[int]) -> Spread:
        """Dimensions dropped."""
        dropped = set(gone)
        return replace(self, dims=tuple(p for d, p in enumerate(self.dims) if d not in dropped))

    def contracted(self, gone: Sequence[int]) -> Spread:
        """What a unit depends on after the dimensions ``gone`` have been mixed (summed, averaged).

        An axis all of which is mixed is global. Where blocks of it were cut off first (a patch
        embedding written as reshape and linear), it is a window of the block's size.
        """
        axes = list(self.axes)
        dims = list(self.dims)
        for axis, reach in enumerate(axes):
            parts = [p for d in gone for p in self.dims[d] if p.axis == axis and p.size > 1]
            if not parts or isinstance(reach, str):
                continue
            block = _block(parts)
            kept = [p for d, ps in enumerate(self.dims) if d not in gone for p in ps]
            rest = [p for p in kept if p.axis == axis and p.size > 1]
            if not rest or block is None or any(p.step % block for p in rest):
                axes[axis] = "global"
                continue
            after = self.count(axis) // block
            behind = reach.through(Window(1, block, (tuple(range(block)),)), after)
            axes[axis] = "unknown" if behind is None else behind
            dims = [
                tuple(replace(p, step=p.step // block) if p.axis == axis else p for p in ps)
                for ps in dims
            ]
        for d in gone:
            dims[d] = (Part(size(dims[d])),)
        return Spread(tuple(dims), tuple(axes))


def size(parts: Dimension) -> int:
    """Positions along a dimension."""
    total = 1
    for part in parts:
        total *= part.size
    return total


def plain(shape: Sequence[int]) -> tuple[Dimension, ...]:
    """Dimensions that hold nothing spatial."""
    return tuple((Part(n),) for n in shape)


def lost(spread: Spread, shape: Sequence[int]) -> Spread:
    """A tensor of which only the shape is known; what was global stays so."""
    return replace(spread.all_marked("unknown"), dims=plain(shape))


def _block(parts: list[Part]) -> int | None:
    """The length of the run ``0, 1, 2, …`` that the parts enumerate together, if they do."""
    length = 1
    for part in sorted(parts, key=lambda p: p.step):
        if part.step != length:
            return None
        length *= part.size
    return length


def regroup(parts: Sequence[Part], shape: Sequence[int]) -> tuple[Dimension, ...] | None:
    """The same parts, in order, over dimensions of these sizes; None if they do not fit.

    >>> H, W = Part(14, axis=0), Part(14, axis=1)
    >>> regroup([Part(1), Part(768), H, W], (1, 768, 196))[2]
    (Part(size=14, axis=0, step=1), Part(size=14, axis=1, step=1))
    >>> regroup([Part(14, axis=0)], (2, 7))
    ((Part(size=2, axis=0, step=7),), (Part(size=7, axis=0, step=1),))
    """
    queue = [part for part in reversed(parts) if part.size != 1]
    dims: list[Dimension] = []
    for wanted in shape:
        held: list[Part] = []
        left = wanted
        while left > 1:
            if not queue:
                return None
            part = queue.pop()
            if left % part.size == 0:
                held.append(part)
                left //= part.size
            elif part.size % left == 0:
                inner = part.size // left
                held.append(replace(part, size=left, step=part.step * inner))
                queue.append(replace(part, size=inner))
                left = 1
            else:
                return None
        if left != 1:
            return None
        dims.append(merged(held))
    if queue:
        return None
    return _with_single_positions(parts, dims)


def merged(parts: Sequence[Part]) -> Dimension:
    """Neighbouring pieces of one axis, outer times inner, are one piece again."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if last is not None and last.axis == part.axis:
            if part.axis is None:
                result[-1] = Part(last.size * part.size)
                continue
            if last.step == part.step * part.size:
                result[-1] = replace(part, size=last.size * part.size)
                continue
        result.append(part)
    return tuple(result) or (Part(1),)


def _with_single_positions(
    parts: Sequence[Part], dims: list[Dimension]
) -> tuple[Dimension, ...] | None:
    """Give an axis of which one position is left a dimension of size 1, in order, if one is free.

    A 120×1×1 tensor keeps its axes through ``view(1, 120, 1, 1)`` and loses them, merged into
    the features, in ``view(1, 120)``.
    """
    held = {p.axis for parts_ in dims for p in parts_}
    singles = [p for p in parts if p.size == 1 and p.axis is not None and p.axis not in held]
    free = [d for d, parts_ in enumerate(dims) if d and size(parts_) == 1]
    if singles and len(free) >= len(singles):
        for d, part in zip(free[-len(singles) :], singles, strict=True):
            dims[d] = (part,)
    return tuple(dims)
