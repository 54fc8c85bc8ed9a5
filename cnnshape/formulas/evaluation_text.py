"""Size formulas as plain text: a rule in itself, and one with its numbers put in.

Nothing here needs Rich: ``cnnshape formula`` answers within a few milliseconds. A ``Paint``
colours a text for a terminal; the default leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnshape.formulas.derivation import AxisDerivation
    from cnnshape.formulas.description import Description
    from cnnshape.formulas.evaluation import Evaluation

#: (text, what it is: good, bad, warn, strong, quiet) → the text, coloured or not.
Paint = Callable[[str, str], str]


def unpainted(text: str, what: str) -> str:
    """The text as it is."""
    del what
    return text


def evaluation_text(result: Evaluation, paint: Paint = unpainted) -> str:
    """The formula, the numbers, and the derivation line by line."""
    axes = _distinct(result.axes)
    lines = [result.formula]
    for axis in axes:
        lines.append("")
        if len(axes) > 1:
            lines.append(paint(axis.axis, "strong"))
        if axis.values:
            lines.append("  " + ", ".join(f"{letter} = {value}" for letter, value in axis.values))
        lines += _steps(axis, paint)
    if not axes:
        lines += ["", f"  {result.substitution}"]
    if isinstance(result.output, tuple) and result.axes:
        shown = " × ".join(map(str, result.output))
        total = "" if result.total is None else f" = {result.total} positions"
        lines += ["", paint(f"{shown}{total}", "good")]
    return "\n".join(lines)


def _distinct(axes: Iterable[AxisDerivation]) -> list[AxisDerivation]:
    """Axes whose numbers differ; one stands for all that are alike."""
    found: dict[str, AxisDerivation] = {}
    for axis in axes:
        found.setdefault(axis.substitution, axis)
    return list(found.values())


def _steps(axis: AxisDerivation, paint: Paint) -> list[str]:
    steps = list(axis.steps)
    if axis.expression is None:
        return [f"  {step}" for step in steps]
    *before, last = steps
    return [*(f"  = {step}" for step in before), "  = " + paint(last, "good")]


def evaluation_latex(result: Evaluation) -> str:
    """The formula and each axis's substitution, as lines of LaTeX."""
    from cnnshape.formulas.writing import latex, substitute

    lines: list[str] = []
    for axis in _distinct(result.axes):
        if axis.expression is None:
            lines.append(axis.substitution.replace("·", r" \cdot ").replace("→", r"\to"))
            continue
        numbers = substitute(axis.expression, dict(axis.values))
        lines.append(f"{latex(axis.expression)} = {latex(numbers)} = {axis.output}")
    return "\n".join(lines)


def description_text(rule: Description, paint: Paint = unpainted) -> str:
    """The rule in itself."""
    letters = ", ".join(f"{letter} {name}" for letter, name in rule.names.items())
    lines = [
        f"{paint(rule.kind, 'strong')}   {rule.formula}",
        "",
        f"  letters     {letters}",
        f"  plain       {rule.plain}",
        f"  LaTeX       {rule.latex}",
    ]
    for index, condition in enumerate(rule.conditions):
        lines.append(("  conditions  " if index == 0 else " " * 14) + condition)
    lines.append(f"  source      {rule.source}")
    return "\n".join(lines)
