r"""How a formula is written: in unicode, in LaTeX, in plain text, and with numbers put in.

>>> from cnnshape.formulas.expression import symbols
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
from typing import ClassVar

from cnnshape.formulas.expression import Expression, number

#: How tightly each operator binds; a looser operand gets parentheses.
_BINDING = {"sum": 1, "negative": 2, "product": 3, "quotient": 3, "power": 4}
_ATOM = 9


def substitute(expression: Expression, values: Mapping[str, int | float]) -> Expression:
    """The expression with numbers in the place of symbols; unknown symbols stay."""
    if expression.operator == "symbol":
        name = str(expression.value)
        return number(values[name]) if name in values else expression
    if not expression.operands:
        return expression
    operands = tuple(substitute(operand, values) for operand in expression.operands)
    return Expression(expression.operator, operands)


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
