r"""A size formula as a small tree, so that one definition can be computed, written and compared.

The rules of :mod:`cnnshape.formulas` are ordinary Python functions of ``+ - * //``. Called with
integers they compute; called with the symbols of this module they write themselves down, in
unicode, in LaTeX, in plain text, and with numbers put in:

>>> H, K, S, P, D = symbols("HKSPD")
>>> conv = (H + 2 * P - D * (K - 1) - 1) // S + 1
>>> unicode(conv)
'⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1'
>>> plain(conv)
'floor((H + 2*P - D*(K - 1) - 1)/S) + 1'
>>> print(latex(conv))
\left\lfloor \frac{H + 2P - D(K - 1) - 1}{S} \right\rfloor + 1
>>> unicode(substitute(conv, {"H": 28, "K": 5, "S": 1, "P": 2, "D": 1}))
'⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

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


def as_expression(value: Expression | float) -> Expression:
    """Numbers become expressions; expressions stay."""
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


def substitute(expression: Expression, values: Mapping[str, Expression | float]) -> Expression:
    """The expression with numbers, or other expressions, in the place of symbols; others stay."""
    if expression.operator == "symbol":
        name = str(expression.value)
        return as_expression(values[name]) if name in values else expression
    if not expression.operands:
        return expression
    operands = tuple(substitute(operand, values) for operand in expression.operands)
    return Expression(expression.operator, operands)


def constants_of(expression: Expression, largest: int = 64) -> tuple[int, ...]:
    """The numbers from 2 that stand in a formula, but for the 2 of 2P and for exponents.

    >>> H, P = symbols("HP")
    >>> constants_of((H + 2 * P - 5) // 3)
    (3, 5)
    """
    found: set[int] = set()

    def walk(node: Expression) -> None:
        if node.operator == "number" and isinstance(node.value, int) and 2 <= node.value <= largest:
            found.add(node.value)
        operands = node.operands[:1] if node.operator == "power" else node.operands
        pads = node.operator == "product" and any(
            each.value in ("padding", "P") for each in operands
        )
        for operand in operands:
            if not (pads and operand.operator == "number"):
                walk(operand)

    walk(expression)
    return tuple(sorted(found)[:4])


# ---- writing ------------------------------------------------------------------------------

#: How tightly each operator binds; a looser operand gets parentheses.
_BINDING = {"sum": 1, "negative": 2, "product": 3, "quotient": 3, "power": 4}
_ATOM = 9


def unicode(expression: Expression) -> str:
    """The formula as it is written on paper: ``⌊(H − K)/S⌋ + 1``."""
    return _Unicode().write(expression)


def plain(expression: Expression) -> str:
    """The formula in ASCII, which cnnshape reads back: ``floor((H - K)/S) + 1``."""
    return _Plain().write(expression)


def latex(expression: Expression) -> str:
    r"""The formula in LaTeX, which cnnshape reads back: ``\left\lfloor \frac{H - K}{S} …``."""
    return _Latex().write(expression)


def number_text(value: float | str | None) -> str:
    """A number without a needless ``.0``: 2.0 is ``2``, 0.5 is ``0.5``."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class _Unicode:
    minus = "−"
    brackets: ClassVar[dict[str, tuple[str, str]]] = {
        "floor": ("⌊", "⌋"),
        "ceil": ("⌈", "⌉"),
        "round": ("round(", ")"),
    }
    between_factors = "·"
    implicit = True

    def write(self, node: Expression) -> str:
        match node.operator:
            case "number" | "symbol":
                text = number_text(node.value)
                return self.minus + text[1:] if text.startswith("-") else text
            case "sum":
                return self._sum(node.operands)
            case "negative":
                return self.minus + self._bound(node.operands[0], 3)
            case "product":
                return self._product(node.operands)
            case "quotient":
                return self.quotient(node)
            case "power":
                return self._bound(node.operands[0], 5) + self.power(node.operands[1])
            case "floor" | "ceil" | "round":
                opening, closing = self.brackets[node.operator]
                return opening + self.write(node.operands[0]) + closing
            case _:
                return self.call(node)

    def call(self, node: Expression) -> str:
        return f"{node.operator}({', '.join(self.write(operand) for operand in node.operands)})"

    def quotient(self, node: Expression) -> str:
        above, below = node.operands
        return f"{self._bound(above, 3)}/{self._bound(below, 4)}"

    def power(self, exponent: Expression) -> str:
        text = self.write(exponent)
        digits = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
        return text.translate(digits) if text.isdigit() else f"^({text})"

    def _sum(self, operands: tuple[Expression, ...]) -> str:
        text = self._bound(operands[0], 1)
        for operand in operands[1:]:
            if operand.operator == "negative":
                text += f" {self.minus} {self._bound(operand.operands[0], 3)}"
            else:
                text += f" + {self._bound(operand, 3)}"
        return text

    def _product(self, operands: tuple[Expression, ...]) -> str:
        text = ""
        before: Expression | None = None
        for operand in operands:
            factor = self._bound(operand, 3 if before is None else 4)
            if before is not None:
                text += self._joint(before, operand, factor)
            text += factor
            before = operand
        return text

    def _joint(self, left: Expression, right: Expression, factor: str) -> str:
        """Nothing where paper needs no sign, as in 2P, D(K − 1) and (H − 1)S."""
        letters = (left.operator == "symbol" and len(str(left.value)) == 1) or _binding(left) < 3
        if not self.implicit or not (letters or left.operator == "number"):
            return self.between_factors
        if right.operator == "sum":
            both_numbers = left.operator == "number" and not right.names()
            return self.between_factors if both_numbers else ""
        one_letter = right.operator == "symbol" and len(factor) == 1
        return "" if one_letter and left.operator != "symbol" else self.between_factors

    def _bound(self, node: Expression, at_least: int) -> str:
        text = self.write(node)
        return text if _binding(node) >= at_least else f"({text})"


class _Plain(_Unicode):
    minus = "-"
    brackets: ClassVar[dict[str, tuple[str, str]]] = {
        "floor": ("floor(", ")"),
        "ceil": ("ceil(", ")"),
        "round": ("round(", ")"),
    }
    between_factors = "*"
    implicit = False

    def power(self, exponent: Expression) -> str:
        return "^" + self._bound(exponent, 5)


class _Latex(_Unicode):
    minus = "-"
    brackets: ClassVar[dict[str, tuple[str, str]]] = {
        "floor": (r"\left\lfloor ", r" \right\rfloor"),
        "ceil": (r"\left\lceil ", r" \right\rceil"),
        "round": (r"\operatorname{round}(", ")"),
    }
    between_factors = r" \cdot "

    def call(self, node: Expression) -> str:
        return "\\" + super().call(node)

    def quotient(self, node: Expression) -> str:
        above, below = node.operands
        return rf"\frac{{{self.write(above)}}}{{{self.write(below)}}}"

    def power(self, exponent: Expression) -> str:
        return f"^{{{self.write(exponent)}}}"


def _binding(node: Expression) -> int:
    if node.operator == "number" and isinstance(node.value, int | float) and node.value < 0:
        return _BINDING["negative"]
    return _BINDING.get(node.operator, _ATOM)
