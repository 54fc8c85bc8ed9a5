"""What the operations that only move, cut and join axes do to the layout of a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnshape.analysis.fields.arguments import argument, rest
from cnnshape.analysis.fields.layout import Dimension, Part, Spread, lost, size
from cnnshape.analysis.fields.reach import shifted
from cnnshape.tracing.trace import Operation

Ints = tuple[int, ...]
#: Called with the operation, its first tensor, and the shape of the result.
Mover = Callable[[Operation, Spread, Ints], Spread]


def _view(op: Operation, x: Spread, shape: Ints) -> Spread:
    del op
    return x.reshaped(shape)


def _permute(op: Operation, x: Spread, shape: Ints) -> Spread:
    order = rest(op, 1, "dims")
    if len(order) != len(x.dims) or not all(isinstance(d, int) for d in order):
        return lost(x, shape)
    return x.permuted([d % len(order) for d in order])


def _transpose(op: Operation, x: Spread, shape: Ints) -> Spread:
    first, second = argument(op, 1, "dim0"), argument(op, 2, "dim1")
    if op.name in ("T", "t", "mT", "H", "mH", "adjoint"):
        first, second = -2, -1
    rank = len(x.dims)
    if not isinstance(first, int) or not isinstance(second, int) or rank < 2:
        return lost(x, shape)
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    return x.permuted(order)


def _movedim(op: Operation, x: Spread, shape: Ints) -> Spread:
    source, target = argument(op, 1, "source"), argument(op, 2, "destination")
    sources = source if isinstance(source, tuple) else (source,)
    targets = target if isinstance(target, tuple) else (target,)
    rank = len(x.dims)
    if len(sources) != len(targets) or not all(isinstance(d, int) for d in (*sources, *targets)):
        return lost(x, shape)
    moved = {t % rank: s % rank for s, t in zip(sources, targets, strict=True)}
    others = iter(d for d in range(rank) if d not in moved.values())
    return x.permuted([moved[d] if d in moved else next(others) for d in range(rank)])


def _squeeze(op: Operation, x: Spread, shape: Ints) -> Spread:
    chosen = rest(op, 1, "dim")
    rank = len(x.dims)
    wanted = [d % rank for d in chosen if isinstance(d, int)] if rank else []
    gone = [d for d in (wanted or range(rank)) if size(x.dims[d]) == 1]
    return x.without_dims(gone) if rank - len(gone) == len(shape) else lost(x, shape)


def _unsqueeze(op: Operation, x: Spread, shape: Ints) -> Spread:
    at = argument(op, 1, "dim")
    if not isinstance(at, int):
        return lost(x, shape)
    at %= len(shape)
    return Spread((*x.dims[:at], (Part(1),), *x.dims[at:]), x.axes)


def _expand(op: Operation, x: Spread, shape: Ints) -> Spread:
    del op
    added = len(shape) - len(x.dims)
    dims: list[Dimension] = [(Part(n),) for n in shape[:added]]
    spread_out: set[int] = set()
    for parts, n in zip(x.dims, shape[added:], strict=True):
        if size(parts) == n:
            dims.append(parts)
        else:
            dims.append((Part(n),))
            spread_out.update(p.axis for p in parts if p.axis is not None)
    return Spread(tuple(dims), x.axes).marked(spread_out, "global" if added >= 0 else "unknown")


def _roll(op: Operation, x: Spread, shape: Ints) -> Spread:
    del shape
    chosen = argument(op, 2, "dims")
    dims = chosen if isinstance(chosen, tuple) else (chosen,)
    if op.name == "flip":
        dims = rest(op, 1, "dims")
    rank = len(x.dims)
    touched = {
        p.axis
        for d in dims
        for p in (x.dims[d % rank] if isinstance(d, int) else ())
        if p.axis is not None
    }
    return x.marked(touched if all(isinstance(d, int) for d in dims) else range(99), "unknown")


MOVES: dict[str, Mover] = {
    **dict.fromkeys(("view", "reshape", "flatten", "unflatten", "view_as", "reshape_as"), _view),
    **dict.fromkeys(("ravel", "unsafe_view"), _view),
    "permute": _permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "T", "t", "mT", "H", "mH"), _transpose),
    "adjoint": _transpose,
    **dict.fromkeys(("movedim", "moveaxis"), _movedim),
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    **dict.fromkeys(("expand", "expand_as", "broadcast_to", "repeat", "tile"), _expand),
    **dict.fromkeys(("roll", "flip"), _roll),
}


def sliced(x: Spread, dim: int, start: int, count: int, step: int = 1) -> Spread:
    """``count`` positions of one dimension, ``step`` apart, from ``start``."""
    parts = x.dims[dim]
    if all(p.axis is None for p in parts) or count == size(parts):
        return x.with_dim(dim, parts if count == size(parts) else (Part(count),))
    part = parts[0]
    alone = len(parts) == 1 and part.axis is not None and x.homes(part.axis) == [dim]
    if not alone or part.step != 1 or part.axis is None:
        touched = {p.axis for p in parts if p.axis is not None}
        return x.with_dim(dim, (Part(count),)).marked(touched, "unknown")
    reach = x.axes[part.axis]
    if not isinstance(reach, str):
        reach = reach.through(shifted(start, step), count) or "unknown"
    axes = (*x.axes[: part.axis], reach, *x.axes[part.axis + 1 :])
    return Spread(x.with_dim(dim, (Part(count, part.axis),)).dims, axes)


def indexed(op: Operation, x: Spread, shape: Ints) -> Spread:
    """``x[index]`` with integers, slices, ``None`` and ``...``."""
    index = op.args[1] if len(op.args) > 1 else None
    items: Sequence[Any] = index if isinstance(index, tuple) else (index,)
    taken = sum(1 for i in items if i is not None and i != "...")
    dim = 0
    dropped: list[int] = []
    result = x
    added: list[int] = []
    for item in items:
        if item == "...":
            dim += len(x.dims) - taken
        elif item is None:
            added.append(dim)
        elif isinstance(item, bool) or dim >= len(x.dims):
            return lost(x, shape)
        elif isinstance(item, int):
            result = sliced(result, dim, item % max(size(x.dims[dim]), 1), 1)
            dropped.append(dim)
            dim += 1
        elif isinstance(item, slice) and _plain_slice(item):
            places = range(*item.indices(size(x.dims[dim])))
            result = sliced(result, dim, places.start, len(places), places.step)
            dim += 1
        else:
            return lost(x, shape)
    dims: list[Dimension] = []
    for d in range(len(x.dims) + 1):
        dims += [(Part(1),)] * added.count(d)
        if d < len(x.dims) and d not in dropped:
            dims.append(result.dims[d])
    if tuple(size(parts) for parts in dims) != shape:
        return lost(x, shape)
    return Spread(tuple(dims), result.axes)


def _plain_slice(item: slice) -> bool:
    return all(part is None or isinstance(part, int) for part in (item.start, item.stop, item.step))
