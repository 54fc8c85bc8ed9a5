"""Operations that pick positions, by numbers, slices or tensors, and that put numbers there.

Source: https://pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops and
https://numpy.org/doc/stable/user/basics.indexing.html, whose rules torch follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeGuard

from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.operations.axes import (
    Account,
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
from cnnshape.operations.broadcasting import aligned, lines
from cnnshape.operations.call import Call, Operand, Unfit, operands
from cnnshape.operations.table import Axes, Table

INDEXING = Table()


# ---- x[…] ---------------------------------------------------------------------------------


def _by_mask(call: Call) -> bool:
    """A mask that arrives picks as many positions as its values say."""
    return any(_is_mask(index) and not index.parameter for index in operands((call["index"],)))


@INDEXING.add("getitem", "slicing", "input index", source="torch.Tensor", values=_by_mask)
def getitem(call: Call) -> Account:
    """``x[…]`` with integers, slices, ``None``, ``...``, tensors and lists of indices."""
    return _indexed(call.tensor(), _items(call.arguments["index"]), _items(call.numbers["index"]))


@INDEXING.add("index", "indexing", "input index|indices", source="torch.ops.aten.index",
              values=_by_mask)  # fmt: skip
def index(call: Call) -> Account:
    """The same as an operator: every item is a tensor, or None for a whole axis."""
    items = [slice(None) if item is None else item for item in _items(call["index"])]
    return _indexed(call.tensor(), items, items)


def _items(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


@dataclass(frozen=True, slots=True)
class _Pick:
    """Indices of an axis: a tensor with axes, or a list of numbers.

    Attributes:
        place: how many axes stand before it, once numbers have taken theirs.
        origin: how many axes the items before it make.
        axis: the axis (of a mask the first one) that it picks from.
        width: how many axes it picks from.
        index: the tensor.
        sizes, shape: those of the tensor or the list, in letters and in numbers.
    """

    place: int
    origin: int
    axis: int
    width: int
    index: Operand | None
    sizes: tuple[Size, ...]
    shape: tuple[int, ...]


def _indexed(x: Operand, items: Sequence[Any], numbers: Sequence[Any]) -> Account:
    """Each item takes an axis, but ``None``, which makes one, and ``...``, which takes the rest.

    Indices are laid over each other; what they make stands where the first of them stood, or in
    front where an axis stands between them.
    """
    rest = x.rank - sum(map(_width, items))
    origins: list[Origin] = []
    ended: list[Ended] = []
    picks: list[_Pick] = []
    needs: list[Need] = []
    axis = 0
    for item, number in zip(items, numbers, strict=True):
        width = rest if _is_rest(item) else _width(item)
        place = len(origins) + sum(pick.width for pick in picks)
        if _is_number(item):
            n = x.shape[axis]
            known = number % n if n and isinstance(number, int) else None
            ended.append(Ended((x.axis(axis),), "picked", 1, known))
            needs += _reaching(x, axis, [(item, number)])
        elif _is_tensor(item):
            picks.append(_Pick(place, len(origins), axis, width, item, item.sizes, item.shape))
        elif isinstance(item, tuple):
            length = (_length(item),)
            picks.append(_Pick(place, len(origins), axis, width, None, length, length))
            reached = _reaching(x, axis, zip(item, number, strict=True))
            needs += (replace(need, of_values=True) for need in reached)
        else:
            origins += _made(x, axis, rest, item, number)
        axis += width
    origins += x.all_kept(axis)
    if picks:
        together = all(b.place == a.place + a.width for a, b in pairwise(picks))
        at = picks[0].origin if together else 0
        origins[at:at] = _chosen(x, picks)
    return Account((tuple(origins),), (*ended, *_gone(x, origins, ended)), tuple(needs))


def _reaching(x: Operand, axis: int, places: Iterable[tuple[Any, Any]]) -> list[Need]:
    """How long an axis must be for some positions, counted from its end where negative.

    Args:
        x: the tensor that they are positions of.
        axis: which of its axes.
        places: each position, as an expression and as the number that it was.
    """
    counted = [(place, number) for place, number in places if isinstance(number, int)]
    # Whether n - 3 counts from the end depends on n: it asks for nothing.
    from_start = [place + 1 for place, number in counted if number >= 0]
    from_end = [-number for place, number in counted if number < 0 and place == number]
    least = list(dict.fromkeys((*from_start, *from_end)))
    numbers = [size for size in least if isinstance(size, int)]
    sizes = [size for size in least if not isinstance(size, int)]
    if numbers:
        sizes.append(max(numbers))
    return [Need(x.sizes[axis], ">=", size, "", x.axis(axis)) for size in sizes]


def _is_number(item: Any) -> bool:
    """A number, or a tensor of one number, takes one position."""
    if _is_tensor(item):
        return not item.rank and not _is_mask(item)
    return isinstance(item, int | Sum) and not isinstance(item, bool)


def _length(numbers: tuple[Any, ...]) -> int:
    if not all(_is_number(number) for number in numbers):
        raise Unfit("a list of something else than numbers")
    return len(numbers)


def _gone(x: Operand, origins: Sequence[Origin], ended: Sequence[Ended]) -> list[Ended]:
    """Axes of ``x`` of which indices pick single positions, one beside another axis's."""
    told = {source for each in origins for source in each.sources}
    told |= {axis for end in ended for axis in end.axes}
    untold = (x.axis(axis) for axis in range(x.rank) if x.axis(axis) not in told)
    return [Ended((axis,), "picked") for axis in untold]


def _made(x: Operand, axis: int, rest: int, item: Any, number: Any) -> tuple[Origin, ...]:
    """The axes that an item of an index makes by itself."""
    if item is None:
        return (Written(1),)
    if _is_rest(item):
        return x.all_kept(axis, axis + rest)
    if isinstance(item, slice):
        return (sliced(x, axis, item, number),)
    raise Unfit("an index that is not understood")


def _is_rest(item: Any) -> bool:
    return isinstance(item, str) and item == "..."


def _is_tensor(item: Any) -> TypeGuard[Operand]:
    return isinstance(item, Operand)


def _width(item: Any) -> int:
    """How many axes an item of an index takes."""
    if item is None or _is_rest(item):
        return 0
    return item.rank if _is_tensor(item) and _is_mask(item) else 1


def _chosen(x: Operand, picks: Sequence[_Pick]) -> list[Origin]:
    """The axes that indices make together; a mask makes as many positions as are true."""
    masks = [pick for pick in picks if pick.index and _is_mask(pick.index)]
    if masks:
        if any(len(pick.sizes) > 1 for pick in picks if pick not in masks):
            raise Unfit("a mask beside indices of several axes")
        return [Unknown()]
    origins: list[Origin] = []
    for d in range(-max(len(pick.shape) for pick in picks), 0):
        reaching = [pick for pick in picks if len(pick.shape) >= -d]
        pick = max(reaching, key=lambda pick: pick.shape[d])
        by = pick.index.axis(d) if pick.index else None
        origins.append(Chosen(x.axis(pick.axis), pick.sizes[d], by))
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
    start = _edge(item.start, numbers.start, n, number, 0)
    stop = _edge(item.stop, numbers.stop, n, number, n)
    size = (stop - start + (step - 1)) // step
    if isinstance(n, int) and not isinstance(size, Sum):
        size = len(places)
    if step == 1 and places.start == 0 and size == n:
        return x.kept(axis)
    return Windowed(x.axis(axis), size, "slice", {"start": places.start, "step": step})


def _edge(edge: Any, place: Any, n: Whole, number: int, default: Whole) -> Whole:
    """Where a slice begins or ends in an axis of ``n``; ``place`` and ``number`` in one run."""
    if edge is None:
        return default
    if isinstance(edge, Sum) and place < 0:
        return n + edge
    if isinstance(edge, Sum):  # a table of fixed length ends where it does
        return edge.minimum(n) if isinstance(n, int) else edge
    place = int(edge)
    if place < 0:
        return n + place if -place <= number else 0
    return n if place >= number and isinstance(n, Sum) else min(place, number)


@INDEXING.add("setitem", "slicing", "input index value", source="torch.Tensor")
def setitem(call: Call) -> Account:
    """``x[…] = value``: the target keeps its axes; the value is laid over what the index picks."""
    return _assigned(call, getitem)


@INDEXING.add("index_put index_put_impl", "indexing", "input index|indices value|values",
              source="torch.Tensor.index_put_")  # fmt: skip
def index_put(call: Call) -> Account:
    """The same as a function."""
    return _assigned(call, index)


def _assigned(call: Call, reading: Axes) -> Account:
    x, value = call.tensor(), call.optional("value")
    origins = list(x.all_kept())
    if value is None:
        with suppress(Unfit):  # a number fits whatever is picked
            return Account((tuple(origins),), needs=reading(call).needs)
        return Account((tuple(origins),))
    read = reading(call)
    picked, needs = read.results[0], list(read.needs)
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


@INDEXING.add("select", "slicing", "input dim index")
def select(call: Call) -> Account:
    """One position of an axis."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    index = call.numbers["index"]
    position = index % x.shape[axis] if isinstance(index, int) and x.shape[axis] else None
    ended = (Ended((x.axis(axis),), "picked", 1, position),)
    needs = _reaching(x, axis, [(call["index"], index)])
    return Account(((*x.all_kept(0, axis), *x.all_kept(axis + 1)),), ended, tuple(needs))


@INDEXING.add("narrow narrow_copy", "slicing", "input dim start length", source="torch.narrow")
def narrow(call: Call) -> Account:
    """``length`` positions of an axis from ``start`` on."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    start = call.numbers["start"]
    length = call.size("length")
    one = piece(x, axis, start if isinstance(start, int) else None, length)
    first = [(call["start"], start)]
    last = [(call["start"] + length - 1, start)] if isinstance(start, int) and start >= 0 else []
    needs = _reaching(x, axis, last or first)
    return Account(((*x.all_kept(0, axis), one, *x.all_kept(axis + 1)),), needs=tuple(needs))


@INDEXING.add("slice slice_copy", "slicing", "input dim=0 start=None end=None step=1",
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


@INDEXING.add("gather", "indexing", "input dim index")
def gather(call: Call) -> Account:
    """Along one axis what the indices name, at the same place of the others."""
    x, index = call.tensor(), call.tensor("index")
    axis = call.axis("dim", x.rank)
    origins = [piece(x, d, 0, size) for d, size in enumerate(index.sizes)]
    origins[axis] = Chosen(x.axis(axis), index.sizes[axis], index.axis(axis))
    needs = tuple(
        Need(x.sizes[d], ">=", index.sizes[d], "", x.axis(d), index.axis(d))
        for d in range(x.rank)
        if d != axis
    )
    return Account((tuple(origins),), needs=needs)


@INDEXING.add("take_along_dim", "indexing", "input indices dim=None")
def take_along_dim(call: Call) -> Account:
    """The same, where the other axes are laid over each other; over all numbers without an axis."""
    x, index = call.tensor(), call.tensor("indices")
    if call["dim"] is None:
        return _anywhere(x, index)
    axis = call.axis("dim", x.rank)
    shared, needs = aligned(
        [line for d, line in enumerate(lines(x)) if d != axis],
        [line for d, line in enumerate(lines(index)) if d != axis],
    )
    one = Chosen(x.axis(axis), index.sizes[axis], index.axis(axis))
    return Account(((*shared[:axis], one, *shared[axis:]),), needs=needs)


@INDEXING.add("take", "indexing", "input index")
def take(call: Call) -> Account:
    """What the indices name among all numbers."""
    return _anywhere(call.tensor(), call.tensor("index"))


def _anywhere(x: Operand, index: Operand) -> Account:
    axes = tuple(x.axis(axis) for axis in range(x.rank))
    return Account((index.all_kept(),), (Ended(axes, "picked"),))


# ---- numbers put among others -------------------------------------------------------------


def _put(x: Operand, source: Operand | None, beside: Mapping[int, int]) -> Account:
    """``x`` with numbers of ``source`` among its own.

    Args:
        x: the target, whose axes stay.
        source: what is put; None for a number.
        beside: axis of ``x`` → axis of ``source`` whose positions it shares.
    """
    origins: list[Origin] = list(x.all_kept())
    if source is None:
        return Account((tuple(origins),))
    for axis, other in beside.items():
        origins[axis] = Broadcast((x.axis(axis), source.axis(other)), x.sizes[axis])
    others = tuple(source.axis(d) for d in range(source.rank) if d not in beside.values())
    return Account((tuple(origins),), (Ended(others, "picked"),) if others else ())


@INDEXING.add("scatter scatter_add scatter_reduce", "indexing", "input dim index src|value",
              source="torch.Tensor.scatter_")  # fmt: skip
@INDEXING.add("index_add index_copy index_reduce", "indexing", "input dim index source|tensor",
              source="torch.Tensor.index_add_")  # fmt: skip
@INDEXING.add("index_fill", "indexing", "input dim index value", source="torch.Tensor.index_fill_")
def scatter(call: Call) -> Account:
    """Along one axis put where the indices say, at the same place of the others."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    source = next((s for name in ("src", "source") if (s := call.optional(name))), None)
    return _put(x, source, {d: d for d in range(x.rank) if d != axis})


@INDEXING.add("select_scatter", "indexing", "input src dim index", source="torch.select_scatter")
def select_scatter(call: Call) -> Account:
    """Put where ``select`` would read."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    others = [d for d in range(x.rank) if d != axis]
    return _put(x, call.tensor("src"), {d: place for place, d in enumerate(others)})


@INDEXING.add("slice_scatter", "indexing", "input src dim=0", source="torch.slice_scatter")
def slice_scatter(call: Call) -> Account:
    """Put where a slice would read."""
    x = call.tensor()
    axis = call.axis("dim", x.rank)
    return _put(x, call.tensor("src"), {d: d for d in range(x.rank) if d != axis})


@INDEXING.add("diagonal_scatter", "indexing", "input src offset=0 dim1=0 dim2=1",
              source="torch.diagonal_scatter")  # fmt: skip
def diagonal_scatter(call: Call) -> Account:
    """Put where ``diagonal`` would read."""
    x = call.tensor()
    plane = {call.axis("dim1", x.rank), call.axis("dim2", x.rank)}
    others = [d for d in range(x.rank) if d not in plane]
    return _put(x, call.tensor("src"), {d: place for place, d in enumerate(others)})


@INDEXING.add("masked_scatter", "indexing", "input mask source")
@INDEXING.add("put", "indexing", "input index source")
@INDEXING.add("fill_diagonal", "indexing", "input value")
def put(call: Call) -> Account:
    """Put anywhere."""
    source = call.optional("source")
    return _put(call.tensor(), source, {})


# ---- rows of a table ----------------------------------------------------------------------


def _looked_up(call: Call) -> tuple[Operand, Operand]:
    """The indices and the table, which the operator of aten takes first."""
    index, table = call.tensor(), call.tensor("weight")
    return (table, index) if table.dtype in ("int64", "int32") else (index, table)


def _embedding_rule(call: Call) -> tuple[str, dict[str, Any]]:
    rows, width = _looked_up(call)[1].sizes
    return "embedding", {"embedding_dim": width, "num_embeddings": rows}


@INDEXING.add("embedding", "lookup", "input weight|indices", rule=_embedding_rule,
              source="torch.nn.functional.embedding")  # fmt: skip
def embedding(call: Call) -> Account:
    """A row of the table for every index."""
    index, table = _looked_up(call)
    rows = tuple(Chosen(table.axis(0), n, index.axis(d)) for d, n in enumerate(index.sizes))
    ended = () if rows else (Ended((table.axis(0),), "picked"),)
    return Account(((*rows, table.kept(1)),), ended)


@INDEXING.add("embedding_bag", "lookup",
              "input weight offsets=None max_norm=None norm_type=2.0 scale_grad_by_freq=False "
              "mode='mean' sparse=False per_sample_weights=None include_last_offset=False",
              source="torch.nn.functional.embedding_bag")  # fmt: skip
def embedding_bag(call: Call) -> Account:
    """The rows of a bag of indices, summed or averaged."""
    index, table, offsets = call.tensor(), call.tensor("weight"), call.optional("offsets")
    if index.rank == 2:
        bags: Origin = index.kept(0)
    elif offsets is not None:
        n = offsets.sizes[0]
        bags = piece(offsets, 0, 0, n - 1 if call["include_last_offset"] and n else n)
    else:
        raise Unfit("no bags")
    rows = (
        Ended((index.axis(-1),), "reduced", index.sizes[-1]),
        Ended((table.axis(0),), "reduced"),
    )
    weights = call.optional("per_sample_weights")
    more = () if weights is None else (Ended((weights.axis(0), weights.axis(-1)), "reduced"),)
    return Account(((bags, table.kept(1)),), (*rows, *more))


@INDEXING.add("one_hot", "lookup", "input num_classes=-1", source="torch.nn.functional.one_hot",
              values=lambda call: call["num_classes"] == -1)  # fmt: skip
def one_hot(call: Call) -> Account:
    """A new last axis, as long as there are classes; unknown where the values decide."""
    x = call.tensor()
    counted = call.numbers["num_classes"] == -1
    return Account(((*x.all_kept(), Unknown() if counted else Written(call.size("num_classes"))),))


# ---- as many as the values say ------------------------------------------------------------


@INDEXING.add("nonzero argwhere nonzero_numpy", "indexing", "input as_tuple=False",
              source="torch.nonzero", values=True)  # fmt: skip
def nonzero(call: Call) -> Account:
    """A row for each number that is not zero; or a vector for each axis."""
    x = call.tensor()
    if call["as_tuple"] or call.name == "nonzero_numpy":
        return Account(((Unknown(),),) * max(x.rank, 1))
    return Account(((Unknown(), Written(x.rank)),))


@INDEXING.add("nonzero_static", "indexing", "input size")
def nonzero_static(call: Call) -> Account:
    """The same, with so many rows whatever the values."""
    return Account(((Written(call.size("size")), Written(call.tensor().rank)),))


@INDEXING.add("masked_select", "indexing", "input mask", values=True)
@INDEXING.add("nms batched_nms bincount", "indexing", "input", values=True)
def listed(call: Call) -> Account:
    """A vector as long as the values make it."""
    del call
    return Account(((Unknown(),),))


@INDEXING.add("unique unique2", "indexing",
              "input sorted=True return_inverse=False return_counts=False dim=None",
              source="torch.unique", values=True)  # fmt: skip
@INDEXING.add("unique_consecutive", "indexing",
              "input return_inverse=False return_counts=False dim=None", values=True)  # fmt: skip
@INDEXING.add("unique_dim", "indexing",
              "input dim sorted=True return_inverse=False return_counts=False",
              source="torch.unique", values=True)  # fmt: skip
def unique(call: Call) -> Account:
    """The different numbers (or slices along an axis), where each one is, and how often."""
    x = call.tensor()
    if call.arguments.get("dim") is None:
        found, inverse = (Unknown(),), x.all_kept()
    else:
        axis = call.axis("dim", x.rank)
        found = (*x.all_kept(0, axis), Unknown(), *x.all_kept(axis + 1))
        inverse = (x.kept(axis),)
    results: list[tuple[Origin, ...]] = [found]
    if call["return_inverse"]:
        results.append(inverse)
    if call["return_counts"]:
        results.append((Unknown(),))
    return Account(tuple(results))


# ---- places among numbers -----------------------------------------------------------------


@INDEXING.add("multinomial", "indexing", "input num_samples")
def multinomial(call: Call) -> Account:
    """Some positions of the last axis, drawn by weight."""
    x = call.tensor()
    return Account(((*x.all_kept(0, -1), Chosen(x.axis(-1), call.size("num_samples"))),))


@INDEXING.add("searchsorted", "indexing", "sorted_sequence input|values")
def searchsorted(call: Call) -> Account:
    """For each number its place among sorted ones."""
    row, value = call.tensor("sorted_sequence"), call.optional("input")
    if value is None:
        return Account(((),), (Ended((row.axis(-1),), "reduced", row.sizes[-1]),))
    if row.rank == 1:
        return _among(value, row)
    shared, needs = aligned(lines(row, 0, -1), lines(value, 0, -1))
    gone = Ended((row.axis(-1),), "reduced", row.sizes[-1])
    return Account(((*shared, value.kept(-1)),), (gone,), needs)


@INDEXING.add("bucketize", "indexing", "input boundaries")
@INDEXING.add("isin", "indexing", "input boundaries|test_elements|test_element",
              source="torch.isin")  # fmt: skip
def bucketize(call: Call) -> Account:
    """For each number its place among boundaries, or whether it is one of some numbers."""
    among = call.optional("boundaries")
    x = call.arguments["input"]
    value = x if isinstance(x, Operand) else Operand(-1, (), ())
    return Account((value.all_kept(),)) if among is None else _among(value, among)


def _among(value: Operand, others: Operand) -> Account:
    """Each number by itself, and all the others."""
    gone = Ended(tuple(others.axis(axis) for axis in range(others.rank)), "reduced")
    return Account((value.all_kept(),), (gone,))


@INDEXING.add("histogram", "indexing", "input bins=100")
def histogram(call: Call) -> Account:
    """How many numbers lie in each of some ranges, and where these end."""
    x, edges = call.tensor(), call.optional("bins")
    if edges is None:
        bins = call.size("bins")
        counts = _counted(x, bins)
        return replace(counts, results=(*counts.results, (Written(bins + 1),)))
    n = edges.sizes[0]
    counts = _counted(x, None if n is None else n - 1)
    return replace(counts, results=(*counts.results, (edges.kept(0),)))


def _counted(x: Operand, bins: Size) -> Account:
    gone = Ended(tuple(x.axis(axis) for axis in range(x.rank)), "reduced")
    return Account(((Written(bins),),), (gone,))
