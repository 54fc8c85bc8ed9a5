"""Naming the recorded arguments of an operation, which are mostly positional.

torch's functions are written in C++ and have no Python signature to ask, so the parameters of
those that cnnshape reads are listed here, in the order and with the defaults of torch's
documentation (https://pytorch.org/docs/stable/nn.functional.html).
"""

from __future__ import annotations

import re
from typing import Any, Final

from cnnshape.tracing.trace import Operation, Ref, Shape, Trace

#: Marks a parameter that has no default.
REQUIRED: Final = object()

_CONV = "input weight bias=None stride=1 padding=0 dilation=1 groups=1"
_CONV_TRANSPOSE = "input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1"
_SIGNATURES: dict[str, str] = {
    "conv": _CONV,
    "conv_transpose": _CONV_TRANSPOSE,
    "max_pool": "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False",
    "avg_pool": "input kernel_size stride=None padding=0 ceil_mode=False",
    "lp_pool": "input norm_type kernel_size stride=None ceil_mode=False",
    "adaptive_avg_pool": "input output_size",
    "adaptive_max_pool": "input output_size",
    "fractional_max_pool": "input kernel_size output_size=None output_ratio=None",
    "max_unpool": "input indices kernel_size stride=None padding=0 output_size=None",
    "unfold": "input kernel_size dilation=1 padding=0 stride=1",
    "fold": "input output_size kernel_size dilation=1 padding=0 stride=1",
    "interpolate": "input size=None scale_factor=None mode='nearest' align_corners=None",
    "pad": "input pad mode='constant' value=None",
    "pixel_shuffle": "input upscale_factor",
    "pixel_unshuffle": "input downscale_factor",
    "channel_shuffle": "input groups",
    "flatten": "input start_dim=0 end_dim=-1",
    "unflatten": "input dim sizes",
    "linear": "input weight bias=None",
    "bilinear": "input input2 weight bias=None",
    "embedding": "input weight",
    "glu": "input dim=-1",
    "tensordot": "a b dims=2",
    "scaled_dot_product_attention": (
        "query key value attn_mask=None dropout_p=0 is_causal=False scale=None enable_gqa=False"
    ),
    "multi_head_attention_forward": (
        "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v "
        "add_zero_attn dropout_p out_proj_weight out_proj_bias training=True "
        "key_padding_mask=None need_weights=True attn_mask=None use_separate_proj_weight=False "
        "q_proj_weight=None k_proj_weight=None v_proj_weight=None static_k=None static_v=None "
        "average_attn_weights=True is_causal=False"
    ),
    "batch_norm": (
        "input running_mean weight=None bias=None training=False momentum=0.1 eps=1e-05"
    ),
    "deform_conv2d": (
        "input weight offset mask bias stride_h stride_w pad_h pad_w dilation_h dilation_w "
        "groups offset_groups use_mask"
    ),
}
_ALIASES = {"upsample": "interpolate", "self": "input"}
_DIMS = re.compile(r"^(.*?)([123])d$")


def base_name(name: str) -> tuple[str, int | None]:
    """The function without its dimension: ``conv2d`` is ``conv`` over 2 axes.

    >>> base_name("adaptive_avg_pool2d"), base_name("linear")
    (('adaptive_avg_pool', 2), ('linear', None))
    """
    match = _DIMS.match(name)
    if match and match[1] in _SIGNATURES:
        return match[1], int(match[2])
    return _ALIASES.get(name, name), None


def bind(operation: Operation) -> dict[str, Any] | None:
    """The operation's arguments by name, defaults included; None if they are not understood.

    Tensors stay :class:`~cnnshape.tracing.trace.Ref`. Arguments beyond those listed here do not
    change the size and are left out.
    """
    base, _ = base_name(operation.name)
    parameters = _parsed(base) if base in _SIGNATURES else None
    if parameters is None:
        return None
    names = list(parameters)
    bound = dict(parameters)
    bound |= dict(zip(names, operation.args, strict=False))
    for key, value in operation.kwargs.items():
        name = _ALIASES.get(key, key)
        if name in bound:
            bound[name] = value
    return None if any(value is REQUIRED for value in bound.values()) else bound


_PARSED: dict[str, dict[str, Any]] = {}


def _parsed(base: str) -> dict[str, Any]:
    if base not in _PARSED:
        import ast

        pairs = (word.partition("=") for word in _SIGNATURES[base].split())
        _PARSED[base] = {
            name: ast.literal_eval(default) if equals else REQUIRED
            for name, equals, default in pairs
        }
    return _PARSED[base]


def shape_of(trace: Trace, argument: Any) -> Shape | None:
    """The shape of a tensor argument; None if it is no tensor."""
    return trace.shape(argument.value) if isinstance(argument, Ref) else None
