"""What the operations of a pass demand of the sizes: ``H//4 - 6 >= 1``, ``16*H*W == 784``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnshape.formulas.algebra import Floor, Sum, Whole, whole


@dataclass(frozen=True, slots=True)
class Demand:
    """``left relation right``, demanded by the operation ``index``.

    ``relation`` is ``==``, ``>=`` or ``!=``; ``parameter`` names what fixes the right side, if a
    parameter does.
    """

    left: Sum
    relation: str
    right: Sum
    index: int
    parameter: str | None = None

    @classmethod
    def of(
        cls, left: Whole, relation: str, right: Whole, index: int, parameter: str | None = None
    ) -> Demand | None:
        """The demand; None if it always holds or depends on no letter.

        >>> from cnnshape.formulas.algebra import letter
        >>> print(Demand.of(letter("H") // 2 + 1, ">=", letter("H") // 2, 0))
        None
        >>> print(Demand.of(letter("H") // 4 - 6, ">=", 1, 0))
        H//4 - 6 >= 1
        """
        one, other = whole(left), whole(right)
        difference = (one - other).constant
        if difference is not None:
            return None
        if other.letters and not one.letters:
            if relation != "==":
                return cls(-one + 0, relation, -other, index, parameter)._settled()
            one, other = other, one
        return cls(one, relation, other, index, parameter)._settled()

    def _settled(self) -> Demand:
        return self

    def holds(self, letters: Mapping[str, int]) -> bool:
        """Whether it holds for these values of the letters."""
        try:
            left, right = self.left.value(letters), self.right.value(letters)
        except ZeroDivisionError:
            return False
        if self.relation == "==":
            return left == right
        return left >= right if self.relation == ">=" else left != right

    @property
    def letters(self) -> frozenset[str]:
        """The letters that it ties."""
        return self.left.letters | self.right.letters

    def __str__(self) -> str:
        """As the report has it; divisibility is written with ``%``."""
        divisibility = _divisibility(self.left - self.right) if self.relation == "==" else None
        if divisibility is not None:
            inner, divisor = divisibility
            body = inner.text if len(inner.terms) == 1 and "//" not in inner.text else f"({inner})"
            return f"{body} % {divisor} == 0"
        left, right = self.left, self.right
        if not right.letters:
            return f"{left} {self.relation} {right}"
        if self.relation == ">=" and not (left - right).letters:
            return f"{left} {self.relation} {right}"
        return f"{left} {self.relation} {right}"


def _divisibility(difference: Sum) -> tuple[Sum, int] | None:
    """``E - d*(E//d)`` as ``(E, d)``: it is zero where ``d`` divides ``E``.

    >>> from cnnshape.formulas.algebra import letter
    >>> H = letter("H")
    >>> _divisibility(2 * (H // 2) - H)
    (Sum('H'), 2)
    >>> _divisibility(2 * (H // 8) - H // 4)
    (Sum('H//4'), 2)
    """
    for sign in (1, -1):
        signed = difference * sign
        for monomial, coefficient in signed.terms:
            atom = monomial[0][0] if len(monomial) == 1 and monomial[0][1] == 1 else None
            if coefficient >= 0 or not isinstance(atom, Floor):
                continue
            below = atom.below.constant
            if below is None or below % -coefficient:
                continue
            rest = signed - Sum({monomial: coefficient})
            # (a//b)//d is written a//(b·d), so the dividend is known only up to that rule.
            if rest // -coefficient == Sum({monomial: 1}) and -coefficient > 1:
                return rest, -coefficient
    return None


def essential(demands: Sequence[Demand], points: Sequence[Mapping[str, int]]) -> list[Demand]:
    """The demands that say something, judged on sample points: none that another one implies."""
    kept: dict[tuple[bool, ...], Demand] = {}
    for demand in demands:
        truth = tuple(demand.holds(point) for point in points)
        if not all(truth):
            kept.setdefault(truth, demand)
    rows = list(kept.items())
    return [
        demand
        for truth, demand in rows
        if not any(
            other is not truth and all(t or not o for t, o in zip(truth, other, strict=True))
            for other, _ in rows
        )
    ]
