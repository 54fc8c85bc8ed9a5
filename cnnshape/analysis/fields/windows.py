"""Which windows an operation of a recording slides over its input, one per spatial axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from cnnshape.analysis.fields.arguments import argument, per_axis
from cnnshape.analysis.fields.reach import Window, shifted, sliding, transposed
from cnnshape.analysis.fields.resize import adaptive, interpolated
from cnnshape.tracing.trace import Operation, Ref, Trace

Sizes = tuple[int, ...]
#: Called with the operation, the trace, and the sizes of the spatial axes before and after.
Finder = Callable[[Operation, Trace, Sizes, Sizes], "Sequence[Window] | None"]


def _convolution(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del after
    axes = len(before)
    kernel = _kernel_of_weight(op, trace, axes)
    stride = per_axis(argument(op, 3, "stride", 1), axes)
    dilation = per_axis(argument(op, 5, "dilation", 1), axes)
    if kernel is None or stride is None or dilation is None:
        return None
    padding = argument(op, 4, "padding", 0)
    if padding == "same":
        # An odd total puts the larger half at the end.
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    elif padding == "valid":
        padding = 0
    return _slide(kernel, stride, per_axis(padding, axes), dilation)


def _transposed(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del after
    axes = len(before)
    kernel = _kernel_of_weight(op, trace, axes)
    stride = per_axis(argument(op, 3, "stride", 1), axes)
    padding = per_axis(argument(op, 4, "padding", 0), axes)
    dilation = per_axis(argument(op, 7, "dilation", 1), axes)
    if kernel is None or stride is None or padding is None or dilation is None:
        return None
    return [transposed(*each) for each in zip(kernel, stride, padding, dilation, strict=True)]


def _kernel_of_weight(op: Operation, trace: Trace, axes: int) -> tuple[int, ...] | None:
    weight = argument(op, 1, "weight")
    if not isinstance(weight, Ref):
        return None
    return per_axis(trace.shape(weight.value)[2:], axes)


def _pooling(first: int, padding_at: int | None, dilation_at: int | None) -> Finder:
    """A pooling whose kernel is argument ``first``, its stride the next."""

    def find(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
        del trace, after
        axes = len(before)
        kernel = per_axis(argument(op, first, "kernel_size"), axes)
        stride = argument(op, first + 1, "stride")
        stride = kernel if stride is None or stride == () else per_axis(stride, axes)
        padding = 0 if padding_at is None else argument(op, padding_at, "padding", 0)
        dilation = 1 if dilation_at is None else argument(op, dilation_at, "dilation", 1)
        return _slide(kernel, stride, per_axis(padding, axes), per_axis(dilation, axes))

    return find


def _slide(*arguments: tuple[int, ...] | None) -> list[Window] | None:
    known = [argument for argument in arguments if argument is not None]
    if len(known) != len(arguments):
        return None
    return [sliding(*each) for each in zip(*known, strict=True)]


def _unpooling(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del trace, after
    axes = len(before)
    kernel = per_axis(argument(op, 2, "kernel_size"), axes)
    stride = argument(op, 3, "stride")
    stride = kernel if stride is None or stride == () else per_axis(stride, axes)
    padding = per_axis(argument(op, 4, "padding", 0), axes)
    if kernel is None or stride is None or padding is None:
        return None
    return [transposed(*each) for each in zip(kernel, stride, padding, strict=True)]


def _adaptive(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del op, trace
    if 0 in (*before, *after):
        return None
    return [adaptive(n, o) for n, o in zip(before, after, strict=True)]


def _interpolation(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del trace
    if 0 in (*before, *after):
        return None
    default = op.name.removeprefix("upsample_") if op.name.startswith("upsample_") else "nearest"
    mode = argument(op, 3, "mode", default)
    factor = argument(op, 2, "scale_factor")
    if argument(op, 5, "recompute_scale_factor") or argument(op, 1, "size") is not None:
        factor = None
    factors: Any = factor if isinstance(factor, tuple) else repeat(factor, len(before))
    return [
        interpolated(
            n,
            o,
            str(mode),
            scale=f,
            align_corners=bool(argument(op, 4, "align_corners", False)),
            antialias=bool(argument(op, 6, "antialias", False)),
        )
        for n, o, f in zip(before, after, factors, strict=False)
    ]


def _shuffle(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del op, trace
    if any(not n or o % n for n, o in zip(before, after, strict=True)):
        return None
    factors = [o // n for n, o in zip(before, after, strict=True)]
    return [Window(r, 1, ((0,),) * r) for r in factors]


def _unshuffle(op: Operation, trace: Trace, before: Sizes, after: Sizes) -> list[Window] | None:
    del op, trace
    if 0 in after:
        return None
    return [sliding(n // o, n // o) for n, o in zip(before, after, strict=True)]


def padding_windows(op: Operation, before: Sizes, *, inside: bool) -> list[Window] | None:
    """The windows of ``F.pad`` on the last axes.

    ``inside``: only real positions count, so reflected and repeated borders point back at them;
    otherwise the axis is taken to go on, as the unclipped field wants it.
    """
    pads = argument(op, 1, "pad")
    if not isinstance(pads, tuple) or not all(isinstance(p, int) for p in pads):
        return None
    amounts = [int(p) for p in pads if isinstance(p, int)]
    mode = str(argument(op, 2, "mode", "constant"))
    windows: list[Window] = []
    for axis, n in enumerate(before):
        at = 2 * (len(before) - 1 - axis)
        left, right = amounts[at : at + 2] if at + 1 < len(amounts) else (0, 0)
        if inside and mode != "constant":
            total = n + left + right
            taps = tuple((_border(y - left, n, mode),) for y in range(total))
            windows.append(Window(max(total, 1), n, taps or ((),)))
        else:
            windows.append(shifted(-left))
    return windows


def _border(position: int, n: int, mode: str) -> int:
    if mode == "circular":
        return position % n
    if mode == "reflect":
        position = abs(position)
        return position if position < n else 2 * (n - 1) - position
    return min(max(position, 0), n - 1)


def _of_rank(axes: int) -> dict[str, tuple[int, bool, Finder]]:
    return {
        f"conv{axes}d": (axes, True, _convolution),
        f"conv_transpose{axes}d": (axes, True, _transposed),
        f"max_pool{axes}d": (axes, False, _pooling(1, 3, 4)),
        f"avg_pool{axes}d": (axes, False, _pooling(1, 3, None)),
        f"lp_pool{axes}d": (axes, False, _pooling(2, None, None)),
        f"adaptive_avg_pool{axes}d": (axes, False, _adaptive),
        f"adaptive_max_pool{axes}d": (axes, False, _adaptive),
        f"max_unpool{axes}d": (axes, False, _unpooling),
    }


#: Operation → (number of spatial axes, whether it sums over channels, its windows).
WINDOWED = _of_rank(1) | _of_rank(2) | _of_rank(3)
#: The same for operations that work on every axis behind the channels.
RESIZING: dict[str, Finder] = dict.fromkeys(
    ("interpolate", "upsample", "upsample_nearest", "upsample_bilinear"), _interpolation
)
#: On the last two axes.
SHUFFLING: dict[str, Finder] = {"pixel_shuffle": _shuffle, "pixel_unshuffle": _unshuffle}
