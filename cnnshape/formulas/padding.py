"""Padding: constant (also negative), reflected, replicated and circular."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.arguments import Shape, integer, times
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Size
from cnnshape.formulas.rule import AxisRule, Condition

_SOURCE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html"
_NAMES = {"H": "input", "L": "before", "R": "after"}


def padded_size(n: Size, before: Size, after: Size) -> Size:
    """What is added at both ends; negative numbers cut away."""
    return n + before + after


def _sum(n: int, before: int, after: int) -> str:
    return f"{n} + ({before}) + ({after})"


_LEFT = Condition(
    "H + L + R ≥ 0: no more is cut away than there is",
    lambda n, before, after: (0, n + before + after),
    lambda n, before, after: f"more is cut away than there is: {_sum(n, before, after)}",
)
_LEFT_ONE = Condition(
    "H + L + R ≥ 1: something is left",
    lambda n, before, after: (1, n + before + after),
    lambda n, before, after: f"nothing is left: {_sum(n, before, after)}",
)
_REFLECT = Condition(
    "max(L, R) < H: a reflection needs more pixels than it pads",
    lambda n, before, after: (max(before, after) + 1, n),
    lambda n, before, after: (
        f"a reflected padding of {max(before, after)} needs an input of more than "
        f"{max(before, after)}, this one has {n}"
    ),
)
_CIRCULAR = Condition(
    "max(L, R) ≤ H: a circular padding wraps around at most once",
    lambda n, before, after: (max(before, after), n),
    lambda n, before, after: (
        f"a circular padding of {max(before, after)} would wrap around more than once: "
        f"the input has {n}"
    ),
)

RULES = {
    "constant": AxisRule("pad", _NAMES, padded_size, (_LEFT,), _SOURCE),
    "reflect": AxisRule("pad", _NAMES, padded_size, (_REFLECT, _LEFT_ONE), _SOURCE),
    "replicate": AxisRule("pad", _NAMES, padded_size, (_LEFT_ONE,), _SOURCE),
    "circular": AxisRule("pad", _NAMES, padded_size, (_CIRCULAR, _LEFT), _SOURCE),
}


def derive_pad(
    shape: Shape,
    *,
    padding: int | Sequence[int],
    mode: str = "constant",
    dims: int | None = None,
) -> Derivation:
    """Padding as ``F.pad`` takes it: pairs (before, after), the last axis first.

    One integer pads ``dims`` axes on both sides.
    """
    if mode not in RULES:
        raise UsageError(f"mode must be one of {', '.join(RULES)}, not {mode!r}")
    if isinstance(padding, int):
        pads = (padding,) * 2 * (max(len(shape) - 2, 1) if dims is None else dims)
    else:
        pads = tuple(integer("padding", pad) for pad in padding)
    if len(pads) % 2:
        raise ImpossibleSizeError(f"padding needs two numbers per axis, not {len(pads)}")
    axes_padded = len(pads) // 2
    if axes_padded > len(shape):
        raise ImpossibleSizeError(
            f"padding is given for {axes_padded} axes, the input has {len(shape)}: {times(shape)}"
        )
    if mode != "constant" and len(shape) - axes_padded not in (1, 2):
        raise ImpossibleSizeError(
            f"{mode} padding of {axes_padded} axes takes an input of {axes_padded + 1} or "
            f"{axes_padded + 2} axes, this one has {len(shape)}: {times(shape)}"
        )
    rule = RULES[mode]
    start = len(shape) - axes_padded
    values = tuple(
        (shape[start + index], pads[-2 - 2 * index], pads[-1 - 2 * index])
        for index in range(axes_padded)
    )
    axes = derive_axes(rule, values)
    return derivation("pad", rule, (*shape[:start], *(axis.output for axis in axes)), axes)
