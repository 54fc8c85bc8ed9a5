"""A formula held against what is right, over many configurations: the verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cnnshape.formulas.configurations import Mask, Points, first, mask_of
from cnnshape.formulas.exact_columns import Column, evaluate
from cnnshape.formulas.expression import Expression, substitute, symbol, unicode
from cnnshape.formulas.holds_when import Atom, cost, weakest
from cnnshape.formulas.judgement import CONDITIONAL, EXACT, NEEDS_FLOOR, WRONG, Judgement
from cnnshape.formulas.reading.equations import OUTPUT, Equation

#: One attempt after the other to say when a formula holds.
Conditions = Callable[[Column, Sequence[int]], Sequence[Sequence[Atom]]]


class Question(Protocol):
    """What a formula is to give, in each of some configurations."""

    @property
    def points(self) -> Points:
        """The configurations."""
        ...

    @property
    def grows(self) -> bool:
        """Whether the kernel need not fit into the input, as in a transposed convolution."""
        ...

    def right(self, values: Sequence[int]) -> list[bool]:
        """Whether each value is right in its configuration."""
        ...

    def actual(self, index: int) -> int | None:
        """The right value of one configuration; None where none is."""
        ...

    def conditions(self, value: Column, rounded: Sequence[int]) -> Sequence[Sequence[Atom]]:
        """The conditions under which such a formula may hold, to be tried one after the other."""
        ...

    def repairs(self, expression: Expression, verdict: str) -> Sequence[Expression]:
        """Formulas that may be right in place of this one, the nearest to it first."""
        ...


class Comparison:
    """A formula and a question over all configurations."""

    def __init__(
        self, question: Question, equation: Equation, given: Mapping[str, float], *, up: bool
    ) -> None:
        self.question = question
        self.equation = equation
        self.given = given
        self.up = up
        points = question.points
        self.value, self.undefined = evaluate(equation.expression, points.columns, len(points))
        self.rounded = rounded(self.value, up=up)
        self.when_rounded, self.as_written = self._right(self.value, self.undefined, self.rounded)
        self.attempts = question.conditions(self.value, self.rounded)

    def _right(self, value: Column, undefined: set[int], whole: Sequence[int]) -> tuple[Mask, Mask]:
        """Where a formula is right once it is rounded, and where as it stands."""
        truths = self.question.right(whole)
        for index in undefined:
            truths[index] = False
        right = mask_of(truths)
        if value.below is None:
            return right, right
        return right, right & mask_of(below == 1 for below in value.below)

    def judgement(self, blank: Judgement, letters: Mapping[str, str]) -> Judgement:
        """What is found, put into a judgement that says what the formula is about."""
        from dataclasses import replace

        found = self._verdict()
        repaired, when = self._repaired(found)
        return replace(
            blank,
            verdict=found.verdict,
            needs_floor=found.needs_floor,
            holds_when=found.holds_when,
            counterexample=found.counterexample,
            rounding_example=found.rounding_example,
            repaired=None if repaired is None else unicode(renamed(repaired, letters)),
            repaired_when=when,
            read_as=unicode(renamed(self.equation.expression, letters)),
            label=self.equation.label,
            quantity=self.equation.quantity,
            given=dict(self.given),
            compared=len(self.question.points),
        )

    def _verdict(self) -> _Found:
        everywhere = self.question.points.everywhere
        if self.as_written == everywhere:
            return _Found(EXACT)
        if self.when_rounded == everywhere:
            return _Found(NEEDS_FLOOR, True, rounding_example=self._fraction(~self.as_written))
        found = self._weakest(self.when_rounded)
        if found is None:
            fractional = self.value.below is not None and self.equation.quantity == OUTPUT
            return _Found(WRONG, fractional, counterexample=self._smallest(fractional))
        holds_when, mask = found
        rest = mask & ~self.as_written
        return _Found(
            CONDITIONAL,
            bool(rest),
            tuple(atom.text for atom in holds_when),
            self._smallest(bool(rest)),
            self._fraction(rest) if rest else None,
            held=mask,
        )

    def _weakest(self, right: Mask) -> tuple[tuple[Atom, ...], Mask] | None:
        points = self.question.points
        inputs, kernels = (
            [] if role in self.given else [*points.by_value.get(role, {}).values()]
            for role in ("input", "kernel")
        )
        best = None
        for atoms in self.attempts:
            found = weakest(atoms, right, inputs, kernels)
            if found is not None and (best is None or cost(found) < cost(best)):
                best = found
        return best

    def _repaired(self, found: _Found) -> tuple[Expression | None, tuple[str, ...]]:
        """The formula that holds most widely, if it does so more widely than the author's."""
        if found.verdict == EXACT:
            return None, ()
        points = self.question.points
        tried = {self.as_written}
        best: tuple[Expression | None, tuple[str, ...]] = None, ()
        widest = 0 if found.needs_floor else found.held
        for candidate in self.question.repairs(self.equation.expression, found.verdict):
            value, undefined = evaluate(candidate, points.columns, len(points))
            _, mask = self._right(value, undefined, rounded(value, up=self.up))
            if mask == points.everywhere:
                return candidate, ()
            held = None if mask in tried else self._weakest(mask)
            if held is not None and held[1].bit_count() > widest.bit_count():
                best, widest = (candidate, tuple(atom.text for atom in held[0])), held[1]
            tried.add(mask)
        return best

    def _smallest(self, needs_floor: bool) -> dict[str, float | None] | None:
        """The smallest counterexample, among kernels that fit into the bare input if possible."""
        everywhere = self.question.points.everywhere
        differs = everywhere & ~(self.when_rounded if needs_floor else self.as_written)
        column = Column(self.rounded) if needs_floor else self.value
        return self._example(differs & self._fits() or differs, column)

    def _fraction(self, mask: Mask) -> dict[str, float | None] | None:
        """The smallest configuration of a mask, without padding if possible."""
        points = self.question.points
        bare = self._fits()
        if "padding" in points.roles:
            bare &= points.by_value["padding"].get(0, 0)
        return self._example(mask & bare or mask, self.value)

    def _fits(self) -> Mask:
        """Where the kernel fits into the bare input; everywhere where that says nothing."""
        points = self.question.points
        if self.question.grows or not {"input", "kernel"} <= set(points.roles):
            return points.everywhere
        sizes = [role for role in ("input", "kernel", "dilation") if role in points.roles]
        return points.where(sizes, lambda n, k, d=1: d * (k - 1) + 1 <= n)

    def _example(self, mask: Mask, column: Column) -> dict[str, float | None] | None:
        points = self.question.points
        index = first(mask & points.everywhere)
        if index is None:
            return None
        example: dict[str, float | None] = {**points.point(index)}
        example["formula"] = None if index in self.undefined else _number(column, index)
        example["actual"] = self.question.actual(index)
        return example


class _Found:
    """A verdict with its particulars."""

    def __init__(
        self,
        verdict: str,
        needs_floor: bool = False,
        holds_when: tuple[str, ...] = (),
        counterexample: dict[str, float | None] | None = None,
        rounding_example: dict[str, float | None] | None = None,
        held: Mask = 0,
    ) -> None:
        self.verdict = verdict
        self.needs_floor = needs_floor
        self.holds_when = holds_when
        self.counterexample = counterexample
        self.rounding_example = rounding_example
        #: Where the formula is right by what ``holds_when`` says.
        self.held = held


def with_rounding(expression: Expression, rounding: str) -> list[Expression]:
    """The expression with its fractions rounded, or all of it."""
    candidates: list[Expression] = []
    if expression.operator == "sum":
        terms = tuple(
            Expression(rounding, (term,)) if term.operator == "quotient" else term
            for term in expression.operands
        )
        candidates.append(Expression("sum", terms))
    candidates.append(Expression(rounding, (expression,)))
    return candidates


def renamed(expression: Expression, letters: Mapping[str, str]) -> Expression:
    """The same expression with the author's names."""
    return substitute(expression, {role: symbol(letter) for role, letter in letters.items()})


def letters_of(equation: Equation, usual: Mapping[str, str]) -> dict[str, str]:
    """Role → the name the author used; the usual letter for the others."""
    letters = dict(equation.written)
    for role, letter in usual.items():
        if role not in letters:
            letters[role] = letter if letter not in letters.values() else role
    return letters


def rounded(column: Column, *, up: bool = False) -> list[int]:
    """Each value as a whole number."""
    if column.below is None:
        return column.above
    rows = zip(column.above, column.below, strict=True)
    return [-(-a // b) if up else a // b for a, b in rows]


def _number(column: Column, index: int) -> float:
    """A JSON number: an integer where it is one."""
    below = column.below[index] if column.below is not None else 1
    above = column.above[index]
    return above if below == 1 else above / below
