"""A call that turned, merged or joined axes on the way here, left out or along another dimension.

What follows such a call runs a long way before an axis is in the wrong place. Where the model runs
without it, all layers as they are, the call was the mistake: two layers would hardly agree by
chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from cnnshape.analysis.accounts import bind
from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import CallText, Written
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Operation, Trace, Value

#: Calls that only arrange axes, or take one away.
_REDUCING = frozenset({"mean", "sum", "amax"})
_ARRANGING = _REDUCING | frozenset(
    "transpose swapaxes permute movedim unsqueeze squeeze flatten".split()
)
#: Calls that join, cut or flatten along a dimension, and what that is called.
_ALONG = {
    **dict.fromkeys(("cat", "stack", "split", "chunk", "unbind", "tensor_split"), "dim"),
    "flatten": "start_dim",
}
_VIEWS = frozenset({"view", "reshape"})
_FARTHEST = 48
#: As many calls are looked at, the nearest first.
_MOST = 3
#: So many other dimensions are proposed for one call.
_MOST_DIMS = 2


def earlier_calls(failing: Failing) -> Iterator[Suggestion]:
    """The calls on the way here as they may have been meant, those nearest first."""
    if _only_laid_out_otherwise(failing):
        return
    count = 0
    for operation in _on_the_way(failing):
        call = CallText(_at(failing, operation))
        if call.found is None or call.failing.module.builtin:
            continue
        made = list(_written_otherwise(call, call.found))
        for one in made:
            # Not the line that failed, most often: the reader must see which call is meant.
            yield replace(one, text=f"{one.text} instead of {call.found.text}")
        count += bool(made)
        if count == _MOST:
            return


def _only_laid_out_otherwise(failing: Failing) -> bool:
    """A view for which the numbers suffice: what turned the axes may stay."""
    x, wanted = failing.operand(), failing.argument("size")
    if failing.name != "view" or x is None or not isinstance(wanted, tuple):
        return False
    known = prod(n for n in wanted if isinstance(n, int) and n != -1)
    return known != 0 and (prod(x.shape) % known if -1 in wanted else prod(x.shape) - known) == 0


def _written_otherwise(call: CallText, found: Written) -> Iterator[Suggestion]:
    operation = call.operation
    dimension = _ALONG.get(operation.name)
    if dimension is not None:
        yield from _along_others(call, found, dimension)
    if operation.name in _VIEWS and _regroups(call.failing.trace, operation):
        yield replace(call.flattened(), otherwise=None)
    if operation.name == "flatten" and _into_rows(call.failing.trace, operation):
        yield call.candidate(f"{found.text}.transpose(1, 2)")
    if operation.name in _ARRANGING and found.operands and not _reduces_all(operation):
        yield call.candidate(found.operands[0])


def _reduces_all(operation: Operation) -> bool:
    return operation.name in _REDUCING and (bind(operation) or {}).get("dim") is None


def _into_rows(trace: Trace, operation: Operation) -> bool:
    """Whether pictures became N×C×(H·W), which those who want tokens turn to N×(H·W)×C."""
    before, after = (trace.shape(some[0]) for some in (operation.inputs, operation.outputs))
    return len(before) == 4 and len(after) == 3 and before[:2] == after[:2]


def _regroups(trace: Trace, operation: Operation) -> bool:
    """Whether a view into rows made more or fewer of them than there are in the batch."""
    first = trace.shape(trace.inputs[0].value)[:1] if trace.inputs else ()
    before, after = (trace.shape(some[0]) for some in (operation.inputs, operation.outputs))
    return len(after) == 2 and before[:1] == first != after[:1] and before[-1:] != after[-1:]


def _along_others(call: CallText, found: Written, dimension: str) -> Iterator[Suggestion]:
    """``torch.cat((a, b), 1)`` for ``torch.cat((a, b), 2)``; 1 is where channels are."""
    operation = call.operation
    shapes = [call.failing.trace.shape(value) for value in operation.inputs]
    now = (bind(operation) or {}).get(dimension)
    if not isinstance(now, int) or not shapes:
        return
    rank, count = len(shapes[0]), 0
    for dim in range(1, 3 if operation.name == "flatten" else rank):
        text = _with_number(found, dimension, now, dim)
        if text is None or dim == now % rank or count == _MOST_DIMS:
            continue
        rest = {shape[:dim] + shape[dim + 1 :] for shape in shapes}
        if operation.name not in ("cat", "stack") or len(rest) == 1:
            yield call.candidate(text)
            count += 1


def _with_number(found: Written, name: str, now: int, new: int) -> str | None:
    """The call with one of its arguments another number; None where it is not written there."""
    for index in reversed(range(len(found.arguments))):
        written = found.arguments[index]
        if written.removeprefix(f"{name}=").strip() == str(now):
            keyword = f"{name}=" if "=" in written else ""
            inside = [*found.arguments]
            inside[index] = f"{keyword}{new}"
            return f"{found.function}({', '.join(inside)})"
    return None


def _on_the_way(failing: Failing) -> Iterator[Operation]:
    """The calls that made the tensors of the failing one, the last one first."""
    trace = failing.trace
    made_by: dict[int, Operation] = {}
    for value in _arrived(failing):
        made_by |= {operation.index: operation for operation in _back(trace, value)}
    for index in sorted(made_by, reverse=True):
        if made_by[index].name in (*_ARRANGING, *_ALONG, *_VIEWS):
            yield made_by[index]


def _arrived(failing: Failing) -> list[Value]:
    """The tensors of the failing call that come from the model's inputs."""
    if failing.operation is not None:
        values = list(failing.tensors)
    else:
        given = () if failing.call is None else failing.call.inputs
        values = [failing.trace.values[item.value] for item in given]
    return [value for value in values if not value.static]


def _back(trace: Trace, value: Value) -> Iterator[Operation]:
    now: Value | None = value
    for _ in range(_FARTHEST):
        operation = None if now is None or now.producer is None else trace.operations[now.producer]
        if operation is None:
            return
        yield operation
        now = main_input(trace, operation)


def _at(failing: Failing, operation: Operation) -> Failing:
    """The same failure, looked at from an operation before it."""
    call = failing.trace.calls[operation.call]
    module = failing.trace.module(call.path)
    return replace(failing, operation=operation, call=call, module=module)
