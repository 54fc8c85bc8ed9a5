"""The rules of pooling along one axis."""

# ruff: noqa: ARG005 - a rule's functions all take all of the rule's values, in one order

from __future__ import annotations

from collections.abc import Callable

from cnnshape.formulas.convolution_rules import at_least, conv_size, kernel_misfit
from cnnshape.formulas.expression import Size, ceiling_division, minimum
from cnnshape.formulas.rule import AxisRule, Condition

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."


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
            "H ≥ 1: the input is not empty",
            lambda *v: (1, v[0]),
            lambda *v: f"an input of size {v[0]} cannot be pooled",
        ),
        at_least("K", "kernel", 1, 1),
        at_least("S", "stride", 1, 2),
    ]
    if "P" in letters:
        conditions.append(at_least("P", "padding", 0, 3))
        conditions.append(
            Condition(
                "2P ≤ K: padding is at most half of the kernel",
                lambda n, k, s, p, d=1: (2 * p, k),
                lambda n, k, s, p, d=1: f"padding {p} is more than half of kernel {k}",
            )
        )
    if "D" in letters:
        conditions.append(at_least("D", "dilation", 1, 4))
    if unpadded:
        conditions.append(
            Condition(
                "K ≤ H: in three dimensions the kernel fits even without padding",
                lambda n, k, *_: (k, n),
                lambda n, k, *_: f"kernel {k} does not fit into {n}",
            )
        )
    conditions.append(
        Condition(
            "the kernel fits into the padded input at least once",
            lambda *v: (1, function(*v)),
            lambda n, k, s, p=0, d=1: kernel_misfit(n, k, p, d),
        )
    )
    return AxisRule(
        kind,
        {letter: names[letter] for letter in letters},
        function,
        conditions,
        f"{_DOCS}{page}.html",
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
            "H ≥ 1: the input is not empty",
            lambda n, o: (1, n),
            lambda n, o: f"an input of size {n} cannot be pooled",
        ),
        at_least("O", "output_size", 0, 1),
    ),
    _DOCS + "AdaptiveAvgPool2d.html",
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
            at_least("H", "the input", 1, 0),
            at_least("O", "output_size", 0, 2),
            at_least("K", "kernel", 1, 1),
            Condition(
                f"O + K − 1{more}H: as many windows as asked for fit into the input",
                lambda n, k, o: (o + k - 1 + spare, n),
                lambda n, k, o: (
                    f"{o} windows of kernel {k} need {o + k - 1 + spare}, but the input has {n}"
                ),
            ),
        ),
        f"{_DOCS}{page}.html",
    )


FRACTIONAL = _fractional("FractionalMaxPool2d", 0)
FRACTIONAL_3D = _fractional("FractionalMaxPool3d", 1)

UNPOOL = AxisRule(
    "max_unpool",
    {"H": "input", "K": "kernel_size", "S": "stride", "P": "padding"},
    unpooled_size,
    (at_least("H", "the input", 1, 0),),
    _DOCS + "MaxUnpool2d.html",
)
