"""Batches lost on the way: ``view(-1, n)`` that made other rows, ``squeeze()`` that dropped one.

Both run without a word, and what breaks is a later line that counts on the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from cnnshape.analysis.accounts import bind
from cnnshape.analysis.diagnose.axis_origin import main_input, origin_of
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules import dimensions, normalization
from cnnshape.analysis.diagnose.rules.reshaping import for_the_view
from cnnshape.analysis.diagnose.source_call import CallText, SizeOf
from cnnshape.analysis.diagnose.suggest import combined, set_arguments
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import joined, say
from cnnshape.operations.axes import Broadcast, Chosen, Kept
from cnnshape.tracing.trace import Module, Operation, Source, Trace, Value
from cnnshape.words import times

#: How many operations are followed back.
_FARTHEST = 64


def regrouped(failing: Failing) -> Diagnosis | None:
    """``x.view(-1, 784)`` made 64 rows of 16 pictures, and the failing call still has 16."""
    trace = failing.trace
    counts = {shape[0] for value in failing.tensors if (shape := sizes(value))}
    for argument in failing.operation.args if failing.operation else ():
        if isinstance(argument, tuple) and argument and type(argument[0]) is int:
            counts.add(argument[0])
    for value in failing.tensors:
        shape = sizes(value)
        found = None if not shape else _regrouping(trace, value)
        if found is None or not shape:
            continue
        operation, before, after = found
        if shape[0] != after[0] or before[0] not in counts:
            continue
        there = _at(failing, operation)
        call = CallText(there)
        what = call.found.text if call.found else f"{operation.name}(-1, …)"
        sentence = say(
            "{call}{where} made {rows} rows of a batch of {batch}: {before} → {after}. "
            "{function} now gets {rows} where {batch} belong",
            call=what,
            where=_line(operation.source, failing.failure.source),
            rows=after[0],
            batch=before[0],
            before=times(before),
            after=times(after),
            function=failing.name,
        )
        return Diagnosis("view.batch", sentence, (), tuple(_kept(there, call, before, after)))
    return None


def swallowed(failing: Failing) -> Diagnosis | None:
    """``flatten(x, 0)``, ``view(-1)``, ``reshape(32, -1)``: the batch went into the rows."""
    trace = failing.trace
    value = failing.tensors[0] if failing.tensors else failing.value(failing.given(0, "input"))
    arrived = trace.shape(trace.inputs[0].value)[:1] if trace.inputs else ()
    for operation, now, source in () if value is None else _back(trace, value):
        before, after = sizes(source), sizes(now)
        if not before or not after or before[:1] != arrived or len(before) < 2:
            continue
        written = _written_batch(operation)
        into_one = len(after) == 1
        if not into_one and (written in (None, before[0]) or len(after) != 2):
            continue
        there = _at(failing, operation)
        call = CallText(there)
        if (bind(operation) or {}).get("size") is None and operation.name != "flatten":
            return None
        what = call.found.text if call.found else operation.name
        where = _line(operation.source, failing.failure.source)
        call_there = joined("", (what, where))
        did = say(
            "{call} put the whole batch of {batch} into one row", call=call_there, batch=before[0]
        )
        if not into_one:
            did = say(
                "{call} writes a batch of {written}, and {batch} arrive",
                call=call_there,
                written=written,
                batch=before[0],
            )
        sentence = did + say(
            ": {before} → {after}. {function} now gets {after} where {wanted} belong",
            before=times(before),
            after=times(after),
            function=failing.name or failing.path,
            wanted=times((before[0], prod(before[1:]))),
        )
        return Diagnosis("view.batch", sentence, (), (_rows_kept(call, operation),))
    return None


def _written_batch(operation: Operation) -> int | None:
    """The number of rows that a ``view`` or ``reshape`` asks for; None where that is left open."""
    asked = (bind(operation) or {}).get("size")
    first = asked[0] if isinstance(asked, tuple) and asked else None
    return first if isinstance(first, int) and first != -1 else None


def _rows_kept(call: CallText, operation: Operation) -> Suggestion:
    asked = (bind(operation) or {}).get("size")
    if isinstance(asked, tuple) and len(asked) == 2 and call.operand(0).isidentifier():
        return call.with_arguments((SizeOf(0), -1))
    return call.flattened()


def _kept(there: Failing, call: CallText, before: Sizes, after: Sizes) -> Iterator[Suggestion]:
    """The batch written down; or a picture for which ``-1`` becomes the batch."""
    kept = call.flattened()
    layer = _next_linear(there)
    # The layer behind it was made for the rows that there were, and fails before the old place.
    wider = layer and set_arguments(layer, {"in_features": prod(before[1:])})
    both = combined([kept, wider] if wider else [kept])
    if both is not None:
        yield both
    x = there.operand()
    if x is not None:
        yield from for_the_view(there, x, (-1, *after[1:]))


def _next_linear(there: Failing) -> Module | None:
    """The first linear layer that ran after an operation and works on what that made."""
    trace, operation = there.trace, there.operation
    for later in trace.operations[operation.index + 1 :] if operation else ():
        if operation is not None and later.name == "linear" and not later.failed:
            source = main_input(trace, later)
            ways = () if source is None else _back(trace, source)
            if any(step.index == operation.index for step, _, _ in ways):
                module = trace.module(trace.calls[later.call].path)
                return module if module.kind == "Linear" and module.builtin else None
    return None


def _regrouping(trace: Trace, value: Value) -> tuple[Operation, Sizes, Sizes] | None:
    """The ``view(-1, n)`` on the way back that merged or split the batch, with both shapes."""
    batch = 0
    for operation, now, source in _back(trace, value):
        earlier = _axis_before(trace, operation, now, source, batch)
        if earlier is not None:
            batch = earlier
            continue
        before, after = sizes(source), sizes(now)
        if batch or not before or not after:
            return None
        if before[0] == after[0]:
            continue  # one of one picture, or an operation that is not known
        asked = (bind(operation) or {}).get("size")
        if not isinstance(asked, tuple):
            return None
        # One row per token (N×L×C to N·L×C) is meant; so is what does not begin with -1.
        meant = before[-1] == after[-1] or len(before) < 3 or len(after) != 2
        arrived = trace.inputs and trace.shape(trace.inputs[0].value)[:1] == before[:1]
        if meant or not arrived or asked[:1] != (-1,):
            return None
        return operation, before, after
    return None


def squeezed(failing: Failing) -> Diagnosis | None:
    """``x.squeeze()`` with a batch of one, and a dimension that is missing afterwards."""
    if failing.operation is None:
        value = failing.value(failing.given(0, "input"))
        base = normalization.norm_rank(failing)
    else:
        value = failing.tensors[0] if failing.tensors else None
        base = dimensions.out_of_range(failing)
    if base is None or value is None:
        return None
    for operation, now, source in _back(failing.trace, value):
        before, after = sizes(source), sizes(now)
        if before is None or after is None:
            return None
        if operation.name != "squeeze" or len(operation.args) > 1 or operation.kwargs:
            if len(before) != len(after):
                return None
            continue
        if before[:1] != (1,) or len(before) < 2:
            return None
        there = _at(failing, operation)
        call = CallText(there)
        what = call.found.text if call.found and len(call.found.text) < 40 else "squeeze()"
        sentence = say(
            "{sentence}. {call}{where} dropped the batch of 1 as well: {before} → {after}",
            sentence=base.sentence,
            call=what,
            where=_line(operation.source, failing.failure.source),
            before=times(before),
            after=times(after),
        )
        return Diagnosis("squeeze.batch", sentence, (), tuple(_not_the_batch(call, before)))
    return None


def _not_the_batch(call: CallText, before: Sizes) -> Iterator[Suggestion]:
    operand = call.operand(0)
    ones = [axis for axis in range(1, len(before)) if before[axis] == 1]
    if ones == list(range(2, len(before))):
        yield call.candidate(f"{operand}.flatten(1)")
    elif len(ones) == 1:
        yield call.candidate(f"{operand}.squeeze({ones[0]})")
    elif not ones:
        # Nothing but the batch was there to squeeze.
        yield call.candidate(operand)


def _back(trace: Trace, value: Value) -> Iterator[tuple[Operation, Value, Value]]:
    """The operations on the way back along the data: each with its result and what it got."""
    now = value
    for _ in range(_FARTHEST):
        operation = None if now.producer is None else trace.operations[now.producer]
        source = None if operation is None else main_input(trace, operation)
        if operation is None or source is None:
            return
        yield operation, now, source
        now = source


def _axis_before(
    trace: Trace, operation: Operation, now: Value, source: Value, axis: int
) -> int | None:
    """The axis of the data that goes on in an axis of the result, position by position."""
    origin = origin_of(trace, operation, now, axis)
    if not isinstance(origin, Kept | Chosen | Broadcast):
        return None
    return next((one.axis for one in origin.sources if one.tensor == source.id), None)


def _at(failing: Failing, operation: Operation) -> Failing:
    """The same failure, looked at from an operation before it."""
    call = failing.trace.calls[operation.call]
    module = failing.trace.module(call.path)
    return replace(failing, operation=operation, call=call, module=module)


def _line(source: Source | None, failed: Source | None) -> str:
    """`` (line 53)``, if it is another line than the failing one; with the file if that differs."""
    if source is None or (failed is not None and source == failed):
        return ""
    if failed is not None and source.file == failed.file:
        return say(" (line {line})", line=source.line)
    return f" ({source.file.rpartition('/')[2]}:{source.line})"
