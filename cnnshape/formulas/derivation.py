"""The result of applying a size rule to whole shapes: the output and, line by line, how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

from cnnshape.errors import ImpossibleSizeError
from cnnshape.formulas.expression import Expression, number, number_text, substitute, unicode
from cnnshape.formulas.rule import AxisRule
from cnnshape.messages import say

#: What the last one, two or three axes of a shape are called.
_LENGTH, _DEPTH, _HEIGHT, _WIDTH = say("length"), say("depth"), say("height"), say("width")
AXES = {1: (_LENGTH,), 2: (_HEIGHT, _WIDTH), 3: (_DEPTH, _HEIGHT, _WIDTH)}

Values = tuple[int | float, ...]


class AxisDerivation(NamedTuple):
    """One axis: its size before and after, and the formula with the numbers put in."""

    axis: str
    input: int
    output: int
    formula: str
    substitution: str
    #: Letter → number, as put into the formula.
    values: tuple[tuple[str, int | float], ...] = ()
    #: The formula as a tree over its letters.
    expression: Expression | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The derivation line by line, as one would write it on paper; the last is the result."""
        if self.expression is None:
            return (self.substitution,)
        return steps(self.expression, dict(self.values))


class Derivation(NamedTuple):
    """A whole output shape, the formula it follows, and the formula with the numbers put in.

    Axes with the same numbers share one substitution; different ones are joined with ``; ``.
    """

    kind: str
    output: tuple[int, ...]
    formula: str
    substitution: str
    axes: tuple[AxisDerivation, ...] = ()


def derive_axes(rule: AxisRule, values: Sequence[Values]) -> tuple[AxisDerivation, ...]:
    """Apply a rule to each axis.

    Raises:
        ImpossibleSizeError: A condition is broken on some axis; the message names the axis
            where the others are fine.
    """
    axes = AXES.get(len(values)) or tuple(
        say("axis {index}", index=index) for index in range(len(values))
    )
    broken = [rule.broken(*axis_values) for axis_values in values]
    for axis, condition, axis_values in zip(axes, broken, values, strict=True):
        if condition is not None:
            alone = all(values[i] == axis_values for i, other in enumerate(broken) if other is None)
            why = condition.sentence(*axis_values)
            raise ImpossibleSizeError(
                why if alone else say("{reason} along the {axis}", reason=why, axis=axis)
            )
    return tuple(
        _derive_axis(rule, axis, axis_values)
        for axis, axis_values in zip(axes, values, strict=True)
    )


def derivation(
    kind: str, rule: AxisRule, output: Sequence[int], axes: Sequence[AxisDerivation]
) -> Derivation:
    """Gather the axes of one rule."""
    return Derivation(kind, tuple(output), _formula(rule), joined(axes), tuple(axes))


def joined(axes: Sequence[AxisDerivation]) -> str:
    """The substitutions of all axes, each one once."""
    return "; ".join(dict.fromkeys(axis.substitution for axis in axes))


@lru_cache(maxsize=256)
def _formula(rule: AxisRule) -> str:
    return unicode(rule.expression)


@lru_cache(maxsize=4096)
def _derive_axis(rule: AxisRule, axis: str, values: Values) -> AxisDerivation:
    size = rule.function(*values)
    named = tuple(zip(rule.names, values, strict=True))
    numbers = unicode(substitute(rule.expression, dict(named)))
    # Where nothing is computed (a size that an argument fixes), "7 = 7" would say nothing.
    result = numbers if numbers == number_text(size) else f"{numbers} = {number_text(size)}"
    return AxisDerivation(
        axis, int(values[0]), int(size), _formula(rule), result, named, rule.expression
    )


# ---- line by line -------------------------------------------------------------------------

_ROUNDING = {"floor": math.floor, "ceil": math.ceil, "round": round}


def steps(expression: Expression, values: Mapping[str, int | float]) -> tuple[str, ...]:
    """A substitution worked out line by line, as one would on paper; each line once.

    >>> from cnnshape.formulas.expression import symbols
    >>> H, K, S, P = symbols("HKSP")
    >>> for line in steps((H + 2 * P - K) // S + 1, {"H": 28, "K": 3, "S": 2, "P": 1}):
    ...     print(line)
    ⌊(28 + 2·1 − 3)/2⌋ + 1
    ⌊(28 + 2 − 3)/2⌋ + 1
    ⌊27/2⌋ + 1
    ⌊13.5⌋ + 1
    13 + 1
    14
    """
    node = substitute(expression, values)
    lines = [unicode(node)]
    while node.operator != "number":
        after = _reduce(node)
        if after == node:
            break
        node = after
        lines.append(unicode(node))
    return tuple(dict.fromkeys(lines))


def _reduce(node: Expression) -> Expression:
    """One line further: products and small brackets at once, then sums, then roundings."""
    if not node.operands:
        return node
    if node.operator == "negative" and node.operands[0].operator == "number":
        return node
    if node.operator in _ROUNDING and _is_whole_quotient(node.operands[0]):
        return _compute(node.operands[0])
    if all(_is_number(operand) for operand in node.operands):
        return _compute(node)
    return Expression(node.operator, tuple(_reduce(_simple(operand)) for operand in node.operands))


def _is_whole_quotient(node: Expression) -> bool:
    """A fraction that leaves nothing to round, as ⌊28/2⌋."""
    if node.operator != "quotient" or not all(map(_is_number, node.operands)):
        return False
    above, below = map(_value, node.operands)
    return below != 0 and above % below == 0


def _simple(node: Expression) -> Expression:
    """A product without fractions in it is worked out in the head."""
    if node.operator == "negative":
        return Expression("negative", (_simple(node.operands[0]),))
    if node.operator == "product" and not _has_fraction(node):
        value = _integer_value(node)
        return node if value is None else number(value)
    return node


def _has_fraction(node: Expression) -> bool:
    return node.operator in {"quotient", "floor", "ceil", "round", "min", "max", "power"} or any(
        _has_fraction(operand) for operand in node.operands
    )


def _integer_value(node: Expression) -> int | float | None:
    """The value of sums and products of numbers; None where a symbol is left."""
    if node.operator == "number":
        return _value(node)
    if node.operator == "symbol":
        return None
    values: list[int | float] = []
    for operand in node.operands:
        value = _integer_value(operand)
        if value is None:
            return None
        values.append(value)
    if node.operator == "negative":
        return -values[0]
    return sum(values) if node.operator == "sum" else prod(values)


def _compute(node: Expression) -> Expression:
    values = [_value(operand) for operand in node.operands]
    match node.operator:
        case "sum":
            return number(sum(values))
        case "product":
            return number(prod(values))
        case "quotient":
            above, below = values
            if below == 0:
                return node
            return number(above // below if above % below == 0 else above / below)
        case "power":
            return number(values[0] ** values[1])
        case "min":
            return number(min(values))
        case "max":
            return number(max(values))
        case "negative":
            return number(-values[0])
        case _:
            return number(_ROUNDING[node.operator](values[0]))


def _is_number(node: Expression) -> bool:
    if node.operator == "negative":
        return node.operands[0].operator == "number"
    return node.operator == "number"


def _value(node: Expression) -> int | float:
    if node.operator == "negative":
        return -_value(node.operands[0])
    assert isinstance(node.value, int | float)
    return node.value
