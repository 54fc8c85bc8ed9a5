"""The configurations over which a formula is compared with a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from cnnshape.formulas.subjects import ORDER, Subject

Point = tuple[float, ...]

_EDGES = tuple(range(1, 17))
_LARGER = (20, 27, 28, 31, 32, 33, 63, 64, 65, 100, 224)

#: Small values one after the other, because near misses differ there; then some larger ones.
_VALUES: dict[str, tuple[float, ...]] = {
    "input": (*_EDGES, *_LARGER),
    "kernel": (1, 2, 3, 4, 5, 6, 7, 11),
    "stride": (1, 2, 3, 4, 5),
    "padding": (0, 1, 2, 3, 4),
    "dilation": (1, 2, 3, 4),
    "output_padding": (0, 1, 2),
    "output": (1, 2, 3, 4, 5, 6, 7, 14),
    "factor": (1, 2, 3, 4),
    "before": (-2, -1, 0, 1, 2, 3, 5),
    "after": (-2, -1, 0, 1, 2, 3, 5),
}
_FRACTIONS: tuple[float, ...] = (0.25, 0.5, 0.75, 1.25, 1.5, 2.5)


def values_for(
    about: Subject, given: Mapping[str, float], constants: Sequence[int] = ()
) -> dict[str, tuple[float, ...]]:
    """The values that each argument takes.

    ``given`` arguments keep one value; ``constants`` are the numbers in the formula, which may
    be somebody's kernel or stride and are tried as such.
    """
    values: dict[str, tuple[float, ...]] = {}
    for role in about.roles:
        usual = _VALUES[role]
        if role == "input" and len(about.roles) > 5:
            usual = (*range(1, 11), 13, 14, 28, 64)
        if role == "factor" and about.kind == "upsample":
            usual = (*usual, *_FRACTIONS)
        if role in ("kernel", "stride", "padding"):
            extra = {number + step for number in constants for step in (0, 1)}
            usual = tuple(sorted({*usual, *extra}))
        values[role] = (given[role],) if role in given else usual
    return values


def points(about: Subject, values: Mapping[str, Sequence[float]]) -> list[Point]:
    """Every valid configuration, in the order in which the smallest comes first.

    A point holds the values in the order of the rule.
    """
    ordered = [role for role in ORDER if role in about.roles]
    position = [ordered.index(role) for role in about.roles]
    candidates = product(*(values[role] for role in ordered))
    return list(_valid(about, ((tuple(found[i] for i in position)) for found in candidates)))


def _valid(about: Subject, candidates: Iterator[Point]) -> Iterator[Point]:
    broken = about.rule.broken
    for point in candidates:
        if broken(*point) is None:
            yield point
