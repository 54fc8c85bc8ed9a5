"""Pooling: max, average, power-average, adaptive, fractional, and max-unpooling."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.errors import ImpossibleSizeError
from cnnshape.formulas.arguments import PerAxis, Shape, dims_of, per_axis, split, times
from cnnshape.formulas.convolution import at_least, conv_size, kernel_misfit
from cnnshape.formulas.derivation import Derivation, derivation, derive_axes
from cnnshape.formulas.expression import Size, ceiling_division, minimum
from cnnshape.formulas.rule import AxisRule, Condition

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


def ceil_size(n: Size, k: Size, s: Size, p: Size, d: Size) -> Size:
    """``ceil_mode``: one more window if anything is left, but it must start before the right pad."""
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


def _half_kernel(n: int, k: int, s: int, p: int, d: int = 1) -> str:
    del n, s
    span = d * (k - 1) + 1
    spans = f", which spans {span} with dilation {d}" if d > 1 else ""
    return f"padding {p} is more than half of kernel {k}{spans}"


def _windowed(kind: str, letters: str, function: object, page: str) -> AxisRule:
    """A pooling rule over the first letters of HKSPD."""
    names = ("input", "kernel_size", "stride", "padding", "dilation")
    conditions = [
        Condition(
            "H ≥ 1: the input is not empty",
            lambda *v: (1, v[0]),
            lambda *v: f"an input of size {v[0]} cannot be pooled",
        ),
        at_least("K", "kernel", 1, 1),
        at_least("S", "stride", 1, 2),
    ]
    if "P" in letters:
        conditions.append(at_least("P", "padding", 0, 3))
    if "D" in letters:
        conditions.append(at_least("D", "dilation", 1, 4))
    if "P" in letters:
        conditions.append(
            Condition(
                "2P ≤ D(K − 1) + 1: padding is at most half of the kernel",
                lambda n, k, s, p, d=1: (2 * p, d * (k - 1) + 1),
                _half_kernel,
            )
        )
    conditions.append(
        Condition(
            "the output has at least one element: the kernel fits into the padded input",
            lambda *v: (1, function(*v)),  # type: ignore[operator]
            lambda n, k, s, p=0, d=1: kernel_misfit(n, k, p, d),
        )
    )
    return AxisRule(
        kind,
        dict(zip(letters, names, strict=False)),
        function,  # type: ignore[arg-type]
        conditions,
        f"{_DOCS}{page}.html",
    )


MAX = _windowed("max_pool", "HKSPD", conv_size, "MaxPool2d")
MAX_CEIL = _windowed("max_pool", "HKSPD", ceil_size, "MaxPool2d")
AVERAGE = _windowed("avg_pool", "HKSP", average_size, "AvgPool2d")
AVERAGE_CEIL = _windowed("avg_pool", "HKSP", average_ceil_size, "AvgPool2d")
POWER = _windowed("lp_pool", "HKS", power_size, "LPPool2d")
POWER_CEIL = _windowed("lp_pool", "HKS", power_ceil_size, "LPPool2d")

ADAPTIVE = AxisRule(
    "adaptive_pool",
    {"H": "input", "O": "output_size"},
    lambda n, o: o,
    (
        Condition(
            "H ≥ 1: the input is not empty",
            lambda n, o: (1, n),
            lambda n, o: f"an input of size {n} cannot be pooled",
        ),
        at_least("O", "output_size", 0, 1),
    ),
    _DOCS + "AdaptiveAvgPool2d.html",
)

_FRACTIONAL_FITS = (
    at_least("O", "output_size", 1, 2),
    at_least("K", "kernel", 1, 1),
    Condition(
        "O + K − 1 ≤ H: as many windows as asked for fit into the input",
        lambda n, k, o: (o + k - 1, n),
        lambda n, k, o: f"{o} windows of kernel {k} need {o + k - 1}, but the input has {n}",
    ),
)
FRACTIONAL = AxisRule(
    "fractional_pool",
    {"H": "input", "K": "kernel_size", "O": "output_size"},
    lambda n, k, o: o,
    _FRACTIONAL_FITS,
    _DOCS + "FractionalMaxPool2d.html",
)

UNPOOL = AxisRule(
    "max_unpool",
    {"H": "input", "K": "kernel_size", "S": "stride", "P": "padding"},
    unpooled_size,
    (
        at_least("S", "stride", 1, 2),
    ),
    _DOCS + "MaxUnpool2d.html",
)


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
        AVERAGE_CEIL if ceil_mode else AVERAGE,
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
    return _pool(
        POWER_CEIL if ceil_mode else POWER,
        shape,
        dims,
        per_axis("kernel_size", kernel_size, dims),
        per_axis("stride", _or_kernel(stride, kernel_size), dims),
    )


def _pool(rule: AxisRule, shape: Shape, dims: int, *arguments: tuple[int, ...]) -> Derivation:
    leading, sizes = split(rule.kind, shape, dims)
    axes = derive_axes(rule, tuple(zip(sizes, *arguments, strict=True)))
    return derivation(rule.kind, rule, (*leading, *(axis.output for axis in axes)), axes)


def derive_adaptive_pool(
    shape: Shape,
    *,
    output_size: int | Sequence[int | None] | None,
    dims: int | None = None,
) -> Derivation:
    """Adaptive pooling; None keeps an axis as it is."""
    dims = dims_of(shape, dims, output_size)
    leading, sizes = split("adaptive_pool", shape, dims)
    asked = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * dims
    wanted = tuple(
        size if want is None else want for size, want in zip(sizes, asked, strict=True)
    )
    axes = derive_axes(ADAPTIVE, tuple(zip(sizes, wanted, strict=True)))
    return derivation("adaptive_pool", ADAPTIVE, (*leading, *wanted), axes)


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
        ratios = tuple(output_ratio) if isinstance(output_ratio, Sequence) else (output_ratio,) * dims
        for ratio in ratios:
            if not 0 < ratio < 1:
                raise ImpossibleSizeError(f"output_ratio must lie between 0 and 1, not {ratio}")
        wanted = tuple(int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True))
    else:
        assert output_size is not None
        wanted = per_axis("output_size", output_size, dims)
    axes = derive_axes(FRACTIONAL, tuple(zip(sizes, kernels, wanted, strict=True)))
    return derivation("fractional_pool", FRACTIONAL, (*leading, *wanted), axes)


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
    axes = derive_axes(UNPOOL, values)
    output = tuple(axis.output for axis in axes)
    if output_size is not None:
        wanted = tuple(output_size)[-dims:]
        for usual, step, size in zip(output, strides, wanted, strict=True):
            if not usual - step < size < usual + step:
                raise ImpossibleSizeError(
                    f"output_size {times(wanted)} is not within a stride of {times(output)}"
                )
        output = wanted
    return derivation("max_unpool", UNPOOL, (*leading, *output), axes)


def _or_kernel(stride: PerAxis | None, kernel: PerAxis) -> PerAxis:
    """No stride, or an empty one, means the kernel's."""
    return kernel if stride is None or stride == () or stride == [] else stride
