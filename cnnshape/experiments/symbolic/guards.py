"""Comparisons in the model's own code: which of them does it insist on?

``assert h == self.image_size`` and ``if pad > 0`` look alike from outside. What tells them apart
is a run at a size where the comparison comes out the other way: the first kind then raises.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.run_at_sizes import Prober, Run
from cnnshape.experiments.symbolic.sampling import breaking_point
from cnnshape.experiments.symbolic.solve import Solution
from cnnshape.experiments.symbolic.traced_size import Guard
from cnnshape.formulas.algebra import Sum
from cnnshape.tracing.trace import Trace

#: Comparisons that are tried; a forward has a handful of different ones.
_MOST = 24


def forced_by_guards(
    prober: Prober, run: Run, solution: Solution, demands: Sequence[Demand], seconds: float
) -> list[Demand]:
    """The comparisons of the pass that the model insists on, as demands."""
    until = time.monotonic() + seconds
    candidates = _candidates(run, solution)
    forced: list[Demand] = []
    for candidate in candidates[:_MOST]:
        if time.monotonic() > until:
            break
        others = [c for c in candidates if c is not candidate]
        point = breaking_point(candidate, (*demands, *forced), run.letters, others)
        if point is not None and prober.run(point) is None:
            forced.append(replace(candidate, cause=_where(prober.record(point).trace)))
    return forced


def _where(trace: Trace) -> str:
    """The module that raised, or the line where it is the model's own code."""
    failure = trace.failure
    path = trace.calls[failure.call].path if failure and failure.call is not None else ""
    if path or failure is None or failure.source is None:
        return path or trace.modules[0].type
    return f"{Path(failure.source.file).name}:{failure.source.line}"


def _candidates(run: Run, solution: Solution) -> list[Demand]:
    found: dict[str, Demand] = {}
    for guard in run.guards:
        left, right = (solution.sizes.settled(side) for side in (guard.left, guard.right))
        demand = _demand(guard, left, right)
        if demand is not None and demand.letters <= run.letters.keys():
            found.setdefault(str(demand), demand)
    return list(found.values())


def _demand(guard: Guard, left: Sum, right: Sum) -> Demand | None:
    relation, held = guard.relation, guard.held
    if relation in ("==", "!="):
        return Demand.of(left, "==" if (relation == "==") == held else "!=", right, -1)
    if (relation in ("<", "<=")) == held:
        left, right = right, left  # now left is the larger
    strict = (relation in ("<", ">")) == held
    return Demand.of(left, ">=", right + 1 if strict else right, -1)
