"""Upsampling, and pixel shuffling between channels and space."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Expression, Size
from cnnshape.formulas.layer_arguments import PerAxis, Shape, not_empty, per_axis, split
from cnnshape.formulas.rule import DOCS, AxisRule, Condition, at_least
from cnnshape.messages import say
from cnnshape.words import plural, times

_UPSAMPLE = DOCS + "Upsample.html"

#: How many axes each mode interpolates.
MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}


def scaled_size(n: Size, factor: Size) -> Size:
    """``⌊n·factor⌋`` in double precision, as the framework computes it.

    A symbolic size needs a factor that is an integer or a unit fraction such as 0.5.
    """
    if isinstance(n, int) and isinstance(factor, int | float):
        return int(float(n) * factor)
    if isinstance(n, Expression):
        return Expression("floor", (n * factor,))
    if float(factor).is_integer():
        return n * int(factor)
    above, below = float(factor).as_integer_ratio()
    return (n * above) // below


UPSAMPLE_SIZE = AxisRule(
    "upsample",
    {"H": "input", "O": "size"},
    lambda n, o: o,
    (at_least("H", say("the input"), 1, 0), at_least("O", "size", 1, 1)),
    _UPSAMPLE,
)
UPSAMPLE_SCALE = AxisRule(
    "upsample",
    {"H": "input", "F": "scale_factor"},
    scaled_size,
    (
        at_least("H", say("the input"), 1, 0),
        Condition(
            say("⌊H·F⌋ ≥ 1: something is left"),
            lambda n, f: (1, scaled_size(n, f)),
            lambda n, f: say(
                "an input of {size} scaled by {factor} leaves nothing", size=n, factor=f
            ),
        ),
    ),
    _UPSAMPLE,
)
#: ``mode="area"`` has the conditions of adaptive pooling instead.
AREA_SIZE = AxisRule("upsample", UPSAMPLE_SIZE.names, UPSAMPLE_SIZE.function, (), _UPSAMPLE)
AREA_SCALE = AxisRule("upsample", UPSAMPLE_SCALE.names, UPSAMPLE_SCALE.function, (), _UPSAMPLE)
SHUFFLE = AxisRule(
    "pixel_shuffle",
    {"H": "input", "R": "upscale_factor"},
    lambda n, r: n * r,
    (at_least("R", "upscale_factor", 1, 1),),
    DOCS + "PixelShuffle.html",
)
UNSHUFFLE = AxisRule(
    "pixel_unshuffle",
    {"H": "input", "R": "downscale_factor"},
    lambda n, r: n // r,
    (
        at_least("R", "downscale_factor", 1, 1),
        Condition(
            say("H is a multiple of R"),
            lambda n, r: (n % r, 0),
            lambda n, r: say(
                "size {size} is no multiple of downscale_factor {factor}", size=n, factor=r
            ),
        ),
    ),
    DOCS + "PixelUnshuffle.html",
)


def rule_of(kind: str, arguments: Mapping[str, Any]) -> AxisRule:
    """The rule along one axis, given a layer's arguments."""
    if kind == "upsample":
        return UPSAMPLE_SCALE if arguments.get("size") is None else UPSAMPLE_SIZE
    return SHUFFLE if kind == "pixel_shuffle" else UNSHUFFLE


def derive_upsample(
    shape: Shape,
    *,
    size: PerAxis | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    recompute_scale_factor: bool | None = None,
    dims: int | None = None,
) -> Derivation:
    """Interpolation of ``(N, C, …)`` to a size or by a factor."""
    del recompute_scale_factor  # it changes the values, never the size
    dims = len(shape) - 2 if dims is None else dims
    leading, sizes = split("upsample", shape, dims, leading=(2,))
    if mode not in MODES:
        raise UsageError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    if dims not in MODES[mode]:
        raise ImpossibleSizeError(
            f"mode {mode} does not interpolate {plural(dims, 'axis', 'axes')}"
        )
    if mode != "area":
        not_empty("upsample", leading[-1:])
    if (size is None) == (scale_factor is None):
        raise ImpossibleSizeError("upsample needs either size or scale_factor")
    if size is not None:
        rule = UPSAMPLE_SIZE
        if isinstance(size, Sequence) and len(size) != dims:
            raise ImpossibleSizeError(
                f"size {tuple(size)} has {plural(len(size), 'number')}, but the input has "
                f"{plural(dims, 'axis', 'axes')} to scale"
            )
        values = tuple(zip(sizes, per_axis("size", size, dims), strict=True))
    else:
        rule = UPSAMPLE_SCALE
        if scale_factor == 0:
            raise ImpossibleSizeError("scale_factor must not be 0")
        values = tuple(zip(sizes, _factors(scale_factor, dims), strict=True))
    if mode == "area":
        rule = _area(rule, values, leading)
    axes = derive_axes(rule, values)
    return derivation("upsample", rule, (*leading, *(axis.output for axis in axes)), axes)


def _area(rule: AxisRule, values: Sequence[tuple[int | float, ...]], leading: Shape) -> AxisRule:
    """``mode="area"`` is an adaptive average pooling, with that one's conditions."""
    from cnnshape.formulas.pooling import derive_adaptive_pool

    wanted = tuple(rule.size(*axis) for axis in values)
    sizes = tuple(int(axis[0]) for axis in values)
    derive_adaptive_pool((*leading, *sizes), output_size=wanted, dims=len(sizes))
    return AREA_SIZE if rule is UPSAMPLE_SIZE else AREA_SCALE


def _factors(factor: float | Sequence[float] | None, dims: int) -> tuple[float, ...]:
    factors = tuple(factor) if isinstance(factor, Sequence) else (factor,) * dims
    if len(factors) != dims:
        raise ImpossibleSizeError(
            f"scale_factor {factors} has {plural(len(factors), 'number')}, but the input has "
            f"{plural(dims, 'axis', 'axes')} to scale"
        )
    for item in factors:
        if isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            raise UsageError(f"scale_factor must be a number, not {item!r}")
    return tuple(float(item) for item in factors if item is not None)


def derive_pixel_shuffle(shape: Shape, *, upscale_factor: int) -> Derivation:
    """``(…, C·r², H, W)`` becomes ``(…, C, H·r, W·r)``."""
    _at_least_three("pixel_shuffle", shape)
    axes = derive_axes(SHUFFLE, tuple((size, upscale_factor) for size in shape[-2:]))
    block = upscale_factor**2
    if shape[-3] % block:
        raise ImpossibleSizeError(
            f"{shape[-3]} channels are no multiple of upscale_factor² = {block}"
        )
    output = (*shape[:-3], shape[-3] // block, *(axis.output for axis in axes))
    return derivation("pixel_shuffle", SHUFFLE, output, axes)


def derive_pixel_unshuffle(shape: Shape, *, downscale_factor: int) -> Derivation:
    """``(…, C, H·r, W·r)`` becomes ``(…, C·r², H, W)``."""
    _at_least_three("pixel_unshuffle", shape)
    axes = derive_axes(UNSHUFFLE, tuple((size, downscale_factor) for size in shape[-2:]))
    if 0 in shape:
        # The framework hands an empty input back as it is.
        return Derivation("pixel_unshuffle", shape, "H", times(shape))
    output = (*shape[:-3], shape[-3] * downscale_factor**2, *(axis.output for axis in axes))
    return derivation("pixel_unshuffle", UNSHUFFLE, output, axes)


def _at_least_three(kind: str, shape: Shape) -> None:
    if len(shape) < 3:
        raise ImpossibleSizeError(
            f"{kind} takes an input of at least 3 axes, this one has {len(shape)}: {times(shape)}"
        )
