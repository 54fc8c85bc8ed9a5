"""The configurations over which a formula is compared with a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import product

from cnnshape.formulas.exact_columns import Column, column_of
from cnnshape.formulas.roles import ORDER, NamedRule
from cnnshape.formulas.rule import AxisRule

#: The values of one configuration, in the order in which counterexamples are compared.
Point = tuple[float, ...]
Values = Mapping[str, Sequence[float]]
#: One bit per configuration.
Mask = int

_LARGER = (20, 27, 28, 31, 32, 33, 63, 64, 65, 100, 224)

#: Small values one after the other, because near misses differ there; then some larger ones.
_VALUES: dict[str, tuple[float, ...]] = {
    "input": (*range(1, 17), *_LARGER),
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
#: What the other arguments are while one of them takes the numbers that stand in the formula.
_FEW: dict[str, tuple[float, ...]] = {
    "input": (1, 2, 3, 4, 5, 6, 8, 28, 100),
    "kernel": (1, 2, 3, 5),
    "stride": (1, 2, 3),
    "padding": (0, 1, 2),
    "dilation": (1, 2),
    "output_padding": (0, 1),
    "output": (1, 2, 7),
    "factor": (1, 2, 3),
    "before": (0, 1),
    "after": (0, 1),
}


class Grid:
    """Valid configurations, the smallest first, and the rule's size for each."""

    def __init__(self, rule: AxisRule, roles: Sequence[str], candidates: Iterable[Point]) -> None:
        self.roles = tuple(role for role in ORDER if role in roles)
        #: Where each value of the rule stands in a point.
        order = [self.roles.index(role) for role in roles]
        self.points: list[Point] = []
        self.actual: list[int] = []
        for point in candidates:
            values = tuple(point[index] for index in order)
            if rule.broken(*values) is None:
                self.points.append(point)
                self.actual.append(int(rule.function(*values)))
        self.values: dict[str, list[float]] = {
            role: [point[index] for point in self.points] for index, role in enumerate(self.roles)
        }
        self.everywhere: Mask = (1 << len(self.points)) - 1
        self._columns: dict[str, Column] | None = None
        self._by_value: dict[str, list[Mask]] = {}

    def __len__(self) -> int:
        return len(self.points)

    @property
    def columns(self) -> dict[str, Column]:
        """Each argument as a column of exact values."""
        if self._columns is None:
            self._columns = {role: column_of(values) for role, values in self.values.items()}
        return self._columns

    def by_value(self, role: str) -> list[Mask]:
        """A mask for each value that an argument takes."""
        if role not in self.values:
            return []
        if role not in self._by_value:
            values = self.values[role]
            self._by_value[role] = [
                mask_of(value == one for value in values) for one in sorted(set(values))
            ]
        return self._by_value[role]


def mask_of(truths: Iterable[bool]) -> Mask:
    """Bits from truth values, the first configuration in the lowest bit.

    >>> bin(mask_of([True, False, True, True]))
    '0b1101'
    """
    digits = "".join(["1" if truth else "0" for truth in truths])
    return int(digits[::-1] or "0", 2)


def first(mask: Mask) -> int | None:
    """The index of the first configuration in a mask."""
    return (mask & -mask).bit_length() - 1 if mask else None


def grid_for(named: NamedRule, given: Mapping[str, float], constants: Sequence[int] = ()) -> Grid:
    """The grid for a subject.

    ``given`` arguments keep one value; ``constants`` are the numbers in the formula, which may
    be somebody's kernel or stride, or a place where the formula bends, and are tried as such.
    """
    return _grid(named.rule, named.roles, tuple(sorted(given.items())), tuple(constants))


@lru_cache(maxsize=8)
def _grid(
    rule: AxisRule,
    roles: tuple[str, ...],
    given: tuple[tuple[str, float], ...],
    constants: tuple[int, ...],
) -> Grid:
    fixed = dict(given)
    ordered = [role for role in ORDER if role in roles]
    usual = {role: _usual(rule.kind, role, len(roles)) for role in ordered}
    blocks: list[Values] = [usual]
    if constants:
        near = sorted({number + step for number in constants for step in (-1, 0, 1)})
        few = {role: _FEW[role] for role in ordered}
        blocks += [few | {role: near} for role in ordered if role not in ("factor", "output")]
        blocks.append(
            few
            | {"kernel": sorted({number + step for number in constants for step in (0, 1)})}
            | {"stride": (1, *constants), "padding": (0, *constants)}
            | {"input": usual.get("input", ())}
        )
    found: set[Point] = set()
    for block in blocks:
        found.update(
            product(*((fixed[role],) if role in fixed else block[role] for role in ordered))
        )
    return Grid(rule, roles, sorted(found))


def _usual(kind: str, role: str, count: int) -> tuple[float, ...]:
    if role == "input" and count > 5:
        return (*range(1, 11), 13, 14, 28, 64)
    if role == "factor" and kind == "upsample":
        return (*_VALUES[role], *_FRACTIONS)
    return _VALUES[role]
