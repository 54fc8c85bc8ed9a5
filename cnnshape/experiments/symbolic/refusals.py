"""Requests that no expression can answer, each refused in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from cnnshape.analysis.accounts import Accounts
from cnnshape.errors import CnnshapeError, UsageError
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.run_at_sizes import Run
from cnnshape.messages import say
from cnnshape.tracing.trace import Operation, Trace
from cnnshape.words import plural


class DataDependentError(CnnshapeError):
    """A size depends on the values of the input, so no expression in its sizes describes it."""


def refuse_data_dependent(trace: Trace) -> None:
    """Refuse a pass in which a size came from values.

    Raises:
        DataDependentError: an operation's result is as large as the data make it.
    """
    accounts = Accounts(trace)
    for op in trace.operations:
        if _decided_by_values(op, accounts):
            where = trace.calls[op.call].path or trace.modules[0].type
            line = f" ({Path(op.source.file).name}:{op.source.line})" if op.source else ""
            name = say("a boolean index") if op.name == "getitem" else op.name
            raise DataDependentError(
                say(
                    "the sizes behind {operation} in {layer}{line} depend on the data, not on the "
                    "input's size, so they have no expression: give numbers in the place of "
                    "letters",
                    operation=name,
                    layer=where,
                    line=line,
                )
            )


def _decided_by_values(op: Operation, accounts: Accounts) -> bool:
    """Whether a result is as large as the data make it; a mask that the model holds is no data."""
    entry, call = accounts.entry(op), accounts.call(op)
    if entry is None or call is None or not entry.depends(call):
        return False
    masks = [tensor for tensor in call.tensors[1:] if tensor.dtype == "bool"]
    return not masks or not all(mask.parameter for mask in masks)


def refuse_fixed_letters(run: Run, demands: Sequence[Demand], shape: str) -> None:
    """Refuse a letter where a convolution's channels stand, and two letters that must be equal.

    Raises:
        UsageError: with what to write instead.
    """
    for demand in demands:
        if demand.relation != "==":
            continue
        left, right = str(demand.left), str(demand.right)
        if left in demand.letters and demand.right.constant is not None:
            _refuse_channel(run, demand, left, right, shape)
        if frozenset((left, right)) == demand.letters and len(demand.letters) == 2:
            left, right = sorted((left, right), key=shape.find)
            raise UsageError(
                say(
                    "the model forces {left} and {right} to be equal{where}: use one letter for "
                    "both, as in {input}",
                    left=left,
                    right=right,
                    where=_by(run, demand),
                    input=_rewritten(shape, right, left),
                )
            )


def _refuse_channel(run: Run, demand: Demand, letter: str, number: str, shape: str) -> None:
    op = run.trace.operations[demand.index] if demand.index >= 0 else None
    if op is None or not op.name.startswith("conv"):
        return
    call = run.trace.calls[op.call]
    raise UsageError(
        say(
            "{letter} can only be {number}: {layer} ({kind}) takes {channels}; write {input}",
            letter=letter,
            number=number,
            layer=call.path or say("the convolution"),
            kind=run.trace.module(call.path).type,
            channels=plural(int(number), "channel"),
            input=_rewritten(shape, letter, number),
        )
    )


def _by(run: Run, demand: Demand) -> str:
    if demand.index < 0:
        return ""
    op = run.trace.operations[demand.index]
    where = run.trace.calls[op.call].path or run.trace.modules[0].type
    return say(" ({operation} in {layer})", operation=op.name, layer=where)


def _rewritten(shape: str, old: str, new: str) -> str:
    return "-i " + re.sub(rf"\b{re.escape(old)}\b", new, shape)
