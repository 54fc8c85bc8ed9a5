"""An expression worked out over many configurations at once, in exact fractions.

A column of values is a list of numerators and a list of denominators (None where all are 1): a
formula over twenty thousand configurations takes milliseconds that way, and is never rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import gcd, lcm
from operator import add, floordiv, mul
from typing import cast

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.expression import Expression

Numbers = list[int]

#: A formula whose values could have more bits than this is refused.
MOST_BITS = 600


class Column:
    """Exact values: ``above[i] / below[i]``, with positive denominators."""

    __slots__ = ("above", "below")

    def __init__(self, above: Numbers, below: Numbers | None = None) -> None:
        self.above = above
        self.below = below

    def denominators(self) -> Numbers:
        """The denominators, 1 everywhere if the column is whole."""
        return self.below if self.below is not None else [1] * len(self.above)


def column_of(values: Sequence[float]) -> Column:
    """A column of integers or of floats, which are exact binary fractions."""
    if set(map(type, values)) <= {int}:
        return Column([*cast("Sequence[int]", values)])
    ratios = [value.as_integer_ratio() for value in values]
    return Column([above for above, _ in ratios], [below for _, below in ratios])


def evaluate(
    expression: Expression, columns: Mapping[str, Column], count: int
) -> tuple[Column, set[int]]:
    """The value at each of ``count`` configurations, and where it is undefined (division by 0).

    Raises:
        FormulaSyntaxError: The values would be astronomically large.
    """
    if _bits(expression) > MOST_BITS:
        raise FormulaSyntaxError("this formula's values are astronomically large; it is not tested")
    undefined: set[int] = set()
    return _evaluate(expression, columns, count, undefined), undefined


def _bits(node: Expression) -> int:
    """A bound for the size of numerators and denominators."""
    if node.operator == "number":
        assert isinstance(node.value, int | float)
        return int(node.value).bit_length() + 1
    if node.operator == "symbol":
        return 12
    sizes = [_bits(operand) for operand in node.operands]
    if node.operator == "power":
        exponent = node.operands[1].value
        assert isinstance(exponent, int)
        return sizes[0] * max(exponent, 1)
    return max(sizes) + len(sizes) if node.operator in ("min", "max") else sum(sizes) + len(sizes)


def _evaluate(
    node: Expression, columns: Mapping[str, Column], count: int, undefined: set[int]
) -> Column:
    match node.operator:
        case "number":
            assert isinstance(node.value, int)
            return Column([node.value] * count)
        case "symbol":
            return columns[str(node.value)]
        case "power":
            base = _evaluate(node.operands[0], columns, count, undefined)
            exponent = node.operands[1].value
            assert isinstance(exponent, int)
            below = None if base.below is None else [value**exponent for value in base.below]
            return Column([value**exponent for value in base.above], below)
        case _:
            operands = [_evaluate(operand, columns, count, undefined) for operand in node.operands]
            return _apply(node.operator, operands, undefined)


def _apply(operator: str, operands: list[Column], undefined: set[int]) -> Column:
    first = operands[0]
    match operator:
        case "negative":
            return Column([-value for value in first.above], first.below)
        case "floor" | "ceil" | "round":
            return _rounded(operator, first)
        case "quotient":
            return _quotient(first, operands[1], undefined)
        case _:
            combine = _COMBINE[operator]
            result = first
            for operand in operands[1:]:
                result = combine(result, operand)
            return result


def _sum(left: Column, right: Column) -> Column:
    if left.below is None and right.below is None:
        return Column(list(map(add, left.above, right.above)))
    if left.below is None:
        left, right = right, left
    assert left.below is not None
    if right.below is None:  # what is added to a fraction in lowest terms leaves it so
        return Column(list(map(add, left.above, map(mul, right.above, left.below))), left.below)
    above = map(add, map(mul, left.above, right.below), map(mul, right.above, left.below))
    return _reduced(list(above), list(map(mul, left.below, right.below)))


def _product(left: Column, right: Column) -> Column:
    above = list(map(mul, left.above, right.above))
    if left.below is None and right.below is None:
        return Column(above)
    return _reduced(above, list(map(mul, left.denominators(), right.denominators())))


def _quotient(left: Column, right: Column, undefined: set[int]) -> Column:
    above, below = left.above, right.above
    if right.below is not None:
        above = list(map(mul, above, right.below))
    if left.below is not None:
        below = list(map(mul, below, left.below))
    if min(below, default=1) <= 0:
        undefined.update(index for index, value in enumerate(below) if value == 0)
        rows = list(zip(above, below, strict=True))
        above = [a if b > 0 else -a if b else 0 for a, b in rows]
        below = [abs(b) or 1 for _, b in rows]
    return _reduced(above, below)


def _reduced(above: Numbers, below: Numbers) -> Column:
    if max(below, default=1) == 1:
        return Column(above)
    common = list(map(gcd, above, below))
    below = list(map(floordiv, below, common))
    return Column(list(map(floordiv, above, common)), None if max(below, default=1) == 1 else below)


def _rounded(operator: str, column: Column) -> Column:
    if column.below is None:
        return column
    rows = zip(column.above, column.below, strict=True)
    if operator == "floor":
        return Column([a // b for a, b in rows])
    if operator == "ceil":
        return Column([-(-a // b) for a, b in rows])
    return Column([_half_to_even(a, b) for a, b in rows])


def _half_to_even(above: int, below: int) -> int:
    """As Python's ``round``."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest > below or (2 * rest == below and whole % 2 == 1))


def _choose(pick: Callable[[int, int], int]) -> Callable[[Column, Column], Column]:
    def combine(left: Column, right: Column) -> Column:
        rows = zip(left.above, left.denominators(), right.above, right.denominators(), strict=True)
        above: Numbers = []
        below: Numbers = []
        for a, c, b, d in rows:
            common = lcm(c, d)
            above.append(pick(a * (common // c), b * (common // d)))
            below.append(common)
        return _reduced(above, below)

    return combine


_COMBINE: dict[str, Callable[[Column, Column], Column]] = {
    "sum": _sum,
    "product": _product,
    "min": _choose(min),
    "max": _choose(max),
}
