"""A text of one or several equations, read for one kind of layer; or of a size with letters."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.expression import Expression, multiply, symbol
from cnnshape.formulas.reading.parser import Parser
from cnnshape.formulas.reading.tokens import Token, refuse, tokens

if TYPE_CHECKING:
    from cnnshape.formulas.algebra import Sum

#: How many equations one text may hold.
MOST_EQUATIONS = 12


#: argument → the names that are understood for it.
NAMES: dict[str, tuple[str, ...]] = {
    "input": (
        "W", "H", "L", "N", "I", "n", "i", "w", "h", "l", "in", "input", "input_size", "in_size",
        "width", "height", "length", "in_width", "in_height", "input_width", "input_height",
        "image_size", "old_size",
    ),
    "kernel": (
        "F", "K", "k", "f", "kernel", "kernel_size", "filter", "filter_size", "pool", "pool_size",
        "kernel_width", "kernel_height", "filter_width", "filter_height", "window", "ksize",
        "window_size",
    ),
    "padding": ("P", "p", "pad", "padding", "pad_size", "padding_size"),
    "stride": ("S", "s", "stride", "strides"),
    "dilation": ("D", "d", "dilation", "dilation_rate", "dilations"),
    "output_padding": ("OP", "op", "A", "a", "output_padding", "out_padding", "adj"),
    "output": ("O", "o", "output", "output_size", "out", "size"),
    "factor": (
        "r", "R", "S", "s", "f", "F", "k", "scale", "scale_factor", "factor", "upscale_factor",
        "downscale_factor", "upscale", "downscale",
    ),
    "before": ("before", "left", "top", "front", "L_pad", "pad_left", "pad_top", "left_pad"),
    "after": ("after", "right", "bottom", "back", "R_pad", "pad_right", "pad_bottom", "right_pad"),
}  # fmt: skip

#: Letters that name an input axis only together with "in": D_in is a depth, D a dilation.
_INPUT_AXES = frozenset("DdTtCc")
_INPUT_MARKS = frozenset({"in", "input", "old", "prev", "i", "I", "orig", "src"})
_OUTPUT_MARKS = frozenset({"out", "output", "new", "o", "O", "next"})
_AXIS_MARKS = frozenset("h w d l t x y z H W D L X Y 0 1 2 height width depth length".split())


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


# ---- what the letters and words of a formula stand for --------------------------------------


def role_of(name: str, roles: Collection[str]) -> str | None:
    """The argument that a name stands for, out of those a kind has; None if it is unknown.

    >>> role_of("H_in", ("input", "kernel")), role_of("K_h", ("input", "kernel"))
    ('input', 'kernel')
    """
    exact = _lookup(name, roles)
    if exact is not None:
        return exact
    base, _, mark = name.partition("_")
    base = base.rstrip("0123456789") or base
    mark = mark.strip("_")
    if mark in _INPUT_MARKS and "input" in roles:
        if base in _INPUT_AXES or _lookup(base, roles) == "input":
            return "input"
        return None
    if mark in _AXIS_MARKS or mark.isdigit() or not mark:
        return _lookup(base, roles)
    first, _, last = mark.rpartition("_")
    if last in _AXIS_MARKS:
        return role_of(f"{base}_{first}" if first else base, roles)
    return None


def is_output(name: str) -> bool:
    """Whether a name is marked as the output: H_out, n', W_new."""
    return name.endswith("'") or name.partition("_")[2] in _OUTPUT_MARKS


def understood(roles: Collection[str]) -> str:
    """What a formula of a kind may name, for an error message."""
    shown = {
        "input": "W H L N n i in",
        "kernel": "F K k f kernel",
        "padding": "P p pad",
        "stride": "S s stride",
        "dilation": "D d dilation",
        "output_padding": "OP A a output_padding",
        "output": "O o output_size",
        "factor": "r scale factor",
        "before": "left before",
        "after": "right after",
    }
    return ", ".join(f"{shown[role]} ({role})" for role in roles)


def _lookup(name: str, roles: Collection[str]) -> str | None:
    for role in roles:
        names = NAMES[role]
        if name in names or (len(name) > 1 and name.lower() in names):
            return role
    return None


# ---- a size with letters ----------------------------------------------------------------------


def read_size(text: str, letters: Collection[str]) -> Sum:
    """The size that a text writes with letters: ``⌊H/4⌋ − 6``, ``(H + 31)//32``, LaTeX as well.

    Args:
        text: plain text, unicode or LaTeX, as in ``cnnshape formula``.
        letters: the letters it may use.

    >>> read_size("⌊H/4⌋ − 6", "HW"), read_size("(H - 24)//4", "HW")
    (Sum('H//4 - 6'), Sum('H//4 - 6'))

    Raises:
        FormulaSyntaxError: it cannot be read, has other letters, or is a fraction somewhere.
    """
    from cnnshape.formulas.algebra import from_expression  # a formula alone needs no algebra

    def resolve(token: Token) -> Expression:
        names = [token.text] if token.text in letters else list(token.text)
        if not all(name in letters for name in names):
            known = ", ".join(sorted(letters)) or "no letters"
            refuse(text, token.start, f"{token.text} is no letter of the input, which has {known}")
        factors = [symbol(name) for name in names]
        return factors[0] if len(factors) == 1 else multiply(*factors[:2])

    size = from_expression(Parser(text, tokens(text), resolve).parse())
    if size is None:
        raise FormulaSyntaxError(
            f"{text} is a fraction for some sizes; say how it is rounded, as in H//2 or ⌊H/2⌋"
        )
    return size
