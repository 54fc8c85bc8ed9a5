"""What the expressions say about every size, before and beside the tries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

from cnnshape.experiments.sizing.attempts import Verdict
from cnnshape.experiments.symbolic.demands import Demand, merged
from cnnshape.experiments.symbolic.find_expressions import Understanding
from cnnshape.experiments.symbolic.letters import Letters, shapes_of
from cnnshape.experiments.symbolic.sampling import all_hold
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

    def verdicts(self, base: Letters, names: Sequence[str], sizes: range) -> list[Verdict]:
        """What trying each of these sizes for all of ``names`` should give, the others as usual."""
        columns = {name: [number] * len(sizes) for name, number in base.items()}
        columns |= {name: list(sizes) for name in names}
        known: dict[Sum, list[int]] = {}
        runs, keeps = [True] * len(sizes), [True] * len(sizes)
        for demands, held in ((self.demands, runs), (self.batch, keeps)):
            for demand in demands:
                held[:] = [a and b for a, b in zip(held, demand.held(columns, known), strict=True)]
        return [
            "no" if not one else "yes" if other else "batch"
            for one, other in zip(runs, keeps, strict=True)
        ]

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
    unseen = tuple(demand for demand in found.demands if demand.unseen)
    outputs = [(found.solution.of(n.value), trace.shape(n.value)) for n in trace.outputs]
    if not shapes or not shapes[0] or not outputs or not all(dims for dims, _ in outputs):
        return Prediction(found.demands, (), unseen=unseen)
    first = shapes[0][0]
    rows = letter(first) if isinstance(first, str) else whole(first)
    now = rows.value(found.run.letters)
    sizes = [(dims[0], shape[0]) for dims, shape in outputs]
    # Where the sizes of the picture decide how many rows come out, they are torn rows.
    torn = any(isinstance(size, Sum) and size.letters - rows.letters for size, _ in sizes)
    # As many rows whatever the batch, or another number of them: then they are no batch.
    fixed = any(not isinstance(size, Sum) for size, _ in sizes) and bool(rows.letters)
    if not torn and (fixed or any(number != now for _, number in sizes)):
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


# ---- sizes that are accepted only together ----------------------------------------------

#: Values of each letter that are combined where three or more are tied.
_VALUES = 40
#: Longest range of which every pair of two letters is looked at.
_EVERY_PAIR = 512


@dataclass(frozen=True)
class JointSizes:
    """What the tied demands allow.

    Attributes:
        joint: the condition, None where the accepted sizes are free combinations after all.
        sizes: per tied letter, the sizes that some size of the others goes with; in a range of
            more than 512, those that its own conditions allow.
        pairs: accepted combinations, a sample where there are many.
        demands: the tied demands.
    """

    joint: str | None = None
    sizes: Mapping[str, set[int]] = field(default_factory=dict[str, set[int]])
    pairs: Sequence[Letters] = ()
    demands: tuple[Demand, ...] = ()

    def holds(self, letters: Letters) -> bool:
        """Whether the sizes go together."""
        return all_hold(self.demands, letters)


def joint_sizes(
    prediction: Prediction, names: Sequence[str], base: Letters, low: int, high: int
) -> JointSizes:
    """What the demands on several of these letters say about each, and about all."""
    tied = tuple(d for d in prediction.tied if len(d.letters & set(names)) > 1)
    letters = [name for name in names if any(name in d.letters for d in tied)]
    if len(letters) < 2:
        return JointSizes()
    if len(letters) == 2 and high - low < _EVERY_PAIR:
        every = (*prediction.demands, *prediction.batch)
        held = truth_table(every, letters, base, low, high)
        points = [point for point, holds in held.items() if holds]
    else:
        points = _combinations(prediction, letters, base, low, high)
    sizes = {name: {point[i] for point in points} for i, name in enumerate(letters)}
    free = prod(len(found) for found in sizes.values())
    if high - low >= _EVERY_PAIR:
        # Of so many, only the conditions of each letter alone can be held against every size.
        sizes = {name: set(_allowed(prediction, name, base, low, high)) for name in letters}
        free = prod(len(_sample(found, base[name])) for name, found in sizes.items())
    joint = None if free == len(points) else " and ".join(dict.fromkeys(map(str, merged(tied))))
    pairs = [dict(zip(letters, point, strict=True)) for point in points]
    return JointSizes(joint, sizes, pairs, tied if joint else ())


def _allowed(prediction: Prediction, name: str, base: Letters, low: int, high: int) -> list[int]:
    """The sizes of one letter that the demands on it alone allow."""
    alone = replace(prediction, demands=prediction.alone(name), batch=())
    every = range(low, high + 1)
    verdicts = alone.verdicts(base, [name], every)
    return [n for n, verdict in zip(every, verdicts, strict=True) if verdict == "yes"]


def _sample(sizes: Collection[int], usual: int) -> list[int]:
    """Some of the sizes, the usual one and its neighbours among them."""
    ordered = sorted(sizes)
    stride = max(1, len(ordered) // _VALUES) | 1
    return sorted({*ordered[::stride], *(n for n in range(usual - 2, usual + 3) if n in sizes)})


def _combinations(
    prediction: Prediction, names: Sequence[str], base: Letters, low: int, high: int
) -> list[tuple[int, ...]]:
    """Accepted combinations of three or more letters, each from a sample of its sizes."""
    choices = [_sample(_allowed(prediction, name, base, low, high), base[name]) for name in names]
    every = (*prediction.demands, *prediction.batch)
    return [
        point
        for point in product(*choices)
        if all_hold(every, {**base, **dict(zip(names, point, strict=True))})
    ]
