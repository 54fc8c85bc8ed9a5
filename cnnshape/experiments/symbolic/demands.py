"""What the operations of a pass demand of the sizes: ``H//4 - 6 >= 1``, ``16*H*W == 784``."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import gcd

from cnnshape.formulas.algebra import Sum, Whole, columns, divisibility, whole
from cnnshape.formulas.algebra.terms import Extreme


@dataclass(frozen=True, slots=True)
class Demand:
    """``left relation right``, demanded by the operation ``index``.

    ``relation`` is ``==``, ``>=`` or ``!=``; ``parameter`` names what fixes the right side, if a
    parameter does; ``cause`` says where it is demanded, if no operation does (``index`` is -1).
    ``unseen``: it is demanded of values, such as positions within a table, so that a pass on meta
    goes well without it.
    """

    left: Sum
    relation: str
    right: Sum
    index: int
    parameter: str | None = None
    cause: str = ""
    unseen: bool = False

    @classmethod
    def of(
        cls,
        left: Whole,
        relation: str,
        right: Whole,
        index: int,
        parameter: str | None = None,
        cause: str = "",
        *,
        unseen: bool = False,
    ) -> Demand | None:
        """The demand; None if it always holds or depends on no letter.

        >>> from cnnshape.formulas.algebra import letter
        >>> print(Demand.of(letter("H") // 2 + 1, ">=", letter("H") // 2, 0))
        None
        >>> print(Demand.of(letter("H") // 4 - 6, ">=", 1, 0))
        H//4 - 6 >= 1
        >>> print(Demand.of(2 * (letter("H") // 2 - 8), ">=", 1, 0))
        H//2 - 8 >= 1
        >>> print(Demand.of(letter("L"), "==", letter("L").minimum(512), 0))
        512 >= L
        """
        one, other = whole(left), whole(right)
        difference = (one - other).constant
        if difference is not None:
            return None
        if other.letters and not one.letters:
            if relation == ">=":
                one, other = -other, -one  # 6 >= H reads -H >= -6; written out in __str__
            else:
                one, other = other, one
        bound = _bound(one, other) or _bound(other, one) if relation == "==" else None
        if bound is not None:
            return cls.of(bound[0], ">=", bound[1], index, parameter, cause, unseen=unseen)
        if relation == "==":
            if one.text in one.letters and other.text in other.letters and other.text < one.text:
                one, other = other, one  # H == W, not W == H
            one, other = _without_common_factor(one, other)
        if relation == ">=" and other.constant is not None:
            one, other = _tightened(one, other.constant)
        return cls(one, relation, other, index, parameter, cause, unseen)

    def holds(self, letters: Mapping[str, int]) -> bool:
        """Whether it holds for these values of the letters."""
        try:
            left, right = self.left.value(letters), self.right.value(letters)
        except ZeroDivisionError:
            return False
        if self.relation == "==":
            return left == right
        return left >= right if self.relation == ">=" else left != right

    def held(self, points: Mapping[str, Sequence[int]], known: dict[Sum, list[int]]) -> list[bool]:
        """Whether it holds, for many values at once (see :func:`columns`)."""
        try:
            left, right = columns(self.left, points, known), columns(self.right, points, known)
        except ZeroDivisionError:
            count = len(next(iter(points.values())))
            return [self.holds({n: c[i] for n, c in points.items()}) for i in range(count)]
        compare = {"==": operator.eq, ">=": operator.ge, "!=": operator.ne}[self.relation]
        return [compare(a, b) for a, b in zip(left, right, strict=True)]

    @property
    def letters(self) -> frozenset[str]:
        """The letters that it ties."""
        return self.left.letters | self.right.letters

    @property
    def divisibility(self) -> tuple[Sum, int] | None:
        """``(E, d)`` where it says that ``d`` divides ``E``."""
        return divisibility(self.left - self.right) if self.relation == "==" else None

    def __str__(self) -> str:
        """As the report has it; divisibility is written with ``%``."""
        if self.divisibility is not None:
            inner, divisor = self.divisibility
            body = inner.text if len(inner.terms) == 1 and "//" not in inner.text else f"({inner})"
            return f"{body} % {divisor} == 0"
        if self.relation == ">=" and all(c < 0 for m, c in self.left.terms if m):
            return f"{-self.right} >= {-self.left}"
        return f"{self.left} {self.relation} {self.right}"


def _bound(one: Sum, extreme: Sum) -> tuple[Sum, Sum] | None:
    """The larger and the smaller one, where ``a == min(a, b)`` or ``a == max(a, b)`` is said."""
    atom = extreme.terms[0][0][0][0] if len(extreme.terms) == 1 and extreme.terms[0][0] else None
    if not isinstance(atom, Extreme) or extreme != Sum({((atom, 1),): 1}):
        return None
    others = [item for item in atom.items if item != one]
    if len(atom.items) != 2 or len(others) != 1:
        return None
    return (others[0], one) if atom.name == "min" else (one, others[0])


def _without_common_factor(left: Sum, right: Sum) -> tuple[Sum, Sum]:
    """``N*a == N*b`` as ``a == b``; sizes are not zero.

    >>> from cnnshape.formulas.algebra import letter
    >>> N, H = letter("N"), letter("H")
    >>> _without_common_factor(16 * N * (H // 4), 256 * N)
    (Sum('16*(H//4)'), Sum('256'))
    >>> _without_common_factor(16 * H * N, 400 * (H // 25))
    (Sum('H*N'), Sum('25*(H//25)'))
    >>> _without_common_factor(4 * H, whole(16))
    (Sum('H'), Sum('4'))
    """
    if len(left.terms) == 1 and len(right.terms) == 1:
        one, other = dict(left.terms[0][0]), dict(right.terms[0][0])
        for atom in set(one) & set(other):
            common = min(one[atom], other[atom])
            one[atom] -= common
            other[atom] -= common
        left = Sum({tuple((a, p) for a, p in one.items() if p): left.terms[0][1]})
        right = Sum({tuple((a, p) for a, p in other.items() if p): right.terms[0][1]})
    lone = len(left.terms) == 1 and left.terms[0][0] in [((name, 1),) for name in left.letters]
    if lone or (left.letters and right.letters):
        common = gcd(*(c for _, c in (*left.terms, *right.terms)))
        left, right = left // common, right // common
    return left, right


def _tightened(left: Sum, right: int) -> tuple[Sum, Sum]:
    """``2*H - 16 >= 1`` as ``H - 8 >= 1``: whole numbers, so the right side is rounded up."""
    common = gcd(*(c for m, c in left.terms if m))
    if common > 1 and left.offset % common:
        left, right = left - left.offset, right - left.offset
    return left // common, whole(-(-right // common))


# ---- several as one -----------------------------------------------------------------------


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
