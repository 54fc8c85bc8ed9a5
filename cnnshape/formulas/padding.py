"""Padding: constant (also negative), reflected, replicated and circular."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Size
from cnnshape.formulas.layer_arguments import Shape, integer, not_empty
from cnnshape.formulas.rule import DOCS, AxisRule, Condition
from cnnshape.messages import say
from cnnshape.words import times

_SOURCE = DOCS + "functional.pad.html"
_NAMES = {"H": "input", "L": "before", "R": "after"}


def padded_size(n: Size, before: Size, after: Size) -> Size:
    """What is added at both ends; negative numbers cut away."""
    return n + before + after


def _written(n: int, before: int, after: int) -> str:
    def signed(pad: int) -> str:
        return f"− {-pad}" if pad < 0 else f"+ {pad}"

    return f"{n} {signed(before)} {signed(after)}"


_CUT = Condition(
    say("H + min(L, 0) + min(R, 0) ≥ 0: no more is cut away than there is"),
    lambda n, before, after: (0, n + min(before, 0) + min(after, 0)),
    lambda n, before, after: say(
        "more is cut away than there is: {sum}", sum=_written(n, min(before, 0), min(after, 0))
    ),
)
_SOMETHING_LEFT = Condition(
    say("H + L + R ≥ 1: something is left"),
    lambda n, before, after: (1, n + before + after),
    lambda n, before, after: say("nothing is left: {sum}", sum=_written(n, before, after)),
)
_NOT_EMPTY = Condition(
    say("H ≥ 1: there is something to repeat"),
    lambda n, before, after: (1, n),
    lambda n, before, after: say("an input of size {size} has nothing to repeat", size=n),
)
_REFLECT = Condition(
    say("max(L, R) < H: a reflection needs more than it pads"),
    lambda n, before, after: (max(before, after) + 1, n),
    lambda n, before, after: say(
        "a reflected padding of {padding} does not fit into {size}: "
        "it must be smaller than the input",
        padding=max(before, after),
        size=n,
    ),
)
#: What one side wraps around is what the other side's cutting leaves.
_CIRCULAR = Condition(
    say("L ≤ H + min(R, 0) and R ≤ H + min(L, 0): a circular padding wraps around once"),
    lambda n, before, after: (max(before - min(after, 0), after - min(before, 0)), n),
    lambda n, before, after: say(
        "a circular padding of {padding} wraps around more than once: there are {size}",
        padding=max(before, after),
        size=n + min(before, after, 0),
    ),
)

#: What must hold along an axis, by the mode of padding.
CONDITIONS = {
    "constant": (_CUT,),
    "reflect": (_NOT_EMPTY, _REFLECT, _SOMETHING_LEFT),
    "replicate": (_NOT_EMPTY, _SOMETHING_LEFT),
    "circular": (_CUT, _CIRCULAR),
}
RULES = {
    mode: AxisRule("pad", _NAMES, padded_size, conditions, _SOURCE)
    for mode, conditions in CONDITIONS.items()
}


def rule_of(kind: str, arguments: Mapping[str, Any]) -> AxisRule:
    """The rule along one axis by the mode of padding.

    Raises:
        UsageError: There is no such mode.
    """
    del kind
    mode = str(arguments.get("mode", "constant"))
    if mode not in RULES:
        raise UsageError(f"mode must be one of {', '.join(RULES)}, not {mode!r}")
    return RULES[mode]


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
    rule = rule_of("pad", {"mode": mode})
    if isinstance(padding, int):
        pads = (padding,) * 2 * (max(len(shape) - 2, 1) if dims is None else dims)
    else:
        pads = tuple(integer("padding", pad) for pad in padding)
    if len(pads) % 2:
        raise ImpossibleSizeError(f"padding needs two numbers per axis, not {len(pads)} in all")
    count = len(pads) // 2
    start = len(shape) - count
    if start < 0:
        raise ImpossibleSizeError(
            f"padding is given for {count} axes, the input has {len(shape)}: {times(shape)}"
        )
    if mode != "constant":
        _check_rank(mode, shape, count)
    values = tuple(
        (shape[start + index], pads[-2 - 2 * index], pads[-1 - 2 * index]) for index in range(count)
    )
    axes = derive_axes(rule, values)
    return derivation("pad", rule, (*shape[:start], *(axis.output for axis in axes)), axes)


def _check_rank(mode: str, shape: Shape, count: int) -> None:
    """Only constant padding takes any number of axes."""
    if not 1 <= count <= 3 or len(shape) - count not in (1, 2):
        raise ImpossibleSizeError(
            f"{mode} padding works on the last 1 to 3 axes of (N, C, …) or (C, …), "
            f"not on {count} of {times(shape)}"
        )
    if mode != "circular":
        not_empty(f"{mode} padding", shape[len(shape) - count - 1 :])


#: The rule as one says it: the same padding at both ends.
BOTH_SIDES = AxisRule(
    "pad",
    {"H": "input", "P": "padding"},
    lambda n, p: n + 2 * p,
    (
        Condition(
            say("H + 2P ≥ 0: no more is cut away than there is"),
            lambda n, p: (0, n + 2 * p),
            lambda n, p: say("more is cut away than there is: {sum}", sum=_written(n, p, p)),
        ),
    ),
    _SOURCE,
)
