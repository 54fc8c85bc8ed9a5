"""Pooling, also adaptive, fractional and undone: the rules along one axis, and whole shapes."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnshape.errors import ImpossibleSizeError, UsageError
from cnnshape.formulas.convolution import conv_size, kernel_misfit
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Size, ceiling_division, minimum
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
from cnnshape.words import plural, times


def ceil_size(n: Size, k: Size, s: Size, p: Size, d: Size) -> Size:
    """``ceil_mode``: one more window if anything is left, but none that starts in the padding."""
    windows = ceiling_division(n + 2 * p - d * (k - 1) - 1, s)
    return minimum(windows, (n + p - 1) // s) + 1


def average_size(n: Size, k: Size, s: Size, p: Size) -> Size:
    """As a convolution without dilation."""
    return (n + 2 * p - k) // s + 1


def average_ceil_size(n: Size, k: Size, s: Size, p: Size) -> Size:
    """As :func:`ceil_size` without dilation."""
    return minimum(ceiling_division(n + 2 * p - k, s), (n + p - 1) // s) + 1


def power_size(n: Size, k: Size, s: Size) -> Size:
    """Power-average pooling has neither padding nor dilation."""
    return (n - k) // s + 1


def power_ceil_size(n: Size, k: Size, s: Size) -> Size:
    """As :func:`ceil_size` without padding and dilation."""
    return minimum(ceiling_division(n - k, s), (n - 1) // s) + 1


def unpooled_size(n: Size, k: Size, s: Size, p: Size) -> Size:
    """The smallest input of the pooling that gives ``n``."""
    return (n - 1) * s - 2 * p + k


def _windowed(
    kind: str, letters: str, function: Callable[..., Size], page: str, *, unpadded: bool = False
) -> AxisRule:
    """A pooling rule over these letters of HKSPD.

    ``unpadded``: the kernel must fit even without the padding, as in three dimensions.
    """
    names = {
        "H": "input",
        "K": "kernel_size",
        "S": "stride",
        "P": "padding",
        "D": "dilation",
    }
    conditions = [
        Condition(
            say("H ≥ 1: the input is not empty"),
            lambda *v: (1, v[0]),
            lambda *v: say("an input of size {size} cannot be pooled", size=v[0]),
        ),
        at_least("K", "kernel", 1, 1),
        at_least("S", "stride", 1, 2),
    ]
    if "P" in letters:
        conditions.append(at_least("P", "padding", 0, 3))
        conditions.append(
            Condition(
                say("2P ≤ K: padding is at most half of the kernel"),
                lambda n, k, s, p, d=1: (2 * p, k),
                lambda n, k, s, p, d=1: say(
                    "padding {padding} is more than half of kernel {kernel}", padding=p, kernel=k
                ),
            )
        )
    if "D" in letters:
        conditions.append(at_least("D", "dilation", 1, 4))
    if unpadded:
        conditions.append(
            Condition(
                say("K ≤ H: in three dimensions the kernel fits even without padding"),
                lambda n, k, *_: (k, n),
                lambda n, k, *_: say("kernel {kernel} does not fit into {room}", kernel=k, room=n),
            )
        )
    conditions.append(
        Condition(
            say("the kernel fits into the padded input at least once"),
            lambda *v: (1, function(*v)),
            lambda n, k, s, p=0, d=1: kernel_misfit(n, k, p, d),
        )
    )
    return AxisRule(
        kind,
        {letter: names[letter] for letter in letters},
        function,
        conditions,
        f"{DOCS}{page}.html",
    )


MAX = _windowed("max_pool", "HKSPD", conv_size, "MaxPool2d")
MAX_CEIL = _windowed("max_pool", "HKSPD", ceil_size, "MaxPool2d")
AVERAGE = _windowed("avg_pool", "HKSP", average_size, "AvgPool2d")
AVERAGE_CEIL = _windowed("avg_pool", "HKSP", average_ceil_size, "AvgPool2d")
AVERAGE_3D = _windowed("avg_pool", "HKSP", average_size, "AvgPool3d", unpadded=True)
AVERAGE_3D_CEIL = _windowed("avg_pool", "HKSP", average_ceil_size, "AvgPool3d", unpadded=True)
POWER = _windowed("lp_pool", "HKS", power_size, "LPPool2d")
POWER_CEIL = _windowed("lp_pool", "HKS", power_ceil_size, "LPPool2d")
POWER_3D = _windowed("lp_pool", "HKS", power_size, "LPPool3d", unpadded=True)
POWER_3D_CEIL = _windowed("lp_pool", "HKS", power_ceil_size, "LPPool3d", unpadded=True)

#: By whether there are three axes, and by ceil_mode.
AVERAGES = {
    (False, False): AVERAGE,
    (False, True): AVERAGE_CEIL,
    (True, False): AVERAGE_3D,
    (True, True): AVERAGE_3D_CEIL,
}
POWERS = {
    (False, False): POWER,
    (False, True): POWER_CEIL,
    (True, False): POWER_3D,
    (True, True): POWER_3D_CEIL,
}

ADAPTIVE = AxisRule(
    "adaptive_pool",
    {"H": "input", "O": "output_size"},
    lambda n, o: o,
    (
        Condition(
            say("H ≥ 1: the input is not empty"),
            lambda n, o: (1, n),
            lambda n, o: say("an input of size {size} cannot be pooled", size=n),
        ),
        at_least("O", "output_size", 0, 1),
    ),
    DOCS + "AdaptiveAvgPool2d.html",
)

ADAPTIVE_MEAN = AxisRule("adaptive_pool", ADAPTIVE.names, ADAPTIVE.function, (), ADAPTIVE.source)


def _fractional(page: str, spare: int) -> AxisRule:
    """As many windows as asked for, at random places; three dimensions want one element more."""
    more = " < " if spare else " ≤ "
    return AxisRule(
        "fractional_pool",
        {"H": "input", "K": "kernel_size", "O": "output_size"},
        lambda n, k, o: o,
        (
            at_least("H", say("the input"), 1, 0),
            at_least("O", "output_size", 0, 2),
            at_least("K", "kernel", 1, 1),
            Condition(
                say("O + K − 1{less}H: as many windows as asked for fit into the input", less=more),
                lambda n, k, o: (o + k - 1 + spare, n),
                lambda n, k, o: say(
                    "{windows} windows of kernel {kernel} need {size}, but the input has {input}",
                    windows=o,
                    kernel=k,
                    size=o + k - 1 + spare,
                    input=n,
                ),
            ),
        ),
        f"{DOCS}{page}.html",
    )


FRACTIONAL = _fractional("FractionalMaxPool2d", 0)
FRACTIONAL_3D = _fractional("FractionalMaxPool3d", 1)

UNPOOL = AxisRule(
    "max_unpool",
    {"H": "input", "K": "kernel_size", "S": "stride", "P": "padding"},
    unpooled_size,
    (at_least("H", say("the input"), 1, 0),),
    DOCS + "MaxUnpool2d.html",
)


def rule_of(kind: str, arguments: Mapping[str, Any]) -> AxisRule:
    """The rule along one axis, given a layer's arguments."""
    three, ceil_mode = arguments.get("dims") == 3, bool(arguments.get("ceil_mode"))
    match kind:
        case "max_pool":
            return MAX_CEIL if ceil_mode else MAX
        case "avg_pool":
            return AVERAGES[three, ceil_mode]
        case "lp_pool":
            return POWERS[three, ceil_mode]
        case "adaptive_pool":
            return ADAPTIVE
        case "fractional_pool":
            return FRACTIONAL_3D if three else FRACTIONAL
        case _:
            return UNPOOL


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
        kernel_size=kernel_size,
        stride=_or_kernel(stride, kernel_size),
        padding=padding,
        dilation=dilation,
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
        kernel_size=kernel_size,
        stride=_or_kernel(stride, kernel_size),
        padding=padding,
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
        kernel_size=kernel_size,
        stride=_or_kernel(stride, kernel_size),
    )


def _pool(rule: AxisRule, shape: Shape, dims: int, **arguments: PerAxis) -> Derivation:
    each = per_axes(dims, **arguments)
    leading, sizes = split(rule.kind, shape, dims)
    not_empty(rule.kind, leading[-1:])
    axes = derive_axes(rule, tuple(zip(sizes, *each, strict=True)))
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
    kernels, strides, pads = per_axes(
        dims, kernel_size=kernel_size, stride=_or_kernel(stride, kernel_size), padding=padding
    )
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
