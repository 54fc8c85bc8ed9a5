"""Recognising divisibility: ``H == 2*(H//2)`` says that 2 divides H.

The four ways in which sizes say so, all from rounding one way and the other:

* ``E == d*(E//d)``, a pooling undone by an upsampling;
* ``E == d*((E + d - 1)//d)``, the same with a stride that rounds up;
* ``(E + d - 1)//d == E//d``, a branch that rounds up beside one that rounds down;
* ``E % d == 0``, which is the first.
"""

from __future__ import annotations

from cnnshape.formulas.algebra.sums import Sum
from cnnshape.formulas.algebra.terms import Floor, Monomial


def divisibility(difference: Sum) -> tuple[Sum, int] | None:
    """``(E, d)`` where the difference is zero exactly if ``d`` divides ``E``; else None.

    >>> from cnnshape.formulas.algebra.sums import letter
    >>> H = letter("H")
    >>> divisibility(2 * (H // 2) - H)
    (Sum('H'), 2)
    >>> divisibility(2 * (H // 8) - H // 4)
    (Sum('H//4'), 2)
    >>> divisibility((H + 3) // 4 - 8 * ((H + 31) // 32))
    (Sum('(H + 3)//4'), 8)
    >>> divisibility((H + 3) // 4 - (H + 1) // 4)
    (Sum('(H + 1)//2'), 2)
    """
    for sign in (1, -1):
        signed = difference * sign
        for monomial, coefficient in signed.terms:
            below = _divisor(monomial)
            if coefficient >= 0 or below is None:
                continue
            rest = signed - Sum({monomial: coefficient})
            found = _multiple(rest, monomial, -coefficient, below)
            if found is None and coefficient == -1:
                found = _two_roundings(rest, monomial, below)
            if found is not None:
                return found
    return None


def _divisor(monomial: Monomial) -> int | None:
    """The number below a lone floor."""
    atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
    return atom.below.constant if isinstance(atom, Floor) else None


def _multiple(rest: Sum, monomial: Monomial, factor: int, below: int) -> tuple[Sum, int] | None:
    """``rest == factor · floor`` where the floor is that of ``rest / factor``, down or up."""
    if factor < 2 or below % factor:
        return None
    # (a//b)//d is written a//(b·d), so the dividend is known only up to that rule.
    floor = Sum({monomial: 1})
    if floor in (rest // factor, (rest + (factor - 1)) // factor):
        return rest, factor
    return None


def _two_roundings(rest: Sum, monomial: Monomial, below: int) -> tuple[Sum, int] | None:
    """``(a + c)//D == (a + b)//D``: with E = (a + b)//s and D = s·d, up and down of E/d."""
    floor = monomial[0][0]
    assert isinstance(floor, Floor)
    other = rest.terms[0][0] if len(rest.terms) == 1 and rest.terms[0][1] == 1 else None
    if other is None or _divisor(other) != below:
        return None
    upper = other[0][0]
    assert isinstance(upper, Floor)
    gap = (upper.above - floor.above).constant
    if gap is None or not 0 < gap < below or below % (below - gap):
        return None
    step = below - gap
    return floor.above // step, below // step
