"""A size formula that somebody derived by hand, held against every layer of its kind."""

from __future__ import annotations

from typing import Any

from cnnshape import formulas
from cnnshape.analysis.applications import application
from cnnshape.analysis.claims import Claim
from cnnshape.analysis.report import ReportData
from cnnshape.errors import UsageError
from cnnshape.tracing.trace import Operation, Trace


def hand_formula(report: ReportData, kind: str, expression: str) -> list[Claim]:
    """One claim per operation of ``kind`` that ran: the formula gives the size that came out.

    Where the formula is right on this model but not in general, the claim holds and its note
    says when it does.

    Raises:
        UsageError: there is no such kind, the formula does not parse, or no layer of the kind ran.
    """
    from cnnshape.formulas.ask import formula

    name = formulas.canonical(kind)
    judged = formula(name, expression)
    trace = report.trace
    claims: list[Claim] = []
    for operation in trace.operations:
        found = application(trace, operation)
        if found is None or found.kind != name or not operation.outputs:
            continue
        claims.append(_claim(trace, operation, name, judged))
    if not claims:
        raise UsageError(f"no {name} ran in this model, so there is nothing to test a formula on")
    return claims


def _claim(trace: Trace, operation: Operation, kind: str, judged: Any) -> Claim:
    raise NotImplementedError
