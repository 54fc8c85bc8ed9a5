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
from cnnshape.tracing.trace import Trace

__all__ = ["Candidate", "Diagnosis", "Facts", "Signature", "diagnose", "failing"]


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
