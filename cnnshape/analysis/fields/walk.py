"""One walk along the recorded operations, carrying what every tensor depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cnnshape.analysis.fields import mixing
from cnnshape.analysis.fields.layout import Part, Spread, lost, size
from cnnshape.analysis.fields.moves import MOVES, Mover, indexed
from cnnshape.analysis.fields.reach import Window, sliding
from cnnshape.analysis.fields.windows import RESIZING, SHUFFLING, WINDOWED, padding_windows
from cnnshape.tracing.trace import Operation, Ref, Trace

Ints = tuple[int, ...]

_EVERYWHERE = frozenset(
    "scaled_dot_product_attention multi_head_attention_forward native_multi_head_attention".split()
)
_PRODUCTS = frozenset("matmul bmm mm rmatmul".split())
_ADDED_PRODUCTS = frozenset("baddbmm addmm addbmm".split())
_PIECES = frozenset(
    "chunk split unsafe_chunk unsafe_split split_with_sizes tensor_split unbind".split()
)


def follow(trace: Trace, start: Mapping[int, Spread]) -> dict[int, Spread]:
    """What each value of the trace depends on; values that depend on no picture are missing."""
    states = dict(start)
    for op in trace.operations:
        if not op.outputs or not any(value in states for value in op.inputs):
            continue
        shapes = [trace.shape(value) for value in op.outputs]
        if any(isinstance(n, str) for shape in shapes for n in shape):
            continue
        known = [tuple(int(n) for n in shape) for shape in shapes]
        results = _results(op, trace, states, known)
        states.update(
            {v: state for v, state in zip(op.outputs, results, strict=False) if state is not None}
        )
    return states


def _results(
    op: Operation, trace: Trace, states: Mapping[int, Spread], shapes: list[Ints]
) -> Sequence[Spread | None]:
    inputs = [states.get(value) for value in op.inputs]
    if op.name in _PIECES and inputs[0] is not None:
        return mixing.divided(op, inputs[0], shapes)
    first = _result(op, trace, states, inputs, shapes[0])
    if first is None:
        return [None] * len(shapes)
    # Further results (the indices of a pooling, the base of a view that was written into) are
    # placed like the first where they have its shape.
    return [first, *(first if s == shapes[0] else _base(first, s) for s in shapes[1:])]


def _base(state: Spread, shape: Ints) -> Spread:
    """A larger tensor into which a view was written, if the spatial axes fill it as well."""
    added = len(shape) - len(state.dims)
    sizes = tuple(size(parts) for parts in state.dims)
    if added >= 0 and shape[added:] == sizes:
        return replace(state, dims=(*((Part(n),) for n in shape[:added]), *state.dims))
    return lost(state, shape)


def _result(
    op: Operation,
    trace: Trace,
    states: Mapping[int, Spread],
    inputs: list[Spread | None],
    shape: Ints,
) -> Spread | None:
    name = op.name
    x = _argument_state(op, 0, states)
    if name in _EVERYWHERE:
        present = [state for state in inputs if state is not None]
        return lost(mixing.merge(present, ()), shape).all_marked("global")
    if name in WINDOWED or name in RESIZING or name in SHUFFLING:
        return _windowed(op, trace, x, inputs, shape)
    if name in ("cat", "concat", "concatenate"):
        return mixing.joined(op, inputs, shape)
    if name == "stack":
        return mixing.stacked(op, inputs, shape)
    if name in _PRODUCTS or name in _ADDED_PRODUCTS:
        return _product(op, states, shape)
    if name == "einsum":
        return mixing.einsum(op, [states.get(v) for v in _refs(op.args[1:])], shape)
    if x is not None and len(inputs) == 1 and name in MOVES:
        moved = MOVES[name](op, x, shape)
        return moved if len(moved.dims) == len(shape) else lost(moved, shape)
    if x is not None and name in _ON_ITS_INPUT:
        return _ON_ITS_INPUT[name](op, x, shape)
    return _by_position(op, inputs, shape)


def _by_position(op: Operation, inputs: list[Spread | None], shape: Ints) -> Spread | None:
    present = [state for state in inputs if state is not None]
    if mixing.is_opaque(op):
        return lost(mixing.merge(present, ()), shape)
    if len(present) == 1 and mixing.is_reduction(op, len(inputs)):
        return mixing.reduced(op, present[0], shape)
    if len(present) == 1 and mixing.is_along(op):
        return mixing.along(op, present[0])
    if all(_broadcasts(state, shape) for state in present):
        return mixing.combined(inputs, shape)
    return lost(mixing.merge(present, ()), shape)


def _broadcasts(state: Spread, shape: Ints) -> bool:
    sizes = [size(parts) for parts in state.dims]
    if len(sizes) > len(shape):
        return False
    tail = shape[len(shape) - len(sizes) :]
    return all(n in (1, m) for n, m in zip(sizes, tail, strict=True))


def _product(op: Operation, states: Mapping[int, Spread], shape: Ints) -> Spread | None:
    refs = _refs(op.args) + _refs(tuple(op.kwargs.values()))
    operands = [states.get(v) for v in refs]
    if op.name == "rmatmul":
        operands.reverse()
    if op.name in _ADDED_PRODUCTS:
        product = mixing.multiplied(operands[-2], operands[-1], shape)
        return mixing.combined([operands[0], product], shape)
    if len(operands) == 1:  # the product of a tensor with itself
        operands *= 2
    return mixing.multiplied(operands[0], operands[1], shape)


def _refs(arguments: Sequence[object]) -> list[int]:
    found: list[int] = []
    for argument in arguments:
        if isinstance(argument, Ref):
            found.append(argument.value)
        elif isinstance(argument, tuple):
            found += _refs(argument)
    return found


def _argument_state(op: Operation, position: int, states: Mapping[int, Spread]) -> Spread | None:
    if position < len(op.args):
        argument = op.args[position]
        return states.get(argument.value) if isinstance(argument, Ref) else None
    argument = op.kwargs.get("input", op.kwargs.get("query"))
    return states.get(argument.value) if isinstance(argument, Ref) else None


# ---- windows ----------------------------------------------------------------------------


def _windowed(
    op: Operation, trace: Trace, x: Spread | None, inputs: list[Spread | None], shape: Ints
) -> Spread | None:
    if x is None:  # the weights, not the picture, come from the input
        present = [state for state in inputs if state is not None]
        return lost(mixing.merge(present, ()), shape)
    sums = False
    if op.name in WINDOWED:
        axes, sums, find = WINDOWED[op.name]
    elif op.name in RESIZING:
        axes, find = len(shape) - 2, RESIZING[op.name]
    else:
        axes, find = 2, SHUFFLING[op.name]
    if len(x.dims) != len(shape) or len(shape) <= axes:
        return lost(x, shape)
    lead = len(shape) - axes
    channel = lead - 1
    state = x
    for dim in range(lead, len(shape)):
        state = _straightened(state, dim, channel)
    before = tuple(size(parts) for parts in state.dims[lead:])
    windows = find(op, trace, before, shape[lead:])
    if windows is None:
        return lost(state, shape)
    if sums:
        state = state.contracted([channel])
    if size(state.dims[channel]) != shape[channel]:
        state = state.with_dim(channel, (Part(shape[channel]),))
    adapts = op.name.startswith("adaptive")
    for dim, window in zip(range(lead, len(shape)), windows, strict=True):
        whole = adapts and shape[dim] == 1 and before[dim - lead] > 1
        state = _slid(state, dim, window, shape[dim], whole=whole)
    return state


def _padded(op: Operation, x: Spread, shape: Ints) -> Spread:
    changed = [d for d, parts in enumerate(x.dims) if size(parts) != shape[d]]
    amounts = op.args[1] if len(op.args) > 1 else op.kwargs.get("pad")
    if len(x.dims) != len(shape) or not isinstance(amounts, tuple):
        return lost(x, shape)
    lead = max(len(shape) - len(amounts) // 2, 0)
    state = x
    inside = any(not isinstance(a, str) and a.length is not None for a in x.axes)
    before = tuple(size(parts) for parts in x.dims[lead:])
    windows = padding_windows(op, before, inside=inside)
    if windows is None or any(d < lead for d in changed):
        return lost(x, shape)
    for dim, window in zip(range(lead, len(shape)), windows, strict=True):
        if any(part.axis is not None for part in state.dims[dim]):
            state = _slid(_straightened(state, dim, -1), dim, window, shape[dim], whole=False)
        else:
            state = state.with_dim(dim, (Part(shape[dim]),))
    return state


def _slid(state: Spread, dim: int, window: Window, after: int, *, whole: bool) -> Spread:
    """One dimension behind a window; ``whole``: the window is the entire axis."""
    part = state.dims[dim][0]
    if part.axis is None:
        return state.with_dim(dim, (Part(after),))
    reach = state.axes[part.axis]
    if whole and reach != "unknown":
        reach = "global"
    elif not isinstance(reach, str):
        reach = reach.through(window, after) or "unknown"
    axes = (*state.axes[: part.axis], reach, *state.axes[part.axis + 1 :])
    return replace(state.with_dim(dim, (Part(after, part.axis),)), axes=axes)


def _straightened(state: Spread, dim: int, channel: int) -> Spread:
    """The dimension as one whole spatial axis, or as nothing spatial.

    A pixel shuffle or a space-to-depth written as reshapes is undone into the windows it is.
    """
    parts = state.dims[dim]
    axes = {p.axis for p in parts if p.axis is not None}
    if not axes:
        return state.with_dim(dim, (Part(size(parts)),))
    axis = parts[0].axis
    total = size(parts)
    if len(axes) > 1 or axis is None:
        return state.with_dim(dim, (Part(total),)).marked(axes, "unknown")
    reach = state.axes[axis]
    if isinstance(reach, str) or (len(parts) == 1 and state.homes(axis) == [dim]):
        return state.with_dim(dim, (Part(total, axis),))
    elsewhere = [d for d in state.homes(axis) if d != dim]
    if len(parts) == 2 and parts[0].step == 1 and not elsewhere:
        inner = parts[1].size
        behind = reach.through(Window(inner, 1, ((0,),) * inner), total)
    elif len(parts) == 1 and elsewhere == [channel]:
        step = parts[0].step
        pieces = [p for p in state.dims[channel] if p.axis == axis]
        covered = sum((p.size - 1) * p.step for p in pieces) + 1
        behind = reach.through(sliding(step, step), total) if covered == step else None
        rest = tuple(Part(p.size) if p.axis == axis else p for p in state.dims[channel])
        state = state.with_dim(channel, rest)
    else:
        behind = None
    straight = state.with_dim(dim, (Part(total, axis),))
    if behind is None:
        return straight.marked([axis], "unknown")
    axes_now = (*straight.axes[:axis], behind, *straight.axes[axis + 1 :])
    return replace(straight, axes=axes_now)


#: Operations of one tensor (their weights and indices do not depend on the picture).
_ON_ITS_INPUT: Mapping[str, Mover] = {
    "pad": _padded,
    "getitem": indexed,
    "linear": lambda _op, x, shape: mixing.linear(x, shape),
}
