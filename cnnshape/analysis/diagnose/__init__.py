"""Why a model failed, read off the recording: one file per family of errors.

A rule looks at the failing function, the layer and the shapes, never at the text of the message:
that differs between devices and versions of torch. It answers with a :class:`Diagnosis`, or with
None if the condition that it knows about holds.

>>> import torch
>>> from cnnshape.tracing.execute import Inputs, record
>>> trace = record(torch.nn.Linear(100, 10), Inputs((torch.zeros(2, 7200),))).trace
>>> diagnosis = diagnose(trace)
>>> diagnosis.kind, diagnosis.sentence
('linear.in_features', 'the Linear expects 100 features, but 7200 arrive')
>>> diagnosis.candidates[0].suggestion.text
'nn.Linear(in_features=7200, out_features=10)'
"""

from __future__ import annotations

from cnnshape.analysis.diagnose.failing import NO_FACTS, Facts, Failing, Signature
from cnnshape.analysis.diagnose.registry import rules_for
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.tracing.trace import Plain, Ref, Trace, Unknown
from cnnshape.words import times

__all__ = ["Candidate", "Diagnosis", "Facts", "Signature", "diagnose", "failing", "received"]


def failing(trace: Trace, facts: Facts = NO_FACTS) -> Failing | None:
    """The failure of a trace as the rules look at it; None if it ran."""
    failure = trace.failure
    if failure is None:
        return None
    call = None if failure.call is None else trace.calls[failure.call]
    operation = None if failure.operation is None else trace.operations[failure.operation]
    module = trace.modules[0] if call is None else trace.module(call.path)
    return Failing(trace, failure, call, module, operation, facts)


def diagnose(trace: Trace, facts: Facts = NO_FACTS) -> Diagnosis | None:
    """Why the recorded pass failed; None if it ran, or if no rule knows.

    Args:
        trace: the recording, ending in a failure.
        facts: what a trace does not hold: signatures, and values of indices.

    A rule that fails itself is passed over: the plain report is always there.
    """
    found = failing(trace, facts)
    if found is None:
        return None
    for rule in rules_for(found):
        try:
            diagnosis = rule(found)
        except Exception:  # noqa: BLE001, S112 - a doctor who faints helps nobody
            continue
        if diagnosis is not None:
            return diagnosis
    return None


def received(trace: Trace) -> tuple[str, ...]:
    """The tensors that the failing call was given, for a report without a diagnosis.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> received(record(torch.nn.Linear(100, 10), Inputs((torch.zeros(2, 7200),))).trace)
    ('input 2×7200 float32', 'weight 10×100 float32', 'bias 10 float32')
    """
    found = failing(trace)
    if found is None:
        return ()
    given: tuple[Plain, ...] = ()
    if found.operation is not None:
        given = (*found.operation.args, *found.operation.kwargs.values())
    elif found.call is not None:
        given = (*found.call.args, *found.call.kwargs.values())
    return tuple(_described(trace, argument) for argument in given[:8] if _worth(argument))


def _worth(argument: Plain) -> bool:
    if isinstance(argument, tuple):
        return any(_worth(item) for item in argument)
    return isinstance(argument, Ref | Unknown | dict)


def _described(trace: Trace, argument: Plain) -> str:
    if isinstance(argument, Ref):
        value = trace.values[argument.value]
        name = value.name if value.origin in ("parameter", "buffer", "input") else None
        return " ".join(filter(None, (name, times(value.shape), value.dtype)))
    if isinstance(argument, tuple):
        return f"({', '.join(_described(trace, item) for item in argument[:8])})"
    if isinstance(argument, dict):
        inside = (f"{key}: {_described(trace, item)}" for key, item in list(argument.items())[:8])
        return f"{{{', '.join(inside)}}}"
    return argument.type if isinstance(argument, Unknown) else repr(argument)
