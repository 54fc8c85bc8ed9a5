"""Pooling of whole shapes: max, average, power-average, adaptive, fractional, max-unpooling."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.arguments import PerAxis, Shape, dims_of, not_empty, per_axis, split
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.pooling_rules import (
    ADAPTIVE,
    ADAPTIVE_MEAN,
    AVERAGES,
    FRACTIONAL,
    FRACTIONAL_3D,
    MAX,
    MAX_CEIL,
    POWERS,
    UNPOOL,
)
from cnnshape.formulas.rule import AxisRule
from cnnshape.words import plural, times


def derive_max_pool(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    dims: int | None = None,
) -> Derivation:
    """Max pooling of ``(N, C, …)`` or ``(C, …)``; the stride is the kernel unless given."""
    dims = dims_of(shape, dims, kernel_size, stride, padding, dilation)
    return _pool(
        MAX_CEIL if ceil_mode else MAX,
        shape,
        dims,
        per_axis("kernel_size", kernel_size, dims),
        per_axis("stride", _or_kernel(stride, kernel_size), dims),
        per_axis("padding", padding, dims),
        per_axis("dilation", dilation, dims),
    )


def derive_avg_pool(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    dims: int | None = None,
) -> Derivation:
    """Average pooling of ``(N, C, …)`` or ``(C, …)``."""
    dims = dims_of(shape, dims, kernel_size, stride, padding)
    return _pool(
        AVERAGES[dims == 3, bool(ceil_mode)],
        shape,
        dims,
        per_axis("kernel_size", kernel_size, dims),
        per_axis("stride", _or_kernel(stride, kernel_size), dims),
        per_axis("padding", padding, dims),
    )


def derive_lp_pool(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    ceil_mode: bool = False,
    dims: int | None = None,
) -> Derivation:
    """Power-average pooling of ``(N, C, …)`` or ``(C, …)``."""
    dims = dims_of(shape, dims, kernel_size, stride)
    if dims == 1 and not isinstance(kernel_size, int):
        raise ImpossibleSizeError(
            f"lp_pool over 1 axis takes kernel_size as an integer, not as {kernel_size!r}"
        )
    return _pool(
        POWERS[dims == 3, bool(ceil_mode)],
        shape,
        dims,
        per_axis("kernel_size", kernel_size, dims),
        per_axis("stride", _or_kernel(stride, kernel_size), dims),
    )


def _pool(rule: AxisRule, shape: Shape, dims: int, *arguments: tuple[int, ...]) -> Derivation:
    leading, sizes = split(rule.kind, shape, dims)
    not_empty(rule.kind, leading[-1:])
    axes = derive_axes(rule, tuple(zip(sizes, *arguments, strict=True)))
    return derivation(rule.kind, rule, (*leading, *(axis.output for axis in axes)), axes)


def derive_adaptive_pool(
    shape: Shape,
    *,
    output_size: int | Sequence[int | None] | None,
    mode: str = "avg",
    dims: int | None = None,
) -> Derivation:
    """Adaptive pooling, ``avg`` or ``max``; None keeps an axis as it is."""
    if mode not in ("avg", "max"):
        raise UsageError(f"mode must be avg or max, not {mode!r}")
    dims = dims_of(shape, dims, output_size)
    asked = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * dims
    if output_size is None or (dims == 1 and None in asked):
        raise ImpossibleSizeError(
            "None as output_size keeps an axis, and is understood in a tuple of 2 or 3 only"
        )
    if len(asked) != dims:
        raise ImpossibleSizeError(
            f"output_size {asked} has {plural(len(asked), 'number')}, but the layer works on "
            f"{plural(dims, 'axis', 'axes')}"
        )
    sizes = shape[-dims:]
    wanted = tuple(n if want is None else want for n, want in zip(sizes, asked, strict=False))
    # The average over everything is a mean, which the framework takes of any shape.
    if mode == "avg" and wanted == (1,) * dims and (dims > 1 or len(shape) in (2, 3)):
        rule = ADAPTIVE_MEAN
        least = 0 if isinstance(output_size, int) else 1
        leading, sizes = split("adaptive_pool", shape, dims, range(least, len(shape)))
    else:
        rule = ADAPTIVE
        leading, sizes = split("adaptive_pool", shape, dims)
        if mode == "max" or dims == 3:
            not_empty("adaptive_pool", leading[1:])
    axes = derive_axes(rule, tuple(zip(sizes, wanted, strict=True)))
    return derivation("adaptive_pool", rule, (*leading, *wanted), axes)


def derive_fractional_pool(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    output_size: PerAxis | None = None,
    output_ratio: float | Sequence[float] | None = None,
    dims: int | None = None,
) -> Derivation:
    """Fractional max pooling, by a size or by a ratio of the input."""
    dims = dims_of(shape, dims, kernel_size, output_size, output_ratio)
    leading, sizes = split("fractional_pool", shape, dims)
    kernels = per_axis("kernel_size", kernel_size, dims)
    if (output_size is None) == (output_ratio is None):
        raise ImpossibleSizeError("fractional_pool needs either output_size or output_ratio")
    if output_ratio is not None:
        ratios = (
            tuple(output_ratio) if isinstance(output_ratio, Sequence) else (output_ratio,) * dims
        )
        for ratio in ratios:
            if not 0 < ratio < 1:
                raise ImpossibleSizeError(f"output_ratio must lie between 0 and 1, not {ratio}")
        wanted = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True))
    else:
        assert output_size is not None
        wanted = per_axis("output_size", output_size, dims)
    not_empty("fractional_pool", leading[1:])
    rule = FRACTIONAL_3D if dims == 3 else FRACTIONAL
    axes = derive_axes(rule, tuple(zip(sizes, kernels, wanted, strict=True)))
    return derivation("fractional_pool", rule, (*leading, *wanted), axes)


def derive_max_unpool(
    shape: Shape,
    *,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    output_size: Sequence[int] | None = None,
    dims: int | None = None,
) -> Derivation:
    """Max-unpooling; ``output_size`` is what its call was given, if anything."""
    dims = dims_of(shape, dims, kernel_size, stride, padding)
    leading, sizes = split("max_unpool", shape, dims)
    kernels = per_axis("kernel_size", kernel_size, dims)
    strides = per_axis("stride", _or_kernel(stride, kernel_size), dims)
    pads = per_axis("padding", padding, dims)
    values = tuple(zip(sizes, kernels, strides, pads, strict=True))
    not_empty("max_unpool", leading[1:])
    if dims == 3 and min(strides) < 1:
        raise ImpossibleSizeError(f"stride must be at least 1, not {min(strides)}")
    axes = derive_axes(UNPOOL, values)
    output = tuple(axis.output for axis in axes)
    if output_size is not None:
        if len(output_size) not in (dims, dims + 2):
            raise ImpossibleSizeError(
                f"output_size {tuple(output_size)} has {plural(len(output_size), 'number')}, "
                f"not {dims} or {dims + 2}"
            )
        wanted = tuple(output_size)[-dims:]
        for usual, step, size in zip(output, strides, wanted, strict=True):
            if not usual - step < size < usual + step:
                raise ImpossibleSizeError(
                    f"output_size {times(wanted)} is not within a stride of {times(output)}"
                )
        output = wanted
    for size in output:
        if size < 0:
            raise ImpossibleSizeError(f"the output would have a negative size: {size}")
    return derivation("max_unpool", UNPOOL, (*leading, *output), axes)


def _or_kernel(stride: PerAxis | None, kernel: PerAxis) -> PerAxis:
    """No stride, or an empty one, means the kernel's."""
    return kernel if stride is None or (isinstance(stride, Sequence) and not stride) else stride
