"""Several demands that say one thing together, said as one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.formulas.algebra import Sum


def merged(demands: Sequence[Demand]) -> list[Demand]:
    """The same demands, with those that belong together joined.

    ``E % d == 0`` with ``E//d % e == 0`` is ``E % (d·e) == 0``; with ``E//d == k`` it is
    ``E == d·k``. What remains of a chain of poolings is one condition:

    >>> from cnnshape.formulas.algebra import letter
    >>> a = (letter("H") + 1) // 2
    >>> chain = [Demand.of(a, "==", a // 2 * 2, 0), Demand.of(a // 2, "==", a // 4 * 2, 1)]
    >>> [str(demand) for demand in merged([d for d in chain if d is not None])]
    ['((H + 1)//2) % 4 == 0']
    """
    kept = list(demands)
    while True:
        for one, other in permutations(kept, 2):
            joined = _joined(one, other)
            if joined is not None:
                place = min(kept.index(one), kept.index(other))
                kept = [d for d in kept if d not in (one, other)]
                kept.insert(place, joined)
                break
        else:
            return kept


def _joined(one: Demand, other: Demand) -> Demand | None:
    """Both as one, where the first says that a number divides and the second speaks of the rest."""
    divided = one.divisibility
    if divided is None or other.relation != "==":
        return None
    whole, divisor = divided
    quotients = (whole // divisor, (whole + (divisor - 1)) // divisor)  # equal, as it divides
    further = other.divisibility
    if further is not None:
        inner, factor = further
        if inner not in quotients:
            return None
        total = divisor * factor
        return _of(whole, whole // total * total, one, other)
    if other.left in quotients:
        return _of(whole, other.right * divisor, one, other)
    return None


def _of(left: Sum, right: Sum, one: Demand, other: Demand) -> Demand | None:
    parameter = one.parameter or other.parameter
    return Demand.of(left, "==", right, one.index, parameter, one.cause or other.cause)
