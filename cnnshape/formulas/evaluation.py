"""What evaluating a rule gives."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnshape.formulas.derivation import AxisDerivation


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
        """As ``cnnshape formula`` prints it."""
        from cnnshape.formulas.evaluation_text import evaluation_text

        return evaluation_text(self)

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
