"""One step back from an axis of a tensor: where its size was before the operation that made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnshape import formulas
from cnnshape.analysis.applications import application
from cnnshape.analysis.arguments import base_name, bind
from cnnshape.analysis.diagnose.failing import Sizes, sizes
from cnnshape.analysis.diagnose.wording import short_substitution
from cnnshape.errors import CnnshapeError
from cnnshape.tracing.trace import Operation, Trace, Value
from cnnshape.words import plural, times

#: Rules whose derivation is per spatial axis.
SPATIAL = frozenset(
    "conv conv_transpose max_pool avg_pool lp_pool adaptive_pool fractional_pool upsample".split()
)
#: Rules that choose the size themselves, whatever arrives.
_FIXING = frozenset({"adaptive_pool", "fractional_pool"})
LAST_DECIDED = frozenset("linear bilinear embedding lstm gru rnn_tanh rnn_relu".split())


@dataclass(frozen=True, slots=True)
class Hop:
    """One step back: the axis before the operation, or None where it begins; with a note."""

    before: tuple[int, int] | None
    text: str = ""


def main_input(trace: Trace, operation: Operation) -> Value | None:
    """The data that an operation works on: its first tensor that is no parameter or buffer."""
    for value in operation.inputs:
        candidate = trace.values[value]
        if not candidate.parameters and candidate.origin not in ("parameter", "buffer"):
            return candidate
    return None


# ---- one step back ------------------------------------------------------------------------


def step_back(
    trace: Trace, value: int, axis: int
) -> tuple[Operation | None, tuple[int, int] | None]:
    """The operation that made the value, and the axis before it that this axis comes from."""
    now = trace.values[value]
    if now.producer is None:
        return None, None
    operation = trace.operations[now.producer]
    return operation, back(trace, operation, now, axis).before


def back(trace: Trace, operation: Operation, value: Value, axis: int) -> Hop:
    """The step from one axis of ``value`` to the axis before ``operation`` that it comes from."""
    source = main_input(trace, operation)
    after = sizes(value)
    before = None if source is None else sizes(source)
    if source is None or before is None or after is None:
        return Hop(None)
    base, _ = base_name(operation.name)
    special = _SPECIAL.get(base)
    if special is not None:
        found = special(trace, operation, source, before, after, axis)
        if found is not None:
            return found
    spatial = _spatial(trace, operation, source, before, after, axis)
    if spatial is not None:
        return spatial
    return _elementwise(trace, operation, before, after, source, axis)


def _spatial(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    rule = application(trace, operation)
    if rule is None or rule.kind not in SPATIAL:
        return None
    try:
        derived = formulas.derive(rule.kind, rule.input_shape, **rule.arguments)
    except CnnshapeError:
        return None
    lead = len(after) - len(derived.axes)
    if derived.output != after or len(before) != len(after):
        return None
    if axis < lead:
        channel = axis == lead - 1
        if channel and rule.kind in ("conv", "conv_transpose"):
            return Hop(None, plural(after[axis], "channel"))
        return Hop((source.id, axis))
    derivation = derived.axes[axis - lead]
    fixed = rule.kind in _FIXING or (rule.kind == "upsample" and rule.arguments.get("size"))
    if fixed:
        return Hop(None, f"output size {derivation.output}")
    if derivation.input == derivation.output:
        return Hop((source.id, axis))
    return Hop((source.id, axis), short_substitution(rule.kind, derivation))


def _elementwise(
    trace: Trace, operation: Operation, before: Sizes, after: Sizes, source: Value, axis: int
) -> Hop:
    """Broadcasting operations, and everything unknown that keeps the size of the axis."""
    from_end = axis - len(after)
    for index in operation.inputs:
        candidate = trace.values[index]
        shape = sizes(candidate)
        if candidate.parameters or shape is None or len(shape) + from_end < 0:
            continue
        if shape[from_end] == after[axis] and (len(shape) == len(after) or len(shape) > 1):
            return Hop((index, len(shape) + from_end))
    if len(before) == len(after):
        return Hop((source.id, axis), f"{before[axis]} → {after[axis]}")
    return Hop(None, f"{times(before)} → {times(after)}")


def _flatten(
    _trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    group = groups(before, after).get(axis)
    if group is None:
        return Hop(None, f"{times(before)} → {times(after)}")
    if len(group) == 1:
        return Hop((source.id, group[0]))
    product = "·".join(str(before[a]) for a in group)
    del operation
    # The first spatial axis decides how the product changes with the input.
    return Hop((source.id, group[-1]), f"{product} = {after[axis]}")


def groups(before: Sizes, after: Sizes) -> dict[int, tuple[int, ...]]:
    """Which axes of ``before`` each axis of ``after`` is the product of, where that is so."""
    groups: dict[int, tuple[int, ...]] = {}
    start = 0
    for axis, size in enumerate(after):
        stop, product = start, 1
        while stop < len(before) and product < size:
            product *= before[stop]
            stop += 1
        if size == 1:
            stop = start + 1 if start < len(before) and before[start] == 1 else start
            product = 1
        if product != size:
            break
        groups[axis] = tuple(range(start, stop))
        # Sizes of one that follow belong to the group unless the next axis is one itself.
        start = stop
        if axis + 1 == len(after) or after[axis + 1] != 1:
            while start < len(before) and before[start] == 1 and groups[axis]:
                groups[axis] = (*groups[axis], start)
                start += 1
    return {axis: group for axis, group in groups.items() if group}


def _permute(
    _trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    order = permutation(operation, len(before))
    if order is None or len(order) != len(after):
        return None
    return Hop((source.id, order[axis]))


def permutation(operation: Operation, rank: int) -> tuple[int, ...] | None:
    """For each axis after a permute or transpose, which axis it was before."""
    numbers = [a for a in operation.args[1:] if isinstance(a, int | tuple)]
    if operation.name == "permute":
        flat = numbers[0] if numbers and isinstance(numbers[0], tuple) else tuple(numbers)
        flat = flat or operation.kwargs.get("dims", ())
        if not isinstance(flat, tuple) or len(flat) != rank:
            return None
        return tuple(int(a) % rank for a in flat if isinstance(a, int))
    order = list(range(rank))
    if operation.name in ("T", "t", "mT", "H", "mH"):
        one, other = rank - 2, rank - 1
        if operation.name in ("T", "H"):
            return tuple(reversed(order))
    elif len(numbers) == 2 and all(isinstance(n, int) for n in numbers):
        one, other = (int(n) % rank for n in numbers if isinstance(n, int))
    else:
        return None
    if rank < 2:
        return tuple(order)
    order[one], order[other] = order[other], order[one]
    return tuple(order)


def _cat(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    if len(before) != len(after) or before[axis] == after[axis]:
        return None
    parts = [(sizes(trace.values[v]) or after)[axis] for v in operation.inputs]
    if sum(parts) != after[axis]:
        return Hop((source.id, axis))
    return Hop(None, f"{' + '.join(map(str, parts))} = {after[axis]}")


def _decided(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    del trace, operation
    if axis == len(after) - 1:
        return Hop(None, f"{after[axis]} features")
    return Hop((source.id, axis)) if axis < len(before) and before[axis] == after[axis] else None


def _product(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    del before
    if axis != len(after) - 1 or len(operation.inputs) < 2:
        return Hop((source.id, axis)) if axis < len(sizes(source) or ()) else None
    other = trace.values[operation.inputs[-1]]
    shape = sizes(other)
    if shape is None or shape[-1] != after[axis]:
        return None
    return Hop((other.id, len(shape) - 1))


def _squeezed(
    _trace: Trace, _operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    """Axes of size one came or went; the others kept their order."""
    kept_before = [a for a, size in enumerate(before) if size != 1]
    kept_after = [a for a, size in enumerate(after) if size != 1]
    if [before[a] for a in kept_before] != [after[a] for a in kept_after]:
        return None
    if axis not in kept_after:
        return Hop(None, "")
    return Hop((source.id, kept_before[kept_after.index(axis)]))


def _shuffle(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> Hop | None:
    bound = bind(operation)
    factor = None if bound is None else bound.get("upscale_factor")
    if not isinstance(factor, int) or len(before) != len(after):
        return None
    del trace
    if axis >= len(after) - 2:
        return Hop((source.id, axis), f"{before[axis]}·{factor} = {after[axis]}")
    if axis == len(after) - 3:
        return Hop((source.id, axis), f"{before[axis]}/{factor}² = {after[axis]}")
    return Hop((source.id, axis))


_Special = Callable[[Trace, Operation, Value, Sizes, Sizes, int], "Hop | None"]
RESHAPES = frozenset("view reshape flatten unflatten view_as reshape_as".split())
_SPECIAL: dict[str, _Special] = {
    **dict.fromkeys(RESHAPES, _flatten),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "T", "t", "mT"), _permute),
    **dict.fromkeys(LAST_DECIDED, _decided),
    **dict.fromkeys(("matmul", "bmm", "mm"), _product),
    **dict.fromkeys(("squeeze", "unsqueeze", "getitem"), _squeezed),
    "cat": _cat,
    "pixel_shuffle": _shuffle,
}
