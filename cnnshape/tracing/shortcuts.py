"""Answering slow shape-preserving functions on meta without running them.

On meta, ``relu`` costs 200 µs and ``hardswish`` a millisecond, because they run as Python
decompositions; an empty tensor of the same shape costs 17 µs. Each shortcut here gives the
result that the real function would give (shape, dtype, memory format), or ``NotImplemented``
where its arguments are anything but ordinary, so that the real function decides and raises.
The tests hold every one of them against its function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Shortcut = Callable[..., Any]


def _floating(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_meta and x.is_floating_point()


def _elementwise(x: Any, *args: Any, **kwargs: Any) -> Any:
    """An activation: the same shape, or the very same tensor in place."""
    if not _floating(x):
        return NotImplemented
    # `inplace` is the last parameter of every one of these functions that has it.
    inplace = kwargs.get("inplace", False) or (args[-1] is True if args else False)
    return x if inplace else torch.empty_like(x)


def _arithmetic(x: Any, y: Any, **kwargs: Any) -> Any:
    """A sum or product of two tensors that agree in everything."""
    if kwargs or not _agree(x, y):
        return NotImplemented
    return torch.empty_like(x)


def _arithmetic_in_place(x: Any, y: Any, **kwargs: Any) -> Any:
    return x if not kwargs and _agree(x, y) else NotImplemented


def _agree(x: Any, y: Any) -> bool:
    return (
        _floating(x)
        and _floating(y)
        and x.shape == y.shape
        and x.dtype == y.dtype
        and x.stride() == y.stride()
    )


def _linear(x: Any, weight: Tensor, bias: Tensor | None = None) -> Any:
    plain = (
        _floating(x)
        and x.dim() > 1
        and weight.dim() == 2
        and x.shape[-1] == weight.shape[1]
        and x.dtype == weight.dtype
        and _fit((bias,), (weight.shape[0],), x.dtype)
    )
    return x.new_empty((*x.shape[:-1], weight.shape[0])) if plain else NotImplemented


def _dropout(x: Any, p: Any = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if not _floating(x) or inplace or not isinstance(p, float | int) or not 0 <= p <= 1:
        return NotImplemented
    # Outside training dropout hands its input on: the same tensor, not a copy.
    return torch.empty_like(x) if training else x


def _batch_norm(
    x: Any,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Any:
    del momentum, eps
    if not _floating(x) or x.dim() < 2 or training:
        return NotImplemented
    channels = x.shape[1]
    for tensor in (running_mean, running_var):
        if tensor is None or tensor.shape != (channels,):
            return NotImplemented
    if not _fit((weight, bias), (channels,), x.dtype) or x.numel() == 0:
        return NotImplemented
    return torch.empty_like(x)


def _layer_norm(
    x: Any,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    del eps
    if not _floating(x):
        return NotImplemented
    normalized = tuple(normalized_shape)
    if not normalized or tuple(x.shape[-len(normalized) :]) != normalized:
        return NotImplemented
    if not _fit((weight, bias), normalized, x.dtype):
        return NotImplemented
    return x.new_empty(x.shape)


def _group_norm(
    x: Any,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    del eps
    if not _floating(x) or x.dim() < 3 or x.numel() == 0:
        return NotImplemented
    channels = x.shape[1]
    if num_groups < 1 or channels % num_groups or not _fit((weight, bias), (channels,), x.dtype):
        return NotImplemented
    if x.numel() // num_groups <= 1:  # one value has no variance, and torch refuses it
        return NotImplemented
    return torch.empty_like(x) if x.is_contiguous() else NotImplemented


def _fit(tensors: Sequence[Tensor | None], shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    return all(t is None or (t.shape == shape and t.dtype == dtype) for t in tensors)


def _attention(
    query: Any,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    del dropout_p, scale
    plain = (
        _floating(query)
        and query.dim() == key.dim() == value.dim() == 4
        and query.dtype == key.dtype == value.dtype
        and query.shape[0] == key.shape[0] == value.shape[0]
        and query.shape[1] == key.shape[1] == value.shape[1]
        and query.shape[3] == key.shape[3]
        and key.shape[2] == value.shape[2]
        and not enable_gqa
        and query.numel() > 0
        and key.numel() > 0
        and not (is_causal and attn_mask is not None)
    )
    if not plain:
        return NotImplemented
    if attn_mask is not None:
        scores = (*query.shape[:3], key.shape[2])
        lead = (1,) * (4 - attn_mask.dim())
        mask = (*lead, *attn_mask.shape)
        fits = attn_mask.dtype in (torch.bool, query.dtype)
        if not fits or any(m not in (1, s) for m, s in zip(mask, scores, strict=True)):
            return NotImplemented
    # The kernels lay the result out as batch × length × heads × width, which a later
    # transpose and view rely on.
    batch, heads, length, _ = query.shape
    width = value.shape[3]
    return query.new_empty((batch, length, heads, width)).transpose(1, 2)


#: Modes of interpolation that run as Python decompositions on meta, with the axes that they need.
_BLENDING = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}


def _interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """A blending interpolation has the shape of the nearest neighbour's, which is cheap."""
    del align_corners
    axes = _BLENDING.get(mode)
    if axes is None or not _floating(x) or x.dim() != axes or (antialias and axes != 4):
        return NotImplemented
    return F.interpolate(
        x, size, scale_factor, mode="nearest", recompute_scale_factor=recompute_scale_factor
    )


def _recurrent(*args: Any, **kwargs: Any) -> Any:
    """``lstm``, ``gru`` and simple recurrence, whose decompositions cost a step's time per step."""
    if len(args) != 9 or kwargs:  # packed sequences have other arguments
        return NotImplemented
    x, states, weights, _, layers, _, _, both_ways, batch_first = args
    several = isinstance(states, tuple | list)
    hidden: Sequence[Any] = states if several else (states,)  # pyright: ignore[reportUnknownVariableType]
    if not _floating(x) or not x.numel() or x.dim() != 3:
        return NotImplemented
    if not all(isinstance(state, Tensor) and state.dim() == 3 for state in hidden):
        return NotImplemented
    into, onto, *_ = weights
    directions = 2 if both_ways else 1
    first, second = (1, 0) if batch_first else (0, 1)
    steps, batch = x.shape[first], x.shape[second]
    fitting = (
        x.shape[-1] == into.shape[1]
        and hidden[0].shape[-1] == onto.shape[1]
        and into.shape[0] % hidden[-1].shape[-1] == 0
        and all(tuple(state.shape[:2]) == (directions * layers, batch) for state in hidden)
        and all(tensor.dtype == x.dtype for tensor in (into, *hidden))
    )
    if not fitting:
        return NotImplemented
    result = x.new_empty((steps, batch, directions * hidden[0].shape[-1]))
    result = result.transpose(0, 1) if batch_first else result
    return (result, *(state.new_empty(state.shape) for state in hidden))


@cache
def meta_shortcuts() -> Mapping[Any, Shortcut]:
    """The replacements, by the function that torch reports to a ``TorchFunctionMode``."""
    activations = (
        F.relu,
        F.relu6,
        F.hardswish,
        F.hardsigmoid,
        F.leaky_relu,
        F.elu,
        F.gelu,
        F.softplus,
        F.mish,
        torch.relu,
        Tensor.relu,
        torch.tanh,
        Tensor.tanh,
        torch.sigmoid,
        Tensor.sigmoid,
    )
    table: dict[Any, Shortcut] = dict.fromkeys(activations, _elementwise)
    table |= dict.fromkeys((torch.add, Tensor.add, torch.mul, Tensor.mul), _arithmetic)
    table |= dict.fromkeys((Tensor.add_, Tensor.mul_), _arithmetic_in_place)
    table |= {
        F.linear: _linear,
        F.dropout: _dropout,
        F.batch_norm: _batch_norm,
        F.layer_norm: _layer_norm,
        F.group_norm: _group_norm,
        F.scaled_dot_product_attention: _attention,
        F.interpolate: _interpolate,
    }
    table |= dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), _recurrent)
    return table
