"""What evaluating a rule gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from cnnshape.formulas.derivation import AxisDerivation
from cnnshape.formulas.paint import Paint, unpainted


class Evaluation(NamedTuple):
    """The sizes a layer gives, axis by axis."""

    kind: str
    #: One number for one axis, or a number per axis.
    output: int | tuple[int, ...]
    formula: str
    substitution: str
    axes: tuple[AxisDerivation, ...]
    #: For unfold and fold: the positions of all axes together.
    total: int | None = None
    source: str = ""

    def __str__(self) -> str:
        return self.text()

    def text(self, paint: Paint = unpainted) -> str:
        """The formula, the numbers, and the derivation line by line."""
        axes = _distinct(self.axes)
        lines = [self.formula]
        for axis in axes:
            lines.append("")
            if len(axes) > 1:
                lines.append(paint(axis.axis, "strong"))
            if axis.values:
                lines.append(
                    "  " + ", ".join(f"{letter} = {value}" for letter, value in axis.values)
                )
            lines += _steps(axis, paint)
        if not axes:
            lines += ["", f"  {self.substitution}"]
        if isinstance(self.output, tuple) and self.axes:
            shown = " × ".join(map(str, self.output))
            total = "" if self.total is None else f" = {self.total} positions"
            lines += ["", paint(f"{shown}{total}", "good")]
        return "\n".join(lines)

    def latex(self) -> str:
        """The formula and each axis's substitution, as lines of LaTeX."""
        from cnnshape.formulas import writing

        lines: list[str] = []
        for axis in _distinct(self.axes):
            if axis.expression is None:
                lines.append(axis.substitution.replace("·", r" \cdot ").replace("→", r"\to"))
                continue
            numbers = writing.substitute(axis.expression, dict(axis.values))
            lines.append(
                f"{writing.latex(axis.expression)} = {writing.latex(numbers)} = {axis.output}"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any] | list[dict[str, Any]]:
        """The contract's JSON: an object, or a list of them for several axes."""
        several = [
            {
                "kind": self.kind,
                "output": axis.output,
                "formula": axis.formula,
                "substitution": axis.substitution,
            }
            for axis in self.axes
        ]
        return several if isinstance(self.output, tuple) else several[0]


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
