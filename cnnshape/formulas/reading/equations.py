"""A text of one or several equations, read for one kind of layer; or of a size with letters."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.expression import Expression, multiply, symbol
from cnnshape.formulas.reading.parser import Parser
from cnnshape.formulas.reading.tokens import Token, refuse, tokens
from cnnshape.messages import say

if TYPE_CHECKING:
    from cnnshape.formulas.algebra import Sum

#: What an equation computes unless its left side names something else, and what a flatten gives.
OUTPUT, FEATURES = "output", "in_features"
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
    # What a flattened tensor is made of.
    "channels": (
        "C", "c", "ch", "channels", "channel", "out_channels", "in_channels", "num_channels",
        "n_channels", "output_channels", "out_ch", "filters", "n_filters", "num_filters",
        "feature_maps", "maps", "planes", "out_planes",
    ),
    "height": ("H", "h", "height", "rows", "out_h", "out_height", "output_height", "feat_h", "oh"),
    "width": (
        "W", "w", "width", "cols", "columns", "out_w", "out_width", "output_width", "feat_w", "ow",
    ),
    "length": ("L", "l", "T", "t", "length", "seq_len", "sequence_length", "steps", "out_length"),
    "depth": ("D", "d", "depth", "frames", "out_d", "out_depth"),
    "batch": ("B", "b", "N", "batch", "batch_size", "bs"),
}  # fmt: skip

#: Letters that name an input axis only together with "in": D_in is a depth, D a dilation.
INPUT_AXES = frozenset("DdTtCc")
INPUT_MARKS = frozenset({"in", "input", "old", "prev", "i", "I", "orig", "src"})
OUTPUT_MARKS = frozenset({"out", "output", "new", "o", "O", "next"})
AXIS_MARKS = frozenset("h w d l t x y z H W D L X Y 0 1 2 height width depth length".split())


class Equation(NamedTuple):
    """One formula: the name it is given (or ""), and the expression over argument names.

    ``written`` tells for each argument the name that the text used for it; ``quantity`` is what
    the left side names: the output, an argument of the layer, or the features of a linear layer.
    """

    label: str
    expression: Expression
    written: dict[str, str]
    text: str
    quantity: str = OUTPUT


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
        raise FormulaSyntaxError(say("the formula is empty; try one such as (W - F + 2P)/S + 1"))
    if len(parts) > MOST_EQUATIONS:
        raise FormulaSyntaxError(
            say(
                "{parts} equations are too many; at most {most_equations} are read at once",
                parts=len(parts),
                most_equations=MOST_EQUATIONS,
            )
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
    label, formula = _sides(text, part)
    source = text[part[0].start : part[-1].end].strip()
    name = "_".join(token.text for token in label)
    quantity = named_quantity(name, kind, roles)
    if quantity == OUTPUT and _is_something_else(name, roles):
        judged = ", ".join(("output", *roles, FEATURES))
        refuse(
            text,
            label[0].start,
            say(
                "{name} is not judged for {kind}; what can be is {judged}",
                name=name,
                kind=kind,
                judged=judged,
            ),
        )
    written: dict[str, str] = {}
    names = _Names(text, kind, tuple(roles), written)
    if quantity == FEATURES:
        names = _Names(text, kind, feature_roles(kind, roles, formula), written)
    elif quantity != OUTPUT:
        names = _Names(text, kind, tuple(roles), written, _outputs(formula, quantity, roles))
    end = formula[-1].end
    expression = Parser(text, [*formula, Token("end", "", end, end)], names.resolve).parse()
    used = expression.names()
    # W = (W − F)/S + 1 names the size after the layer like the one before it.
    if quantity in used or (quantity == "input" and OUTPUT not in used):
        if OUTPUT in used and OUTPUT not in roles:
            refuse(
                text,
                formula[0].start,
                say(
                    "{written} is the output; {computes}",
                    written=written[OUTPUT],
                    computes=_COMPUTES,
                ),
            )
        quantity = OUTPUT
    shown = "".join(token.text for token in label)
    return Equation(shown, expression, written, source, quantity)


def _sides(text: str, part: list[Token]) -> tuple[list[Token], list[Token]]:
    """The name that is computed, empty where none is given, and the formula."""
    sides: list[list[Token]] = [[]]
    equals: list[Token] = []
    for token in part:
        if token.kind == "equals":
            equals.append(token)
            sides.append([])
        else:
            sides[-1].append(token)
    if len(sides) > 2:
        refuse(text, equals[1].start, say("a second = stands here; separate equations by commas"))
    if len(sides) == 1:
        return [], sides[0]
    label, formula = sides if _is_label(sides[0]) else sides[::-1]
    if not _is_label(label):
        refuse(
            text,
            equals[0].start,
            say("one side of = must be a name alone, as in N = … or padding = …"),
        )
    if not formula:
        refuse(text, equals[0].start, say("the formula is missing on one side of ="))
    return label, formula


_COMPUTES = say("a formula computes it from the input")


def _is_label(side: list[Token]) -> bool:
    """A name such as N, H_out, "output size", or nothing at all."""
    return len(side) <= 4 and all(token.kind == "name" for token in side)


def _outputs(formula: Sequence[Token], quantity: str, roles: Collection[str]) -> frozenset[str]:
    """The names that mean the output in a rule for an argument: F = W − (N − 1)S + 2P.

    N and W₂ mean the input as well, but not beside another name of it.
    """
    names = [token.text for token in formula if token.kind == "name"]
    found = {name for name in names if role_of(name, roles) is None and _names_output(name)}
    inputs = sorted({name for name in names if role_of(name, roles) == "input"})
    if quantity != "input" and len(inputs) == 2 and not found:
        found = {name for name in inputs if name in ("N", "n") or name.endswith("2")}
        if len(found) == 2:
            found.clear()
    return frozenset(found)


def _names_output(name: str) -> bool:
    return is_output(name) or name in NAMES[OUTPUT]


class _Names(NamedTuple):
    """What the names of one formula stand for; ``outputs`` are those of the layer's output."""

    text: str
    kind: str
    roles: tuple[str, ...]
    written: dict[str, str]
    outputs: frozenset[str] = frozenset()

    def resolve(self, token: Token) -> Expression:
        """A name as a symbol that carries the argument's name."""
        name = token.text
        parts = [name] if self.role(name) is not None else _two_letters(name, self.roles)
        if not parts and is_output(name):
            refuse(
                self.text,
                token.start,
                say("{name} is the output; {computes}", name=name, computes=_COMPUTES),
            )
        if not parts:
            refuse(
                self.text,
                token.start,
                say(
                    "{name} is not understood in a formula of {kind}; understood are {understood}",
                    name=repr(name),
                    kind=self.kind,
                    understood=understood(self.roles),
                ),
            )
        product: Expression | None = None
        for part in parts:
            factor = symbol(self._noted(token, part))
            product = factor if product is None else multiply(product, factor)
        assert product is not None
        return product

    def role(self, name: str) -> str | None:
        """The argument that a name stands for."""
        if name in self.outputs:
            return OUTPUT
        if "channels" in self.roles:
            return feature_role(name, self.roles)
        return role_of(name, self.roles)

    def _noted(self, token: Token, part: str) -> str:
        role = self.role(part)
        assert role is not None
        before = self.written.setdefault(role, part)
        if before != part:
            refuse(
                self.text,
                token.start,
                say(
                    "{before} and {part} both name the {role}; use one of them",
                    before=before,
                    part=part,
                    role=role,
                ),
            )
        return role


def _two_letters(name: str, roles: Collection[str]) -> list[str]:
    """``DK`` is a product of two known letters."""
    letters = list(name)
    known = len(letters) == 2 and all(role_of(letter, roles) is not None for letter in letters)
    return letters if known else []


# ---- what the letters and words of a formula stand for --------------------------------------

#: What the left side of an equation may name, beside the arguments of a layer.
FEATURE_NAMES = frozenset(
    """in_features in_feature infeatures num_features n_features features num_flat_features
    flat_features flattened flattened_size flatten_size flat_size flat_dim input_features fc_in
    fc_input linear_in fan_in""".split()
)
#: The side of a square that is flattened.
_SIDES = frozenset(
    "size side out_size output_size feature_size final_size spatial_size O o".split()
)


#: What people compute as well, and no size rule knows.
OTHER_NAMES = frozenset(
    """effective_kernel effective_kernel_size k_eff kernel_eff dilated_kernel pad_total total_pad
    padding_total total_padding p_total out_channels in_channels channels c_out c_in params
    parameters num_params n_params macs flops receptive_field rf groups batch_size""".split()
)


def named_quantity(label: str, kind: str, roles: Collection[str]) -> str:
    """What an equation computes, by the name on its left side.

    >>> roles = ("input", "kernel", "stride", "padding", "dilation")
    >>> [named_quantity(name, "conv", roles) for name in ("O", "P", "k_h", "in_features")]
    ['output', 'padding', 'kernel', 'in_features']
    """
    if kind == "flatten" or label.lower().strip("_") in FEATURE_NAMES:
        return FEATURES
    base = label.removeprefix("same_")
    for mark in ("_same", "_s"):
        base = base.removesuffix(mark) or base
    return role_of(label, roles) or role_of(base, roles) or OUTPUT


def _is_something_else(label: str, roles: Collection[str]) -> bool:
    """Whether a name means neither a size of the layer nor one of its arguments."""
    if label.lower() in OTHER_NAMES:
        return True
    arguments = ("kernel", "padding", "stride", "dilation", "output_padding")
    absent = [role for role in arguments if role not in roles]
    return (len(label) > 1 or label in "Pp") and bool(label) and role_of(label, absent) is not None


def feature_roles(kind: str, roles: Collection[str], formula: Sequence[Token]) -> tuple[str, ...]:
    """The axes a flattened tensor may have, and the arguments of the layer before it."""
    names = {token.text for token in formula if token.kind == "name"}
    sized = any(feature_role(name, ("height", "width", "length")) for name in names)
    axes = ["channels", "height", "width"]
    axes += ["depth"] if "dilation" not in roles and kind != "pad" else []
    axes += ["length"]
    # Without another size beside it, N is the side of a square.
    axes += ["batch", "input"] if sized else ["input", "batch"]
    return (*axes, *(role for role in roles if role != "input"))


def feature_role(name: str, roles: Collection[str]) -> str | None:
    """The axis or argument that a name stands for; H_out is the height that is flattened."""
    base = name.rstrip("'")
    head, _, mark = base.partition("_")
    if mark in OUTPUT_MARKS | INPUT_MARKS:
        base = head
    return "input" if base in _SIDES and "input" in roles else role_of(base, roles)


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
    if mark in INPUT_MARKS and "input" in roles:
        if base in INPUT_AXES or _lookup(base, roles) == "input":
            return "input"
        return None
    if mark in AXIS_MARKS or mark.isdigit() or not mark:
        return _lookup(base, roles)
    first, _, last = mark.rpartition("_")
    if last in AXIS_MARKS:
        return role_of(f"{base}_{first}" if first else base, roles)
    return None


def is_output(name: str) -> bool:
    """Whether a name is marked as the output: H_out, n', W_new."""
    return name.endswith("'") or name.partition("_")[2] in OUTPUT_MARKS


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
        "channels": "C channels",
        "height": "H height",
        "width": "W width",
        "length": "L T length",
        "depth": "D depth",
        "batch": "B batch",
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
            refuse(
                text,
                token.start,
                say(
                    "{text} is no letter of the input, which has {known}",
                    text=token.text,
                    known=known,
                ),
            )
        factors = [symbol(name) for name in names]
        return factors[0] if len(factors) == 1 else multiply(*factors[:2])

    size = from_expression(Parser(text, tokens(text), resolve).parse())
    if size is None:
        raise FormulaSyntaxError(
            say(
                "{text} is a fraction for some sizes; say how it is rounded, as in H//2 or ⌊H/2⌋",
                text=text,
            )
        )
    return size
