"""What a picture is asked for: a kind, its sizes, and formulas by hand to be judged beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.exact_columns import column_of, evaluate
from cnnshape.formulas.expression import Expression
from cnnshape.formulas.judgement import Judgement, Judgements
from cnnshape.formulas.reading.equations import OUTPUT, read
from cnnshape.formulas.registry import canonical
from cnnshape.formulas.roles import ORDER, NamedRule
from cnnshape.formulas.size_evaluation import configured
from cnnshape.formulas.verdict import judge_all
from cnnshape.formulas.windows import WINDOWED
from cnnshape.formulas.worked import shown
from cnnshape.rendering.formula_picture.picture import FormulaPicture, Judged, formula_picture
from cnnshape.rendering.palette import ThemeName
from cnnshape.words import listed

#: What is shown of a kind where nothing is given: something is padded, and something left over.
EXAMPLES: dict[str, dict[str, int]] = {
    "conv": {"input": 8, "kernel": 3, "stride": 2, "padding": 1},
    "conv_transpose": {"input": 4, "kernel": 3, "stride": 2, "padding": 1},
    "max_pool": {"input": 7, "kernel": 2},
    "avg_pool": {"input": 7, "kernel": 2},
    "lp_pool": {"input": 7, "kernel": 2},
    "adaptive_pool": {"input": 7, "output": 3},
    "max_unpool": {"input": 4, "kernel": 2},
    "unfold": {"input": 8, "kernel": 3, "stride": 2, "padding": 1},
    "fold": {"input": 8, "kernel": 3, "stride": 2, "padding": 1},
}


@dataclass(frozen=True)
class Asked:
    """What is to be drawn.

    Attributes:
        named: the rule.
        rows: role → number, for each axis.
        judged: formulas by hand, with what they give for these numbers.
        ok: whether all of them are exact.
        expression: their text.
    """

    named: NamedRule
    rows: list[dict[str, Any]]
    judged: tuple[Judged, ...] = ()
    ok: bool = True
    expression: str | None = None

    def picture(self, theme: ThemeName) -> FormulaPicture:
        """Draw it."""
        return formula_picture(self.named, self.rows, theme=theme, judged=self.judged)


def asked(
    kind: str,
    expression: str | None,
    given: Mapping[str, Any],
    *,
    ceil_mode: bool = False,
) -> Asked:
    """Find out what is to be drawn.

    A formula by hand is drawn where it differs from the layer; where it does not, an example is.

    Raises:
        UsageError: the kind has no windows, or the numbers are none that a layer takes.
        FormulaSyntaxError: the formula cannot be read.

    >>> asked("conv", "(W - F + 2P)/S + 1", {}).rows
    [{'input': 3, 'kernel': 2, 'stride': 1, 'padding': 0, 'dilation': 2}]
    """
    name = canonical(kind)
    if name not in WINDOWED:
        raise UsageError(f"{name} has no windows to draw; {listed(WINDOWED)} have")
    if expression is None:
        named, rows = configured(name, given or EXAMPLES[name], ceil_mode=ceil_mode)
        return Asked(named, rows)
    judgements = Judgements(judge_all(name, expression, ceil_mode=ceil_mode, given=given))
    for each in judgements:
        if each.quantity != OUTPUT:
            raise UsageError(
                f"a picture shows a formula of the output; one of the {each.quantity} is judged "
                "without -o"
            )
    chosen = _where(judgements.worst, given)
    named, rows = configured(name, chosen, ceil_mode=ceil_mode)
    equations = read(expression, name, named.roles)
    values = [_value(equation.expression, rows[0]) for equation in equations]
    judged = tuple(
        Judged(each.heading_text, value, _lines(each), each.ok)
        for each, value in zip(judgements, values, strict=True)
    )
    return Asked(named, rows, judged, judgements.ok, expression)


def _where(judgement: Judgement, given: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that tells most: where formula and layer differ, or an example."""
    example = judgement.counterexample or judgement.rounding_example
    if example is None:
        usual = EXAMPLES[judgement.kind]
        return {**usual, **given}
    return {role: example[role] for role in ORDER if role in example}


def _value(expression: Expression, row: Mapping[str, int]) -> str:
    columns = {role: column_of([value]) for role, value in row.items()}
    column, undefined = evaluate(expression, columns, 1)
    if undefined:
        return "undefined, for it divides by 0"
    from fractions import Fraction

    value = Fraction(column.above[0], column.denominators()[0])
    return shown(int(value) if value.denominator == 1 else value)


def _lines(judgement: Judgement) -> tuple[str, ...]:
    """The verdict in words, and what would be right."""
    first = f"{judgement.verdict}: {judgement.summary}"
    right = "" if judgement.repaired is None else f"right: {judgement.repaired}"
    return tuple(line for line in (first, right) if line)
