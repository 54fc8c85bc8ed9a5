"""A rule in itself: its formula in three writings, its arguments, its conditions, its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.paint import Paint, unpainted
from cnnshape.formulas.registry import canonical
from cnnshape.formulas.subjects import subject
from cnnshape.formulas.writing import latex, plain, unicode


@dataclass(frozen=True)
class Description:
    """What there is to know about the rule of one kind along one axis."""

    kind: str
    formula: str
    latex: str
    plain: str
    #: Letter of the formula → the argument it stands for.
    names: dict[str, str]
    #: What must hold, in words.
    conditions: tuple[str, ...]
    source: str

    def __str__(self) -> str:
        return self.text()

    def text(self, paint: Paint = unpainted) -> str:
        """The rule in itself."""
        letters = ", ".join(f"{letter} {name}" for letter, name in self.names.items())
        lines = [
            f"{paint(self.kind, 'strong')}   {self.formula}",
            "",
            f"  letters     {letters}",
            f"  plain       {self.plain}",
            f"  LaTeX       {self.latex}",
        ]
        for index, condition in enumerate(self.conditions):
            lines.append(("  conditions  " if index == 0 else " " * 14) + condition)
        lines.append(f"  source      {self.source}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kind": self.kind,
            "formula": self.formula,
            "latex": self.latex,
            "plain": self.plain,
            "names": dict(self.names),
            "conditions": list(self.conditions),
            "source": self.source,
        }


def describe(kind: str, *, ceil_mode: bool = False) -> Description:
    """The rule of a kind.

    >>> about = describe("avg_pool")
    >>> about.plain
    'floor((H + 2*P - K)/S) + 1'
    >>> about.names["K"]
    'kernel'

    Raises:
        UsageError: There is no such kind, or it has no formula along one axis.
    """
    name = canonical(kind)
    from cnnshape.formulas import whole

    if name in whole.KINDS:
        raise UsageError(f"{name} has no formula along one axis; try {whole.EXAMPLES[name]}")
    about = subject(name, ceil_mode=ceil_mode)
    rule = about.rule
    return Description(
        name,
        unicode(rule.expression),
        latex(rule.expression),
        plain(rule.expression),
        dict(zip(rule.names, about.roles, strict=True)),
        tuple(condition.words for condition in rule.conditions),
        rule.source,
    )
