"""Sizes that remember how they were computed, while the model computes with them as with ints.

A forward written in Python reads ``x.shape`` and computes: ``x.view(n, h * w)``,
``pad = (7 - h % 7) % 7``. Handed a :class:`TracedSize` in the place of an ``int``, it computes
the same numbers, and beside them the expression over the sizes it read. What Python cannot let
a subclass of ``int`` see (``int(h)``, a comparison's branch) is lost or noted as a guard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnshape.formulas.algebra import Sum, whole
from cnnshape.tracing.structure import KeptSize


@dataclass(frozen=True, slots=True)
class Guard:
    """A comparison that the forward made: ``left relation right`` came out as ``held``."""

    left: Sum
    relation: str
    right: Sum
    held: bool


class TracedSize(KeptSize):
    """An ``int`` with the expression it came from.

    >>> import math
    >>> from cnnshape.formulas.algebra import letter
    >>> guards = []
    >>> H = TracedSize.of(224, letter("H"), guards)
    >>> (H + 31) // 32, ((H + 31) // 32).size
    (7, Sum('(H + 31)//32'))
    >>> math.ceil(H / 7), math.ceil(H / 7).size
    (32, Sum('(H + 6)//7'))
    >>> H % 32 == 0, guards[0].left
    (True, Sum('H - 32*(H//32)'))
    """

    size: Sum
    guards: list[Guard]

    @classmethod
    def of(cls, number: int, size: Sum, guards: list[Guard]) -> TracedSize:
        """A size with its expression; ``guards`` collects the comparisons made with it."""
        traced = cls(number)
        traced.size = size
        traced.guards = guards
        return traced

    def _with(self, number: Any, size: Callable[[], Sum]) -> Any:
        if number is NotImplemented or not isinstance(number, int):
            return number
        try:
            return TracedSize.of(number, size(), self.guards)
        except ZeroDivisionError:
            return number

    def __add__(self, other: Any) -> Any:
        return self._with(int.__add__(self, other), lambda: self.size + _size(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._with(int.__sub__(self, other), lambda: self.size - _size(other))

    def __rsub__(self, other: Any) -> Any:
        return self._with(int.__rsub__(self, other), lambda: _size(other) - self.size)

    def __mul__(self, other: Any) -> Any:
        return self._with(int.__mul__(self, other), lambda: self.size * _size(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return self._with(int.__floordiv__(self, other), lambda: self.size // _size(other))

    def __rfloordiv__(self, other: Any) -> Any:
        return self._with(int.__rfloordiv__(self, other), lambda: _size(other) // self.size)

    def __mod__(self, other: Any) -> Any:
        return self._with(int.__mod__(self, other), lambda: self.size % _size(other))

    def __rmod__(self, other: Any) -> Any:
        return self._with(int.__rmod__(self, other), lambda: _size(other) % self.size)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __neg__(self) -> Any:
        return self._with(int.__neg__(self), lambda: -self.size)

    def __pos__(self) -> Any:
        return self

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        number = int.__pow__(self, other, modulus) if modulus else int.__pow__(self, other)
        if isinstance(other, int) and 0 <= other <= 8 and not modulus:
            return self._with(number, lambda: self.size**other)
        return number

    def __truediv__(self, other: Any) -> Any:
        number = int.__truediv__(self, other)
        if isinstance(other, int) and other > 0:
            return TracedRatio.of(number, self.size, _size(other), self.guards)
        return number

    def __ceil__(self) -> Any:
        return self

    __floor__ = __ceil__
    __trunc__ = __ceil__

    def __round__(self, digits: Any = None) -> Any:
        return self if digits is None else int.__round__(self, digits)

    def _compared(self, other: Any, relation: str, held: Any) -> Any:
        if isinstance(other, int) and isinstance(held, bool):
            self.guards.append(Guard(self.size, relation, _size(other), held))
        return held

    def __eq__(self, other: object) -> Any:
        return self._compared(other, "==", int.__eq__(self, other))

    def __ne__(self, other: object) -> Any:
        return self._compared(other, "!=", int.__ne__(self, other))

    def __lt__(self, other: Any) -> Any:
        return self._compared(other, "<", int.__lt__(self, other))

    def __le__(self, other: Any) -> Any:
        return self._compared(other, "<=", int.__le__(self, other))

    def __gt__(self, other: Any) -> Any:
        return self._compared(other, ">", int.__gt__(self, other))

    def __ge__(self, other: Any) -> Any:
        return self._compared(other, ">=", int.__ge__(self, other))

    def __bool__(self) -> bool:
        held = int.__bool__(self)
        self.guards.append(Guard(self.size, "!=", whole(0), held))
        return held

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __reduce__(self) -> Any:
        return int, (int.__int__(self),)


class TracedRatio(float):
    """The quotient of two sizes, which ``math.ceil`` and ``math.floor`` make a size again."""

    above: Sum
    below: Sum
    guards: list[Guard]

    @classmethod
    def of(cls, number: float, above: Sum, below: Sum, guards: list[Guard]) -> TracedRatio:
        """A quotient with the expressions above and below its line."""
        ratio = cls(number)
        ratio.above, ratio.below, ratio.guards = above, below, guards
        return ratio

    def __floor__(self) -> TracedSize:
        return TracedSize.of(float.__floor__(self), self.above // self.below, self.guards)

    def __ceil__(self) -> TracedSize:
        return TracedSize.of(float.__ceil__(self), -((-self.above) // self.below), self.guards)

    def __mul__(self, other: Any) -> Any:
        number = float.__mul__(self, other)
        if isinstance(other, int):
            return TracedRatio.of(number, self.above * _size(other), self.below, self.guards)
        return number

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        number = float.__truediv__(self, other)
        if isinstance(other, int) and other > 0:
            return TracedRatio.of(number, self.above, self.below * _size(other), self.guards)
        return number


def _size(value: Any) -> Sum:
    if isinstance(value, TracedSize):
        return value.size
    return whole(int(value))
