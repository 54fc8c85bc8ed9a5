"""The windows of adaptive pooling and of interpolation, from the sizes before and after.

Both compute positions as fractions ``y·before/after``; those repeat after as many positions as
the reduced fraction's denominator, so they too are windows with a period.
Sources: torch's documentation of ``AdaptiveAvgPool2d`` and ``interpolate``, and the index
arithmetic of ATen's ``UpSample.h``.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from cnnshape.analysis.fields.reach import Window


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
