"""One step back from an axis of a tensor: where its size was before the operation that made it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from cnnshape import formulas
from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.diagnose.failing import Sizes, sizes
from cnnshape.analysis.diagnose.wording import short_substitution
from cnnshape.errors import CnnshapeError
from cnnshape.messages import say
from cnnshape.operations.axes import (
    AxisOf,
    Broadcast,
    Chosen,
    Joined,
    Kept,
    Merged,
    Origin,
    Part,
    Windowed,
    Written,
)
from cnnshape.tracing.trace import ModuleCall, Operation, Trace, Value
from cnnshape.words import plural, times

#: Rules whose derivation is per spatial axis.
SPATIAL = frozenset(
    "conv conv_transpose max_pool avg_pool lp_pool adaptive_pool fractional_pool upsample".split()
)
#: Rules that choose the size themselves, whatever arrives.
_FIXING = frozenset({"adaptive_pool", "fractional_pool"})
#: What a size that the operation writes itself counts, by its family.
_COUNTED = {"convolution": "channel", "linear": "feature", "lookup": "feature",
            "recurrent": "feature"}  # fmt: skip


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


def two_inputs(trace: Trace, one: ModuleCall, other: ModuleCall) -> tuple[Value, Value] | None:
    """The model's inputs that two calls of a layer work on, where they are not the same one."""
    first, second = (_input_of(trace, call) for call in (one, other))
    if first is None or second is None or first.name == second.name:
        return None
    return first, second


def _input_of(trace: Trace, call: ModuleCall) -> Value | None:
    value = trace.values[call.inputs[0].value] if call.inputs else None
    while value is not None and value.origin != "input":
        made_by = None if value.producer is None else trace.operations[value.producer]
        value = None if made_by is None else main_input(trace, made_by)
    return value


def step_back(
    trace: Trace, value: int, axis: int
) -> tuple[Operation | None, tuple[int, int] | None]:
    """The operation that made the value, and the axis before it that this axis comes from."""
    now = trace.values[value]
    if now.producer is None:
        return None, None
    operation = trace.operations[now.producer]
    return operation, back(trace, operation, now, axis).before


def origin_of(trace: Trace, operation: Operation, value: Value, axis: int) -> Origin | None:
    """Where an axis of an operation's result comes from; None where the table does not tell."""
    account = Accounts(trace).of(operation)
    place = operation.outputs.index(value.id)
    if account is None or place >= len(account.results):
        return None
    result = account.results[place]
    return result[axis] if len(result) == len(value.shape) else None


def back(trace: Trace, operation: Operation, value: Value, axis: int) -> Hop:
    """The step from one axis of ``value`` to the axis before ``operation`` that it comes from."""
    after = sizes(value)
    if after is None:
        return Hop(None)
    match origin_of(trace, operation, value, axis):
        case Kept(source):
            return Hop(source)
        case Windowed() as windowed:
            return _windowed(trace, operation, windowed, axis - len(after))
        case Written():
            return Hop(None, _counted(operation, after[axis], trace))
        case Merged(parts) as merged:
            # The last axis decides how the product changes with the input.
            source = merged.sources[-1] if merged.sources else None
            numbers = [part.size for part in parts]
            return Hop(source, f"{'·'.join(map(str, numbers))} = {after[axis]}")
        case Part(source, _, inner):
            return Hop(source, f"{_size(trace, source)}/{inner} = {after[axis]}")
        case Joined(sources):
            numbers = [_size(trace, source) for source in sources]
            return Hop(None, f"{' + '.join(map(str, numbers))} = {after[axis]}")
        case Chosen(source, _, by):
            return Hop(source if by is None else by)
        case Broadcast(sources):
            return Hop(_deciding(trace, sources, after[axis]))
        case _:
            return _by_position(trace, operation, after, axis)


def _size(trace: Trace, source: AxisOf) -> int:
    shape = sizes(trace.values[source.tensor])
    return shape[source.axis] if shape else 0


def _counted(operation: Operation, size: int, trace: Trace) -> str:
    """``16 channels``; nothing for an axis that was only put in."""
    entry = Accounts(trace).entry(operation)
    noun = None if entry is None else _COUNTED.get(entry.family)
    return "" if noun is None else plural(size, noun)


def _windowed(trace: Trace, operation: Operation, origin: Windowed, from_end: int) -> Hop:
    source, n = origin.source, _size(trace, origin.source)
    applied = Accounts(trace).rule(operation) if origin.rule in SPATIAL else None
    if applied is None or applied.kind != origin.rule:
        return Hop(source, "" if n == origin.size else f"{n} → {origin.size}")
    try:
        derived = formulas.derive(applied.kind, applied.input_shape, **applied.arguments)
    except CnnshapeError:
        return Hop(source, f"{n} → {origin.size}")
    derivation = derived.axes[from_end]
    if origin.rule in _FIXING or (origin.rule == "upsample" and applied.arguments.get("size")):
        return Hop(None, say("output size {size}", size=derivation.output))
    if derivation.input == derivation.output:
        return Hop(source)
    return Hop(source, short_substitution(applied.kind, derivation))


def _deciding(trace: Trace, sources: tuple[AxisOf, ...], size: int) -> AxisOf | None:
    """The first of several axes laid over each other that has the size of the result."""
    same = [s for s in sources if _size(trace, s) == size]
    held = [s for s in same if not trace.values[s.tensor].parameters]
    return next(iter(held or same), None)


def _by_position(trace: Trace, operation: Operation, after: Sizes, axis: int) -> Hop:
    """An operation that is not known, as if it kept the size of the axis where one fits."""
    from_end = axis - len(after)
    for index in operation.inputs:
        candidate = trace.values[index]
        shape = sizes(candidate)
        if candidate.parameters or shape is None or len(shape) + from_end < 0:
            continue
        if shape[from_end] == after[axis] and (len(shape) == len(after) or len(shape) > 1):
            return Hop((index, len(shape) + from_end))
    source = main_input(trace, operation)
    before = None if source is None else sizes(source)
    if source is None or before is None:
        return Hop(None)
    if len(before) == len(after):
        return Hop((source.id, axis), f"{before[axis]} → {after[axis]}")
    return Hop(None, f"{times(before)} → {times(after)}" if prod(before) else "")
