"""What the expressions say about every size, before and beside the tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnshape.experiments.sizing.attempts import Verdict
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.letters import shapes_of
from cnnshape.experiments.symbolic.run import Letters
from cnnshape.experiments.symbolic.sampling import all_hold
from cnnshape.experiments.symbolic.understand import Understanding
from cnnshape.formulas.algebra import Sum, letter, whole


@dataclass(frozen=True)
class Prediction:
    """The demands of the model, and those of keeping the batch.

    ``unseen`` are demands on values, such as positions within a table, which meta cannot check.
    """

    demands: tuple[Demand, ...]
    batch: tuple[Demand, ...]
    keeps_batch: bool = False
    unseen: tuple[Demand, ...] = ()

    def verdict(self, letters: Letters) -> Verdict:
        """What trying these sizes should give."""
        if not all_hold(self.demands, letters):
            return "no"
        return "yes" if all_hold(self.batch, letters) else "batch"

    @property
    def tied(self) -> tuple[Demand, ...]:
        """The demands that tie letters."""
        return tuple(d for d in (*self.demands, *self.batch) if len(d.letters) > 1)

    def alone(self, name: str) -> tuple[Demand, ...]:
        """The demands on one letter alone."""
        own = frozenset((name,))
        return tuple(d for d in (*self.demands, *self.batch) if d.letters == own)


def predict(found: Understanding) -> Prediction:
    """The demands of an understood model, and those on the rows of its results.

    A result has as many rows as the input where a ``view(-1, features)`` does not tear them
    apart. Models whose results have no batch have no such demands.
    """
    shapes = shapes_of(found.prober.inputs)
    trace = found.run.trace
    named = {op.index: op.name for op in trace.operations}
    unseen = tuple(d for d in found.demands if named.get(d.index) == "embedding")
    outputs = [(found.solution.of(n.value), trace.shape(n.value)) for n in trace.outputs]
    if not shapes or not shapes[0] or not outputs or not all(dims for dims, _ in outputs):
        return Prediction(found.demands, (), unseen=unseen)
    first = shapes[0][0]
    rows = letter(first) if isinstance(first, str) else whole(first)
    now = rows.value(found.run.letters)
    sizes = [(dims[0], shape[0]) for dims, shape in outputs]
    # Where the sizes of the picture decide how many rows come out, they are torn rows.
    torn = any(isinstance(size, Sum) and size.letters - rows.letters for size, _ in sizes)
    if not torn and any(number != now for _, number in sizes):
        return Prediction(found.demands, (), unseen=unseen)
    demands = [
        Demand.of(size, "==", rows, -1, None, "the batch")
        for size, _ in sizes
        if isinstance(size, Sum)
    ]
    batch = tuple(dict.fromkeys(demand for demand in demands if demand is not None))
    return Prediction(found.demands, batch, keeps_batch=True, unseen=unseen)


def truth_table(
    demands: Sequence[Demand], names: Sequence[str], base: Letters, low: int, high: int
) -> Mapping[tuple[int, ...], bool]:
    """Whether the demands hold, for every pair of two letters' sizes."""
    rows = range(low, high + 1)
    grid = [(a, b) for a in rows for b in rows]
    columns = {name: [base[name]] * len(grid) for name in base}
    columns[names[0]] = [a for a, _ in grid]
    columns[names[1]] = [b for _, b in grid]
    known: dict[Sum, list[int]] = {}
    held = [True] * len(grid)
    for demand in demands:
        held = [a and b for a, b in zip(held, demand.held(columns, known), strict=True)]
    return dict(zip(grid, held, strict=True))
