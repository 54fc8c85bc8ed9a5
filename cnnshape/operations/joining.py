"""Operations that put tensors together, and that cut one into several.

Source: https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.operations.axes import (
    Account,
    Broadcast,
    Ended,
    Joined,
    Need,
    Origin,
    Size,
    Windowed,
    Written,
    merged,
    total,
)
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table

JOINING = Table()


# ---- together -----------------------------------------------------------------------------


@JOINING.add("cat concat concatenate", "joining", "tensors dim|axis=0", source="torch.cat")
def cat(call: Call) -> Account:
    """One after another along an axis; along the others they agree."""
    tensors = _several(call)
    return joined(tensors, call.axis("dim", tensors[0].rank))


def _several(call: Call) -> tuple[Operand, ...]:
    """The tensors of a list; empty ones of one axis, which torch ignores, left out."""
    tensors = tuple(t for t in call.tensors if t.rank != 1 or t.shape[0])
    if not tensors:
        raise Unfit("nothing to join")
    return tensors


def joined(tensors: Sequence[Operand], axis: int) -> Account:
    """Tensors one after another along an axis."""
    first, *others = tensors
    origins: list[Origin] = []
    needs: list[Need] = []
    for d in range(first.rank):
        sources = tuple(tensor.axis(d) for tensor in tensors)
        if d == axis:
            size = total(tensor.sizes[d] for tensor in tensors)
            origins.append(first.kept(d) if not others else Joined(sources, size))
        else:
            origins.append(_agreeing(tensors, d))
            needs += _equal(tensors, d)
    return Account((tuple(origins),), needs=tuple(needs))


def _agreeing(tensors: Sequence[Operand], axis: int) -> Origin:
    """One axis of several tensors that all have the same size along it."""
    if len(tensors) == 1:
        return tensors[0].kept(axis)
    size = next((t.sizes[axis] for t in tensors if t.sizes[axis] is not None), None)
    return Broadcast(tuple(tensor.axis(axis) for tensor in tensors), size)


def _equal(tensors: Sequence[Operand], axis: int) -> list[Need]:
    first = tensors[0]
    return [
        Need(first.sizes[axis], "==", t.sizes[axis], "", first.axis(axis), t.axis(axis))
        for t in tensors[1:]
    ]


@JOINING.add("stack", "joining", "tensors dim=0")
def stack(call: Call) -> Account:
    """A new axis, as long as there are tensors."""
    tensors = call.tensors
    at = call.axis("dim", tensors[0].rank + 1)
    axes = [_agreeing(tensors, d) for d in range(tensors[0].rank)]
    needs = tuple(need for d in range(tensors[0].rank) for need in _equal(tensors, d))
    return Account(((*axes[:at], Written(len(tensors)), *axes[at:]),), needs=needs)


@JOINING.add("hstack", "joining", "tensors")
def hstack(call: Call) -> Account:
    """Joined along the second axis; vectors along their only one."""
    tensors = [_raised(tensor, 1) for tensor in call.tensors]
    return joined(tensors, 1) if tensors[0].rank > 1 else joined(tensors, 0)


@JOINING.add("vstack row_stack", "joining", "tensors", source="torch.vstack")
def vstack(call: Call) -> Account:
    """Joined along the first axis, vectors as rows."""
    return _of_raised(call, 2, 0)


@JOINING.add("dstack", "joining", "tensors")
def dstack(call: Call) -> Account:
    """Joined along the third axis, matrices as H×W×1."""
    return _of_raised(call, 3, 2)


@JOINING.add("column_stack", "joining", "tensors")
def column_stack(call: Call) -> Account:
    """Joined along the second axis, vectors as columns."""
    if all(tensor.rank > 1 for tensor in call.tensors):
        return joined(call.tensors, 1)
    if any(tensor.rank != 1 for tensor in call.tensors):
        raise Unfit("vectors and matrices")
    return Account(((_agreeing(call.tensors, 0), Written(len(call.tensors))),))


def _of_raised(call: Call, rank: int, axis: int) -> Account:
    """The axes of tensors that were given more of them first, where that says all."""
    raised = [_lifted(tensor, rank) for tensor in call.tensors]
    numbers = [tensor for tensor in call.tensors if tensor.rank >= rank]
    if len(numbers) == len(call.tensors):
        return joined(call.tensors, axis)
    first = raised[0]
    length = total(origins[axis].size for origins in raised)
    origins: list[Origin] = []
    for d, origin in enumerate(first):
        sources = tuple(source for each in raised for source in each[d].sources)
        if d == axis:
            origins.append(Joined(sources, length) if sources else Written(length))
        else:
            origins.append(origin if len(raised) == 1 else Broadcast(sources, origin.size))
    return Account((tuple(origins),))


def _raised(tensor: Operand, rank: int) -> Operand:
    """A scalar as a vector of one."""
    if tensor.rank >= rank:
        return tensor
    raise Unfit("a scalar")


def _lifted(tensor: Operand, rank: int) -> tuple[Origin, ...]:
    """``torch.atleast_2d`` and ``atleast_3d``."""
    axes = tensor.all_kept()
    if len(axes) >= rank:
        return axes
    if rank == 2 or not axes:
        return (*(Written(1) for _ in range(rank - len(axes))), *axes)
    if rank == 3 and len(axes) == 1:
        return (Written(1), *axes, Written(1))
    return (*axes, *(Written(1) for _ in range(rank - len(axes))))


@JOINING.add("atleast_1d atleast_2d atleast_3d", "moving", "*tensors", source="torch.atleast_2d")
def atleast(call: Call) -> Account:
    """Axes of size 1 put in until there are enough."""
    rank = call.spatial or 1
    return Account(tuple(_lifted(tensor, rank) for tensor in call.tensors))


@JOINING.add("broadcast_tensors", "moving", "*tensors")
def broadcast_tensors(call: Call) -> Account:
    """All tensors expanded to one shape."""
    tensors = call.tensors
    rank = max(tensor.rank for tensor in tensors)
    results: list[tuple[Origin, ...]] = []
    for tensor in tensors:
        origins: list[Origin] = []
        for d in range(-rank, 0):
            longest = _longest(tensors, d)
            if tensor.rank < -d:
                origins.append(Written(longest))
            elif tensor.shape[d] == 1 and longest != 1:
                origins.append(Broadcast((tensor.axis(d),), longest))
            else:
                origins.append(tensor.kept(d))
        results.append(tuple(origins))
    return Account(tuple(results))


def _longest(tensors: Sequence[Operand], axis: int) -> Size:
    """The size of an axis (from the end) that all the others are stretched to."""
    there = [tensor for tensor in tensors if tensor.rank >= -axis]
    return max(there, key=lambda tensor: tensor.shape[axis]).sizes[axis]


@JOINING.add("meshgrid", "making", "*tensors indexing='ij'")
def meshgrid(call: Call) -> Account:
    """A grid of all the sides, once for each tensor."""
    tensors = call.tensors
    sides: list[Origin] = [t.kept(0) if t.rank else Written(1) for t in tensors]
    results: list[tuple[Origin, ...]] = []
    for place in range(len(tensors)):
        axes: list[Origin] = [
            side if d == place else Written(side.size) for d, side in enumerate(sides)
        ]
        if call["indexing"] == "xy" and len(axes) > 1:
            axes[0], axes[1] = axes[1], axes[0]
        results.append(tuple(axes))
    return Account(tuple(results))


@JOINING.add("cartesian_prod", "making", "*tensors")
def cartesian_prod(call: Call) -> Account:
    """Every combination of the numbers of some vectors, a row each."""
    tensors = call.tensors
    if len(tensors) == 1:
        return Account((tensors[0].all_kept(),))
    return Account(((merged([t.kept(0) for t in tensors]), Written(len(tensors))),))


@JOINING.add("block_diag", "making", "*tensors")
def block_diag(call: Call) -> Account:
    """Matrices along the diagonal of a larger one."""
    matrices = [tensor for tensor in call.tensors if tensor.rank == 2]
    if len(matrices) != len(call.tensors):
        raise Unfit("not matrices")
    axes = tuple(
        Joined(tuple(m.axis(d) for m in matrices), total(m.sizes[d] for m in matrices))
        for d in range(2)
    )
    return Account((axes,))


# ---- apart --------------------------------------------------------------------------------


def piece(x: Operand, axis: int, start: Size, length: Size) -> Origin:
    """``length`` positions of an axis from ``start`` on."""
    if isinstance(start, int) and start == 0 and length == x.sizes[axis]:
        return x.kept(axis)
    return Windowed(x.axis(axis), length, "slice", {"start": start, "step": 1})


def _cut(x: Operand, axis: int, lengths: Sequence[Size]) -> tuple[tuple[Origin, ...], ...]:
    """Pieces of these lengths along an axis, one after another."""
    results: list[tuple[Origin, ...]] = []
    start: Size = 0
    for length in lengths:
        one = piece(x, axis, start, length)
        results.append((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)))
        start = total((start, length))
    return tuple(results)


def _equal_pieces(x: Operand, axis: int, length: Size, number: int) -> Account:
    """Pieces of a length as long as there are positions, the last one shorter."""
    n, count = x.sizes[axis], max(-(-x.shape[axis] // max(number, 1)), 1)
    last = None if n is None or length is None else n - length * (count - 1)
    return Account(_cut(x, axis, [length] * (count - 1) + [last]))


@JOINING.add("chunk unsafe_chunk", "splitting", "input chunks dim=0", source="torch.chunk")
def chunk(call: Call) -> Account:
    """Equal pieces, the last one shorter: as many as asked for, or fewer."""
    x = call.tensor()
    axis, chunks = call.axis("dim", x.rank), call["chunks"]
    n = x.sizes[axis]
    length = None if n is None else (n + chunks - 1) // chunks
    return _equal_pieces(x, axis, length, -(-x.shape[axis] // chunks))


@JOINING.add("split unsafe_split split_with_sizes unsafe_split_with_sizes", "splitting",
             "input split_size_or_sections|split_size|split_sizes dim=0",
             source="torch.split")  # fmt: skip
def split(call: Call) -> Account:
    """Pieces of a length, or of given lengths."""
    x, name = call.tensor(), "split_size_or_sections"
    axis, lengths = call.axis("dim", x.rank), call.sizes(name)
    if isinstance(call[name], tuple):
        whole = Need(x.sizes[axis], "==", total(lengths), name, x.axis(axis))
        return Account(_cut(x, axis, lengths), needs=(whole,))
    return _equal_pieces(x, axis, lengths[0], call.counts(name)[0])


@JOINING.add("tensor_split", "splitting",
             "input indices_or_sections|indices|sections dim=0")  # fmt: skip
def tensor_split(call: Call) -> Account:
    """Pieces that end at given places, or so many of nearly equal length."""
    x = call.tensor()
    return _split_at(x, call.axis("dim", x.rank), call, "indices_or_sections")


def _split_at(x: Operand, axis: int, call: Call, name: str) -> Account:
    places, n = call.sizes(name), x.shape[axis]
    if isinstance(call[name], tuple):
        ends = [min(max(int(p) + n * (int(p) < 0), 0), n) for p in places if isinstance(p, int)]
        starts = [0, *ends]
        lengths = [max(end - start, 0) for start, end in zip(starts, [*ends, n], strict=True)]
    else:
        each, longer = divmod(n, int(places[0]))  # pyright: ignore[reportArgumentType]
        lengths = [each + (place < longer) for place in range(int(places[0]))]  # pyright: ignore[reportArgumentType]
    sizes: list[Size] = list(lengths)
    if not isinstance(x.sizes[axis], int):
        sizes = [None] * len(lengths)
    return Account(_cut(x, axis, sizes))


@JOINING.add("hsplit", "splitting", "input indices_or_sections|indices|sections")
def hsplit(call: Call) -> Account:
    """Split along the second axis; vectors along their only one."""
    x = call.tensor()
    return _split_at(x, 1 if x.rank > 1 else 0, call, "indices_or_sections")


@JOINING.add("vsplit", "splitting", "input indices_or_sections|indices|sections")
def vsplit(call: Call) -> Account:
    """Split along the first axis."""
    return _split_at(call.tensor(), 0, call, "indices_or_sections")


@JOINING.add("dsplit", "splitting", "input indices_or_sections|indices|sections")
def dsplit(call: Call) -> Account:
    """Split along the third axis."""
    return _split_at(call.tensor(), 2, call, "indices_or_sections")


@JOINING.add("unbind", "splitting", "input dim=0")
def unbind(call: Call) -> Account:
    """One result for each position of an axis."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    count = x.shape[axis]
    rest = (*x.all_kept(0, axis), *x.all_kept(axis + 1))
    ended = tuple(Ended((x.axis(axis),), "picked", 1, at, result=at) for at in range(count))
    need = Need(x.sizes[axis], "==", count, "", x.axis(axis))
    return Account((rest,) * count, ended, (need,))
