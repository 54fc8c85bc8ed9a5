r"""Between sums and formulas on paper: a size as an expression, an expression as a size.

>>> from cnnshape.formulas.algebra.sums import letter
>>> from cnnshape.formulas.expression import latex, unicode
>>> size = 120 * (letter("H") // 4 - 6) * (letter("W") // 4 - 6)
>>> unicode(to_expression(size))
'120(⌊H/4⌋ − 6)(⌊W/4⌋ − 6)'
>>> print(latex(to_expression(letter("H") // 2 - 4)))
\left\lfloor \frac{H}{2} \right\rfloor - 4
>>> from_expression(to_expression(size)) == size
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import NamedTuple

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.algebra.sums import Sum, letter, whole
from cnnshape.formulas.algebra.terms import Atom, Floor, Group
from cnnshape.formulas.expression import Expression, add, negative, number, symbol


def to_expression(size: Sum | float) -> Expression:
    """The size as a tree that can be written, a number as it is."""
    if not isinstance(size, Sum):
        return number(size)
    result: Expression | None = None
    for monomial, coefficient in size.terms:
        factors = [_atom(atom) for atom, power in monomial for _ in range(power)]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, number(abs(coefficient)))
        term = factors[0] if len(factors) == 1 else Expression("product", tuple(factors))
        if coefficient < 0:
            term = negative(term)
        result = term if result is None else add(result, term)
    return number(0) if result is None else result


def _atom(atom: Atom) -> Expression:
    if isinstance(atom, str):
        return symbol(atom)
    if isinstance(atom, Floor):
        return Expression("floor", (to_expression(atom.above) / to_expression(atom.below),))
    if isinstance(atom, Group):
        return to_expression(atom.inner)
    return Expression(atom.name, tuple(to_expression(item) for item in atom.items))


def from_expression(formula: Expression) -> Sum | None:
    """The expression as a size; None if it is a fraction for some values of its letters.

    Raises:
        FormulaSyntaxError: it rounds to the nearest, or divides by letters or by 0.
    """
    size = _fraction(formula)
    return size.above if size.below == 1 else None


class _Fraction(NamedTuple):
    """``above / below``, with a whole number below."""

    above: Sum
    below: int


def _fraction(formula: Expression) -> _Fraction:
    if formula.operator == "number":
        return _Fraction(whole(int(formula.value or 0)), 1)
    if formula.operator == "symbol":
        return _Fraction(letter(str(formula.value)), 1)
    combine = _COMBINE.get(formula.operator)
    if combine is None:
        raise FormulaSyntaxError(f"{formula.operator} is not read in a size; write ⌊ ⌋ or //")
    return combine([_fraction(operand) for operand in formula.operands])


def _sum(parts: Sequence[_Fraction]) -> _Fraction:
    below = prod(part.below for part in parts)
    above = whole(0)
    for part in parts:
        above = above + part.above * (below // part.below)
    return _lowest(above, below)


def _product(parts: Sequence[_Fraction]) -> _Fraction:
    above = whole(1)
    for part in parts:
        above = above * part.above
    return _lowest(above, prod(part.below for part in parts))


def _quotient(parts: Sequence[_Fraction]) -> _Fraction:
    above, below = parts
    divisor = below.above.constant
    if not divisor:
        raise FormulaSyntaxError("a size is divided by whole numbers only, and not by 0")
    sign = -1 if divisor < 0 else 1
    return _lowest(above.above * (below.below * sign), above.below * abs(divisor))


def _power(parts: Sequence[_Fraction]) -> _Fraction:
    base, exponent = parts
    times = exponent.above.constant or 0
    return _lowest(base.above**times, base.below**times)


def _negative(parts: Sequence[_Fraction]) -> _Fraction:
    return _Fraction(-parts[0].above, parts[0].below)


def _floor(parts: Sequence[_Fraction]) -> _Fraction:
    return _Fraction(parts[0].above // parts[0].below, 1)


def _ceiling(parts: Sequence[_Fraction]) -> _Fraction:
    return _negative([_floor([_negative(parts)])])


def _minimum(parts: Sequence[_Fraction]) -> _Fraction:
    return _Fraction(reduce(Sum.minimum, _wholes(parts)), 1)


def _maximum(parts: Sequence[_Fraction]) -> _Fraction:
    return _Fraction(reduce(Sum.maximum, _wholes(parts)), 1)


def _wholes(parts: Sequence[_Fraction]) -> list[Sum]:
    if any(part.below != 1 for part in parts):
        raise FormulaSyntaxError("a fraction stands in min() or max(); say how it is rounded")
    return [part.above for part in parts]


def _lowest(above: Sum, below: int) -> _Fraction:
    """Without a divisor where it divides every term."""
    if below != 1 and all(factor % below == 0 for _, factor in above.terms):
        return _Fraction(above // below, 1)
    return _Fraction(above, below)


_COMBINE: dict[str, Callable[[Sequence[_Fraction]], _Fraction]] = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "power": _power,
    "negative": _negative,
    "floor": _floor,
    "ceil": _ceiling,
    "min": _minimum,
    "max": _maximum,
}
