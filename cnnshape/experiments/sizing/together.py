"""Sizes that are accepted only together: what the demands on several letters leave of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from cnnshape.experiments.sizing.predict import Prediction, truth_table
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.merging import merged
from cnnshape.experiments.symbolic.run import Letters
from cnnshape.experiments.symbolic.sampling import all_hold

#: Values of each letter that are combined where three or more are tied.
_VALUES = 40


@dataclass(frozen=True)
class Together:
    """What the tied demands allow.

    Attributes:
        joint: the condition, None where the accepted sizes are free combinations after all.
        sizes: per tied letter, the sizes that some size of the others goes with.
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


def together(
    prediction: Prediction, names: Sequence[str], base: Letters, low: int, high: int
) -> Together:
    """What the demands on several of these letters say about each, and about all."""
    tied = tuple(d for d in prediction.tied if len(d.letters & set(names)) > 1)
    letters = [name for name in names if any(name in d.letters for d in tied)]
    if len(letters) < 2:
        return Together()
    if len(letters) == 2:
        every = (*prediction.demands, *prediction.batch)
        held = truth_table(every, letters, base, low, high)
        points = [point for point, holds in held.items() if holds]
    else:
        points = _combinations(prediction, letters, base, low, high)
    sizes = {name: {point[i] for point in points} for i, name in enumerate(letters)}
    free = 1
    for found in sizes.values():
        free *= len(found)
    joint = None if free == len(points) else " and ".join(dict.fromkeys(map(str, merged(tied))))
    pairs = [dict(zip(letters, point, strict=True)) for point in points]
    return Together(joint, sizes, pairs, tied if joint else ())


def _combinations(
    prediction: Prediction, names: Sequence[str], base: Letters, low: int, high: int
) -> list[tuple[int, ...]]:
    """Accepted combinations of three or more letters, each from a sample of its sizes."""
    choices: list[list[int]] = []
    for name in names:
        own = prediction.alone(name)
        allowed = [n for n in range(low, high + 1) if all_hold(own, {**base, name: n})]
        stride = max(1, len(allowed) // _VALUES) | 1
        choices.append(sorted({*allowed[::stride], *(n for n in allowed if n == base[name])}))
    every = (*prediction.demands, *prediction.batch)
    return [
        point
        for point in product(*choices)
        if all_hold(every, {**base, **dict(zip(names, point, strict=True))})
    ]
