"""From a model and letters to expressions that hold: run, solve, check at other sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cnnshape.errors import ModelFailedError
from cnnshape.experiments.symbolic.demands import Demand, merged
from cnnshape.experiments.symbolic.guards import forced_by_guards
from cnnshape.experiments.symbolic.letters import Letters, input_sizes
from cnnshape.experiments.symbolic.other_steps import NOTHING, Untold, untold
from cnnshape.experiments.symbolic.propagation import Dims
from cnnshape.experiments.symbolic.refusals import refuse_data_dependent
from cnnshape.experiments.symbolic.run_at_sizes import Prober, Run, known_reach, report_at
from cnnshape.experiments.symbolic.sampling import (
    accepted_points,
    all_hold,
    doubting_points,
    essential,
)
from cnnshape.experiments.symbolic.solve import Solution, same_operations, solve
from cnnshape.formulas.algebra import Sum
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.tracing.trace import NamedValue, Trace
from cnnshape.words import listed

#: Sizes at which every expression is checked, beside the one it was found at.
CHECKS = 8
#: Seconds after which a search stops with what it has.
TIME_LIMIT = 30.0

#: No size is sought farther away that every divisor divides.
_FARTHEST = 512

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Understanding:
    """A model's sizes as expressions, with what they rest on.

    Attributes:
        run: the pass that the expressions were found in.
        solution: the expressions.
        demands: what the model needs of the letters, the essential ones.
        checked: the sizes at which every expression was held against a run, all of them right.
        failing: by module call, the sizes at which its expression was wrong.
        complete: whether everything was done within the time limit.
        untold: what is wrong at most sizes.
        refused: sizes that meet the demands and that the model refuses all the same.
    """

    prober: Prober
    run: Run
    solution: Solution
    demands: tuple[Demand, ...]
    checked: tuple[Letters, ...]
    failing: Mapping[tuple[str, int], tuple[Letters, ...]]
    complete: bool
    untold: Untold = NOTHING
    refused: tuple[Letters, ...] = ()


def understand(
    prepared: Prepared,
    *,
    seconds: float = TIME_LIMIT,
    checks: int = CHECKS,
    progress: Progress | None = None,
) -> Understanding:
    """Find every size as an expression and check it.

    Raises:
        ModelFailedError: the model accepts no size that was tried.
        DataDependentError: a size depends on the values of the input.
    """
    until = time.monotonic() + seconds
    prober = Prober(prepared)
    base = prober.first_run(seconds)
    if base is None:
        raise ModelFailedError(_nothing_accepted(prober))
    refuse_data_dependent(base.trace)
    base, first = _within_tables(prober, base, _solved(prober, base, []))
    demands = essential(first.demands, base.letters)
    guards = forced_by_guards(prober, base, first, demands, (until - time.monotonic()) / 2)
    demands = essential((*demands, *guards), base.letters)
    doubted = _doubted(prober, base, demands, until)
    demands = [d for d in demands if all(d.holds(run.letters) for run in doubted)]
    runs, refused = [base, *doubted], list[Letters]()
    names = prober.inputs.letters
    for letters in accepted_points(demands, names, base.letters, checks):
        if time.monotonic() > until:
            break
        if progress is not None:
            progress(say("checking the expressions at {sizes}", sizes=size_text(letters)))
        run = prober.run(letters)
        if run is None:
            refused.append(letters)
        else:
            runs.append(run)
    best = _best(prober, runs, guards, complete=time.monotonic() <= until)
    edges = _edges(best)
    if edges and time.monotonic() < until:
        runs += filter(None, map(prober.run, edges))
        best = _best(prober, runs, guards, complete=time.monotonic() <= until)
    beyond = tuple(letters for letters in refused if all_hold(best.demands, letters))
    left_out = untold(best.solution, best.run, runs, best.failing)
    return replace(best, refused=beyond, untold=left_out)


def _within_tables(prober: Prober, base: Run, solution: Solution) -> tuple[Run, Solution]:
    """A pass that would go well for real, where the first one took indices beyond an axis."""
    if all(demand.holds(base.letters) for demand in solution.demands):
        return base, solution
    names = prober.inputs.letters
    points = accepted_points(solution.demands, names, base.letters, CHECKS)
    run = next(filter(None, map(prober.run, points)), None)
    return (base, solution) if run is None else (run, _solved(prober, run, []))


def _doubted(prober: Prober, base: Run, demands: Sequence[Demand], until: float) -> list[Run]:
    """Passes that went well although they break a demand, each of which is none then."""
    runs: list[Run] = []
    left, before = list(demands), 0
    while len(left) != before:  # without one, another may be broken alone
        before = len(left)
        for demand in tuple(left):
            others = [other for other in left if other is not demand]
            for letters in doubting_points(demand, others, base.letters):
                run = prober.run(letters) if time.monotonic() < until else None
                if run is not None:
                    runs.append(run)
                    left = [d for d in left if d.holds(letters)]
    return runs


def _solved(prober: Prober, run: Run, others: Sequence[Run]) -> Solution:
    reach = known_reach(prober.prepared, run.trace)
    return solve(run, input_sizes(prober.inputs, run.trace), others, reach)


def _best(
    prober: Prober, runs: Sequence[Run], guards: Sequence[Demand], *, complete: bool
) -> Understanding:
    """The solution, found in one of the runs, that is right in most of them.

    A forward may do other things at other sizes (Swin leaves its shift out where one window is
    the whole picture); the runs that do the same are solved together.
    """
    best: Understanding | None = None
    for group in _groups(runs):
        run, *others = group
        solution = _solved(prober, run, others)
        failing = _failing(solution, run, runs)
        wrong = {tuple(sorted(p.items())) for points in failing.values() for p in points}
        checked = tuple(r.letters for r in runs if tuple(sorted(r.letters.items())) not in wrong)
        # What was broken in a pass that went well is no demand.
        every = (*solution.demands, *guards)
        sound = [d for d in every if d.unseen or all(d.holds(r.letters) for r in runs)]
        demands = merged(essential(sound, run.letters))
        found = Understanding(prober, run, solution, tuple(demands), checked, failing, complete)
        if best is None or _badness(found, runs) < _badness(best, runs):
            best = found
        if not failing and not solution.unknown:
            break
    assert best is not None
    return best


def _badness(found: Understanding, runs: Sequence[Run]) -> tuple[int, int]:
    """How many sizes are unknown, or known in one pass alone; how many are wrong in some."""
    alone = sum(len(points) == len(runs) - 1 for points in found.failing.values())
    return len(found.solution.unknown) + alone, len(found.failing)


def _edges(found: Understanding) -> list[Letters]:
    """Sizes at which roundings differ: those that what was fitted divides, and the next ones.

    ``H//64 + 1`` and ``(H + 63)//64`` are the same at all others.
    """
    letters = found.run.letters
    divided = {
        name: -(-letters[name] // step) * step
        for name, step in found.solution.steps.items()
        if step <= _FARTHEST
    }
    points = (divided, {name: number + 1 for name, number in divided.items()}) if divided else ()
    places = ({**letters, **point} for point in points)
    return [place for place in places if all_hold(found.demands, place)]


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs with the same operations together, the largest group first."""
    groups: list[list[Run]] = []
    for run in runs:
        for group in groups:
            if same_operations(group[0].trace, run.trace):
                group.append(run)
                break
        else:
            groups.append([run])
    return sorted(groups, key=len, reverse=True)


def _failing(
    solution: Solution, base: Run, runs: Sequence[Run]
) -> dict[tuple[str, int], tuple[Letters, ...]]:
    """The module calls whose expressions are wrong in some run, with its letters."""
    wrong: dict[tuple[str, int], list[Letters]] = {}
    for run in runs:
        calls = {(call.path, call.call): call for call in run.trace.calls}
        values: dict[Sum, int] = {}
        for call in base.trace.calls:
            key = (call.path, call.call)
            other = calls.get(key)
            if other is None:
                continue
            for ours, theirs in ((call.inputs, other.inputs), (call.outputs, other.outputs)):
                if not _agree(solution, ours, run, theirs, values):
                    wrong.setdefault(key, []).append(run.letters)
                    break
    return {key: tuple(points) for key, points in wrong.items()}


def _agree(
    solution: Solution,
    ours: Sequence[NamedValue],
    run: Run,
    theirs: Sequence[NamedValue],
    values: dict[Sum, int],
) -> bool:
    if len(ours) != len(theirs):
        return False
    return all(
        _equal(solution.of(one.value), run.trace, other.value, run.letters, values)
        for one, other in zip(ours, theirs, strict=True)
    )


def _equal(dims: Dims, trace: Trace, value: int, letters: Letters, values: dict[Sum, int]) -> bool:
    shape = trace.shape(value)
    if len(dims) != len(shape):
        return False
    for size, number in zip(dims, shape, strict=True):
        if isinstance(size, Sum) and not size.letters <= letters.keys():
            continue  # a size without an expression cannot be wrong
        if isinstance(size, Sum) and size not in values:
            values[size] = size.value(letters)
        if (values[size] if isinstance(size, Sum) else size) != number:
            return False
    return True


def _nothing_accepted(prober: Prober) -> str:
    """Why no size will do: the diagnosis at the most usual one."""
    message, letters = prober.last_failure()
    error = report_at(prober.prepared, letters).error
    reason = message if error is None else error.diagnosis or message
    names = listed(prober.inputs.letters)
    limit = say("until the time limit") if prober.out_of_time else say("up to 256")
    return say(
        "no size of {letters} was accepted ({tried} tried, {limit}); at {sizes}: {reason}",
        letters=names,
        tried=prober.seen,
        limit=limit,
        sizes=size_text(letters),
        reason=reason,
    )


def size_text(letters: Letters) -> str:
    """``H = 28, W = 30``, for the reader."""
    return ", ".join(f"{name} = {number}" for name, number in letters.items())
