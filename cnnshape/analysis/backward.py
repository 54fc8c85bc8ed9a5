"""Multiply-accumulates of the backward pass, read from a recording of the forward.

``y = w·x`` is undone by two products as large as itself: one for the gradient of ``x``, one for
that of ``w``. Each is needed only where what it is for needs a gradient: not that of the
picture, not that of a frozen weight, none before a ``detach``.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.analysis.accounts import Accounts
from cnnshape.operations.axes import Size
from cnnshape.operations.call import Call, Operand, operands
from cnnshape.tracing.trace import Operation, Trace, Value

#: What a gradient does not go through.
_CUT = frozenset(("detach", "data"))
#: Arguments that are added to a product, or say where it counts.
_NOT_MULTIPLIED = frozenset(("bias", "attn_mask", "attn_bias"))
#: The products to which the first argument is added.
_ADDED_TO = frozenset(("addmm", "addmv", "baddbmm", "addbmm", "addr", "addmm_activation"))


def backward_costs(trace: Trace, accounts: Accounts, macs: Sequence[Size]) -> list[Size]:
    """Multiply-accumulates per operation's backward, in the trace's order; None where unknown.

    Args:
        trace: the recording of a forward.
        accounts: the table of operations, asked about it.
        macs: those of the forward.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    >>> trace = record(net, Inputs((torch.zeros(1, 4),))).trace
    >>> backward_costs(trace, Accounts(trace), [12, 0, 6])  # the picture needs no gradient
    [12, 0, 12]
    """
    if trace.failure is not None or not trace.outputs:
        return [0 if cost == 0 else None for cost in macs]  # there is nothing to begin from
    needs = _needing_gradients(trace)
    reached = _given_gradients(trace, needs)
    return [
        0 if reached.isdisjoint(operation.outputs) else _undone(operation, accounts, cost, needs)
        for operation, cost in zip(trace.operations, macs, strict=True)
    ]


def _needing_gradients(trace: Trace) -> set[int]:
    """The values that are made of a trained parameter."""
    trained = {parameter.name for parameter in trace.parameters if parameter.trainable}
    needs = {
        value.id
        for value in trace.values
        if value.origin == "parameter" and value.name in trained and _differentiable(value)
    }
    for operation in trace.operations:
        if operation.name not in _CUT:
            made = (trace.values[output] for output in operation.outputs)
            whole = not needs.isdisjoint(operation.inputs)
            needs |= {v.id for v in made if _differentiable(v) and (whole or v.alias_of in needs)}
    return needs


def _given_gradients(trace: Trace, needs: set[int]) -> set[int]:
    """Those of them that a loss of every output asks something of."""
    reached = needs.intersection(named.value for named in trace.outputs)
    for operation in reversed(trace.operations):
        found = reached.intersection(operation.outputs)
        if found:
            # Written into, a tensor has its other numbers from the one that it was.
            before = {trace.values[output].alias_of for output in found}
            reached |= needs & (before | set(operation.inputs))
    return reached


def _differentiable(tensor: Value | Operand) -> bool:
    return tensor.dtype.startswith(("float", "bfloat", "complex"))


def _undone(operation: Operation, accounts: Accounts, macs: Size, needs: set[int]) -> Size:
    if macs is None or macs == 0:
        return macs
    call, entry = accounts.call(operation), accounts.entry(operation)
    factors = [] if call is None else _factors(call)
    if entry is not None and entry.family == "recurrent":
        # A first state of zeros needs no gradient, those of all other steps do.
        factors = [value for value in factors if not _constant(accounts.trace, value)]
    needed = sum(value in needs for value in factors)
    if len(factors) == 2:
        return macs * needed
    # Of three and more (attention, a recurrent layer) it is known only for all together.
    return macs * 2 if factors and needed == len(factors) else None


def _constant(trace: Trace, value: int) -> bool:
    """Made of no input and of no parameter."""
    return trace.values[value].static and not trace.values[value].parameters


def _factors(call: Call) -> list[int]:
    """The tensors that an operation multiplies."""
    added = {"input"} if call.name in _ADDED_TO else _NOT_MULTIPLIED
    given = [value for name, value in call.arguments.items() if name not in added]
    return [tensor.tensor for tensor in operands(given) if _differentiable(tensor)]
