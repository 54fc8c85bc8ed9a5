"""Upsampling, and pixel shuffling between channels and space."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.arguments import PerAxis, Shape, count, per_axis, split, times
from cnnshape.formulas.convolution import at_least
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Expression, Size
from cnnshape.formulas.rule import AxisRule, Condition

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."

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
        return math.floor(float(n) * factor)
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
    (at_least("H", "the input", 1, 0), at_least("O", "size", 1, 1)),
    _DOCS + "Upsample.html",
)
UPSAMPLE_SCALE = AxisRule(
    "upsample",
    {"H": "input", "F": "scale_factor"},
    scaled_size,
    (
        at_least("H", "the input", 1, 0),
        Condition(
            "⌊H·F⌋ ≥ 1: something is left",
            lambda n, f: (1, scaled_size(n, f)),
            lambda n, f: f"an input of {n} scaled by {f} leaves nothing",
        ),
    ),
    _DOCS + "Upsample.html",
)
SHUFFLE = AxisRule(
    "pixel_shuffle",
    {"H": "input", "R": "upscale_factor"},
    lambda n, r: n * r,
    (at_least("R", "upscale_factor", 1, 1),),
    _DOCS + "PixelShuffle.html",
)
UNSHUFFLE = AxisRule(
    "pixel_unshuffle",
    {"H": "input", "R": "downscale_factor"},
    lambda n, r: n // r,
    (
        at_least("R", "downscale_factor", 1, 1),
        Condition(
            "H is a multiple of R",
            lambda n, r: (n % r, 0),
            lambda n, r: f"size {n} is no multiple of downscale_factor {r}",
        ),
    ),
    _DOCS + "PixelUnshuffle.html",
)


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
        raise ImpossibleSizeError(f"mode {mode} does not interpolate {count(dims, 'axis')}")
    if (size is None) == (scale_factor is None):
        raise ImpossibleSizeError("upsample needs either size or scale_factor")
    if size is not None:
        rule = UPSAMPLE_SIZE
        values = tuple(zip(sizes, per_axis("size", size, dims), strict=True))
    else:
        rule = UPSAMPLE_SCALE
        values = tuple(zip(sizes, _factors(scale_factor, dims), strict=True))
    axes = derive_axes(rule, values)
    return derivation("upsample", rule, (*leading, *(axis.output for axis in axes)), axes)


def _factors(factor: float | Sequence[float] | None, dims: int) -> tuple[float, ...]:
    factors = tuple(factor) if isinstance(factor, Sequence) else (factor,) * dims
    if len(factors) != dims:
        raise ImpossibleSizeError(
            f"scale_factor {factors} has {count(len(factors), 'number')}, but the input has "
            f"{count(dims, 'axis')} to scale"
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
    output = (*shape[:-3], shape[-3] * downscale_factor**2, *(axis.output for axis in axes))
    return derivation("pixel_unshuffle", UNSHUFFLE, output, axes)


def _at_least_three(kind: str, shape: Shape) -> None:
    if len(shape) < 3:
        raise ImpossibleSizeError(
            f"{kind} takes an input of at least 3 axes, this one has {len(shape)}: {times(shape)}"
        )
