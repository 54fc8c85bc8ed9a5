"""A rule in itself: its formula in three writings, its arguments, its conditions, its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnshape.cells import cells
from cnnshape.errors import UsageError
from cnnshape.formulas.expression import latex, plain, unicode
from cnnshape.formulas.registry import WHOLE_SHAPES, canonical
from cnnshape.formulas.roles import named_rule
from cnnshape.formulas.size_evaluation import shape_example
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated


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

    def text(self, style: Style = unstyled) -> str:
        """The rule in itself."""
        letters = ", ".join(f"{letter} {name}" for letter, name in self.names.items())
        lines = [
            f"{style(self.kind, 'strong')}   {self.formula}",
            "",
            translated(say("  letters     ")) + letters,
            translated(say("  plain       ")) + self.plain,
            translated(say("  LaTeX       ")) + self.latex,
        ]
        label = translated(say("  conditions  "))
        for condition in self.conditions:
            lines.append(label + translated(condition))
            label = " " * cells(label)
        lines.append(translated(say("  source      ")) + self.source)
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

    >>> named = describe("avg_pool")
    >>> named.plain
    'floor((H + 2*P - K)/S) + 1'
    >>> named.names["K"]
    'kernel'

    Raises:
        UsageError: There is no such kind, or it has no formula along one axis.
    """
    name = canonical(kind)
    if name in WHOLE_SHAPES:
        raise UsageError(f"{name} has no formula along one axis; try {shape_example(name)}")
    named = named_rule(name, ceil_mode=ceil_mode)
    rule = named.rule
    return Description(
        name,
        unicode(rule.expression),
        latex(rule.expression),
        plain(rule.expression),
        dict(zip(rule.names, named.roles, strict=True)),
        tuple(condition.words for condition in rule.conditions),
        rule.source,
    )
