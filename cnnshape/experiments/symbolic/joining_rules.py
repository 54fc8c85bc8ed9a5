"""Operations that cut tensors and join them."""

from __future__ import annotations

from typing import Any

from cnnshape.experiments.symbolic.reading import argument, as_tuple, first
from cnnshape.experiments.symbolic.state import Dims, Sizes
from cnnshape.experiments.symbolic.window_rules import windowed
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.tracing.trace import Operation, Ref


def cat_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Sizes add up along one axis and agree along the others."""
    tensors = [sizes.of(item) for item in as_tuple(op.args[0] if op.args else op.kwargs["tensors"])]
    known = [dims for dims in tensors if dims is not None and len(dims) > 0]
    rank = len(sizes.numbers(op.outputs[0]))
    known = [dims for dims in known if len(dims) == rank]
    axis = int(argument(op, sizes, 1, "dim", "axis", default=0)) % rank
    result: list[Whole | None] = list(known[0])
    for dims in known[1:]:
        for d in range(rank):
            if d == axis:
                one, other = result[d], dims[d]
                result[d] = None if one is None or other is None else one + other
            else:
                sizes.demand(op, result[d], "==", dims[d])
                result[d] = dims[d] if result[d] is None else result[d]
    return [tuple(result)]


def stack_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """A new axis, as long as there are tensors."""
    items = as_tuple(op.args[0] if op.args else op.kwargs["tensors"])
    first = sizes.of(items[0])
    assert first is not None
    for item in items[1:]:
        for one, other in zip(first, sizes.of(item) or (), strict=False):
            sizes.demand(op, one, "==", other)
    at = int(argument(op, sizes, 1, "dim", default=0)) % (len(first) + 1)
    return [(*first[:at], len(items), *first[at:])]


def chunk_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Equal pieces, the last one shorter."""
    given = first(op, sizes)
    chunks = int(argument(op, sizes, 1, "chunks"))
    axis = int(argument(op, sizes, 2, "dim", default=0)) % len(given)
    n = given[axis]
    piece = None if n is None else (n + chunks - 1) // chunks
    return _pieces(op, given, axis, piece)


def split_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """Pieces of a length, or of given lengths."""
    given = first(op, sizes)
    lengths = argument(op, sizes, 1, "split_size_or_sections", "split_size", "split_sizes")
    axis = int(argument(op, sizes, 2, "dim", default=0)) % len(given)
    if isinstance(lengths, tuple):
        total: Whole = 0
        for length in lengths:  # pyright: ignore[reportUnknownVariableType]
            total = total + length  # pyright: ignore[reportUnknownVariableType]
        sizes.demand(op, given[axis], "==", total)
        return [(*given[:axis], length, *given[axis + 1 :]) for length in lengths]  # pyright: ignore[reportUnknownVariableType]
    return _pieces(op, given, axis, lengths)


def _pieces(op: Operation, given: Dims, axis: int, piece: Whole | None) -> list[Dims]:
    count = len(op.outputs)
    n = given[axis]
    last = None if n is None or piece is None else n - piece * (count - 1)
    return [
        (*given[:axis], last if i == count - 1 else piece, *given[axis + 1 :]) for i in range(count)
    ]


def unbind_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """One result per position of an axis."""
    given = first(op, sizes)
    axis = int(argument(op, sizes, 1, "dim", default=0)) % len(given)
    sizes.demand(op, given[axis], "==", len(op.outputs))
    return [(*given[:axis], *given[axis + 1 :])] * len(op.outputs)


def narrow_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """A piece of an axis, of a given length."""
    given = first(op, sizes)
    axis = int(argument(op, sizes, 1, "dim")) % len(given)
    return [(*given[:axis], argument(op, sizes, 3, "length"), *given[axis + 1 :])]


def select_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """One position of an axis."""
    given = first(op, sizes)
    axis = int(argument(op, sizes, 1, "dim")) % len(given)
    return [(*given[:axis], *given[axis + 1 :])]


def getitem_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``x[…]`` with integers, slices, ``None``, ``...`` and one index tensor."""
    value = op.inputs[0]
    given, numbers = sizes.of_value(value), sizes.numbers(value)
    items = as_tuple(sizes.known(op.args[1]))
    result: list[Whole | None] = []
    axis = 0
    for item in items:
        if item is None:
            result.append(1)
        elif isinstance(item, str) and item == "...":
            taken = sum(1 for i in items if i is not None and not isinstance(i, str))
            keep = (
                len(given)
                - taken
                - axis
                + sum(1 for i in items[: items.index(item)] if i is not None)
            )
            result += given[axis : axis + keep]
            axis += keep
        elif isinstance(item, slice):
            result.append(_sliced(item, given[axis], numbers[axis]))
            axis += 1
        elif isinstance(item, Ref):
            index = sizes.of(item) or ()
            if any(isinstance(i, Ref) and i is not item for i in items):
                return None
            if sizes.trace.values[item.value].dtype == "bool":
                return None
            result += index
            axis += 1
        elif isinstance(item, int | Sum):
            axis += 1
        else:
            return None
    return [(*result, *given[axis:])]


def _sliced(item: slice, n: Whole | None, number: int) -> Whole | None:
    """``start:stop:step`` of an axis, cut as Python cuts it at the recorded number."""
    if n is None:
        return None
    step = 1 if item.step is None else int(item.step)
    start = _edge(item.start, n, number, 0)
    stop = _edge(item.stop, n, number, n)
    return (stop - start + (step - 1)) // step


def _edge(edge: Any, n: Whole, number: int, default: Whole) -> Whole:
    if edge is None:
        return default
    if isinstance(edge, Sum):
        return edge
    place = int(edge)
    if place < 0:
        return n + place if -place <= number else 0
    return n if place >= number and isinstance(n, Sum) else min(place, number)


def unfold_axis_sizes(op: Operation, sizes: Sizes) -> list[Dims] | None:
    """``Tensor.unfold(dim, size, step)``; ``F.unfold`` has a rule of its own."""
    if len(op.args) != 4 or isinstance(op.args[1], tuple):
        return list(windowed(op, sizes) or ()) or None
    given = first(op, sizes)
    axis, size, step = (argument(op, sizes, i) for i in (1, 2, 3))
    axis = int(axis) % len(given)
    n = given[axis]
    windows = None if n is None else (n - size) // step + 1
    return [(*given[:axis], windows, *given[axis + 1 :], size)]
