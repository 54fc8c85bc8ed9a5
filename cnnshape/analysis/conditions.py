"""What the CPU would have refused although meta let it pass.

Meta tensors have no memory to protect, so torch skips many of its own checks there. The size
rules carry those conditions; a pass on meta that breaks one is cut where a real run would
have ended, so that a model that cannot run is never blessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnshape.analysis.accounts import Accounts, bind, entry_of
from cnnshape.analysis.report import Check
from cnnshape.operations.expected import form_text, forms_by_name, misfit
from cnnshape.tracing.trace import Failure, Operation, Ref, Trace
from cnnshape.words import listed, times

#: Functions whose axis meta does not look at.
_WITHOUT_AXIS = frozenset("softmax log_softmax softmin sort argsort gumbel_softmax".split())


def cut_at_broken_condition(trace: Trace, checks: Mapping[int, Check]) -> Trace:
    """The trace up to the first operation that a real run would refuse; itself if there is none.

    Args:
        trace: a recording made without memory.
        checks: its size checks, as :func:`cnnshape.analysis.verify.verify` gives them.

    >>> import torch
    >>> from cnnshape.analysis.accounts import Accounts
    >>> from cnnshape.analysis.verify import verify
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> double = torch.zeros(1, 4, dtype=torch.float64)
    >>> trace = record(torch.nn.Linear(4, 2), Inputs((double,)), device="meta").trace
    >>> trace.failure is None
    True
    >>> print(cut_at_broken_condition(trace, verify(trace, Accounts(trace))).failure.message)
    linear takes tensors of one dtype, but float64 and float32 arrive
    """
    for operation in trace.operations:
        if operation.failed:
            break
        check = checks.get(operation.index)
        refused = check.note if check is not None and check.expected is None else None
        message = (
            refused
            or _mixed_dtypes(trace, operation)
            or _missing_axis(trace, operation)
            or _missing_position(trace, operation)
            or _other_shape(trace, operation)
        )
        if message is not None:
            return _cut(trace, operation, message)
    return trace


def _mixed_dtypes(trace: Trace, operation: Operation) -> str | None:
    entry = entry_of(operation)
    if entry is None or entry.dtypes != "alike" or entry.family not in ("convolution", "linear"):
        return None
    dtypes = list(dict.fromkeys(trace.values[value].dtype for value in operation.inputs))
    if len(dtypes) < 2:
        return None
    return f"{operation.name} takes tensors of one dtype, but {listed(dtypes)} arrive"


def _missing_axis(trace: Trace, operation: Operation) -> str | None:
    """On meta a softmax runs along an axis that its input does not have."""
    if operation.name not in _WITHOUT_AXIS or not operation.inputs:
        return None
    dim = (bind(operation) or {}).get("dim")
    rank = max(len(trace.shape(operation.inputs[0])), 1)
    if not isinstance(dim, int) or -rank <= dim < rank:
        return None
    return (
        f"{operation.name} along dimension {dim}, but its input has {rank} ({-rank} to {rank - 1})"
    )


def _missing_position(trace: Trace, operation: Operation) -> str | None:
    """On meta a list of positions, as in ``x[[0, 5]]``, is not looked at."""
    if operation.name not in ("getitem", "setitem"):
        return None
    account = Accounts(trace).of(operation)
    for need in () if account is None else account.needs:
        size, axis = need.left, need.left_axis
        short = isinstance(size, int) and isinstance(need.right, int) and size < need.right
        if need.of_values and short and axis is not None:
            reached = f"a list of positions reaches {need.right}"
            return f"{reached}, but dimension {axis.axis} has size {size}"
    return None


def _other_shape(trace: Trace, operation: Operation) -> str | None:
    """On meta indices may be a matrix where a real run takes a vector."""
    entry = entry_of(operation)
    if entry is None or entry.name not in forms_by_name():
        return None
    bound = bind(operation) or {}
    given = {name: trace.shape(a.value) for name, a in bound.items() if isinstance(a, Ref)}
    shapes = {
        name: tuple(int(n) for n in shape if isinstance(n, int))
        for name, shape in given.items()
        if all(isinstance(n, int) for n in shape)
    }
    found = misfit(entry.name, shapes)
    if found is None:
        return None
    takes = listed((form_text(form) for form in found.choices), "or")
    return f"{operation.name} takes {found.first} {takes}, but {times(shapes[found.first])} arrives"


def _cut(trace: Trace, operation: Operation, message: str) -> Trace:
    last = operation.index
    calls = tuple(
        call
        if call.operations[1] <= last
        else replace(call, finished=False, outputs=(), operations=(call.operations[0], last + 1))
        for call in trace.calls
        if call.operations[0] <= last
    )
    failed = replace(operation, outputs=(), failed=True)
    return replace(
        trace,
        calls=calls,
        operations=(*trace.operations[:last], failed),
        outputs=(),
        failure=Failure(
            type="RuntimeError",
            message=message,
            call=operation.call,
            operation=last,
            source=operation.source,
        ),
    )
