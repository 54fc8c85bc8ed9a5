"""Which size rule covers an operation, and with which arguments: the step before checking it.

The arguments are those that reached torch, so that a subclass with a forward of its own, a
functional call and an ``nn.Conv2d`` are all judged by what they really did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnshape.analysis.arguments import base_name, bind, shape_of
from cnnshape.tracing.trace import Operation, Trace


@dataclass(frozen=True, slots=True)
class Application:
    """A rule of :mod:`cnnshape.formulas` with everything that it needs to be evaluated."""

    kind: str
    input_shape: tuple[int, ...]
    arguments: dict[str, Any]


def application(trace: Trace, operation: Operation) -> Application | None:
    """The rule that covers ``operation``; None if there is none, or a size is symbolic.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.MaxPool2d(2), Inputs((torch.zeros(1, 6, 28, 28),))).trace
    >>> application(trace, trace.operations[0]).kind
    'max_pool'
    """
    base, dims = base_name(operation.name)
    adapt = _ADAPTERS.get(base)
    if adapt is None:
        return None
    bound = bind(operation)
    if bound is None:
        return None
    shape = shape_of(trace, bound.get("input"))
    if not _concrete(shape):
        return None
    adapted = adapt(trace, bound, dims)
    if adapted is None:
        return None
    kind, arguments = adapted
    if any(not _known(value) for value in arguments.values()):
        return None
    return Application(kind, shape, arguments)  # pyright: ignore[reportArgumentType]


def _concrete(shape: Any) -> bool:
    return shape is not None and all(type(size) is int for size in shape)


def _known(value: Any) -> bool:
    """A size that is itself a tensor or an expression cannot be checked."""
    if isinstance(value, tuple):
        return all(_known(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


Adapted = tuple[str, dict[str, Any]] | None
Adapter = Callable[[Trace, dict[str, Any], int | None], Adapted]


def _pick(bound: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: bound[name] for name in names}


def _window(bound: dict[str, Any], *names: str) -> dict[str, Any]:
    """The arguments of a window; torch takes an empty stride for 'as the kernel'."""
    picked = _pick(bound, *names)
    if picked.get("stride", 1) == ():
        picked["stride"] = None
    return {
        # A tuple of one number stands for all axes in torch's functional calls.
        name: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for name, value in picked.items()
    }


def _conv(trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    weight = shape_of(trace, bound["weight"])
    if weight is None or not _concrete(weight) or len(weight) < 3:
        return None
    groups = bound["groups"]
    arguments = _window(bound, "stride", "padding", "dilation", "groups")
    arguments |= {
        "kernel_size": weight[2:],
        "in_channels": int(weight[1]) * groups,
        "out_channels": weight[0],
        "dims": dims,
    }
    return "conv", arguments


def _conv_transpose(trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    weight = shape_of(trace, bound["weight"])
    if weight is None or not _concrete(weight) or len(weight) < 3:
        return None
    groups = bound["groups"]
    arguments = _window(bound, "stride", "padding", "output_padding", "dilation", "groups")
    arguments |= {
        "kernel_size": weight[2:],
        "in_channels": weight[0],
        "out_channels": int(weight[1]) * groups,
        "dims": dims,
    }
    return "conv_transpose", arguments


def _max_pool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    return "max_pool", _window(bound, *names) | {"dims": dims}


def _avg_pool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    names = ("kernel_size", "stride", "padding", "ceil_mode")
    return "avg_pool", _window(bound, *names) | {"dims": dims}


def _lp_pool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    return "lp_pool", _window(bound, "kernel_size", "stride", "ceil_mode") | {"dims": dims}


def _adaptive_pool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    return "adaptive_pool", _window(bound, "output_size") | {"dims": dims}


def _fractional_pool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    return "fractional_pool", _pick(bound, "kernel_size", "output_size", "output_ratio") | {
        "dims": dims
    }


def _max_unpool(_trace: Trace, bound: dict[str, Any], dims: int | None) -> Adapted:
    names = ("kernel_size", "stride", "padding", "output_size")
    return "max_unpool", _window(bound, *names) | {"dims": dims}


def _unfold(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "unfold", _pick(bound, "kernel_size", "dilation", "padding", "stride")


def _fold(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "fold", _pick(bound, "output_size", "kernel_size", "dilation", "padding", "stride")


def _interpolate(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    arguments = _pick(bound, "size", "scale_factor", "mode")
    return "upsample", {k: v for k, v in arguments.items() if v is not None}


def _pad(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "pad", {"padding": bound["pad"], "mode": bound["mode"]}


def _pixel_shuffle(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "pixel_shuffle", _pick(bound, "upscale_factor")


def _pixel_unshuffle(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "pixel_unshuffle", _pick(bound, "downscale_factor")


def _channel_shuffle(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "channel_shuffle", _pick(bound, "groups")


def _flatten(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "flatten", _pick(bound, "start_dim", "end_dim")


def _unflatten(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "unflatten", {"dim": bound["dim"], "unflattened_size": bound["sizes"]}


def _linear(trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    weight = shape_of(trace, bound["weight"])
    if weight is None or not _concrete(weight) or len(weight) != 2:
        return None
    return "linear", {"in_features": weight[1], "out_features": weight[0]}


def _bilinear(trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    weight, other = shape_of(trace, bound["weight"]), shape_of(trace, bound["input2"])
    if weight is None or other is None or not _concrete(weight) or not _concrete(other):
        return None
    return "bilinear", {
        "input2_shape": other,
        "out_features": weight[0],
        "in1_features": weight[1],
        "in2_features": weight[2],
    }


def _embedding(trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    weight = shape_of(trace, bound["weight"])
    if weight is None or not _concrete(weight) or len(weight) != 2:
        return None
    return "embedding", {"embedding_dim": weight[1], "num_embeddings": weight[0]}


def _glu(_trace: Trace, bound: dict[str, Any], _dims: int | None) -> Adapted:
    return "glu", _pick(bound, "dim")


_ADAPTERS: dict[str, Adapter] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "adaptive_avg_pool": _adaptive_pool,
    "adaptive_max_pool": _adaptive_pool,
    "fractional_max_pool": _fractional_pool,
    "max_unpool": _max_unpool,
    "unfold": _unfold,
    "fold": _fold,
    "interpolate": _interpolate,
    "pad": _pad,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "linear": _linear,
    "bilinear": _bilinear,
    "embedding": _embedding,
    "glu": _glu,
}
