"""The window that a size rule slides over an axis: which positions each of its positions sees.

Adaptive pooling and interpolation compute positions as fractions ``y·before/after``; those repeat
after as many positions as the reduced fraction's denominator, so they too are windows with a
period. Sources: torch's documentation of the layers, and for interpolation the index arithmetic
of ATen's ``UpSample.h``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Any, TypeAlias

from cnnshape.analysis.fields.reach import Window, shifted, sliding, transposed
from cnnshape.operations.axes import Windowed

#: Called with the arguments along one axis and its sizes before and after.
Finder: TypeAlias = Callable[[Mapping[str, Any], int, int], Window]


def window_of(origin: Windowed, before: int, after: int, *, inside: bool) -> Window | None:
    """The window behind an axis; None where that is not known (one at random places).

    ``inside``: only real positions count, so reflected and repeated borders point back at them;
    otherwise the axis is taken to go on, as the unclipped field wants it.

    >>> from cnnshape.operations.axes import AxisOf
    >>> origin = Windowed(AxisOf(0, 2), 13, "max_pool", {"kernel_size": 3, "stride": 2})
    >>> window_of(origin, 28, 13, inside=False)
    Window(period=1, advance=2, taps=((0, 1, 2),))
    """
    arguments = {**origin.arguments, **origin.details}
    if origin.rule == "pad" and inside and arguments["mode"] != "constant":
        return _folded_back(arguments, before, after)
    find = _FINDERS.get(origin.rule)
    if find is None or 0 in (before, after):
        return None
    return find(arguments, before, after)


# ---- convolutions and poolings ------------------------------------------------------------


def _convolution(given: Mapping[str, Any], before: int, after: int) -> Window:
    del before, after
    kernel, dilation = given["kernel_size"], given.get("dilation", 1)
    padding = given.get("padding", 0)
    if padding == "same":  # an odd total puts the larger half at the end
        padding = dilation * (kernel - 1) // 2
    return sliding(kernel, given.get("stride", 1), padding, dilation)


def _transposed(given: Mapping[str, Any], before: int, after: int) -> Window:
    del before, after
    kernel, stride = given["kernel_size"], given.get("stride", 1)
    return transposed(kernel, stride, given.get("padding", 0), given.get("dilation", 1))


def _pooling(given: Mapping[str, Any], before: int, after: int) -> Window:
    return _convolution({"stride": given["kernel_size"], **given}, before, after)


def _unpooling(given: Mapping[str, Any], before: int, after: int) -> Window:
    return _transposed({"stride": given["kernel_size"], **given}, before, after)


def adaptive(before: int, after: int) -> Window:
    """Adaptive pooling: output ``y`` averages ``⌊y·n/o⌋ … ⌈(y + 1)·n/o⌉ − 1``.

    >>> adaptive(14, 7)
    Window(period=1, advance=2, taps=((0, 1),))
    """
    ratio = Fraction(before, after)
    taps = tuple(
        tuple(range(floor(y * ratio), ceil((y + 1) * ratio))) for y in range(ratio.denominator)
    )
    return Window(ratio.denominator, ratio.numerator, taps)


# ---- other sizes --------------------------------------------------------------------------


def _interpolation(given: Mapping[str, Any], before: int, after: int) -> Window:
    exact = given.get("size") is None and not given.get("recompute_scale_factor")
    return interpolated(
        before,
        after,
        given.get("mode", "nearest"),
        scale=given.get("scale_factor") if exact else None,
        align_corners=bool(given.get("align_corners")),
        antialias=bool(given.get("antialias")),
    )


def interpolated(
    before: int,
    after: int,
    mode: str,
    *,
    scale: float | None = None,
    align_corners: bool = False,
    antialias: bool = False,
) -> Window:
    """Interpolation; ``scale`` is the ``scale_factor`` if that, not a size, was given.

    >>> interpolated(7, 14, "nearest").taps
    ((0,), (0,))
    >>> interpolated(7, 14, "bilinear").taps
    ((-1, 0), (0, 1))
    """
    if mode == "area":
        return adaptive(before, after)
    ratio = Fraction(before, after)
    if scale is not None:
        ratio = (1 / Fraction(scale)).limit_denominator(4096)
    smooth = mode not in ("nearest", "nearest-exact")
    if align_corners and smooth:
        ratio = Fraction(before - 1, after - 1) if after > 1 else Fraction(0)
    half = Fraction(1, 2)
    reach = {"bicubic": 2}.get(mode, 1)
    taps: list[tuple[int, ...]] = []
    for y in range(ratio.denominator):
        if mode == "nearest":
            taps.append((floor(y * ratio),))
        elif mode == "nearest-exact":
            taps.append((floor((y + half) * ratio),))
        elif antialias and ratio > 1:
            centre = (y + half) * ratio
            first = floor(centre - reach * ratio + half)
            taps.append((first, floor(centre + reach * ratio + half) - 1))
        else:
            at = y * ratio if align_corners else (y + half) * ratio - half
            # Exactly on a pixel, every other weight is zero.
            on_pixel = at.denominator == 1
            taps.append((int(at),) if on_pixel else (floor(at) - reach + 1, *_between(at, reach)))
    return Window(ratio.denominator, ratio.numerator, tuple(taps))


def _between(at: Fraction, reach: int) -> tuple[int, ...]:
    return tuple(range(floor(at) - reach + 2, floor(at) + reach + 1))


def _slice(given: Mapping[str, Any], before: int, after: int) -> Window:
    del before, after
    return shifted(given["start"], given.get("step", 1))


def _padding(given: Mapping[str, Any], before: int, after: int) -> Window:
    del before, after
    return shifted(-given["before"])


def _folded_back(given: Mapping[str, Any], before: int, after: int) -> Window:
    """A border that repeats positions of the axis."""
    taps = tuple((_border(y - given["before"], before, given["mode"]),) for y in range(after))
    return Window(max(after, 1), before, taps or ((),))


def _border(position: int, n: int, mode: str) -> int:
    if mode == "circular":
        return position % n
    if mode == "reflect":
        position = abs(position)
        return position if position < n else 2 * (n - 1) - position
    return min(max(position, 0), n - 1)


_FINDERS: Mapping[str, Finder] = {
    "conv": _convolution,
    "conv_transpose": _transposed,
    "max_pool": _pooling,
    "avg_pool": _pooling,
    "lp_pool": _pooling,
    "adaptive_pool": lambda _given, before, after: adaptive(before, after),
    "max_unpool": _unpooling,
    "upsample": _interpolation,
    "slice": _slice,
    "pad": _padding,
}
#: The rules whose windows say which axes of a network's input are spatial.
SLIDING = frozenset(_FINDERS) - {"upsample", "slice", "pad"}
