"""A rule for an argument, such as padding = kernel // 2: what it is for, and which values work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from operator import eq
from typing import NamedTuple

from cnnshape.errors import UsageError
from cnnshape.formulas.comparison import rounded as rounded_down
from cnnshape.formulas.comparison import with_rounding
from cnnshape.formulas.configurations import Points, candidates, grid_for
from cnnshape.formulas.exact_columns import Column, evaluate
from cnnshape.formulas.expression import (
    Expression,
    Size,
    ceiling_division,
    constants_of,
    number,
    symbol,
)
from cnnshape.formulas.holds_when import (
    POOLS,
    Atom,
    argument_atoms,
    equal_atoms,
    telling,
    value_atoms,
)
from cnnshape.formulas.isolation import isolate
from cnnshape.formulas.registry import GROWING, STRIDE_IS_KERNEL
from cnnshape.formulas.roles import ORDER, NamedRule
from cnnshape.messages import say

#: Values beyond this are not looked for.
_LARGEST = 1 << 20
_LEAST = {"padding": 0, "output_padding": 0, "before": 0, "after": 0}
#: What follows an argument of a pooling where nothing else is said.
_FOLLOWS = {"kernel": "stride", "stride": "kernel"}


class Aim(NamedTuple):
    """What an argument is chosen for: the size that shall come out of an input.

    ``size`` takes (input, stride); None where the size is given.
    """

    words: str
    size: Callable[[Size, Size], Size] | None


KEEPS = Aim("output = input", lambda n, s: n)  # noqa: ARG005
ROUNDED_UP = Aim("output = ⌈input/stride⌉", ceiling_division)
ROUNDED_DOWN = Aim("output = ⌊input/stride⌋", lambda n, s: n // s)
GROWS = Aim("output = stride·input", lambda n, s: n * s)
ONE = Aim("output = 1", lambda n, s: 1)  # noqa: ARG005
GIVEN = Aim(say("the given output"), None)


def questions(
    named: NamedRule, unknown: str, expression: Expression, given: Mapping[str, float]
) -> Iterator[ArgumentRule]:
    """What a formula for an argument can be meant for, the usual first.

    Raises:
        UsageError: The formula says for no size what it shall reach.
    """
    used = expression.names()
    constants = constants_of(expression)
    for aim in _aims(named.kind, unknown, used, given):
        followers: list[str | None] = [None]
        if aim.size is None and named.kind in STRIDE_IS_KERNEL and unknown in _FOLLOWS:
            followers += {_FOLLOWS[unknown]} - used - set(given)
        for follower in followers:
            rule = ArgumentRule(
                named, unknown, aim, _points(named, unknown, aim, given, constants, follower),
                follower,
            )  # fmt: skip
            yield rule.for_formula(expression)


def strided(
    named: NamedRule, unknown: str, expression: Expression, given: Mapping[str, float]
) -> ArgumentRule | None:
    """The question whether a padding gives ⌈input/stride⌉; None where the stride is held."""
    used = expression.names()
    if unknown != "padding" or named.kind in GROWING or {"stride", "output"} & {*used, *given}:
        return None
    constants = constants_of(expression)
    points = _points(named, unknown, ROUNDED_UP, given, constants, None)
    return ArgumentRule(named, unknown, ROUNDED_UP, points).for_formula(expression)


def _aims(
    kind: str, unknown: str, used: frozenset[str], given: Mapping[str, float]
) -> tuple[Aim, ...]:
    if unknown == "factor" and kind == "upsample":
        raise UsageError(
            "the factor of an upsampling need not be whole; a rule for it is not judged"
        )
    if "output" in used or "output" in given:
        return (GIVEN,)
    if unknown in ("input", "stride", "factor", "before", "after"):
        raise UsageError(
            f"a rule for {unknown} needs the output that it shall give: name it in the formula "
            "as O, as in S = (W − F + 2P)/(O − 1)"
        )
    if kind in GROWING:
        return (GROWS,)
    strided = "stride" in used or given.get("stride", 1) != 1
    strided |= kind in POOLS and unknown == "kernel"  # a pooling makes its input smaller
    return (
        KEEPS,
        *((ROUNDED_UP, ROUNDED_DOWN) if strided else ()),
        *((ONE,) if unknown == "kernel" else ()),
    )


class ArgumentRule:
    """The configurations in which one argument is looked for, and what is right in each."""

    def __init__(
        self, named: NamedRule, unknown: str, aim: Aim, points: Points, follower: str | None = None
    ) -> None:
        self.named = named
        self.unknown = unknown
        self.aim = aim
        self.points = points
        #: The argument that has the same value, as the stride of a pooling is its kernel.
        self.follower = follower
        self.grows = named.kind in GROWING
        hidden = (unknown, follower)
        #: The values that the rule takes, in its order; None for what is looked for.
        self._columns = [None if role in hidden else points.values[role] for role in named.roles]
        self._stride = named.roles.index("stride") if "stride" in named.roles else None
        self.expression = number(0)

    def for_formula(self, expression: Expression) -> ArgumentRule:
        """The same without the configurations in which nothing can be meant.

        These are the ones in which no value works, and the layer takes none like the formula's
        either: a padding below 0 says that there is none.
        """
        points = self.points
        if self.aim.size is not None:
            value, undefined = evaluate(expression, points.columns, len(points))
            kept = [
                not (index in undefined or self._refuses(index, one))
                or self.actual(index) is not None
                for index, one in enumerate(rounded_down(value))
            ]
            columns = [list(compress(column, kept)) for column in points.values.values()]
            points = Points(points.roles, columns)
        if not len(points):
            raise UsageError(f"no {self.unknown} is possible with the arguments that are given")
        rule = ArgumentRule(self.named, self.unknown, self.aim, points, self.follower)
        rule.expression = expression
        return rule

    def right(self, values: Sequence[int]) -> list[bool]:
        """Whether the layer takes each value and reaches the aim, or rightly takes none."""
        return [
            self._works(index, value) or (self._refuses(index, value) and not self._any(index))
            for index, value in enumerate(values)
        ]

    def _any(self, index: int) -> bool:
        return self.aim.size is None or self.actual(index) is not None

    def conditions(self, value: Column, rounded: Sequence[int]) -> list[tuple[Atom, ...]]:
        """The general ones, those about the formula's value, and those about its numbers."""
        usual = ("stride=1",) if self.aim.size is not None else ()
        general = argument_atoms(self.points, self.named.kind, self.unknown, usual)
        valued = (*general, *value_atoms(self.points, value, rounded))
        texts = {atom.text for atom in general}
        equal = telling(self.points, equal_atoms(self.points, self._numbers()))
        extra = [atom for atom in equal if atom.text not in texts]
        return [general, valued, *([(*general, *extra)] if extra else [])]

    def _numbers(self) -> dict[str, list[int]]:
        """Values of arguments that the numbers in the formula may have been written for."""
        used = self.expression.names()
        numbers = {1, *constants_of(self.expression)}
        if self.expression.operator == "number" and isinstance(self.expression.value, int):
            numbers = {self.expression.value}
        wanted = {"kernel": {2 * each + 1 for each in numbers}, "stride": {n + 1 for n in numbers}}
        wanted["stride"] |= numbers
        wanted["padding"] = {each // 2 for each in numbers}
        return {
            role: sorted(each for each in values if each >= _LEAST.get(role, 1))
            for role, values in wanted.items()
            if role not in used
        }

    def _works(self, index: int, value: int) -> bool:
        row = self._row(index, value)
        rule = self.named.rule
        return rule.broken(*row) is None and rule.function(*row) == self._wanted(index, row)

    def _refuses(self, index: int, value: int) -> bool:
        return self.named.rule.broken(*self._row(index, value)) is not None

    def actual(self, index: int) -> int | None:
        """The smallest value that works; None where none does."""
        rule = self.named.rule
        least = _LEAST.get(self.unknown, 1)

        def beyond(value: int) -> int:
            """By how much the output is beyond what is wanted."""
            row = self._row(index, value)
            return int(rule.function(*row) - self._wanted(index, row))

        sign = 1 if beyond(_LARGEST) > beyond(least) else -1
        low, high = least, _LARGEST
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if sign * beyond(middle) >= 0 else (middle + 1, high)
        for value in range(low, low + 1000):
            if beyond(value) != 0:
                return None
            if not self._refuses(index, value):
                return value
        return None

    def repairs(self, expression: Expression, verdict: str) -> list[Expression]:
        """The author's formula rounded, then what the rule gives for this argument."""
        del verdict
        own = [each for way in ("floor", "ceil") for each in with_rounding(expression, way)]
        found = self._turned()
        if found is None:
            return own
        up, down = Expression("ceil", (found,)), Expression("floor", (found,))
        least = number(_LEAST.get(self.unknown, 1))
        return [*own, found, down, up, least.maximum(up)]

    def _turned(self) -> Expression | None:
        """The rule solved for the argument."""
        roles = {role: symbol(role) for role in self.named.roles}
        if self.follower:
            roles[self.follower] = roles[self.unknown]
        if self.aim.size is None:
            size = self.named.rule.function(*(roles[role] for role in self.named.roles))
            return isolate(size, self.unknown, symbol("output"))
        if self.aim is ONE:
            size = self.named.rule.function(*(roles[role] for role in self.named.roles))
            return isolate(size, self.unknown, number(1))
        return isolate(_excess(self.named.kind, roles), self.unknown, number(0))

    def _row(self, index: int, value: int) -> list[float]:
        """The rule's values, in its order."""
        return [value if column is None else column[index] for column in self._columns]

    def _wanted(self, index: int, row: Sequence[float]) -> float:
        if self.aim.size is None:
            return self.points.values["output"][index]
        return self.aim.size(row[0], 1 if self._stride is None else row[self._stride])


def _excess(kind: str, roles: Mapping[str, Expression]) -> Expression:
    """What must be 0 for an output that keeps the size at stride 1, or grows by the stride."""
    dilation = roles.get("dilation")
    kernel = roles["kernel"] - 1
    span = kernel if dilation is None else dilation * kernel
    if kind in GROWING:
        span = span + roles["output_padding"] + 1 if "output_padding" in roles else roles["kernel"]
        return span - roles["stride"] - 2 * roles["padding"]
    return 2 * roles["padding"] - span if "padding" in roles else span


def _points(
    named: NamedRule,
    unknown: str,
    aim: Aim,
    given: Mapping[str, float],
    constants: Sequence[int],
    follower: str | None,
) -> Points:
    """The configurations in which a rule for ``unknown`` is judged.

    Where the output is given, it is one that the layer has for some value of the argument.
    """
    hidden = {unknown, follower}
    roles = [role for role in ORDER if role in named.roles and role not in hidden]
    if aim.size is not None:
        tried = [
            point
            for point in candidates(named.rule.kind, roles, given, constants)
            if all(value >= _LEAST.get(role, 1) for role, value in zip(roles, point, strict=True))
        ]
        return Points(roles, list(zip(*tried, strict=True)) or [()] * len(roles))
    fixed = {role: value for role, value in given.items() if role != "output"}
    grid = grid_for(named, fixed, constants)
    values = {**grid.values, "output": grid.actual}
    ordered = [role for role in ORDER if role in (*roles, "output")]
    rows = zip(*(values[role] for role in ordered), strict=True)
    kept = [
        output >= 1 and output == given.get("output", output) and alike
        for output, alike in zip(grid.actual, _alike(grid, unknown, follower), strict=True)
    ]
    found = sorted(set(compress(rows, kept)))
    return Points(ordered, list(zip(*found, strict=True)) or [()] * len(ordered))


def _alike(grid: Points, unknown: str, follower: str | None) -> list[bool]:
    """Where two arguments have the same value; everywhere if there is one alone."""
    if follower is None:
        return [True] * len(grid)
    return list(map(eq, grid.values[unknown], grid.values[follower]))
