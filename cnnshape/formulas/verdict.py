"""What somebody derived by hand, held against the rule: exact, not rounded, conditional, wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import eq
from typing import TYPE_CHECKING

from cnnshape.errors import UsageError
from cnnshape.formulas.comparison import Comparison, letters_of, with_rounding
from cnnshape.formulas.configurations import grid_for
from cnnshape.formulas.exact_columns import Column
from cnnshape.formulas.expression import Expression, constants_of, symbol
from cnnshape.formulas.holds_when import Atom, constant_atoms, general_atoms
from cnnshape.formulas.judgement import EXACT, NEEDS_FLOOR, VERDICTS, WRONG, Judgement
from cnnshape.formulas.reading.equations import FEATURES, OUTPUT, Equation, read
from cnnshape.formulas.registry import GROWING, canonical
from cnnshape.formulas.roles import NamedRule, named_rule
from cnnshape.messages import say
from cnnshape.words import listed

if TYPE_CHECKING:
    from cnnshape.formulas.argument_rules import ArgumentRule


def judge_all(
    kind: str,
    text: str,
    *,
    ceil_mode: bool = False,
    given: Mapping[str, float] | None = None,
) -> tuple[Judgement, ...]:
    """Judge every equation in a text.

    Raises:
        FormulaSyntaxError: The text cannot be read.
        UsageError: The kind has no such argument, or no formula along one axis.
    """
    name = canonical(kind)
    roles: Sequence[str] = ("input",)
    if name not in ("flatten", "linear"):
        roles = named_rule(name, ceil_mode=ceil_mode).roles
    if name == "pad":
        roles = ("input", "padding", "before", "after")
    return tuple(
        judge(name, equation, ceil_mode=ceil_mode, given=given)
        for equation in read(text, name, roles)
    )


def judge(
    kind: str,
    equation: Equation,
    *,
    ceil_mode: bool = False,
    given: Mapping[str, float] | None = None,
) -> Judgement:
    """Judge one equation by what its left side names.

    Raises:
        UsageError: The kind has no such argument, or the rule says not what it shall reach.
    """
    fixed = dict(given or {})
    if kind == "linear" and equation.quantity != FEATURES:
        raise UsageError(
            "linear has no formula along one axis; what can be tested is its in_features, "
            "as in 'in_features = channels*height*width'"
        )
    if equation.quantity == FEATURES:
        from cnnshape.formulas.flattened import judge_features

        return judge_features(kind, equation, fixed, ceil_mode=ceil_mode)
    used = equation.expression.names() | ({equation.quantity} - {OUTPUT})
    named = named_rule(kind, ceil_mode=ceil_mode, roles=tuple(used))
    if used - {*named.roles, OUTPUT}:
        raise UsageError(f"a formula of {kind} uses either padding, or before and after")
    held = set(fixed) - ({OUTPUT} if equation.quantity != OUTPUT else set())
    unknown = held - set(named.roles)
    if unknown:
        raise UsageError(f"{named.kind} has no {' and no '.join(sorted(unknown))}")
    if equation.quantity in fixed:
        raise UsageError(
            f"{equation.quantity} is what this formula computes; leave the one that is given away"
        )
    if equation.quantity != OUTPUT:
        return _judge_argument(named, equation, fixed)
    return _judge_size(named, equation, fixed)


class _SizeQuestion:
    """The size of the output."""

    def __init__(
        self, named: NamedRule, given: Mapping[str, float], constants: Sequence[int]
    ) -> None:
        self.named = named
        self.constants = constants
        self.points = grid_for(named, given, constants)
        if not len(self.points):
            raise UsageError("no valid configuration has the arguments that are given")
        self.grows = named.kind in GROWING
        self.rule = named.rule.function(*(symbol(role) for role in named.roles))

    def right(self, values: Sequence[int]) -> list[bool]:
        """Whether each is the size that comes out."""
        return list(map(eq, values, self.points.actual))

    def actual(self, index: int) -> int:
        """The size that comes out."""
        return self.points.actual[index]

    def conditions(self, value: Column, rounded: Sequence[int]) -> list[tuple[Atom, ...]]:
        """The general ones first, then those about the numbers in the formula."""
        del value, rounded
        atoms = general_atoms(self.points, self.named.kind, ceil_mode=self.named.ceil_mode)
        if not self.constants:
            return [atoms]
        texts = {atom.text for atom in atoms}
        extra = constant_atoms(self.points, self.constants)
        return [atoms, (*atoms, *(atom for atom in extra if atom.text not in texts))]

    def repairs(self, expression: Expression, verdict: str) -> list[Expression]:
        """The author's own shape with a floor in it where that is enough, or else the rule."""
        rounding = "ceil" if self.named.ceil_mode else "floor"
        own = with_rounding(expression, rounding) if verdict == NEEDS_FLOOR else []
        return [*own, self.rule]


def _judge_size(named: NamedRule, equation: Equation, given: dict[str, float]) -> Judgement:
    from cnnshape.formulas.normal_form import same_algebra

    question = _SizeQuestion(named, given, constants_of(equation.expression))
    found = Comparison(question, equation, given, up=named.ceil_mode).judgement(
        _blank(named), letters_of(equation, named.letters)
    )
    proved = found.verdict == EXACT and same_algebra(equation.expression, question.rule)
    return replace(found, proved=proved)


def _blank(named: NamedRule) -> Judgement:
    return Judgement(
        named.kind, WRONG, False, (), None, None, "",
        ceil_mode=named.ceil_mode, source=named.rule.source,
    )  # fmt: skip


def _judge_argument(named: NamedRule, equation: Equation, given: dict[str, float]) -> Judgement:
    """A rule for an argument, by the aim that it serves best; by the usual one if by none."""
    from cnnshape.formulas.argument_rules import questions

    found: list[Judgement] = []
    for question in questions(named, equation.quantity, equation.expression, given):
        judged = _by_aim(named, question, equation, given)
        if judged.verdict != WRONG and "stride=1" not in judged.holds_when:
            return judged
        found.append(judged)
    best = min(found, key=lambda each: VERDICTS.index(each.verdict))
    return replace(best, note=_with_a_stride(named, equation, given)) if best.aim else best


def _with_a_stride(named: NamedRule, equation: Equation, given: dict[str, float]) -> str:
    """What a padding does that keeps the size at stride 1 alone; empty where that is not so."""
    from cnnshape.formulas.argument_rules import strided

    question = strided(named, equation.quantity, equation.expression, given)
    if question is None:
        return ""
    judged = _by_aim(named, question, equation, given)
    if judged.verdict == WRONG or "stride=1" in judged.holds_when:
        return ""
    if not judged.holds_when:
        return say("with any stride, {aim}", aim=judged.aim)
    when = listed(judged.holds_when)
    return say("with any stride, {aim} when {conditions}", aim=judged.aim, conditions=when)


def _by_aim(
    named: NamedRule, question: ArgumentRule, equation: Equation, given: dict[str, float]
) -> Judgement:
    usual = {**named.letters, OUTPUT: "O"}
    blank = replace(_blank(named), aim=question.aim.words)
    comparison = Comparison(question, equation, given, up=False)
    return comparison.judgement(blank, letters_of(equation, usual))
