"""Where a model runs other steps at other sizes: what its expressions are worth there.

A loop over the time runs once more for every step; what was recorded at one length says nothing of
another. An expression that is wrong at more sizes than it is right at is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.cost import call_costs, operation_costs
from cnnshape.experiments.symbolic.letters import Letters
from cnnshape.experiments.symbolic.run_at_sizes import Run
from cnnshape.experiments.symbolic.solve import Solution, same_operations
from cnnshape.formulas.algebra import Sum
from cnnshape.operations.axes import Size
from cnnshape.tracing.trace import NamedValue

#: A module call: its path, and which of its calls it is.
Key = tuple[str, int]
ROOT: Key = ("", 0)


@dataclass(frozen=True)
class Untold:
    """What is wrong at most sizes, and is therefore not told.

    Attributes:
        axes: of recorded values.
        macs: the calls of which the cost of their own operations is not known.
        subtree_macs: those of which that of everything below is not known.
        costs_wrong_at: the sizes at which the model costs something else.
    """

    axes: frozenset[tuple[int, int]] = frozenset()
    macs: frozenset[Key] = frozenset()
    subtree_macs: frozenset[Key] = frozenset()
    costs_wrong_at: tuple[Letters, ...] = ()


NOTHING = Untold()


def untold(
    solution: Solution,
    base: Run,
    runs: Sequence[Run],
    failing: Mapping[Key, Sequence[Letters]],
) -> Untold:
    """What the passes at other sizes leave of a solution that was found in ``base``."""
    own: defaultdict[Key, list[Letters]] = defaultdict(list)
    below: defaultdict[Key, list[Letters]] = defaultdict(list)
    for run in runs:
        for key, wrong_own, wrong_below in _compared(solution, base, run):
            if wrong_own:
                own[key].append(run.letters)
            if wrong_below:
                below[key].append(run.letters)

    def mostly(wrong: Mapping[Key, Sequence[Letters]]) -> frozenset[Key]:
        return frozenset(key for key, points in wrong.items() if 2 * len(points) > len(runs))

    axes = frozenset(_wrong_axes(solution, base, runs, mostly(failing)))
    return Untold(axes, mostly(own), mostly(below), tuple(below[ROOT]))


def _compared(solution: Solution, base: Run, run: Run) -> Iterator[tuple[Key, bool, bool]]:
    """Each call, and whether its costs are others in a pass that ran other operations."""
    if same_operations(base.trace, run.trace):
        return
    counts = [_at(solution.macs(op), run.letters) for op in base.trace.operations]
    costs = call_costs(run.trace, operation_costs(run.trace, Accounts(run.trace)))
    there = {(call.path, call.call): c for call, c in zip(run.trace.calls, costs, strict=True)}
    for call, ours in zip(base.trace.calls, call_costs(base.trace, counts), strict=True):
        theirs = there.get((call.path, call.call))
        if theirs is not None:
            yield (
                (call.path, call.call),
                ours.macs is not None and ours.macs != theirs.macs,
                ours.subtree_macs is not None and ours.subtree_macs != theirs.subtree_macs,
            )


def _wrong_axes(
    solution: Solution, base: Run, runs: Sequence[Run], keys: frozenset[Key]
) -> Iterator[tuple[int, int]]:
    """The axes that some pass shows to be others than their expressions, in some calls."""
    for run in runs:
        calls = {(call.path, call.call): call for call in run.trace.calls}
        for call in base.trace.calls:
            other = calls.get((call.path, call.call))
            if other is not None and (call.path, call.call) in keys:
                yield from _others(solution, call.inputs, run, other.inputs)
                yield from _others(solution, call.outputs, run, other.outputs)


def _others(
    solution: Solution, ours: Sequence[NamedValue], run: Run, theirs: Sequence[NamedValue]
) -> Iterator[tuple[int, int]]:
    for one, other in zip(ours, theirs, strict=False):
        dims, shape = solution.of(one.value), run.trace.shape(other.value)
        for axis, size in enumerate(dims):
            number = _at(size, run.letters)
            if number is not None and (len(dims) != len(shape) or number != shape[axis]):
                yield one.value, axis


def _at(size: Size, letters: Letters) -> int | None:
    """A size in numbers; None where it is not known."""
    if isinstance(size, Sum):
        return size.value(letters) if size.letters <= letters.keys() else None
    return size
