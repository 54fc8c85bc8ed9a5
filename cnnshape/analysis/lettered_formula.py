"""A formula derived by hand, held against a layer whose sizes are in letters: ``H//2 - 4``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from cnnshape.analysis.accounts import Accounts, Application
from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.algebra import (
    Sum,
    Whole,
    columns,
    from_expression,
    plain,
    to_expression,
    whole,
)
from cnnshape.formulas.expression import Expression, substitute
from cnnshape.formulas.layer_arguments import per_axis
from cnnshape.formulas.reading.equations import read_size
from cnnshape.formulas.registry import axis_rule
from cnnshape.formulas.roles import ROLES
from cnnshape.messages import say
from cnnshape.tracing.trace import Dim, Operation, Trace

_LETTER = re.compile(r"[A-Za-z]\w*")
#: The sizes that are tried for each letter where algebra alone does not tell.
_TRIED = (*range(1, 41), 63, 64, 65, 224)
_FEWER = (*range(1, 20), 28, 32, 33)


@dataclass(frozen=True, slots=True)
class LetteredAxis:
    """What a formula gives along one axis, and what comes out; None where it gives no size."""

    expected: str | None
    actual: str
    same: bool
    rounded: bool = False
    note: str = ""


def letters_of(trace: Trace) -> tuple[str, ...]:
    """The letters of the inputs' sizes.

    >>> import cnnshape
    >>> letters_of(cnnshape.inspect("lenet", ("N", 1, 28, 28)).trace)
    ('N',)
    """
    dims = (dim for value in trace.values if value.origin == "input" for dim in value.shape)
    found = (_LETTER.findall(dim) for dim in dims if isinstance(dim, str))
    return tuple(sorted({letter for letters in found for letter in letters}))


class LetteredSizes:
    """The layers of a recording in letters, as a size rule sees them."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.letters = letters_of(trace)
        self.accounts = Accounts(trace, self.sizes)

    def sizes(self, value: int) -> tuple[Whole, ...]:
        """The shape of a recorded value."""
        return tuple(map(self._size, self.trace.shape(value)))

    def _size(self, dim: Dim) -> Whole:
        return dim if isinstance(dim, int) else read_size(dim, self.letters)

    def application(self, operation: Operation) -> Application | None:
        """The size rule that judges an operation, with sizes in letters."""
        return self.accounts.rule(operation)

    def axes(
        self, operation: Operation, found: Application, expression: Expression
    ) -> list[LetteredAxis]:
        """The formula along each axis of a layer."""
        call = self.accounts.call(operation)
        count = (call.spatial if call is not None else None) or 1
        incoming = found.input_shape[len(found.input_shape) - count :]
        outgoing = self.sizes(operation.outputs[0])[-count:]
        up = bool(found.arguments.get("ceil_mode"))
        return [
            self.compare(expression, _roles(found, axis, count, size, came), came, up=up)
            for axis, (size, came) in enumerate(zip(incoming, outgoing, strict=True))
        ]

    def compare(
        self,
        expression: Expression,
        roles: Mapping[str, Any],
        actual: Whole,
        *,
        up: bool = False,
        sizes: Sequence[Whole] = (),
    ) -> LetteredAxis:
        """A formula with sizes put in, beside what came out.

        Args:
            expression: the formula.
            roles: the sizes and arguments by what it may call them.
            actual: what came out.
            up: a fraction is rounded up.
            sizes: what must be 1 or more, or the model takes no such input.
        """
        shown = str(plain(actual))
        absent = expression.names() - set(roles)
        if absent:
            return LetteredAxis(
                None, shown, False, note=say("the layer has no {name}", name=min(absent))
            )
        put = substitute(expression, {role: to_expression(size) for role, size in roles.items()})
        try:
            size = from_expression(put)
            rounded = size is None
            if size is None:
                size = from_expression(Expression("ceil" if up else "floor", (put,)))
        except (FormulaSyntaxError, ZeroDivisionError) as error:
            return LetteredAxis(None, shown, False, note=str(error))
        assert size is not None
        alive = [one for one in sizes if isinstance(one, Sum)]
        came = whole(actual) if isinstance(actual, int) else actual
        same, note = self._same(size, came, alive)
        return LetteredAxis(str(plain(size)), shown, same, rounded, note)

    def _same(self, one: Sum, other: Sum, alive: Sequence[Sum]) -> tuple[bool, str]:
        """Whether two sizes are equal: by algebra, or at every size that is tried."""
        if one == other:
            return True, ""
        texts = " ".join(each.text for each in (one, other, *alive))
        letters = sorted(set(_LETTER.findall(texts)) & set(self.letters))
        tried = _TRIED if len(letters) < 2 else _FEWER
        rows = list(zip(*product(tried, repeat=len(letters)), strict=True))
        values = dict(zip(letters, rows, strict=True)) or {"": (0,)}
        left, right = columns(one, values, {}), columns(other, values, {})
        rest = (columns(each, values, {}) for each in alive)
        least = [min(sizes) for sizes in zip(right, *rest, strict=True)]
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            # A size below 1 is none: the layer takes no such input.
            if a != b and least[index] >= 1:
                at = ", ".join(f"{letter} = {values[letter][index]}" for letter in letters)
                at = at or say("every size")
                return False, say(
                    "at {sizes} it gives {size}, the layer {other}", sizes=at, size=a, other=b
                )
        return True, say("equal at {count} sizes that were tried", count=len(left))


def _roles(found: Application, axis: int, count: int, size: Whole, came: Whole) -> dict[str, Whole]:
    """The values along one axis by what a formula may call them."""
    arguments = dict(found.arguments)
    if arguments.get("padding") == "valid":
        arguments["padding"] = 0
    rule, defaults = axis_rule(found.kind, **arguments)
    roles: dict[str, Whole] = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
    for name in rule.names.values():
        if name == "input":
            continue
        value = arguments.get(name)
        given = defaults.get(name) if value is None else value
        roles[ROLES[name]] = _along(name, given, axis, count)
    return roles | {"output": came, "input": size}


def _along(name: str, given: object, axis: int, count: int) -> Whole:
    if isinstance(given, Sum):
        return given
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 1:
        given = given[0]
    return per_axis(name, given, count)[axis]
