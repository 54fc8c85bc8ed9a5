"""Convolution and transposed convolution: the rules along one axis, and whole shapes by them."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Size, maximum
from cnnshape.formulas.layer_arguments import (
    PerAxis,
    Shape,
    dims_of,
    not_empty,
    per_axes,
    per_axis,
    split,
)
from cnnshape.formulas.rule import DOCS, AxisRule, Condition, at_least
from cnnshape.messages import say

CONV_SOURCE = DOCS + "Conv2d.html"
TRANSPOSE_SOURCE = DOCS + "ConvTranspose2d.html"


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
    if d > 1:
        return say(
            "kernel {kernel} with dilation {dilation} spans {span} and does not fit into {room}",
            kernel=k,
            dilation=d,
            span=d * (k - 1) + 1,
            room=f"{n} + 2·{p}",
        )
    return say("kernel {kernel} does not fit into {room}", kernel=k, room=f"{n} + 2·{p}")


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
        (at_least("H", say("the input"), 0 if empty else 1, 0), at_least("P", "padding", 0, 3))
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
                say("D(K − 1) + 1 ≤ H + 2P: the dilated kernel fits into the padded input"),
                lambda n, k, s, p, d: (d * (k - 1) + 1, n + 2 * p),
                lambda n, k, s, p, d: kernel_misfit(n, k, p, d),
            ),
        ),
        CONV_SOURCE,
    )


def _conv_same(mode: str, empty: bool) -> AxisRule:
    """``padding="same"``: the odd one of the padding comes after."""
    padded = (
        (at_least("H", say("the input"), 1, 0),)
        if mode == "zeros"
        else (
            at_least("H", say("the input"), 0 if empty else 1, 0),
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
        say("A < max(S, D): output_padding is smaller than stride or dilation"),
        lambda n, k, s, p, d, a: (a + 1, maximum(s, d)),
        lambda n, k, s, p, d, a: say(
            "output_padding {a} must be smaller than stride {s} or dilation {d}", a=a, s=s, d=d
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
            at_least("H", say("the input"), least, 0),
            at_least("K", "kernel", 1, 1),
            at_least("S", "stride", 1, 2),
            at_least("P", "padding", 0, 3),
            at_least("D", "dilation", least, 4),
            at_least("A", "output_padding", 0, 5),
            *(() if empty else (extra,)),
            Condition(
                say(
                    "(H − 1)S − 2P + D(K − 1) + A + 1 ≥ {left}: "
                    "something is left when the padding is cut away",
                    left=left,
                ),
                lambda n, k, s, p, d, a: (left, transposed_size(n, k, s, p, d, a)),
                lambda n, k, s, p, d, a: say(
                    "padding {padding} cuts away everything: the output would be {size}",
                    padding=p,
                    size=transposed_size(n, k, s, p, d, a),
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


def rule_of(kind: str, arguments: Mapping[str, Any]) -> AxisRule:
    """The rule along one axis, given a layer's arguments."""
    if kind == "conv_transpose":
        return CONV_TRANSPOSE
    mode = str(arguments.get("padding_mode", "zeros"))
    return conv_rule(mode, same=arguments.get("padding") == "same", empty=False)


def derive_conv(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    in_channels: int | None = None,
    out_channels: int | None = None,
    padding_mode: str = "zeros",
    dims: int | None = None,
) -> Derivation:
    """A convolution of an input ``(N, C, …)`` or ``(C, …)``."""
    dims = dims_of(shape, dims, kernel_size, stride, padding, dilation)
    leading, sizes = split("conv", shape, dims)
    kernels, strides, dilations = per_axes(
        dims, kernel_size=kernel_size, stride=stride, dilation=dilation
    )
    incoming, outgoing = _channels(leading[-1], in_channels, out_channels, groups)
    if padding_mode not in MODES:
        raise UsageError(f"padding_mode must be one of {', '.join(MODES)}, not {padding_mode!r}")
    if padding_mode in ("reflect", "replicate"):
        not_empty(f"{padding_mode} padding", leading[-1:])
    empty = incoming == 0 or 0 in leading[:-1]
    rule = conv_rule(padding_mode, same=padding == "same", empty=empty)
    if padding == "same":
        if any(step != 1 for step in strides):
            raise ImpossibleSizeError("padding='same' needs stride 1")
        values = tuple(zip(sizes, kernels, dilations, strict=True))
    else:
        pads = per_axis("padding", _pads(padding), dims)
        values = tuple(zip(sizes, kernels, strides, pads, dilations, strict=True))
    axes = derive_axes(rule, values)
    # With no channel coming in, the framework lets none out, whatever was asked for.
    output = (*leading[:-1], outgoing if incoming else 0, *(axis.output for axis in axes))
    return derivation("conv", rule, output, axes)


def derive_conv_transpose(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    in_channels: int | None = None,
    out_channels: int | None = None,
    output_size: Sequence[int] | None = None,
    dims: int | None = None,
) -> Derivation:
    """A transposed convolution; ``output_size`` is what its call was given, if anything."""
    dims = dims_of(shape, dims, kernel_size, stride, padding, dilation, output_padding)
    leading, sizes = split("conv_transpose", shape, dims)
    kernels, strides, pads, dilations = per_axes(
        dims, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    _, outgoing = _channels(leading[-1], in_channels, out_channels, groups)
    not_empty("conv_transpose", leading[-1:])
    if output_size is None:
        extra = per_axis("output_padding", output_padding, dims)
    else:
        bare = tuple(zip(sizes, kernels, strides, pads, dilations, strict=True))
        extra = _output_padding(output_size, bare, len(leading))
    values = tuple(zip(sizes, kernels, strides, pads, dilations, extra, strict=True))
    batched = shape if len(leading) == 2 else (1, *shape)
    rule = transpose_rule(
        empty=0 in leading[:-1],
        lenient=_onednn(batched, groups, kernels, strides, extra),
    )
    axes = derive_axes(rule, values)
    output = (*leading[:-1], outgoing, *(axis.output for axis in axes))
    return derivation("conv_transpose", rule, output, axes)


def _onednn(
    shape: Shape, groups: int, kernels: Shape, strides: Shape, output_paddings: Shape
) -> bool:
    """Whether float32 on a CPU is computed by oneDNN, as far as the shapes decide it.

    oneDNN hands back an output of size 0, which the framework's own code refuses ("Output size is
    too small"). The choice is that of ``ConvParams::use_mkldnn`` in ATen's Convolution.cpp, for
    several threads; float64, and processors without oneDNN, always refuse.
    """
    if any(extra >= step for extra, step in zip(output_paddings, strides, strict=True)):
        return False
    # A convolution over one axis is computed as one over two, the first of size 1.
    smallest = min((1, *kernels)[-2:])
    return groups > 1 or shape[0] > 1 or smallest > 3 or prod(shape[:4]) > 20480


def _output_padding(
    output_size: Sequence[int], values: tuple[tuple[int, int, int, int, int], ...], leading: int
) -> tuple[int, ...]:
    """The output_padding that reaches ``output_size``; its leading axes may be given as well."""
    wanted = tuple(output_size)[-len(values) :]
    if len(output_size) not in (len(values), len(values) + leading):
        raise ImpossibleSizeError(
            f"output_size {tuple(output_size)} has {len(output_size)} numbers, "
            f"but the layer works on {len(values)} axes"
        )
    extra: list[int] = []
    for size, axis in zip(wanted, values, strict=True):
        least = transposed_size(*axis, 0)
        most = least + axis[2] - 1
        if not least <= size <= most:
            raise ImpossibleSizeError(
                f"output_size {size} cannot be reached: this layer gives {least} to {most}"
            )
        extra.append(size - least)
    return tuple(extra)


def _pads(padding: PerAxis | str) -> PerAxis:
    if not isinstance(padding, str):
        return padding
    if padding != "valid":
        raise UsageError(f"padding must be a number, 'same' or 'valid', not {padding!r}")
    return 0


def _channels(
    arriving: int, in_channels: int | None, out_channels: int | None, groups: int
) -> tuple[int, int]:
    """The channels that come in and go out; as many as arrive where nothing is said."""
    incoming = arriving if in_channels is None else in_channels
    outgoing = incoming if out_channels is None else out_channels
    if groups < 1:
        raise ImpossibleSizeError(f"groups must be at least 1, not {groups}")
    if incoming % groups:
        raise ImpossibleSizeError(f"{incoming} input channels cannot be split into {groups} groups")
    if outgoing % groups:
        raise ImpossibleSizeError(
            f"{outgoing} output channels cannot be split into {groups} groups"
        )
    if outgoing < 1:
        raise ImpossibleSizeError(f"out_channels must be at least 1, not {outgoing}")
    if arriving != incoming:
        raise ImpossibleSizeError(f"the layer expects {incoming} channels, but {arriving} arrive")
    return incoming, outgoing
