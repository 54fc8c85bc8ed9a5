r"""Sizes with letters as formulas on paper: the bridge from sums to expressions.

>>> from cnnshape.formulas.algebra import letter
>>> from cnnshape.formulas.expression import latex, unicode
>>> size = 120 * (letter("H") // 4 - 6) * (letter("W") // 4 - 6)
>>> unicode(expression(size))
'120(⌊H/4⌋ − 6)(⌊W/4⌋ − 6)'
>>> print(latex(expression(letter("H") // 2 - 4)))
\left\lfloor \frac{H}{2} \right\rfloor - 4
"""

from __future__ import annotations

from cnnshape.formulas.algebra.sums import Atom, Floor, Group, Sum, Whole, whole
from cnnshape.formulas.expression import Expression, add, negative, number, symbol


def expression(size: Whole) -> Expression:
    """The size as a tree that :mod:`cnnshape.formulas.expression` writes."""
    result: Expression | None = None
    for monomial, coefficient in whole(size).terms:
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
        return Expression("floor", (expression(atom.above) / expression(atom.below),))
    if isinstance(atom, Group):
        return expression(atom.inner)
    return Expression(atom.name, tuple(expression(item) for item in atom.items))


def put_in(formula: Expression, values: dict[str, Sum | int | float]) -> Expression:
    """A rule's formula with sizes in the place of its letters.

    >>> from cnnshape.formulas.algebra import letter
    >>> from cnnshape.formulas.expression import symbols
    >>> from cnnshape.formulas.expression import unicode
    >>> H, K = symbols("HK")
    >>> unicode(put_in(H - K + 1, {"H": letter("W") // 2, "K": 5}))
    '⌊W/2⌋ − 5 + 1'
    """
    if formula.operator == "symbol":
        value = values.get(str(formula.value))
        if value is None:
            return formula
        return expression(value) if isinstance(value, Sum) else number(value)
    if not formula.operands:
        return formula
    return Expression(
        formula.operator, tuple(put_in(operand, values) for operand in formula.operands)
    )
