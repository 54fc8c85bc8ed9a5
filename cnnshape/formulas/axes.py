"""Which axis rule a kind follows, given its options, and the defaults of its arguments."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.formulas.rule import AxisRule

#: kind → (module, rule, rule with ceil_mode)
_RULES: dict[str, tuple[str, str, str]] = {
    "conv": ("convolution_rules", "CONV", ""),
    "conv_transpose": ("convolution_rules", "CONV_TRANSPOSE", ""),
    "max_pool": ("pooling_rules", "MAX", "MAX_CEIL"),
    "avg_pool": ("pooling_rules", "AVERAGE", "AVERAGE_CEIL"),
    "lp_pool": ("pooling_rules", "POWER", "POWER_CEIL"),
    "adaptive_pool": ("pooling_rules", "ADAPTIVE", ""),
    "fractional_pool": ("pooling_rules", "FRACTIONAL", ""),
    "max_unpool": ("pooling_rules", "UNPOOL", ""),
    "unfold": ("patches", "UNFOLD", ""),
    "fold": ("patches", "FOLD", ""),
    "upsample": ("resampling", "UPSAMPLE_SCALE", ""),
    "pixel_shuffle": ("resampling", "SHUFFLE", ""),
    "pixel_unshuffle": ("resampling", "UNSHUFFLE", ""),
}

_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
#: Kinds that demand more of three dimensions.
_THREE_DIMENSIONS = frozenset({"avg_pool", "lp_pool", "fractional_pool"})
_POOLS = ("max_pool", "avg_pool", "lp_pool", "max_unpool")


def choose(kind: str, arguments: Mapping[str, Any]) -> tuple[AxisRule, dict[str, Any]]:
    """The rule along one axis, and a value for each argument that was left out."""
    if kind == "pad":
        from cnnshape.formulas.padding import RULES

        return RULES[str(arguments.get("mode", "constant"))], {"before": 0, "after": 0}
    if kind not in _RULES:
        raise UsageError(f"{kind} has no formula along one axis")
    module, plain, ceiled = _RULES[kind]
    name = ceiled if arguments.get("ceil_mode") and ceiled else plain
    if arguments.get("dims") == 3 and kind in _THREE_DIMENSIONS:
        name = name.removesuffix("_CEIL") + "_3D" + ("_CEIL" if name.endswith("_CEIL") else "")
    if kind == "conv":
        return _conv(arguments), dict(_DEFAULTS)
    if kind == "upsample" and arguments.get("size") is not None:
        name = "UPSAMPLE_SIZE"
    rule: AxisRule = getattr(importlib.import_module(f"cnnshape.formulas.{module}"), name)
    defaults: dict[str, Any] = dict(_DEFAULTS)
    if kind in _POOLS and arguments.get("stride") is None:
        defaults["stride"] = arguments.get("kernel_size")
    return rule, defaults


def _conv(arguments: Mapping[str, Any]) -> AxisRule:
    from cnnshape.formulas.convolution_rules import conv_rule

    mode = str(arguments.get("padding_mode", "zeros"))
    return conv_rule(mode, same=arguments.get("padding") == "same", empty=False)
