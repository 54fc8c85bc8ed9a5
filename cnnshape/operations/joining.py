"""Operations that put tensors together, and that cut one into several.

Source: https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from cnnshape.formulas.algebra import Whole
from cnnshape.operations.axes import (
    Account,
    Broadcast,
    Ended,
    Joined,
    Kept,
    Need,
    Origin,
    Size,
    Unknown,
    Written,
    merged,
    total,
)
from cnnshape.operations.broadcasting import aligned, lines
from cnnshape.operations.call import Call, Operand, unread
from cnnshape.operations.indexing import piece, sliced
from cnnshape.operations.moving import expanded
from cnnshape.operations.table import Table

JOINING = Table()


# ---- together -----------------------------------------------------------------------------


@JOINING.add("cat concat concatenate", "joining", "tensors dim|axis=0", source="torch.cat")
def cat(call: Call) -> Account:
    """One after another along an axis; along the others they agree."""
    rank = max(tensor.rank for tensor in call.tensors)
    tensors = [tensor for tensor in call.tensors if tensor.rank == rank or tensor.shape != (0,)]
    ignored = [tensor for tensor in call.tensors if tensor.rank != rank and tensor.shape == (0,)]
    axis = call.axis("dim", rank)
    return replace(joined([tensor.all_kept() for tensor in tensors], axis), ended=unread(*ignored))


def joined(tensors: Sequence[tuple[Origin, ...]], axis: int) -> Account:
    """The axes of several tensors one after another along one, the others laid over each other."""
    origins: list[Origin] = []
    needs: list[Need] = []
    for d, axes in enumerate(zip(*tensors, strict=True)):
        origins.append(_after_another(axes) if d == axis else _agreeing(axes))
        if d != axis:
            first, *others = [one for one in axes if isinstance(one, Kept)] or [None]
            needs += [_equal(first, other) for other in others if first and other]
    return Account((tuple(origins),), needs=tuple(needs))


def _after_another(axes: Sequence[Origin]) -> Origin:
    """Axes joined; where some of them are new ones of size 1, it is not told which."""
    sources = tuple(source for one in axes for source in one.sources)
    size = total(one.size for one in axes)
    if not sources:
        return Written(size)
    if len(axes) == 1:
        return axes[0]
    return Joined(sources, size) if len(sources) == len(axes) else Unknown(size)


def _agreeing(axes: Sequence[Origin]) -> Origin:
    """Axes that all have the same size, as one."""
    sources = tuple(dict.fromkeys(source for one in axes for source in one.sources))
    size = next((one.size for one in axes if one.size is not None), None)
    return Broadcast(sources, size) if len(sources) > 1 else axes[0]


def _equal(first: Kept, other: Kept) -> Need:
    return Need(first.size, "==", other.size, "", first.source, other.source)


@JOINING.add("stack", "joining", "tensors dim=0")
def stack(call: Call) -> Account:
    """A new axis, as long as there are tensors."""
    at = call.axis("dim", call.tensors[0].rank + 1)
    return joined([(*x.all_kept(0, at), Written(1), *x.all_kept(at)) for x in call.tensors], at)


@JOINING.add("hstack", "joining", "tensors")
def hstack(call: Call) -> Account:
    """Joined along the second axis; vectors along their only one."""
    tensors = [_lifted(tensor, 1) for tensor in call.tensors]
    return joined(tensors, 1 if len(tensors[0]) > 1 else 0)


@JOINING.add("vstack row_stack", "joining", "tensors", source="torch.vstack")
def vstack(call: Call) -> Account:
    """Joined along the first axis, vectors as rows."""
    return joined([_lifted(tensor, 2) for tensor in call.tensors], 0)


@JOINING.add("dstack", "joining", "tensors")
def dstack(call: Call) -> Account:
    """Joined along the third axis, matrices as H×W×1."""
    return joined([_lifted(tensor, 3) for tensor in call.tensors], 2)


@JOINING.add("column_stack", "joining", "tensors")
def column_stack(call: Call) -> Account:
    """Joined along the second axis, vectors as columns."""
    columns = (tensor.all_kept() for tensor in call.tensors)
    return joined([(*axes, *[Written(1)] * (2 - len(axes))) for axes in columns], 1)


def _lifted(tensor: Operand, rank: int) -> tuple[Origin, ...]:
    """With axes of size 1, until there are so many."""
    axes, new = tensor.all_kept(), Written(1)
    if rank == 3 and len(axes) in (1, 2):  # a vector is a row, a matrix has a depth of 1
        return (*[new] * (2 - len(axes)), *axes, new)
    return (*[new] * (rank - len(axes)), *axes)


@JOINING.add("atleast_1d atleast_2d atleast_3d", "moving", "*tensors", source="torch.atleast_2d")
def atleast(call: Call) -> Account:
    """Axes of size 1 put in until there are enough."""
    results = tuple(_lifted(tensor, call.spatial or 1) for tensor in call.tensors)
    return Account(results, _apart(call.tensors))


def _apart(tensors: Sequence[Operand]) -> tuple[Ended, ...]:
    """Said where each result is made of one tensor alone."""
    return tuple(
        replace(end, result=place)
        for place, own in enumerate(tensors)
        for end in unread(*(other for other in tensors if other.tensor != own.tensor))
    )


@JOINING.add("broadcast_tensors", "moving", "*tensors")
def broadcast_tensors(call: Call) -> Account:
    """All tensors expanded to one shape."""
    shared, needs = aligned(*map(lines, call.tensors))
    sizes, numbers = [axis.size for axis in shared], _common([x.shape for x in call.tensors])
    results = tuple(expanded(x, sizes, numbers).results[0] for x in call.tensors)
    return Account(results, _apart(call.tensors), needs)


def _common(shapes: Sequence[Sequence[int]]) -> list[int]:
    """The shape that all are stretched to."""
    rank = max(map(len, shapes))
    columns = ([shape[d] for shape in shapes if len(shape) >= -d] for d in range(-rank, 0))
    return [next((n for n in column if n != 1), 1) for column in columns]


@JOINING.add("meshgrid", "making", "*tensors indexing='ij'")
def meshgrid(call: Call) -> Account:
    """A grid of all the sides, once for each tensor."""
    sides = [tensor.kept(0) if tensor.rank else Written(1) for tensor in call.tensors]
    results: list[tuple[Origin, ...]] = []
    for place in range(len(sides)):
        axes = [side if d == place else Written(side.size) for d, side in enumerate(sides)]
        if call["indexing"] == "xy" and len(axes) > 1:
            axes[0], axes[1] = axes[1], axes[0]
        results.append(tuple(axes))
    return Account(tuple(results), _apart(call.tensors))


@JOINING.add("cartesian_prod", "making", "*tensors")
def cartesian_prod(call: Call) -> Account:
    """Every combination of the numbers of some vectors, a row each."""
    tensors = call.tensors
    if len(tensors) == 1:
        return Account((tensors[0].all_kept(),))
    return Account(((merged([t.kept(0) for t in tensors]), Written(len(tensors))),))


@JOINING.add("block_diag", "making", "*tensors")
def block_diag(call: Call) -> Account:
    """Matrices along the diagonal of a larger one, vectors as rows."""
    matrices = [_lifted(tensor, 2) for tensor in call.tensors]
    return Account((tuple(_after_another(axes) for axes in zip(*matrices, strict=True)),))


# ---- apart --------------------------------------------------------------------------------


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
    places = call.sizes(name)
    if isinstance(call[name], tuple):
        return Account(tuple(_between(x, axis, places, call.counts(name))))
    n, parts = x.sizes[axis], call.counts(name)[0]
    lengths = [None if n is None else (n + parts - 1 - place) // parts for place in range(parts)]
    return Account(_cut(x, axis, lengths))


def _between(
    x: Operand, axis: int, places: Sequence[Whole], numbers: Sequence[int]
) -> Iterator[tuple[Origin, ...]]:
    """The slices between some places of an axis."""
    edges = zip(pairwise((None, *places, None)), pairwise((None, *numbers, None)), strict=True)
    for edge, number in edges:
        one = sliced(x, axis, slice(*edge), slice(*number))
        yield (*x.all_kept(0, axis), one, *x.all_kept(axis + 1))


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
