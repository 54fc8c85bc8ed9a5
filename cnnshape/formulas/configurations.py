"""The configurations over which a formula is compared with a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache, reduce
from itertools import chain, compress, product
from operator import and_

from cnnshape.formulas.exact_columns import Column, column_of
from cnnshape.formulas.roles import ORDER, NamedRule
from cnnshape.formulas.rule import AxisRule, Condition

#: The values of one configuration, in the order in which counterexamples are compared.
Point = tuple[float, ...]
Values = Mapping[str, Sequence[float]]
#: One bit per configuration.
Mask = int

_LARGER = (20, 27, 28, 31, 32, 33, 63, 64, 65, 100, 224)

#: Small values one after the other, because near misses differ there; then some larger ones.
VALUES: dict[str, tuple[float, ...]] = {
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
FEW: dict[str, tuple[float, ...]] = {
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


class Points:
    """Configurations, the smallest first; a column for each argument, for that is fastest."""

    def __init__(self, roles: Sequence[str], columns: Sequence[Sequence[float]]) -> None:
        self.roles = tuple(roles)
        self.values: dict[str, Sequence[float]] = dict(zip(self.roles, columns, strict=True))
        self.everywhere: Mask = (1 << len(self)) - 1

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))

    def point(self, index: int) -> dict[str, float]:
        """Argument → its value in one configuration."""
        return {role: values[index] for role, values in self.values.items()}

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Each argument as a column of exact values."""
        return {role: column_of(values) for role, values in self.values.items()}

    @cached_property
    def by_value(self) -> dict[str, dict[float, Mask]]:
        """Argument → each value that it takes → where it takes it."""
        return {role: _masks(values) for role, values in self.values.items()}

    def where(self, roles: Sequence[str], holds: Callable[..., bool]) -> Mask:
        """Where a condition on the values of some arguments holds."""
        mask: Mask = 0
        for chosen in product(*(self.by_value[role].items() for role in roles)):
            values, masks = zip(*chosen, strict=True)
            if holds(*values):
                mask |= reduce(and_, masks)
        return mask


class Grid(Points):
    """Valid configurations, and the rule's size for each."""

    def __init__(self, rule: AxisRule, roles: Sequence[str], candidates: Iterable[Point]) -> None:
        ordered = tuple(role for role in ORDER if role in roles)
        columns = list(zip(*candidates, strict=True)) or [()] * len(roles)
        #: The columns in the order in which the rule takes its values.
        taken: list[Sequence[float]] = [columns[ordered.index(role)] for role in roles]
        values = [sorted(set(column)) for column in taken]
        for condition in rule.conditions:
            if _may_break(condition, values):
                holds = [low <= high for low, high in map(condition.bounds, *taken)]
                taken = [list(compress(column, holds)) for column in taken]
        self.actual = [int(size) for size in map(rule.function, *taken)]
        by_role = dict(zip(roles, taken, strict=True))
        super().__init__(ordered, [by_role[role] for role in ordered])


def _may_break(condition: Condition, values: Sequence[Sequence[float]]) -> bool:
    """Whether a condition can fail. One about a single argument is asked once for each value."""
    if not condition.argument or not all(values):
        return True
    for place, column in enumerate(values):
        point = [each[0] for each in values]
        for point[place] in column:
            low, high = condition.bounds(*point)
            if low > high:
                return True
    return False


def _masks(values: Sequence[float]) -> dict[float, Mask]:
    """Each value, and where it stands."""
    if len(set(values)) > 256:
        found: dict[float, Mask] = {}
        for index, value in enumerate(values):
            found[value] = found.get(value, 0) | 1 << index
        return found
    number = {value: index for index, value in enumerate(sorted(set(values)))}
    numbered = bytes(map(number.__getitem__, values))
    alone = bytes(256)
    return {
        value: mask_of(numbered.translate(alone[:index] + b"\1" + alone[index + 1 :]))
        for value, index in number.items()
    }


def mask_of(truths: Iterable[int]) -> Mask:
    """Bits from truth values (0 and 1 as well), the first configuration in the lowest bit.

    >>> bin(mask_of([True, False, True, True]))
    '0b1101'
    """
    return int(bytes(truths).translate(_DIGITS)[::-1] or b"0", 2)


#: 0 and 1 → their digits.
_DIGITS = b"01" + bytes(254)


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
    return Grid(rule, roles, candidates(rule.kind, roles, dict(given), constants))


def candidates(
    kind: str, roles: Sequence[str], fixed: Mapping[str, float], constants: Sequence[int]
) -> list[Point]:
    """The values of these arguments that are tried, in :data:`ORDER`, valid or not."""
    ordered = [role for role in ORDER if role in roles]
    usual = {role: _usual(kind, role, len(roles)) for role in ordered}
    blocks: list[Values] = [usual]
    if constants:
        near = sorted({number + step for number in constants for step in (-1, 0, 1)})
        few = {role: FEW[role] for role in ordered}
        blocks += [few | {role: near} for role in ordered if role not in ("factor", "output")]
        blocks.append(
            few
            | {"kernel": sorted({number + step for number in constants for step in (0, 1)})}
            | {"stride": (1, *constants), "padding": (0, *constants)}
            | {"input": usual.get("input", ())}
        )
    points = [
        product(*((fixed[role],) if role in fixed else sorted(block[role]) for role in ordered))
        for block in blocks
    ]
    return list(points[0]) if len(points) == 1 else sorted({*chain(*points)})


def _usual(kind: str, role: str, count: int) -> tuple[float, ...]:
    if role == "input" and count > 5:
        return (*range(1, 11), 13, 14, 28, 64)
    if role == "factor" and kind == "upsample":
        return (*VALUES[role], *_FRACTIONS)
    return VALUES[role]
