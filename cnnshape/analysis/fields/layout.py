"""Where the axes of a picture are inside a tensor, through reshapes and permutations.

A network moves its spatial axes about: a vision transformer merges height and width into one
axis of tokens, Swin cuts them into windows and puts the windows into the batch. Each dimension
of a tensor is therefore a list of :class:`Piece`, outermost first: a piece of a spatial axis, or
something else (batch, channels). Splitting and merging dimensions splits and merges pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from cnnshape.analysis.fields.reach import Reach, Window, sliding


@dataclass(frozen=True, slots=True)
class Piece:
    """``size`` positions of spatial axis ``axis``, ``step`` apart; or anything else (None)."""

    size: int
    axis: int | None = None
    step: int = 1


Dimension: TypeAlias = tuple[Piece, ...]
#: What is known of one axis: its intervals, that every unit may depend on every position, or
#: nothing.
Axis: TypeAlias = Reach | Literal["global", "unknown"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A tensor that depends on the picture: its dimensions, and each spatial axis's reach."""

    dims: tuple[Dimension, ...]
    axes: tuple[Axis, ...]

    def homes(self, axis: int) -> list[int]:
        """The dimensions that hold a piece of ``axis``."""
        return [d for d, pieces in enumerate(self.dims) if any(p.axis == axis for p in pieces)]

    def count(self, axis: int) -> int:
        """How many positions of ``axis`` the tensor has; 1 where the axis has gone."""
        total = 1
        for pieces in self.dims:
            for piece in pieces:
                total *= piece.size if piece.axis == axis else 1
        return total

    def marked(self, axes: Iterable[int], what: Literal["global", "unknown"]) -> Spread:
        """The same tensor with some axes global or unknown; global stays global."""
        chosen = set(axes)
        if not chosen:
            return self
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

    def with_dim(self, dim: int, pieces: Dimension) -> Spread:
        """One dimension replaced."""
        return replace(self, dims=(*self.dims[:dim], pieces, *self.dims[dim + 1 :]))

    def with_axis(self, axis: int, reach: Axis) -> Spread:
        """What is known of one axis replaced."""
        return replace(self, axes=(*self.axes[:axis], reach, *self.axes[axis + 1 :]))

    def slid(self, dim: int, window: Window, after: int) -> Spread:
        """The tensor behind a window over a dimension that is one whole axis or nothing spatial."""
        axis = self.dims[dim][0].axis
        moved = self.with_dim(dim, (Piece(after, axis),))
        if axis is None:
            return moved
        reach = self.axes[axis]
        if isinstance(reach, str):
            return moved
        return moved.with_axis(axis, reach.through(window, after) or "unknown")

    def straightened(self, dim: int, channel: int | None) -> Spread | None:
        """The dimension as one whole spatial axis, or as nothing spatial; None if it is neither.

        A pixel shuffle or a space-to-depth written as reshapes, whose pieces are in the dimension
        itself or among the channels, is undone into the windows it is.
        """
        pieces = self.dims[dim]
        axes = spatial_axes(pieces)
        total = size(pieces)
        if not axes:
            return self.with_dim(dim, (Piece(total),))
        axis, step = pieces[0].axis, pieces[0].step
        if axis is None or len(axes) > 1:
            return None
        reach = self.axes[axis]
        straight = self.with_dim(dim, (Piece(total, axis),))
        elsewhere = [d for d in self.homes(axis) if d != dim]
        if isinstance(reach, str) or (len(pieces) == 1 and step == 1 and not elsewhere):
            return straight
        if len(pieces) == 2 and step == 1 and not elsewhere:
            behind = reach.through(Window(pieces[1].size, 1, ((0,),) * pieces[1].size), total)
        elif len(pieces) == 1 and channel is not None and elsewhere == [channel]:
            inside = [p for p in self.dims[channel] if p.axis == axis]
            if sum((p.size - 1) * p.step for p in inside) + 1 != step:
                return None
            behind = reach.through(sliding(step, step), total)
            rest = (Piece(p.size) if p.axis == axis else p for p in self.dims[channel])
            straight = straight.with_dim(channel, joined(rest))
        else:
            return None
        return straight.with_axis(axis, behind or "unknown")

    def contracted(self, gone: Sequence[int]) -> Spread:
        """What a unit depends on after the dimensions ``gone`` have been mixed (summed, averaged).

        An axis all of which is mixed is global. Where blocks of it were cut off first (a patch
        embedding written as reshape and linear), it is a window of the block's size.
        """
        axes = list(self.axes)
        dims = list(self.dims)
        for axis, reach in enumerate(axes):
            pieces = [p for d in gone for p in self.dims[d] if p.axis == axis and p.size > 1]
            if not pieces or isinstance(reach, str):
                continue
            block = _block(pieces)
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
            dims[d] = (Piece(size(dims[d])),)
        return Spread(tuple(dims), tuple(axes))


def size(pieces: Dimension) -> int:
    """Positions along a dimension."""
    total = 1
    for piece in pieces:
        total *= piece.size
    return total


def spatial_axes(pieces: Dimension) -> frozenset[int]:
    """The spatial axes of which a dimension holds something."""
    return frozenset(p.axis for p in pieces if p.axis is not None)


def plain(shape: Sequence[int]) -> tuple[Dimension, ...]:
    """Dimensions that hold nothing spatial."""
    return tuple((Piece(n),) for n in shape)


def lost(spread: Spread, shape: Sequence[int]) -> Spread:
    """A tensor of which only the shape is known; what was global stays so."""
    return replace(spread.all_marked("unknown"), dims=plain(shape))


def union(tensors: Sequence[Spread], dims: tuple[Dimension, ...]) -> Spread:
    """All that several tensors depend on, laid out as ``dims``."""
    axes: list[Axis] = list(tensors[0].axes)
    for tensor in tensors[1:]:
        axes = [
            _either(one, other, dims, axis)
            for axis, (one, other) in enumerate(zip(axes, tensor.axes, strict=True))
        ]
    return Spread(dims, tuple(axes))


def _either(one: Axis, other: Axis, dims: tuple[Dimension, ...], axis: int) -> Axis:
    if one == other:
        return one
    if isinstance(one, str) or isinstance(other, str):
        return "global" if "global" in (one, other) else "unknown"
    if one.length == other.length:
        return one.union(other, Spread(dims, ()).count(axis))
    # A single position is broadcast to all of the other's; the caller marks that as global.
    return max(one, other, key=lambda reach: reach.length or 0)


def _block(pieces: list[Piece]) -> int | None:
    """The length of the run ``0, 1, 2, …`` that the pieces enumerate together, if they do."""
    length = 1
    for piece in sorted(pieces, key=lambda p: p.step):
        if piece.step != length:
            return None
        length *= piece.size
    return length


def divided(pieces: Sequence[Piece], sizes: Sequence[int]) -> tuple[Dimension, ...] | None:
    """The same pieces, in order, over dimensions of these sizes; None if they do not fit.

    >>> divided([Piece(14, axis=0)], (2, 7))
    ((Piece(size=2, axis=0, step=7),), (Piece(size=7, axis=0, step=1),))
    """
    queue = [piece for piece in reversed(pieces) if piece.size != 1]
    dims: list[Dimension] = []
    for wanted in sizes:
        held: list[Piece] = []
        left = wanted
        while left > 1:
            if not queue:
                return None
            piece = queue.pop()
            if left % piece.size == 0:
                held.append(piece)
                left //= piece.size
            elif piece.size % left == 0:
                inner = piece.size // left
                held.append(replace(piece, size=left, step=piece.step * inner))
                queue.append(replace(piece, size=inner))
                left = 1
            else:
                return None
        if left != 1:
            return None
        dims.append(joined(held))
    return None if queue else tuple(dims)


def joined(pieces: Iterable[Piece]) -> Dimension:
    """Neighbouring pieces of one axis, outer times inner, are one piece again.

    A single position says nothing of its place and is left out.

    >>> joined((Piece(2, axis=0, step=7), Piece(7, axis=0), Piece(1), Piece(3)))
    (Piece(size=14, axis=0, step=1), Piece(size=3, axis=None, step=1))
    """
    result: list[Piece] = []
    for piece in pieces:
        if piece.size == 1:
            continue
        last = result[-1] if result else None
        if last is not None and last.axis == piece.axis:
            if piece.axis is None:
                result[-1] = Piece(last.size * piece.size)
                continue
            if last.step == piece.step * piece.size:
                result[-1] = replace(piece, size=last.size * piece.size)
                continue
        result.append(piece)
    return tuple(result) or (Piece(1),)
