"""What somebody derived by hand, held against the rule: exact, not rounded, conditional, wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import eq

from cnnshape.errors import UsageError
from cnnshape.formulas.configurations import Mask, first, grid_for, mask_of
from cnnshape.formulas.exact_columns import Column, evaluate
from cnnshape.formulas.expression import Expression, substitute, symbol, unicode
from cnnshape.formulas.holds_when import Atom, constant_atoms, general_atoms, weakest
from cnnshape.formulas.judgement import CONDITIONAL, EXACT, NEEDS_FLOOR, WRONG, Judgement
from cnnshape.formulas.reading.equations import Equation, read
from cnnshape.formulas.roles import NamedRule, named_rule


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
    fixed = dict(given or {})
    roles = named_rule(kind, ceil_mode=ceil_mode).roles
    if kind == "pad":
        roles = ("input", "padding", "before", "after")
    return tuple(
        judge(kind, equation, ceil_mode=ceil_mode, given=fixed)
        for equation in read(text, kind, roles)
    )


def judge(
    kind: str,
    equation: Equation,
    *,
    ceil_mode: bool = False,
    given: Mapping[str, float] | None = None,
) -> Judgement:
    """Judge one equation."""
    named = named_rule(kind, ceil_mode=ceil_mode, roles=tuple(equation.expression.names()))
    missing = equation.expression.names() - set(named.roles)
    if missing:
        raise UsageError(f"a formula of {kind} uses either padding, or before and after")
    return _Comparison(named, equation, dict(given or {})).judgement()


class _Comparison:
    """A formula and a rule over all configurations of a grid."""

    def __init__(self, named: NamedRule, equation: Equation, given: dict[str, float]) -> None:
        self.named = named
        self.equation = equation
        self.given = given
        unknown = set(given) - set(named.roles)
        if unknown:
            raise UsageError(f"{named.kind} has no {' and no '.join(sorted(unknown))}")
        self.constants = _constants(equation.expression)
        self.grid = grid_for(named, given, self.constants)
        if not len(self.grid):
            raise UsageError("no valid configuration has the arguments that are given")
        self.value, self.undefined = evaluate(
            equation.expression, self.grid.columns, len(self.grid)
        )
        self.rounded = _round(self.value, up=named.ceil_mode)

    def judgement(self) -> Judgement:
        as_written = self._equal(self.value)
        when_rounded = self._equal(Column(self.rounded))
        holds_when: tuple[Atom, ...] = ()
        if as_written == self.grid.everywhere:
            return self._result(EXACT, needs_floor=False)
        if when_rounded == self.grid.everywhere:
            return self._result(NEEDS_FLOOR, needs_floor=True, rounding=self._fraction(~as_written))
        found = self._conditions(when_rounded)
        if found is None:
            fractional = self.value.below is not None
            return self._result(
                WRONG,
                needs_floor=fractional,
                counterexample=self._smallest(fractional, as_written, when_rounded),
            )
        holds_when, mask = found
        needs_floor = bool(mask & ~as_written)
        return self._result(
            CONDITIONAL,
            needs_floor=needs_floor,
            holds_when=tuple(atom.text for atom in holds_when),
            counterexample=self._smallest(needs_floor, as_written, when_rounded),
            rounding=self._fraction(mask & ~as_written) if needs_floor else None,
        )

    def _conditions(self, equal: Mask) -> tuple[tuple[Atom, ...], Mask] | None:
        inputs, kernels = (
            [] if role in self.given else [*self.grid.by_value.get(role, {}).values()]
            for role in ("input", "kernel")
        )
        atoms = general_atoms(self.grid, self.named.kind, ceil_mode=self.named.ceil_mode)
        found = weakest(atoms, equal, inputs, kernels)
        if found is None and self.constants:
            texts = {atom.text for atom in atoms}
            extra = constant_atoms(self.grid, self.constants)
            more = [atom for atom in extra if atom.text not in texts]
            found = weakest((*atoms, *more), equal, inputs, kernels)
        return found

    def _equal(self, column: Column) -> Mask:
        truths = list(map(eq, column.above, self.grid.actual))
        if column.below is not None:
            truths = [same and b == 1 for same, b in zip(truths, column.below, strict=True)]
        for index in self.undefined:
            truths[index] = False
        return mask_of(truths)

    def _smallest(
        self, needs_floor: bool, as_written: Mask, when_rounded: Mask
    ) -> dict[str, float | None] | None:
        """The smallest counterexample, among kernels that fit into the bare input if possible."""
        differs = self.grid.everywhere & ~(when_rounded if needs_floor else as_written)
        fits = self._fits()
        column = Column(self.rounded) if needs_floor else self.value
        return self._example(differs & fits or differs, column)

    def _fraction(self, mask: Mask) -> dict[str, float | None] | None:
        """The smallest configuration of a mask, without padding if possible."""
        bare = self._fits()
        if "padding" in self.grid.roles:
            bare &= self.grid.by_value["padding"].get(0, 0)
        return self._example(mask & bare or mask, self.value)

    def _fits(self) -> Mask:
        """Where the kernel fits into the bare input; everywhere for kinds that make it larger."""
        if "kernel" not in self.grid.roles or self.named.kind in ("conv_transpose", "max_unpool"):
            return self.grid.everywhere
        sizes = [role for role in ("input", "kernel", "dilation") if role in self.grid.roles]
        return self.grid.where(sizes, lambda n, k, d=1: d * (k - 1) + 1 <= n)

    def _example(self, mask: Mask, column: Column) -> dict[str, float | None] | None:
        index = first(mask & self.grid.everywhere)
        if index is None:
            return None
        example: dict[str, float | None] = {**self.grid.point(index)}
        example["formula"] = None if index in self.undefined else _number(column, index)
        example["actual"] = self.grid.actual[index]
        return example

    def _result(
        self,
        verdict: str,
        *,
        needs_floor: bool,
        holds_when: tuple[str, ...] = (),
        counterexample: dict[str, float | None] | None = None,
        rounding: dict[str, float | None] | None = None,
    ) -> Judgement:
        from cnnshape.formulas.normal_form import same_algebra

        letters = self._letters()
        ours = self.named.rule.function(*(symbol(role) for role in self.named.roles))
        return Judgement(
            kind=self.named.kind,
            verdict=verdict,
            needs_floor=needs_floor,
            holds_when=holds_when,
            counterexample=counterexample,
            repaired=None if verdict == EXACT else self._repaired(letters, verdict),
            read_as=unicode(_renamed(self.equation.expression, letters)),
            label=self.equation.label,
            rounding_example=rounding,
            given=self.given,
            proved=verdict == EXACT and same_algebra(self.equation.expression, ours),
            compared=len(self.grid),
            ceil_mode=self.named.ceil_mode,
            source=self.named.rule.source,
        )

    def _letters(self) -> dict[str, str]:
        """Role → the name the author used; the rule's own letter for the others."""
        letters = dict(self.equation.written)
        for role, letter in self.named.letters.items():
            if role not in letters:
                taken = set(letters.values())
                letters[role] = letter if letter not in taken else role
        return letters

    def _repaired(self, letters: dict[str, str], verdict: str) -> str:
        """The author's own shape with a floor in it where that is enough, or else the rule."""
        if verdict == NEEDS_FLOOR:
            for candidate in _with_rounding(
                self.equation.expression, "ceil" if self.named.ceil_mode else "floor"
            ):
                value, undefined = evaluate(candidate, self.grid.columns, len(self.grid))
                if not undefined and self._equal(value) == self.grid.everywhere:
                    return unicode(_renamed(candidate, letters))
        rule = self.named.rule.function(*(symbol(role) for role in self.named.roles))
        return unicode(_renamed(rule, letters))


def _with_rounding(expression: Expression, rounding: str) -> list[Expression]:
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


def _renamed(expression: Expression, letters: Mapping[str, str]) -> Expression:
    """The same expression with the author's names."""
    return substitute(expression, {role: symbol(letter) for role, letter in letters.items()})


def _constants(expression: Expression) -> tuple[int, ...]:
    """The numbers of 2 to 64 that stand in a formula, but for the 2 of 2P and for exponents."""
    found: set[int] = set()

    def walk(node: Expression) -> None:
        if node.operator == "number" and isinstance(node.value, int) and 2 <= node.value <= 64:
            found.add(node.value)
        operands = node.operands[:1] if node.operator == "power" else node.operands
        pads = node.operator == "product" and any(each.value == "padding" for each in operands)
        for operand in operands:
            if not (pads and operand.operator == "number"):
                walk(operand)

    walk(expression)
    return tuple(sorted(found)[:4])


def _round(column: Column, *, up: bool) -> list[int]:
    if column.below is None:
        return column.above
    rows: Sequence[tuple[int, int]] = list(zip(column.above, column.below, strict=True))
    return [-(-a // b) if up else a // b for a, b in rows]


def _number(column: Column, index: int) -> float:
    """A JSON number: an integer where it is one."""
    below = column.below[index] if column.below is not None else 1
    above = column.above[index]
    return above if below == 1 else above / below
