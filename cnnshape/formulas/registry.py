"""Which kinds there are, and where each one's rule lives. Rules are imported when they are used."""

from __future__ import annotations

import importlib
import inspect as _inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import Derivation
from cnnshape.formulas.expression import Size
from cnnshape.formulas.layer_arguments import shape_of
from cnnshape.formulas.rule import AxisRule
from cnnshape.messages import say
from cnnshape.words import did_you_mean

#: kind → its module here, with ``derive_KIND`` and, if it has rules along one axis, ``rule_of``.
_HOMES: dict[str, str] = {
    "conv": "convolution",
    "conv_transpose": "convolution",
    "max_pool": "pooling",
    "avg_pool": "pooling",
    "lp_pool": "pooling",
    "adaptive_pool": "pooling",
    "fractional_pool": "pooling",
    "max_unpool": "pooling",
    "unfold": "unfold",
    "fold": "unfold",
    "upsample": "resampling",
    "pixel_shuffle": "resampling",
    "pixel_unshuffle": "resampling",
    "pad": "padding",
    "flatten": "whole_shapes",
    "unflatten": "whole_shapes",
    "linear": "whole_shapes",
    "bilinear": "whole_shapes",
    "embedding": "whole_shapes",
    "channel_shuffle": "whole_shapes",
    "glu": "whole_shapes",
}

#: Kinds whose rule is about whole shapes, not about one axis.
WHOLE_SHAPES: frozenset[str] = frozenset(k for k, home in _HOMES.items() if home == "whole_shapes")

#: What an argument is when it is not given; the stride of a pooling is its kernel.
DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0, "before": 0, "after": 0}
STRIDE_IS_KERNEL = frozenset({"max_pool", "avg_pool", "lp_pool", "max_unpool"})
#: The kinds whose output is larger than their input.
GROWING = frozenset({"conv_transpose", "max_unpool"})

#: Every kind that has a rule, by its canonical name.
KINDS: tuple[str, ...] = tuple(_HOMES)

#: Other names people use for them.
ALIASES: dict[str, str] = {
    "pool": "max_pool",
    "maxpool": "max_pool",
    "avgpool": "avg_pool",
    "average_pool": "avg_pool",
    "lppool": "lp_pool",
    "adaptive": "adaptive_pool",
    "adaptiveavgpool": "adaptive_pool",
    "adaptivemaxpool": "adaptive_pool",
    "maxunpool": "max_unpool",
    "unpool": "max_unpool",
    "convolution": "conv",
    "convtranspose": "conv_transpose",
    "transposed_conv": "conv_transpose",
    "deconv": "conv_transpose",
    "interpolate": "upsample",
    "upsampling": "upsample",
    "pixelshuffle": "pixel_shuffle",
    "pixelunshuffle": "pixel_unshuffle",
    "dense": "linear",
    "fc": "linear",
}


@cache
def canonical(kind: str) -> str:
    """The canonical name of a kind; a number of dimensions in it changes nothing.

    >>> canonical("pool"), canonical("Conv2d")
    ('max_pool', 'conv')

    Raises:
        UsageError: There is no such kind; the message names the nearest.
    """
    name = kind.strip().lower().replace("-", "_")
    for dimension in ("1d", "2d", "3d"):
        name = name.removesuffix(dimension).removesuffix("_")
    name = ALIASES.get(name, name)
    if name in _HOMES:
        return name
    hint = did_you_mean(name, (*KINDS, *ALIASES), limit=2) or say(
        "; known are {kinds}", kinds=", ".join(KINDS)
    )
    raise UsageError(say("no size rule is called {kind}{hint}", kind=repr(kind), hint=hint))


def derive(kind: str, input_shape: Sequence[int], /, **arguments: Any) -> Derivation:
    """The output shape of a layer, with its derivation.

    Args:
        kind: One of :data:`KINDS`, or an alias.
        input_shape: The whole input shape, batch and channels included.
        arguments: Named as torch's layers name them; ``dims`` says over how many axes the layer
            works where that is not clear from the input.

    Raises:
        ImpossibleSizeError: The layer cannot be applied to this input.
        UsageError: An argument is missing, unknown, or of the wrong kind.

    >>> result = derive("conv", (1, 1, 28, 28), kernel_size=5, padding=2, out_channels=6)
    >>> result.output
    (1, 6, 28, 28)
    >>> result.formula
    '⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1'
    >>> result.substitution
    '⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28'
    >>> derive("conv", (1, 1, 5, 5), kernel_size=7)
    Traceback (most recent call last):
        ...
    cnnshape.errors.ImpossibleSizeError: kernel 7 does not fit into 5 + 2·0
    """
    name = canonical(kind)
    function = getattr(_home(name), f"derive_{name}")
    shape = shape_of(input_shape)
    try:
        return function(shape, **arguments)
    except TypeError:
        try:
            _inspect.signature(function).bind(shape, **arguments)
        except TypeError as mismatch:
            raise UsageError(say("{name}: {mismatch}", name=name, mismatch=mismatch)) from None
        raise


def axis_size(kind: str, n: Size, /, **arguments: Size) -> Size:
    """The size of one axis after a layer; ``n`` and the arguments may be symbolic.

    No condition is checked: this is the bare arithmetic, of ``+ - * //`` alone (and of
    ``minimum`` and ``maximum``, methods of a symbolic size, where ``ceil_mode`` clamps).
    Arguments that are not given have the layer's defaults.

    >>> axis_size("conv", 28, kernel_size=5, padding=2)
    28
    >>> axis_size("max_pool", 7, kernel_size=2, ceil_mode=True)
    4
    """
    name = canonical(kind)
    rule, defaults = axis_rule(name, **arguments)
    values = {**defaults, **arguments, "input": n}
    return rule.size(*(values[argument] for argument in rule.names.values()))


def axis_rule(kind: str, /, **arguments: Any) -> tuple[AxisRule, dict[str, Any]]:
    """The rule that applies along one axis given these arguments, and a layer's defaults.

    >>> rule, defaults = axis_rule("avg_pool", kernel_size=2)
    >>> rule.names, defaults["stride"]
    ({'H': 'input', 'K': 'kernel_size', 'S': 'stride', 'P': 'padding'}, 2)

    Raises:
        UsageError: The kind has no rule along one axis.
    """
    name = canonical(kind)
    if name in WHOLE_SHAPES:
        raise UsageError(say("{name} has no formula along one axis", name=name))
    rule: AxisRule = _home(name).rule_of(name, arguments)
    defaults: dict[str, Any] = dict(DEFAULTS)
    if name in STRIDE_IS_KERNEL and arguments.get("stride") is None:
        defaults["stride"] = arguments.get("kernel_size")
    return rule, defaults


@cache
def _home(kind: str) -> Any:
    return importlib.import_module(f"cnnshape.formulas.{_HOMES[kind]}")
