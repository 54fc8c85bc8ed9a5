"""What a size rule along one axis consists of: its arithmetic, its conditions, its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cnnshape.formulas.expression import Expression, Size, symbol
from cnnshape.messages import say

#: Where torch describes its layers; the sources of the rules.
DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


class Condition:
    """What must hold for a rule to apply: ``left ≤ right``, and how to say that it does not.

    ``bounds`` takes the rule's values in the rule's order and gives ``(left, right)``;
    ``sentence`` takes the same values and says what is wrong, in those numbers; ``words`` states
    the condition without numbers. ``argument`` marks those about a single argument, which no
    other input could mend.
    """

    __slots__ = ("argument", "bounds", "sentence", "words")

    def __init__(
        self,
        words: str,
        bounds: Callable[..., tuple[Size, Size]],
        sentence: Callable[..., str],
        *,
        argument: bool = False,
    ) -> None:
        self.words = words
        self.argument = argument
        self.bounds = bounds
        self.sentence = sentence


def at_least(letter: str, name: str, least: int, position: int) -> Condition:
    """The condition that the argument at ``position`` is not smaller than ``least``."""
    return Condition(
        say(
            "{letter} ≥ {least}: {name} is at least {least}", letter=letter, name=name, least=least
        ),
        lambda *values: (least, values[position]),
        lambda *values: say(
            "{name} must be at least {least}, not {value}",
            name=name,
            least=least,
            value=values[position],
        ),
        argument=True,
    )


class AxisRule:
    """The size of one axis after a layer.

    ``names`` maps each letter of the formula to the argument it stands for, in the order in
    which ``function`` takes them; the input is always the first, and called ``input``.
    """

    __slots__ = ("_expression", "conditions", "function", "kind", "names", "source")

    def __init__(
        self,
        kind: str,
        names: Mapping[str, str],
        function: Callable[..., Size],
        conditions: Sequence[Condition],
        source: str,
    ) -> None:
        self.kind = kind
        self.names = dict(names)
        self.function = function
        self.conditions = tuple(conditions)
        self.source = source
        self._expression: Expression | None = None

    @property
    def expression(self) -> Expression:
        """The formula as a tree over the letters: the function applied to symbols."""
        expression = self._expression
        if expression is None:
            expression = self.function(*(symbol(letter) for letter in self.names))
            self._expression = expression
        return expression

    def size(self, *values: Size) -> Size:
        """The size of the output; symbolic sizes give a symbolic size, without any condition."""
        return self.function(*values)

    def broken(self, *values: float) -> Condition | None:
        """The first condition that these values break."""
        for condition in self.conditions:
            left, right = condition.bounds(*values)
            if left > right:
                return condition
        return None
