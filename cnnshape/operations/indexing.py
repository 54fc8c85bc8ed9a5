"""Operations that pick positions, by numbers, slices or tensors, and that put numbers there.

Source: https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops and
https://numpy.org/doc/stable/user/basics.indexing.html, whose rules torch follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Broadcast,
    Chosen,
    Ended,
    Kept,
    Need,
    Origin,
    Size,
    Unknown,
    Windowed,
    Written,
)
from cnnshape.operations.call import Call, Operand, Unfit
from cnnshape.operations.table import Table

INDEXING = Table()


# ---- x[…] ---------------------------------------------------------------------------------


@INDEXING.add("getitem", "indexing", "input index", source="torch.Tensor")
def getitem(call: Call) -> Account:
    """``x[…]`` with integers, slices, ``None``, ``...`` and tensors of indices."""
    return _indexed(call.tensor(), _items(call.arguments["index"]), _items(call.numbers["index"]))


def _items(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


@dataclass(frozen=True, slots=True)
class _Pick:
    """A tensor of indices (None for a number beside one): where it stands, and what it takes."""

    item: int
    origin: int
    axis: int
    index: Operand | None


def _indexed(x: Operand, items: Sequence[Any], numbers: Sequence[Any]) -> Account:
    """Each item takes an axis, but ``None``, which makes one, and ``...``, which takes the rest.

    Tensors of indices are laid over each other; what they make stands where the first of them
    stood, or in front where something else separates them.
    """
    rest = x.rank - sum(map(_width, items))
    by_tensor = any(isinstance(item, Operand) and item.rank for item in items)
    origins: list[Origin] = []
    ended: list[Ended] = []
    picks: list[_Pick] = []
    axis = 0
    for place, (item, number) in enumerate(zip(items, numbers, strict=True)):
        whole = isinstance(item, int | Sum) and not isinstance(item, bool)
        if whole:
            n = x.shape[axis]
            ended.append(Ended((x.axis(axis),), "picked", 1, number % n if n else None))
        if isinstance(item, Operand) or (whole and by_tensor):
            index = item if isinstance(item, Operand) else None
            picks.append(_Pick(place, len(origins), axis, index))
        elif not whole:
            origins += _made(x, axis, rest, item, number)
        axis += rest if item == "..." else _width(item)
    origins += x.all_kept(axis)
    if picks:
        together = all(b.item - a.item == 1 for a, b in pairwise(picks))
        at = picks[0].origin if together else 0
        origins[at:at] = _chosen(x, picks)
    return Account((tuple(origins),), tuple(ended))


def _made(x: Operand, axis: int, rest: int, item: Any, number: Any) -> tuple[Origin, ...]:
    """The axes that an item of an index makes by itself."""
    if item is None:
        return (Written(1),)
    if isinstance(item, str) and item == "...":
        return x.all_kept(axis, axis + rest)
    if isinstance(item, slice):
        return (sliced(x, axis, item, number),)
    raise Unfit("an index that is not understood")


def _width(item: Any) -> int:
    """How many axes an item of an index takes."""
    if item is None or (isinstance(item, str) and item == "..."):
        return 0
    return item.rank if isinstance(item, Operand) and _is_mask(item) and item.rank else 1


def _chosen(x: Operand, picks: Sequence[_Pick]) -> list[Origin]:
    """The axes that tensors of indices make; a mask makes as many positions as are true."""
    tensors = [(pick.axis, pick.index) for pick in picks if pick.index is not None]
    if any(_is_mask(index) for _, index in tensors):
        if any(index.rank > 1 for _, index in tensors if not _is_mask(index)):
            raise Unfit("a mask beside indices of several axes")
        return [Unknown()]
    origins: list[Origin] = []
    for d in range(-max(index.rank for _, index in tensors), 0):
        reaching = [(axis, index) for axis, index in tensors if index.rank >= -d]
        axis, index = max(reaching, key=lambda pick: pick[1].shape[d])
        origins.append(Chosen(x.axis(axis), index.sizes[d], index.axis(d)))
    return origins


def _is_mask(index: Operand) -> bool:
    return index.dtype in ("bool", "uint8")


def sliced(x: Operand, axis: int, item: slice, numbers: slice) -> Origin:
    """``start:stop:step`` of an axis, cut as Python cuts it at the size that it had in one run."""
    n, number = x.sizes[axis], x.shape[axis]
    step = 1 if numbers.step is None else int(numbers.step)
    places = range(*numbers.indices(number))
    if n is None:
        return Windowed(x.axis(axis), None, "slice", {"start": places.start, "step": step})
    start = _edge(item.start, n, number, 0)
    stop = _edge(item.stop, n, number, n)
    size = (stop - start + (step - 1)) // step
    if isinstance(n, int) and not isinstance(size, Sum):
        size = len(places)
    if step == 1 and places.start == 0 and size == n:
        return x.kept(axis)
    return Windowed(x.axis(axis), size, "slice", {"start": places.start, "step": step})


def _edge(edge: Any, n: Whole, number: int, default: Whole) -> Whole:
    if edge is None:
        return default
    if isinstance(edge, Sum):
        return edge
    place = int(edge)
    if place < 0:
        return n + place if -place <= number else 0
    return n if place >= number and isinstance(n, Sum) else min(place, number)


@INDEXING.add("setitem", "indexing", "input index value", source="torch.Tensor")
def setitem(call: Call) -> Account:
    """``x[…] = value``: the target keeps its axes; the value is laid over what the index picks."""
    x = call.tensor()
    value = call.optional("value")
    if value is None:
        return Account((x.all_kept(),))
    picked = getitem(call).results[0]
    origins = list(x.all_kept())
    needs: list[Need] = []
    for d in range(-min(value.rank, len(picked)), 0):
        if value.shape[d] != 1:
            needs.append(Need(value.sizes[d], "==", picked[d].size, "", value.axis(d)))
        if isinstance(picked[d], Kept):
            (target,) = picked[d].sources
            origins[target.axis] = Broadcast((target, value.axis(d)), picked[d].size)
    return Account((tuple(origins),), needs=tuple(needs))


# ---- one position, or some in a row -------------------------------------------------------


def piece(x: Operand, axis: int, start: Size, length: Size) -> Origin:
    """``length`` positions of an axis from ``start`` on."""
    if isinstance(start, int) and start == 0 and length == x.sizes[axis]:
        return x.kept(axis)
    return Windowed(x.axis(axis), length, "slice", {"start": start, "step": 1})


@INDEXING.add("select", "indexing", "input dim index")
def select(call: Call) -> Account:
    """One position of an axis."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    index = call.numbers["index"]
    position = index % x.shape[axis] if isinstance(index, int) and x.shape[axis] else None
    ended = (Ended((x.axis(axis),), "picked", 1, position),)
    return Account(((*x.all_kept(0, axis), *x.all_kept(axis + 1)),), ended)


@INDEXING.add("narrow narrow_copy", "indexing", "input dim start length", source="torch.narrow")
def narrow(call: Call) -> Account:
    """``length`` positions of an axis from ``start`` on."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    start = call.numbers["start"]
    one = piece(x, axis, start if isinstance(start, int) else None, call.size("length"))
    return Account(((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)),))


@INDEXING.add("slice slice_copy", "indexing", "input dim=0 start=None end=None step=1",
              source="torch.ops.aten.slice")  # fmt: skip
def slice_(call: Call) -> Account:
    """``start:end:step`` of one axis, as an operator of its own."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    item = slice(call["start"], call["end"], call["step"])
    numbers = slice(call.numbers["start"], call.numbers["end"], call.numbers["step"])
    one = sliced(x, axis, item, numbers)
    return Account(((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)),))


# ---- by a tensor of indices ---------------------------------------------------------------


@INDEXING.add("index_select", "indexing", "input dim index")
def index_select(call: Call) -> Account:
    """The positions of an axis that a vector names."""
    x, index = call.tensor(), call.tensor("index")
    axis = call.axis("dim", x.rank)
    count: Size = index.sizes[0] if index.rank else 1
    by = index.axis(0) if index.rank else None
    one = Chosen(x.axis(axis), count, by)
    return Account(((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)),))


@INDEXING.add("gather take_along_dim", "indexing", "input dim|index index|dim",
              source="torch.gather")  # fmt: skip
def gather(call: Call) -> Account:
    """Along one axis what the indices name, at every place of the others."""
    x = call.tensor()
    given = (call["dim"], call["index"])
    index = next((one for one in given if isinstance(one, Operand)), None)
    dim = next((one for one in given if isinstance(one, int)), None)
    if index is None or dim is None or index.rank != x.rank:
        raise Unfit("no index")
    axis = dim % x.rank
    return Account(
        (tuple(_beside(x, index, d, chosen=d == axis) for d in range(x.rank)),),
        needs=tuple(
            Need(x.sizes[d], ">=", index.sizes[d], "", x.axis(d), index.axis(d))
            for d in range(x.rank)
            if d != axis
        ),
    )


def _beside(x: Operand, index: Operand, axis: int, *, chosen: bool) -> Origin:
    """An axis of a gathering: chosen along one, and as long as the index along the others."""
    if not chosen and x.shape[axis] == index.shape[axis]:
        return x.kept(axis)
    return Chosen(x.axis(axis), index.sizes[axis], index.axis(axis))


@INDEXING.add("take", "indexing", "input index")
def take(call: Call) -> Account:
    """What the indices name among all numbers."""
    x, index = call.tensor(), call.tensor("index")
    source = x.axis(0) if x.rank else AxisOf(x.tensor, 0)
    return Account((tuple(Chosen(source, n, index.axis(d)) for d, n in enumerate(index.sizes)),))


@INDEXING.add(
    "scatter scatter_add scatter_reduce index_add index_copy index_fill index_put index_reduce "
    "masked_scatter put select_scatter slice_scatter diagonal_scatter index_put_impl "
    "fill_diagonal put_along_dim",
    "indexing",
    "input",
    source="torch.Tensor.scatter_",
)
def scatter(call: Call) -> Account:
    """Numbers put where indices say: the target keeps its axes."""
    return Account((call.tensor().all_kept(),))


def _embedding_rule(call: Call) -> tuple[str, dict[str, Any]]:
    rows, width = call.tensor("weight").sizes
    return "embedding", {"embedding_dim": width, "num_embeddings": rows}


@INDEXING.add("embedding", "linear", "input weight", rule=_embedding_rule,
              source="torch.nn.functional.embedding")  # fmt: skip
def embedding(call: Call) -> Account:
    """A row of the table for every index."""
    index, table = call.tensor(), call.tensor("weight")
    if index.tensor == table.tensor or table.dtype.startswith("int"):
        index, table = table, index  # the operator takes the table first
    rows = tuple(Chosen(table.axis(0), n, index.axis(d)) for d, n in enumerate(index.sizes))
    return Account(((*rows, table.kept(1)),))


@INDEXING.add("embedding_bag", "linear",
              "input weight offsets=None max_norm=None norm_type=2.0 scale_grad_by_freq=False "
              "mode='mean' sparse=False per_sample_weights=None include_last_offset=False",
              source="torch.nn.functional.embedding_bag")  # fmt: skip
def embedding_bag(call: Call) -> Account:
    """The rows of a bag of indices, summed or averaged."""
    index, table, offsets = call.tensor(), call.tensor("weight"), call.optional("offsets")
    if index.rank == 2:
        bags: Origin = index.kept(0)
        ended = (Ended((index.axis(1),), "reduced", index.sizes[1]),)
    elif offsets is not None:
        n = offsets.sizes[0]
        last = bool(call["include_last_offset"])
        bags = Written(n - 1 if last and n is not None else n)
        ended = (Ended((index.axis(0),), "reduced", index.sizes[0]),)
    else:
        raise Unfit("no bags")
    return Account(((bags, table.kept(1)),), ended)


@INDEXING.add("one_hot", "making", "input num_classes=-1", source="torch.nn.functional.one_hot")
def one_hot(call: Call) -> Account:
    """A new last axis, as long as there are classes; unknown where the values decide."""
    x, classes = call.tensor(), call["num_classes"]
    last: Origin = Unknown() if isinstance(classes, int) and classes < 0 else Written(classes)
    return Account(((*x.all_kept(), last),))


# ---- as many as the values say ------------------------------------------------------------

_BY_VALUES = "torch.nonzero"


@INDEXING.add("nonzero argwhere", "indexing", "input as_tuple=False", source=_BY_VALUES,
              values=True)  # fmt: skip
def nonzero(call: Call) -> Account:
    """A row for each number that is not zero."""
    x = call.tensor()
    if call["as_tuple"]:
        return Account(((Unknown(),),) * x.rank)
    return Account(((Unknown(), Written(x.rank)),))


@INDEXING.add("masked_select", "indexing", "input mask", values=True)
def masked_select(call: Call) -> Account:
    """The numbers where a mask is true."""
    del call
    return Account(((Unknown(),),))


@INDEXING.add("unique unique_consecutive unique_dim _unique2 unique2", "indexing",
              "input sorted=True return_inverse=False return_counts=False dim=None",
              source="torch.unique", values=True)  # fmt: skip
def unique(call: Call) -> Account:
    """The different numbers, or the different slices along an axis."""
    x = call.tensor()
    if call["dim"] is None:
        return Account(((Unknown(),),))
    axis = call.axis("dim", x.rank)
    return Account(((*x.all_kept(0, axis), Unknown(), *x.all_kept(axis + 1)),))


@INDEXING.add("nms batched_nms bincount histogram", "indexing", "input", values=True)
def listed(call: Call) -> Account:
    """A vector as long as the values make it."""
    del call
    return Account(((Unknown(),),))


@INDEXING.add("multinomial", "indexing", "input num_samples")
def multinomial(call: Call) -> Account:
    """Some positions of the last axis, drawn by weight."""
    x = call.tensor()
    return Account(((*x.all_kept(0, -1), Chosen(x.axis(-1), call.size("num_samples"))),))


@INDEXING.add("searchsorted", "indexing", "sorted_sequence input|values|self",
              source="torch.searchsorted")  # fmt: skip
def searchsorted(call: Call) -> Account:
    """For each number its place among sorted ones."""
    value = call.optional("input")
    return Account((() if value is None else value.all_kept(),))


@INDEXING.add("bucketize isin", "indexing", "input boundaries|test_elements",
              source="torch.bucketize")  # fmt: skip
def bucketize(call: Call) -> Account:
    """For each number its place among boundaries."""
    return Account((call.tensor().all_kept(),))
