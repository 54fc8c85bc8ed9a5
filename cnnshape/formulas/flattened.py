"""The features that a linear layer gets: a formula for the product of the flattened axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import isqrt

from cnnshape.errors import UsageError
from cnnshape.formulas.comparison import Comparison, letters_of, with_rounding
from cnnshape.formulas.configurations import Point, Points
from cnnshape.formulas.exact_columns import Column
from cnnshape.formulas.expression import Expression, constants_of, multiply, symbol
from cnnshape.formulas.holds_when import Atom, equal_atoms, general_atoms, telling
from cnnshape.formulas.judgement import VERDICTS, WRONG, Judgement
from cnnshape.formulas.reading.equations import Equation
from cnnshape.formulas.roles import NamedRule, named_rule
from cnnshape.messages import say

#: What to do with a rule that computes sizes before it multiplies them.
_WHOLE = say(
    "judged on the sizes that are flattened; a rule for a whole network, with the sizes of its "
    "input, is tested by cnnshape check MODEL --formula linear='in_features = …'"
)
_SOURCE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html"
#: Larger numbers in a formula are no size and no number of channels.
_LARGEST = 1 << 16

_AXES: dict[str, tuple[int, ...]] = {
    "channels": (1, 2, 3, 16),
    "depth": (1, 2, 3, 5),
    "height": (1, 2, 3, 4, 5, 7, 8, 14),
    "width": (1, 2, 3, 4, 5, 7, 8, 14),
    "length": (1, 2, 3, 4, 5, 7, 8, 14),
    "input": (*range(1, 11), 13, 14, 28),
    "batch": (1, 2, 5),
}
_ARGUMENTS: dict[str, tuple[int, ...]] = {
    "kernel": (1, 2, 3, 4, 5),
    "stride": (1, 2, 3),
    "padding": (0, 1, 2),
    "dilation": (1, 2),
    "output_padding": (0, 1),
}
#: text, the axes it is about, whether it holds for their sizes, what it costs a reader
_CONDITIONS: tuple[tuple[str, tuple[str, ...], Callable[..., bool], int], ...] = (
    ("height=width", ("height", "width"), lambda h, w: h == w, 10),
    ("batch=1", ("batch",), lambda b: b == 1, 10),
    ("channels=1", ("channels",), lambda c: c == 1, 12),
    ("depth=1", ("depth",), lambda d: d == 1, 12),
    ("height=1", ("height",), lambda h: h == 1, 12),
    ("width=1", ("width",), lambda w: w == 1, 12),
    ("length=1", ("length",), lambda n: n == 1, 12),
    ("input=1", ("input",), lambda n: n == 1, 12),
)
#: The same about axes that a layer halves.
_HALVED: tuple[tuple[str, tuple[str, ...], Callable[..., bool], int], ...] = (
    (say("height even"), ("height",), lambda h: h % 2 == 0, 11),
    (say("width even"), ("width",), lambda w: w % 2 == 0, 11),
    (say("length even"), ("length",), lambda n: n % 2 == 0, 11),
    (say("input even"), ("input",), lambda n: n % 2 == 0, 11),
)


class _Features:
    """The flattened axes, straight or after a layer that changes their sizes."""

    grows = True

    def __init__(
        self, axes: Sequence[str], layer: NamedRule | None, expression: Expression,
        given: Mapping[str, float], constants: Sequence[int],
    ) -> None:  # fmt: skip
        self.axes = tuple(axes)
        self.layer = layer
        self.constants = tuple(constants)
        self.used = expression.names()
        self.product = is_product(expression)
        roles = [*axes, *(("batch",) if "batch" in self.used else ())]
        roles += layer.roles[1:] if layer is not None else ()
        values = {**_AXES, **_ARGUMENTS}
        near: dict[str, list[int]] = {
            role: sorted({*values[role], *constants}) if role in _AXES else list(values[role])
            for role in roles
        }
        if layer is not None:
            near = {role: sorted({*values[role], *_few(constants)}) for role in roles}
        tried = product(*((int(given[r]),) if r in given else tuple(near[r]) for r in roles))
        kept: list[Point] = []
        self.sizes: list[int] = []
        for point in tried:
            size = self._size(dict(zip(roles, point, strict=True)))
            if size is not None:
                kept.append(point)
                self.sizes.append(size)
        if not kept:
            raise UsageError("no valid configuration has the arguments that are given")
        self.points = Points(roles, list(zip(*kept, strict=True)))

    def _size(self, row: Mapping[str, int]) -> int | None:
        """The product of the axes; None where the layer takes no such input."""
        total = 1
        for axis in self.axes:
            size = row[axis]
            if self.layer is not None and axis != "channels":
                values = (size, *(row[role] for role in self.layer.roles[1:]))
                if self.layer.rule.broken(*values) is not None:
                    return None
                size = int(self.layer.rule.function(*values))
            total *= size**2 if axis == "input" else size
        return total

    def right(self, values: Sequence[int]) -> list[bool]:
        """Whether each is the product."""
        return [value == size for value, size in zip(values, self.sizes, strict=True)]

    def actual(self, index: int) -> int:
        """The product."""
        return self.sizes[index]

    def conditions(self, value: Column, rounded: Sequence[int]) -> list[tuple[Atom, ...]]:
        """About the axes, then about the numbers in the formula, then about the layer."""
        del value, rounded
        atoms = [
            Atom(text, self.points.where(axes, holds), cost)
            for text, axes, holds, cost in (*_CONDITIONS, *(_HALVED if self.layer else ()))
            if set(axes) <= set(self.points.roles)
        ]
        if self.layer is not None:
            atoms += general_atoms(self.points, self.layer.kind, ceil_mode=self.layer.ceil_mode)
        # A number that is multiplied may be the size of an axis that the formula does not name.
        whole = self.layer is not None or self.product
        unnamed = [axis for axis in self.axes if whole and axis not in self.used]
        numbers = dict.fromkeys(unnamed, self.constants)
        if self.layer is not None:
            numbers |= dict.fromkeys(("kernel", "stride", "padding"), self.constants)
        known = {atom.text for atom in atoms}
        equal = [a for a in equal_atoms(self.points, numbers) if a.text not in known]
        return [telling(self.points, atoms), telling(self.points, [*atoms, *equal])]

    def repairs(self, expression: Expression, verdict: str) -> list[Expression]:
        """The author's formula rounded, and the product."""
        del verdict
        arguments = () if self.layer is None else self.layer.roles[1:]
        factors: list[Expression] = []
        for axis in self.axes:
            size = symbol(axis)
            if self.layer is not None and axis != "channels":
                size = self.layer.rule.function(size, *(symbol(role) for role in arguments))
            two = Expression("number", (), 2)
            factors.append(Expression("power", (size, two)) if axis == "input" else size)
        total = factors[0]
        for factor in factors[1:]:
            total = multiply(total, factor)
        return [*with_rounding(expression, "floor"), total]


def judge_features(
    kind: str, equation: Equation, given: Mapping[str, float], *, ceil_mode: bool = False
) -> Judgement:
    """Judge a formula for ``in_features``.

    The axes are those the formula names, channels, height and width unless it says otherwise;
    with arguments of the layer, as in ``C*((W - F)/S + 1)**2``, they are those after it.

    Raises:
        UsageError: An argument is given that no flattened tensor has.
    """
    used = equation.expression.names()
    numbers = constants_of(equation.expression, _LARGEST)
    if is_product(equation.expression):
        sides = {isqrt(number) for number in numbers}  # 25 are 5 × 5
        numbers = sorted({*numbers, *(side for side in sides if side > 1 and side**2 in numbers)})
    layer = None
    if kind not in ("flatten", "linear"):
        layer = named_rule(kind, ceil_mode=ceil_mode)
        if not set(layer.roles[1:]) <= set(_ARGUMENTS):
            layer = None
    straight = not layer or not used & set(layer.roles[1:])
    axes = _axes(used)
    found: list[Judgement] = []
    for after in (*((None,) if straight else ()), *((layer,) if layer else ())):
        known = {*axes, "batch", *(after.roles[1:] if after else ())}
        if set(given) - known:
            raise UsageError(f"{' and '.join(sorted(set(given) - known))} is no part of a flatten")
        question = _Features(axes, after, equation.expression, given, numbers)
        found.append(_judged(kind, question, equation, given))
        if found[-1].ok:
            break
    return min(found, key=lambda each: VERDICTS.index(each.verdict))


def is_product(expression: Expression) -> bool:
    """Whether a formula multiplies sizes and numbers, and nothing else.

    >>> is_product(symbol("channels") * 25), is_product(symbol("height") - 4)
    (True, False)
    """
    known = ("number", "symbol", "product", "power")
    return expression.operator in known and all(map(is_product, expression.operands))


def _judged(
    kind: str, question: _Features, equation: Equation, given: Mapping[str, float]
) -> Judgement:
    layer = question.layer
    usual = {"channels": "C", "height": "H", "width": "W", "length": "L", "depth": "D"}
    usual |= {"input": "N", "batch": "B"} | ({} if layer is None else _letters(layer))
    usual = {role: letter for role, letter in usual.items() if role in question.points.roles}
    blank = Judgement(
        kind, WRONG, False, (), None, None, "",
        source=_SOURCE if layer is None else layer.rule.source,
    )  # fmt: skip
    comparison = Comparison(question, equation, given, up=False)
    found = comparison.judgement(blank, letters_of(equation, usual))
    if found.ok or layer is not None or question.product:
        return found
    return replace(found, note=_WHOLE)


def _letters(layer: NamedRule) -> dict[str, str]:
    return {role: letter for role, letter in layer.letters.items() if role != "input"}


def _axes(used: frozenset[str]) -> tuple[str, ...]:
    if "input" in used:
        return ("channels", "input")
    if "length" in used:
        return ("channels", "length")
    if "depth" in used:
        return ("channels", "depth", "height", "width")
    return ("channels", "height", "width")


def _few(constants: Sequence[int]) -> list[int]:
    return [number for number in constants if number <= 16][:3]
