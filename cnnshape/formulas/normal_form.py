"""Whether two formulas are the same as algebra: compared by a normal form, not by trying values.

An expression becomes a fraction of two polynomials over its symbols and over its roundings, each
rounding being normalised inside and named by its normal form. Whole multiples are taken out of a
floor, so that ⌊a/b + 1⌋ and ⌊a/b⌋ + 1 are the same. Where that proves nothing, nothing is claimed.
"""

from __future__ import annotations

from cnnshape.formulas.expression import Expression

#: A product of powers: ((name, power), …), sorted by name.
Monomial = tuple[tuple[object, int], ...]
Polynomial = dict[Monomial, int]
Rational = tuple[Polynomial, Polynomial]

_ONE: Polynomial = {(): 1}
#: Beyond this many terms the attempt is given up.
MOST_TERMS = 400


class _TooLargeError(Exception):
    """The normal form grows out of hand."""


def same_algebra(left: Expression, right: Expression) -> bool:
    """Whether two expressions are provably equal wherever they are defined.

    >>> from cnnshape.formulas.expression import symbols
    >>> W, F, S = symbols("WFS")
    >>> same_algebra((W - F) // S + 1, (W - F + S) // S)
    True
    >>> same_algebra((W - F) // S + 1, (W - F) / S + 1)
    False
    """
    try:
        (a, b), (c, d) = _normal(left), _normal(right)
        return _product(a, d) == _product(c, b)
    except (_TooLargeError, ZeroDivisionError):
        return False


def _normal(node: Expression) -> Rational:
    match node.operator:
        case "number" | "symbol":
            return _leaf(node), _ONE
        case "negative":
            above, below = _normal(node.operands[0])
            return {monomial: -value for monomial, value in above.items()}, below
        case "sum":
            return _total([_normal(operand) for operand in node.operands])
        case "product" | "power":
            factors = node.operands
            if node.operator == "power":
                factors = (node.operands[0],) * _exponent(node)
            above, below = _ONE, _ONE
            for a, b in map(_normal, factors):
                above, below = _product(above, a), _product(below, b)
            return above, below
        case "quotient":
            (a, b), (c, d) = _normal(node.operands[0]), _normal(node.operands[1])
            if not c:
                raise ZeroDivisionError
            return _product(a, d), _product(b, c)
        case _:
            return _rounding(node)


def _leaf(node: Expression) -> Polynomial:
    if node.operator == "symbol":
        return {((str(node.value), 1),): 1}
    if not isinstance(node.value, int):
        raise _TooLargeError
    return {(): node.value} if node.value else {}


def _exponent(node: Expression) -> int:
    exponent = node.operands[1].value
    assert isinstance(exponent, int)
    return exponent


def _total(parts: list[Rational]) -> Rational:
    above, below = parts[0]
    for c, d in parts[1:]:
        if below == d:
            above = _sum(above, c)
        else:
            above, below = _sum(_product(above, d), _product(c, below)), _product(below, d)
    return above, below


def _rounding(node: Expression) -> Rational:
    """A floor or ceiling with its whole part taken out; others are only normalised inside."""
    parts = [_normal(operand) for operand in node.operands]
    whole: Polynomial = {}
    if node.operator in ("floor", "ceil"):
        above, below = parts[0]
        whole, rest = _divide(above, below)
        if not rest:
            return whole, _ONE
        # ⌈x⌉ = −⌊−x⌋ would unify the two; the framework's rules never need that.
        parts = [_reduced(rest, below)]
    frozen = tuple((_freeze(above), _freeze(below)) for above, below in parts)
    if node.operator in ("min", "max"):
        frozen = tuple(sorted(frozen, key=repr))
    atom: Monomial = (((node.operator, frozen), 1),)
    return _sum(whole, {atom: 1}), _ONE


def _divide(above: Polynomial, below: Polynomial) -> tuple[Polynomial, Polynomial]:
    """The whole multiples of a divisor of one term, and what remains."""
    if len(below) != 1:
        return {}, above
    ((divisor, factor),) = below.items()
    whole: Polynomial = {}
    rest: Polynomial = {}
    for monomial, value in above.items():
        quotient = _without(monomial, divisor)
        if quotient is None:
            rest[monomial] = value
            continue
        times, left = divmod(value, factor)
        if times:
            whole[quotient] = times
        if left:
            rest[monomial] = left
    return whole, rest


def _reduced(above: Polynomial, below: Polynomial) -> Rational:
    """A fraction without a common whole factor."""
    from math import gcd

    common = gcd(*above.values(), *below.values())
    if common > 1:
        above = {monomial: value // common for monomial, value in above.items()}
        below = {monomial: value // common for monomial, value in below.items()}
    return above, below


def _without(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    powers = dict(monomial)
    for name, power in divisor:
        left = powers.get(name, 0) - power
        if left < 0:
            return None
        powers[name] = left
    return _monomial(powers)


def _monomial(powers: dict[object, int]) -> Monomial:
    return tuple(sorted(((n, p) for n, p in powers.items() if p), key=repr))


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    total = dict(left)
    for monomial, value in right.items():
        total[monomial] = total.get(monomial, 0) + value
    return {monomial: value for monomial, value in total.items() if value}


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    if len(left) * len(right) > MOST_TERMS:
        raise _TooLargeError
    total: Polynomial = {}
    for first, a in left.items():
        for second, b in right.items():
            powers = dict(first)
            for name, power in second:
                powers[name] = powers.get(name, 0) + power
            monomial = _monomial(powers)
            total[monomial] = total.get(monomial, 0) + a * b
    return {monomial: value for monomial, value in total.items() if value}


def _freeze(polynomial: Polynomial) -> tuple[tuple[Monomial, int], ...]:
    return tuple(sorted(polynomial.items(), key=repr))
