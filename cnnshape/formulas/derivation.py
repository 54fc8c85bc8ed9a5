"""The result of applying a size rule to whole shapes: the output and how it was derived."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cnnshape.errors import ImpossibleSizeError
from cnnshape.formulas.expression import Expression, number_text, substitute, unicode
from cnnshape.formulas.rule import AxisRule

#: What the last one, two or three axes of a shape are called.
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

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
        from cnnshape.formulas.steps import steps

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
    axes = AXES.get(len(values)) or tuple(f"axis {index}" for index in range(len(values)))
    broken = [rule.broken(*axis_values) for axis_values in values]
    for axis, condition, axis_values in zip(axes, broken, values, strict=True):
        if condition is not None:
            alone = all(values[i] == axis_values for i, other in enumerate(broken) if other is None)
            where = "" if alone else f" along the {axis}"
            raise ImpossibleSizeError(condition.sentence(*axis_values) + where)
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
