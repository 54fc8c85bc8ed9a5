"""A text of one or several equations, read for one kind of layer."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.expression import Expression, multiply, symbol
from cnnshape.formulas.reading.names import is_output, role_of, understood
from cnnshape.formulas.reading.parser import Parser
from cnnshape.formulas.reading.tokens import Token, refuse, tokens

#: How many equations one text may hold.
MOST_EQUATIONS = 12


class Equation(NamedTuple):
    """One formula: the name it is given (or ""), and the expression over argument names.

    ``written`` tells for each argument the name that the text used for it.
    """

    label: str
    expression: Expression
    written: dict[str, str]
    text: str


def read(text: str, kind: str, roles: Collection[str] | None = None) -> tuple[Equation, ...]:
    """Every formula in a text.

    Args:
        text: Plain text, unicode or LaTeX; several equations are separated by commas.
        kind: The kind of layer, for error messages.
        roles: The arguments a formula may name; those of the kind unless given.

    Raises:
        FormulaSyntaxError: The text cannot be read; the message points at the character.
    """
    if roles is None:
        from cnnshape.formulas.roles import named_rule

        roles = named_rule(kind).roles
    found = _without_wrapper(tokens(text))
    parts = [part for part in _split(found) if part]
    if not parts:
        raise FormulaSyntaxError("the formula is empty; try one such as (W - F + 2P)/S + 1")
    if len(parts) > MOST_EQUATIONS:
        raise FormulaSyntaxError(
            f"{len(parts)} equations are too many; at most {MOST_EQUATIONS} are read at once"
        )
    return tuple(_equation(text, part, kind, roles) for part in parts)


def _without_wrapper(found: list[Token]) -> list[Token]:
    """Take away brackets around equations: (N = …, M = …)."""
    while True:
        body = [token for token in found if token.kind != "end"]
        while body and body[-1].kind == "comma":
            body.pop()
        while body and body[0].kind == "comma":
            body.pop(0)
        if len(body) < 2 or body[0].text not in ("(", "[", "{") or not _encloses(body):
            return [*body, found[-1]]
        if not any(token.kind == "equals" for token in body):
            return [*body, found[-1]]
        found = [*body[1:-1], found[-1]]


def _encloses(body: list[Token]) -> bool:
    """Whether the first bracket is closed by the last token."""
    depth = 0
    for index, token in enumerate(body):
        depth += (token.kind == "open") - (token.kind == "close")
        if depth == 0:
            return index == len(body) - 1
    return False


def _split(found: list[Token]) -> list[list[Token]]:
    """The equations: parts between commas that stand in no bracket."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.kind == "open") - (token.kind == "close")
        if token.kind == "comma" and depth <= 0:
            if token.text != "\n" or _complete(parts[-1]):
                parts.append([])
        elif token.kind == "comma" and token.text != ",":
            continue
        elif token.kind != "end":
            parts[-1].append(token)
    return parts


def _complete(part: list[Token]) -> bool:
    """Whether a formula may end here; a line that breaks after an operator goes on."""
    return bool(part) and part[-1].kind not in ("operator", "equals", "frac")


def _equation(text: str, part: list[Token], kind: str, roles: Collection[str]) -> Equation:
    sides: list[list[Token]] = [[]]
    equals: list[Token] = []
    for token in part:
        if token.kind == "equals":
            equals.append(token)
            sides.append([])
        else:
            sides[-1].append(token)
    if len(sides) > 2:
        refuse(text, equals[1].start, "a second = stands here; separate equations by commas")
    source = text[part[0].start : part[-1].end].strip()
    label: list[Token] = []
    formula = sides[0]
    if len(sides) == 2:
        label, formula = sides if _is_label(sides[0]) else sides[::-1]
        if not _is_label(label):
            refuse(
                text, equals[0].start, "one side of = must be the output's name alone, as in N = …"
            )
        if not formula:
            refuse(text, equals[0].start, "the formula is missing on one side of =")
    end = formula[-1].end
    written: dict[str, str] = {}

    def resolve(token: Token) -> Expression:
        return _resolve(text, token, kind, roles, written)

    parser = Parser(text, [*formula, Token("end", "", end, end)], resolve)
    return Equation("".join(token.text for token in label), parser.parse(), written, source)


def _is_label(side: list[Token]) -> bool:
    """A name such as N, H_out, "output size", or nothing at all."""
    return len(side) <= 4 and all(token.kind == "name" for token in side)


def _resolve(
    text: str, token: Token, kind: str, roles: Collection[str], written: dict[str, str]
) -> Expression:
    """A name as a symbol that carries the argument's name."""
    name = token.text
    if is_output(name) and role_of(name, roles) is None:
        refuse(text, token.start, f"{name} is the output; a formula computes it from the input")
    parts = [name] if role_of(name, roles) is not None else _two_letters(name, roles)
    if not parts:
        refuse(
            text,
            token.start,
            f"{name!r} is not understood in a formula of {kind}; understood are "
            f"{understood(roles)}",
        )
    product: Expression | None = None
    for part in parts:
        role = role_of(part, roles)
        assert role is not None
        before = written.setdefault(role, part)
        if before != part:
            refuse(text, token.start, f"{before} and {part} both name the {role}; use one of them")
        factor = symbol(role)
        product = factor if product is None else multiply(product, factor)
    assert product is not None
    return product


def _two_letters(name: str, roles: Collection[str]) -> list[str]:
    """``DK`` is a product of two known letters."""
    letters = list(name)
    known = len(letters) == 2 and all(role_of(letter, roles) is not None for letter in letters)
    return letters if known else []
