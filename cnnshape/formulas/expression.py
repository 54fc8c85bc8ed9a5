"""A size formula as a small tree, so that one definition can be computed, printed and compared.

The rules of :mod:`cnnshape.formulas` are ordinary Python functions of ``+ - * //``. Called with
integers they compute; called with the symbols of this module they write themselves down:

>>> H, K, S = symbols("HKS")
>>> (H - K) // S + 1
Expression('floor((H - K)/S) + 1')
>>> from cnnshape.formulas.writing import unicode
>>> unicode((H - K) // S + 1)
'⌊(H − K)/S⌋ + 1'
"""

from __future__ import annotations

from typing import Any

#: A size: an ``int``, an :class:`Expression`, or any object with ``+ - * //`` between itself and
#: integers (and, for the few rules that clamp, methods ``minimum(other)`` and ``maximum(other)``).
Size = Any


class Expression:
    """One node of a formula; immutable.

    ``operator`` is ``number`` or ``symbol`` (with ``value``), or one of ``sum``, ``negative``,
    ``product``, ``quotient``, ``power``, ``floor``, ``ceil``, ``round``, ``min``, ``max`` (with
    ``operands``). A difference is a sum with a ``negative`` operand; ``//`` is the floor of a
    quotient.
    """

    __slots__ = ("operands", "operator", "value")

    operator: str
    operands: tuple[Expression, ...]
    value: int | float | str | None

    def __init__(
        self,
        operator: str,
        operands: tuple[Expression, ...] = (),
        value: float | str | None = None,
    ) -> None:
        object.__setattr__(self, "operator", operator)
        object.__setattr__(self, "operands", operands)
        object.__setattr__(self, "value", value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Expression cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return (self.operator, self.value, self.operands) == (
            other.operator,
            other.value,
            other.operands,
        )

    def __hash__(self) -> int:
        return hash((self.operator, self.value, self.operands))

    def __repr__(self) -> str:
        from cnnshape.formulas.writing import plain

        return f"Expression({plain(self)!r})"

    def __add__(self, other: Expression | int) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: int) -> Expression:
        return add(as_expression(other), self)

    def __sub__(self, other: Expression | int) -> Expression:
        return add(self, negative(as_expression(other)))

    def __rsub__(self, other: int) -> Expression:
        return add(as_expression(other), negative(self))

    def __neg__(self) -> Expression:
        return negative(self)

    def __mul__(self, other: Expression | int) -> Expression:
        return multiply(self, as_expression(other))

    def __rmul__(self, other: int) -> Expression:
        return multiply(as_expression(other), self)

    def __truediv__(self, other: Expression | int) -> Expression:
        return Expression("quotient", (self, as_expression(other)))

    def __floordiv__(self, other: Expression | int) -> Expression:
        return Expression("floor", (self / other,))

    def minimum(self, other: Expression | int) -> Expression:
        """The smaller of two; see :func:`minimum`."""
        return Expression("min", (self, as_expression(other)))

    def maximum(self, other: Expression | int) -> Expression:
        """The larger of two; see :func:`maximum`."""
        return Expression("max", (self, as_expression(other)))

    def names(self) -> frozenset[str]:
        """The symbols that occur.

        >>> H, K = symbols("HK")
        >>> sorted((H - K + 1).names())
        ['H', 'K']
        """
        if self.operator == "symbol":
            return frozenset((str(self.value),))
        return frozenset[str]().union(*(operand.names() for operand in self.operands))


def number(value: float) -> Expression:
    """A number as an expression."""
    return Expression("number", (), value)


def symbol(name: str) -> Expression:
    """A named size as an expression."""
    return Expression("symbol", (), name)


def symbols(names: str) -> tuple[Expression, ...]:
    """One symbol per letter."""
    return tuple(symbol(name) for name in names)


def as_expression(value: Expression | int) -> Expression:
    """Integers become numbers; expressions stay."""
    return value if isinstance(value, Expression) else number(value)


def negative(operand: Expression) -> Expression:
    """The operand with the other sign."""
    return Expression("negative", (operand,))


def add(left: Expression, right: Expression) -> Expression:
    """A sum that stays flat: ``(a + b) + c`` has three operands."""
    head = left.operands if left.operator == "sum" else (left,)
    return Expression("sum", (*head, right))


def multiply(left: Expression, right: Expression) -> Expression:
    """A product that stays flat."""
    head = left.operands if left.operator == "product" else (left,)
    return Expression("product", (*head, right))


def minimum(left: Size, right: Size) -> Size:
    """The smaller size, for integers as for symbolic sizes.

    >>> minimum(3, 5)
    3
    """
    if isinstance(left, int) and isinstance(right, int):
        return min(left, right)
    return right.minimum(left) if isinstance(left, int) else left.minimum(right)


def maximum(left: Size, right: Size) -> Size:
    """The larger size, for integers as for symbolic sizes.

    >>> maximum(3, 5)
    5
    """
    if isinstance(left, int) and isinstance(right, int):
        return max(left, right)
    return right.maximum(left) if isinstance(left, int) else left.maximum(right)


def ceiling_division(left: Size, right: Size) -> Size:
    """``left / right`` rounded up, with ``//`` alone.

    >>> ceiling_division(7, 2), ceiling_division(8, 2)
    (4, 4)
    """
    if isinstance(left, Expression):
        return Expression("ceil", (left / right,))
    return (left + right - 1) // right
