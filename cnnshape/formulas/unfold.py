"""Unfold (image to columns) and fold (columns to image)."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from cnnshape.errors import ImpossibleSizeError
from cnnshape.formulas.convolution import CONV
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.layer_arguments import PerAxis, Shape, not_empty, per_axes, per_axis
from cnnshape.formulas.rule import DOCS, AxisRule
from cnnshape.words import times

UNFOLD = AxisRule("unfold", CONV.names, CONV.function, CONV.conditions, DOCS + "Unfold.html")
FOLD = AxisRule("fold", CONV.names, CONV.function, CONV.conditions, DOCS + "Fold.html")


def rule_of(kind: str, arguments: Mapping[str, Any]) -> AxisRule:
    """The rule along one axis, which is that of a convolution."""
    del arguments
    return UNFOLD if kind == "unfold" else FOLD


def derive_unfold(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Derivation:
    """``(N, C, H, W)`` becomes ``(N, C·kernel, positions)``."""
    if len(shape) not in (3, 4):
        raise ImpossibleSizeError(
            f"unfold takes an input of 3 or 4 axes, this one has {len(shape)}: {times(shape)}"
        )
    not_empty("unfold", shape[-3:])
    kernels, *others = per_axes(
        2, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    axes = derive_axes(UNFOLD, tuple(zip(shape[-2:], kernels, *others, strict=True)))
    positions = prod(axis.output for axis in axes)
    output = (*shape[:-3], shape[-3] * prod(kernels), positions)
    return derivation("unfold", UNFOLD, output, axes)


def derive_fold(
    shape: Shape,
    *,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Derivation:
    """``(N, C·kernel, positions)`` becomes ``(N, C, *output_size)``."""
    if len(shape) not in (2, 3):
        raise ImpossibleSizeError(
            f"fold takes an input of 2 or 3 axes, this one has {len(shape)}: {times(shape)}"
        )
    target = per_axis("output_size", output_size, 2)
    kernels, *others = per_axes(
        2, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    axes = derive_axes(FOLD, tuple(zip(target, kernels, *others, strict=True)))
    columns, positions = shape[-2:]
    block = prod(kernels)
    if columns % block:
        raise ImpossibleSizeError(
            f"{columns} values per position are no multiple of the kernel's {times(kernels)}"
        )
    needed = prod(axis.output for axis in axes)
    if positions != needed:
        raise ImpossibleSizeError(
            f"an output of {times(target)} has "
            f"{times([axis.output for axis in axes])} = {needed} positions, but {positions} arrive"
        )
    return derivation("fold", FOLD, (*shape[:-2], columns // block, *target), axes)
