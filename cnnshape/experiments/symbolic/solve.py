"""Every size of a recording as an expression in the letters of its input.

The graph is walked once. A rule proposes each size; the recorded numbers, and those of other
runs at other sizes, decide. Where no rule knows, or the model computed a size in a way that
cannot be followed, an expression is fitted to the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.guess_from_numbers import Fitter
from cnnshape.experiments.symbolic.propagation import Dims, Sizes, result_sizes
from cnnshape.experiments.symbolic.run_at_sizes import Run
from cnnshape.experiments.symbolic.size_recorder import axis_name
from cnnshape.formulas.algebra import Whole, whole
from cnnshape.operations.axes import Size
from cnnshape.tracing.trace import Operation, Trace


@dataclass(frozen=True)
class Solution:
    """The sizes of every value, and what the pass demands of the letters.

    Attributes:
        dims: by value; values that depend on no letter are missing.
        demands: in the order of the operations.
        sizes: the state of the walk, for expressions over sizes that were read.
        unknown: letters (``u1``, …) that stand for sizes no expression was found for.
        steps: by letter, what all its divisors divide in expressions that were fitted to numbers.
        measured_macs: by operation, the cost of code that cannot be seen into; None if unknown.
    """

    dims: Mapping[int, Dims]
    demands: tuple[Demand, ...]
    sizes: Sizes
    unknown: tuple[str, ...]
    steps: Mapping[str, int]
    measured_macs: Mapping[int, Whole | None]

    def of(self, value: int) -> Dims:
        """The sizes of a value."""
        return self.sizes.of_value(value)

    def macs(self, op: Operation) -> Size:
        """The multiply-accumulates of an operation."""
        if op.failed:
            return 0
        return self.measured_macs.get(op.index) if op.measured else self.sizes.accounts.macs(op)


def solve(
    run: Run,
    inputs: Mapping[int, tuple[Whole, ...]],
    others: Sequence[Run],
    reach: Mapping[int, int],
) -> Solution:
    """Solve the sizes of ``run``.

    Args:
        run: recorded with a :class:`~cnnshape.experiments.symbolic.size_recorder.SizeRecorder`.
        inputs: the sizes of the input values.
        others: passes at other sizes whose operations are the same, one for one.
        reach: how long an axis must be for the indices in a value, where they are known.
    """
    trace = run.trace
    sizes = Sizes(trace, reach)
    fitter = Fitter([run, *others])
    for value, dims in inputs.items():
        _note(sizes, value, dims)
        fitter.learn(dims)
    for value in trace.values:
        if value.id not in sizes.dims and value.origin != "operation":
            _note(sizes, value.id, sizes.numbers(value.id))
    for op in trace.operations:
        if op.failed:
            continue
        proposed = result_sizes(op, sizes)
        for value, dims in zip(op.outputs, proposed, strict=True):
            decided = tuple(fitter.decide(value, axis, size) for axis, size in enumerate(dims))
            fitter.learn(decided)
            _note(sizes, value, decided)
    costs = {
        op.index: fitter.decide_all(
            [run_.trace.operations[op.index].macs for run_ in (run, *others)]
        )
        for op in trace.operations
        if op.measured
    }
    # Not those on a size that nobody could express.
    letters = frozenset(name for dims in inputs.values() for n in dims for name in whole(n).letters)
    demands = tuple(demand for demand in sizes.demands if demand.letters <= letters)
    return Solution(sizes.dims, demands, sizes, tuple(fitter.unknown), fitter.steps, costs)


def _note(sizes: Sizes, value: int, dims: Dims) -> None:
    if any(not isinstance(size, int) for size in dims):
        sizes.dims[value] = dims
    for axis, (size, number) in enumerate(zip(dims, sizes.numbers(value), strict=True)):
        sizes.letters[axis_name(value, axis)] = number if size is None else size


def same_operations(one: Trace, other: Trace) -> bool:
    """Whether two passes ran the same operations, so that their values can be compared."""
    return (
        len(one.operations) == len(other.operations)
        and len(one.values) == len(other.values)
        and all(
            a.name == b.name and a.outputs == b.outputs
            for a, b in zip(one.operations, other.operations, strict=True)
        )
    )
