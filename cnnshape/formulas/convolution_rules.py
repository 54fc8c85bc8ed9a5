"""The rules of convolution and transposed convolution along one axis."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from cnnshape.formulas.expression import Size
from cnnshape.formulas.rule import AxisRule, Condition

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
CONV_SOURCE = _DOCS + "Conv2d.html"
TRANSPOSE_SOURCE = _DOCS + "ConvTranspose2d.html"


def conv_size(n: Size, k: Size, s: Size, p: Size, d: Size) -> Size:
    """Every position at which a dilated kernel fits into the padded input, ``s`` apart."""
    return (n + 2 * p - d * (k - 1) - 1) // s + 1


def same_size(n: Size, k: Size, d: Size) -> Size:
    """``padding="same"`` adds as much as the dilated kernel takes away."""
    return n + d * (k - 1) - d * (k - 1)


def transposed_size(n: Size, k: Size, s: Size, p: Size, d: Size, a: Size) -> Size:
    """The input size of a convolution that gives ``n``, plus ``a`` for those it rounds away."""
    return (n - 1) * s - 2 * p + d * (k - 1) + a + 1


def kernel_misfit(n: int, k: int, p: int, d: int) -> str:
    """In words: the (dilated) kernel is larger than the padded input."""
    spans = f" with dilation {d} spans {d * (k - 1) + 1} and" if d > 1 else ""
    return f"kernel {k}{spans} does not fit into {n} + 2·{p}"


def at_least(letter: str, name: str, least: int, position: int) -> Condition:
    """The condition that one argument is not smaller than ``least``."""
    return Condition(
        f"{letter} ≥ {least}: {name} is at least {least}",
        lambda *values: (least, values[position]),
        lambda *values: f"{name} must be at least {least}, not {values[position]}",
        argument=True,
    )


def _padded_by(mode: str, pads: Callable[..., tuple[int, int]]) -> tuple[Condition, ...]:
    """What a mode of padding demands, given the numbers (before, after) that it pads."""
    from cnnshape.formulas.padding import CONDITIONS

    conditions = CONDITIONS[mode]
    return tuple(
        Condition(
            condition.words,
            lambda n, *v, bounds=condition.bounds: bounds(n, *pads(*v)),
            lambda n, *v, sentence=condition.sentence: sentence(n, *pads(*v)),
        )
        for condition in conditions
    )


def _conv(mode: str, empty: bool) -> AxisRule:
    """Convolution by the mode of its padding; only zeros are padded by the convolution itself.

    ``empty``: no batch or no channel arrives. Then nothing is computed, and less is checked.
    """
    padded = (
        (at_least("H", "the input", 0 if empty else 1, 0), at_least("P", "padding", 0, 3))
        if mode == "zeros"
        else _padded_by(mode, lambda k, s, p, d: (p, p))
    )
    return AxisRule(
        "conv",
        {"H": "input", "K": "kernel_size", "S": "stride", "P": "padding", "D": "dilation"},
        conv_size,
        (
            at_least("K", "kernel", 1, 1),
            at_least("S", "stride", 1, 2),
            at_least("D", "dilation", 0 if empty else 1, 4),
            *padded,
            Condition(
                "D(K − 1) + 1 ≤ H + 2P: the dilated kernel fits into the padded input",
                lambda n, k, s, p, d: (d * (k - 1) + 1, n + 2 * p),
                lambda n, k, s, p, d: kernel_misfit(n, k, p, d),
            ),
        ),
        CONV_SOURCE,
    )


def _conv_same(mode: str, empty: bool) -> AxisRule:
    """``padding="same"``: the odd one of the padding comes after."""
    padded = (
        (at_least("H", "the input", 1, 0),)
        if mode == "zeros"
        else (
            at_least("H", "the input", 0 if empty else 1, 0),
            *_padded_by(mode, lambda k, d: (d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2)),
        )
    )
    return AxisRule(
        "conv",
        {"H": "input", "K": "kernel_size", "D": "dilation"},
        same_size,
        (
            at_least("K", "kernel", 1, 1),
            at_least("D", "dilation", 0 if empty else 1, 2),
            *padded,
        ),
        CONV_SOURCE,
    )


MODES = ("zeros", "reflect", "replicate", "circular")
CONV = _conv("zeros", empty=False)
CONV_SAME = _conv_same("zeros", empty=False)


@lru_cache
def conv_rule(mode: str, *, same: bool, empty: bool) -> AxisRule:
    """The rule of a convolution by its padding."""
    if mode == "zeros" and not empty:
        return CONV_SAME if same else CONV
    return _conv_same(mode, empty) if same else _conv(mode, empty)


def _conv_transpose(*, empty: bool = False, lenient: bool = False) -> AxisRule:
    """Transposed convolution.

    ``empty``: no batch arrives; nothing is computed, and less is checked. ``lenient``: an output
    of size 0 is handed back rather than refused.
    """
    least = 0 if empty else 1
    left = 0 if empty or lenient else 1
    extra = Condition(
        "A < max(S, D): output_padding is smaller than stride or dilation",
        lambda n, k, s, p, d, a: (a + 1, max(s, d)),
        lambda n, k, s, p, d, a: (
            f"output_padding {a} must be smaller than stride {s} or dilation {d}"
        ),
    )
    return AxisRule(
        "conv_transpose",
        {
            "H": "input",
            "K": "kernel_size",
            "S": "stride",
            "P": "padding",
            "D": "dilation",
            "A": "output_padding",
        },
        transposed_size,
        (
            at_least("H", "the input", least, 0),
            at_least("K", "kernel", 1, 1),
            at_least("S", "stride", 1, 2),
            at_least("P", "padding", 0, 3),
            at_least("D", "dilation", least, 4),
            at_least("A", "output_padding", 0, 5),
            *(() if empty else (extra,)),
            Condition(
                f"(H − 1)S − 2P + D(K − 1) + A + 1 ≥ {left}: "
                "something is left when the padding is cut away",
                lambda n, k, s, p, d, a: (left, transposed_size(n, k, s, p, d, a)),
                lambda n, k, s, p, d, a: (
                    f"padding {p} cuts away everything: the output would be "
                    f"{transposed_size(n, k, s, p, d, a)}"
                ),
            ),
        ),
        TRANSPOSE_SOURCE,
    )


CONV_TRANSPOSE = _conv_transpose()


@lru_cache
def transpose_rule(*, empty: bool, lenient: bool) -> AxisRule:
    """The rule of a transposed convolution by how much of it is checked."""
    if not empty and not lenient:
        return CONV_TRANSPOSE
    return _conv_transpose(empty=empty, lenient=lenient)
