"""What the operations that combine positions or tensors do to what a unit depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnshape.analysis.fields.arguments import argument
from cnnshape.analysis.fields.layout import (
    Axis,
    Dimension,
    Part,
    Spread,
    lost,
    plain,
    size,
)
from cnnshape.analysis.fields.moves import sliced
from cnnshape.analysis.fields.reach import Reach
from cnnshape.tracing.trace import Operation

Ints = tuple[int, ...]

_REDUCTIONS = frozenset(
    "mean sum amax amin max min std var std_mean var_mean norm vector_norm linalg_vector_norm "
    "logsumexp prod median argmax argmin any all nansum nanmean aminmax count_nonzero".split()
)
#: The same shape comes out, but every position along ``dim`` depends on all of them.
_ALONG = frozenset("softmax log_softmax softmin cumsum cumprod logcumsumexp sort argsort".split())
#: A shape like the input's, and yet not position by position.
_OPAQUE = frozenset(
    "gather index_select take take_along_dim grid_sample topk scatter scatter_add index_add "
    "index_put lstm gru rnn_tanh rnn_relu unfold fold fft fft2 ifft rfft rfft2 irfft irfft2 "
    "fftn ifftn opaque masked_select nonzero unique embedding_bag rot90 deform_conv2d "
    "masked_scatter index_copy index_fill fliplr flipud tril_indices triu_indices".split()
)


def combined(states: Iterable[Spread | None], shape: Ints) -> Spread | None:
    """Tensors combined position by position, with broadcasting."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    if any(len(state.dims) > len(shape) for state in present):
        return lost(merge(present, ()), shape)
    dims: list[Dimension] = []
    unknown: set[int] = set()
    spread_out: set[int] = set()
    for d, n in enumerate(shape):
        parts, disputed, broadcast = _aligned(present, d - len(shape), n)
        dims.append(parts)
        unknown |= disputed
        spread_out |= broadcast
    result = merge(present, tuple(dims))
    spread_out |= {
        axis for axis in range(len(result.axes)) if _is_spread_out(axis, result, present)
    }
    return result.marked(unknown, "unknown").marked(spread_out, "global")


def _aligned(
    present: Sequence[Spread], dim: int, n: int
) -> tuple[Dimension, frozenset[int], frozenset[int]]:
    """One dimension (counted from the end) of a broadcast result.

    Also the axes over which the tensors disagree, and those of which a single position is
    broadcast to many.
    """
    chosen: Dimension | None = None
    disputed: frozenset[int] = frozenset()
    broadcast: frozenset[int] = frozenset()
    for state in present:
        if len(state.dims) < -dim:
            continue
        parts = state.dims[dim]
        spatial = _axes_of(parts)
        if size(parts) != n:
            broadcast |= spatial
        elif spatial and chosen is None:
            chosen = parts
        elif spatial and chosen is not None and parts != chosen:
            disputed |= spatial | _axes_of(chosen)
    return chosen or (Part(n),), disputed, broadcast


def _axes_of(parts: Dimension) -> frozenset[int]:
    return frozenset(p.axis for p in parts if p.axis is not None)


def _is_spread_out(axis: int, result: Spread, present: Sequence[Spread]) -> bool:
    """Whether one operand's positions along ``axis`` meet all of another's."""
    homes = len(result.homes(axis))
    if homes > 1 and all(len(state.homes(axis)) < homes for state in present):
        return True  # rows against columns: a unit for every pair
    return result.count(axis) > 1 and any(
        isinstance(state.axes[axis], Reach) and not state.homes(axis) for state in present
    )


def merge(present: Sequence[Spread], dims: tuple[Dimension, ...]) -> Spread:
    """The union of what the tensors depend on, in a layout."""
    axes: list[Axis] = []
    for axis in range(len(present[0].axes)):
        result: Axis = present[0].axes[axis]
        for other in present[1:]:
            result = _either(result, other.axes[axis], dims, axis)
        axes.append(result)
    return Spread(dims, tuple(axes))


def _either(one: Axis, other: Axis, dims: tuple[Dimension, ...], axis: int) -> Axis:
    if isinstance(one, str) or isinstance(other, str):
        return "global" if "global" in (one, other) else "unknown"
    if one.length == other.length:
        return one.union(other, Spread(dims, ()).count(axis))
    # A single position is broadcast to all of the other's; the caller marks that as global.
    return max(one, other, key=lambda reach: reach.length or 0)


def joined(op: Operation, states: Sequence[Spread | None], shape: Ints) -> Spread | None:
    """Concatenation: the union, position by position, along every dimension but one."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    dim = argument(op, 1, "dim", argument(op, 1, "axis", 0))
    if not isinstance(dim, int) or any(len(state.dims) != len(shape) for state in present):
        return lost(merge(present, ()), shape)
    dim %= len(shape)
    touched = {p.axis for state in present for p in state.dims[dim] if p.axis is not None}
    leveled = [state.with_dim(dim, (Part(shape[dim]),)) for state in present]
    result = combined(leveled, shape)
    assert result is not None
    return result.marked(touched, "unknown")


def stacked(op: Operation, states: Sequence[Spread | None], shape: Ints) -> Spread | None:
    """Stacking along a new dimension."""
    dim = argument(op, 1, "dim", 0)
    at = dim % len(shape) if isinstance(dim, int) else 0
    raised = [
        None
        if state is None
        else Spread((*state.dims[:at], (Part(1),), *state.dims[at:]), state.axes)
        for state in states
    ]
    return combined(raised, shape)


def divided(op: Operation, x: Spread, shapes: Sequence[Ints]) -> list[Spread]:
    """``chunk``, ``split``, ``unbind``: the pieces of one dimension, in order."""
    dim = argument(op, 1 if op.name == "unbind" else 2, "dim", 0)
    if not isinstance(dim, int):
        return [lost(x, shape) for shape in shapes]
    dim %= len(x.dims)
    pieces: list[Spread] = []
    start = 0
    for shape in shapes:
        if op.name == "unbind":
            pieces.append(sliced(x, dim, start, 1).without_dims([dim]))
            start += 1
        else:
            pieces.append(sliced(x, dim, start, shape[dim]))
            start += shape[dim]
    return pieces


def multiplied(x: Spread | None, y: Spread | None, shape: Ints) -> Spread | None:
    """A matrix product: the last dimension of ``x`` with the last but one of ``y`` is summed."""
    left = None if x is None else x.contracted([len(x.dims) - 1])
    right = None if y is None else y.contracted([max(len(y.dims) - 2, 0)])
    present = [state for state in (left, right) if state is not None]
    if not present:
        return None
    columns = right.dims[-1] if right is not None and len(right.dims) > 1 else None
    rows = left.dims[-2] if left is not None and len(left.dims) > 1 else None
    lead = [state.dims[: max(len(state.dims) - 2, 0)] for state in present]
    longest = max(lead, key=len)
    last = len(shape) - 1
    dims = list(plain(shape))
    for d, parts in enumerate(longest):
        at = len(shape) - 2 - len(longest) + d
        if 0 <= at < len(dims) and size(parts) == shape[at]:
            dims[at] = parts
    if rows is not None and last >= 1 and size(rows) == shape[-2]:
        dims[-2] = rows
    if columns is not None and last >= 0 and size(columns) == shape[-1]:
        dims[-1] = columns
    result = merge(present, tuple(dims))
    between = {p.axis for p in rows or () if p.axis is not None} & {
        p.axis for p in columns or () if p.axis is not None
    }
    return result.marked(between, "global")


def einsum(op: Operation, states: Sequence[Spread | None], shape: Ints) -> Spread | None:
    """``torch.einsum`` with an explicit output; what it sums over is mixed."""
    present = [state for state in states if state is not None]
    if not present:
        return None
    equation = op.args[0] if op.args else None
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return lost(merge(present, ()), shape)
    terms, _, target = equation.replace(" ", "").partition("->")
    dims = list(plain(shape))
    mixed: list[Spread] = []
    homes: dict[int, set[str]] = {}
    for letters, state in zip(terms.split(","), states, strict=False):
        if state is None or len(letters) != len(state.dims):
            continue
        kept = state.contracted([d for d, letter in enumerate(letters) if letter not in target])
        mixed.append(kept)
        for letter, parts in zip(letters, kept.dims, strict=True):
            spatial = {p.axis for p in parts if p.axis is not None}
            if letter in target and spatial:
                dims[target.index(letter)] = parts
                for axis in spatial:
                    homes.setdefault(axis, set()).add(letter)
    if len(mixed) != len(present):
        return lost(merge(present, ()), shape)
    result = merge(mixed, tuple(dims))
    pairs: set[int] = {
        axis
        for axis, letters in homes.items()
        if len(letters) > max(len(s.homes(axis)) for s in present)
    }
    return result.marked(pairs, "global")


def linear(x: Spread, shape: Ints) -> Spread:
    """A linear layer sums over the last dimension; what is flattened into it becomes global."""
    result = x.contracted([len(x.dims) - 1])
    flat = [
        axis
        for axis, reach in enumerate(x.axes)
        if reach != "unknown" and all(home == len(x.dims) - 1 for home in x.homes(axis))
    ]
    dims = (*result.dims[:-1], (Part(shape[-1]),)) if shape else ()
    return Spread(dims, result.axes).marked(flat, "global")


def reduced(op: Operation, x: Spread, shape: Ints) -> Spread:
    """A mean, a sum, a maximum over dimensions; all of them if none is named."""
    at = 2 if op.name in ("norm", "vector_norm", "linalg_vector_norm") else 1
    gone = _dimensions(op, at, len(x.dims))
    mixed = x.contracted(gone)
    if len(shape) == len(x.dims):
        return Spread(
            tuple((Part(1),) if d in gone else p for d, p in enumerate(mixed.dims)), mixed.axes
        )
    dropped = mixed.without_dims(gone)
    return dropped if len(dropped.dims) == len(shape) else lost(dropped, shape)


def along(op: Operation, x: Spread) -> Spread:
    """Softmax and its like: every position along one dimension depends on all of them."""
    touched = {
        p.axis
        for d in _dimensions(op, 1, len(x.dims))
        for p in x.dims[d]
        if p.axis is not None and p.size > 1
    }
    return x.marked(touched, "global")


def _dimensions(op: Operation, at: int, rank: int) -> list[int]:
    named = op.kwargs.get("dim", op.kwargs.get("axis"))
    chosen = named if named is not None else (op.args[at] if at < len(op.args) else None)
    items = chosen if isinstance(chosen, tuple) else (chosen,)
    dims = [d % rank for d in items if isinstance(d, int) and not isinstance(d, bool) and rank]
    return dims or list(range(rank))


def is_reduction(op: Operation, operands: int) -> bool:
    """Whether this call reduces (``max(x, y)`` of two tensors does not)."""
    return op.name in _REDUCTIONS and not (op.name in ("max", "min") and operands > 1)


def is_along(op: Operation) -> bool:
    """Whether this call mixes along a dimension and keeps the shape."""
    return op.name in _ALONG


def is_opaque(op: Operation) -> bool:
    """Whether positions cannot be followed through this call."""
    return op.name in _OPAQUE or op.opaque
