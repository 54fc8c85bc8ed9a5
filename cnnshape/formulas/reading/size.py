"""A size that somebody wrote with letters: ``⌊H/4⌋ − 6``, ``(H + 31)//32``, LaTeX as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import reduce
from math import prod
from typing import NamedTuple

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.algebra import Sum, letter, whole
from cnnshape.formulas.expression import Expression, multiply, symbol
from cnnshape.formulas.reading.parser import Parser
from cnnshape.formulas.reading.tokens import Token, refuse, tokens


def read_size(text: str, letters: Collection[str]) -> Sum:
    """The size that a text writes.

    Args:
        text: plain text, unicode or LaTeX, as in ``cnnshape formula``.
        letters: the letters it may use.

    >>> read_size("⌊H/4⌋ − 6", "HW"), read_size("(H - 24)//4", "HW")
    (Sum('H//4 - 6'), Sum('H//4 - 6'))

    Raises:
        FormulaSyntaxError: it cannot be read, has other letters, or is a fraction somewhere.
    """

    def resolve(token: Token) -> Expression:
        names = [token.text] if token.text in letters else list(token.text)
        if not all(name in letters for name in names):
            known = ", ".join(sorted(letters)) or "no letters"
            refuse(text, token.start, f"{token.text} is no letter of the input, which has {known}")
        factors = [symbol(name) for name in names]
        return factors[0] if len(factors) == 1 else multiply(*factors[:2])

    size = _fraction(Parser(text, tokens(text), resolve).parse())
    if size.below != 1:
        raise FormulaSyntaxError(
            f"{text} is a fraction for some sizes; say how it is rounded, as in H//2 or ⌊H/2⌋"
        )
    return size.above


class _Fraction(NamedTuple):
    """``above / below``, with a whole number below."""

    above: Sum
    below: int


def _fraction(expression: Expression) -> _Fraction:
    if expression.operator == "number":
        return _Fraction(whole(int(expression.value or 0)), 1)
    if expression.operator == "symbol":
        return _Fraction(letter(str(expression.value)), 1)
    combine = _COMBINE.get(expression.operator)
    if combine is None:
        raise FormulaSyntaxError(f"{expression.operator} is not read in a size; write ⌊ ⌋ or //")
    return combine([_fraction(operand) for operand in expression.operands])


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
