"""Answering slow functions on meta without running them.

On meta, ``relu`` costs 200 µs and ``batch_norm`` 600, because they run as Python decompositions; an
empty tensor of the same shape costs 2. Each shortcut here gives the result that the real function
would give (shape, dtype, memory format), or ``NotImplemented`` where its arguments are anything but
ordinary, so that the real function decides and raises. The tests hold every one of them against its
function.

What a size formula judges runs: convolutions, pools, and the product of a linear layer. Sizes that
come from here stand in the trace as told by the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Shortcut = Callable[..., Any]

_META = torch.device("meta")
#: A class of its own (a nested tensor) has ways of its own.
_PLAIN = frozenset((Tensor, torch.nn.Parameter, torch.nn.Buffer))


def _floating(x: Any) -> bool:
    return type(x) in _PLAIN and x.is_meta and x.is_floating_point()


def _made(shape: Sequence[int], x: Tensor) -> Tensor:
    """A tensor of a shape, laid out row by row, of the dtype of another."""
    return torch.empty(shape, dtype=x.dtype, device=_META)


def _like(x: Tensor) -> Tensor:
    """The result of a function that works position by position."""
    if x.is_contiguous():
        return torch.empty(x.shape, dtype=x.dtype, device=_META)
    if x.is_contiguous(memory_format=torch.channels_last):
        return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=_META)
    return torch.empty_like(x)


def _number(value: Any) -> bool:
    return type(value) in (int, float)


# ---- position by position -------------------------------------------------------------------


def _elementwise(x: Any, *args: Any, **kwargs: Any) -> Any:
    """An activation: the same shape, or the very same tensor in place."""
    if not _floating(x):
        return NotImplemented
    # `inplace` is the last parameter of every one of these functions that has it.
    inplace = kwargs.get("inplace", False) or (args[-1] is True if args else False)
    return x if inplace else _like(x)


def _clamp(x: Any, min: Any = None, max: Any = None, **kwargs: Any) -> Any:
    limits = [limit for limit in (min, max) if limit is not None]
    if kwargs or not limits or not all(map(_number, limits)) or not _floating(x):
        return NotImplemented
    return _like(x)


def _hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Any:
    if not (_floating(x) and _number(min_val) and _number(max_val) and min_val <= max_val):
        return NotImplemented
    return x if inplace else _like(x)


def _arithmetic(x: Any, y: Any, **kwargs: Any) -> Any:
    """A sum or product of tensors, or of a tensor and a number."""
    if kwargs or not _floating(x):
        return NotImplemented
    if _number(y):
        return _like(x)
    if not _floating(y) or x.dtype != y.dtype:
        return NotImplemented
    if x.shape == y.shape:
        return _like(x) if x.stride() == y.stride() else NotImplemented
    if _laid_over(y, x):
        return _made(x.shape, x)
    return _made(y.shape, y) if _laid_over(x, y) else NotImplemented


def _arithmetic_in_place(x: Any, y: Any, **kwargs: Any) -> Any:
    if kwargs or not _floating(x):
        return NotImplemented
    fits = _floating(y) and x.dtype == y.dtype and (x.shape == y.shape or _laid_over(y, x))
    return x if fits or _number(y) else NotImplemented


def _laid_over(small: Tensor, whole: Tensor) -> bool:
    """Whether one tensor is repeated to fill the other, and both are laid out row by row."""
    lead = whole.dim() - small.dim()
    return (
        lead >= 0
        and whole.is_contiguous()
        and small.is_contiguous()
        and all(n in (1, m) for n, m in zip(small.shape, whole.shape[lead:], strict=True))
    )


def _masked_fill(x: Any, mask: Any, value: Any, **kwargs: Any) -> Any:
    plain = (
        not kwargs
        and _floating(x)
        and isinstance(mask, Tensor)
        and mask.is_meta
        and mask.dtype == torch.bool
        and _number(value)
        and _laid_over(mask, x)
    )
    return _made(x.shape, x) if plain else NotImplemented


# ---- joining and moving ---------------------------------------------------------------------


def _cat(tensors: Any, dim: Any = 0, **kwargs: Any) -> Any:
    if kwargs or not isinstance(tensors, (list, tuple)) or not tensors or type(dim) is not int:
        return NotImplemented
    each: Sequence[Any] = tensors  # pyright: ignore[reportUnknownVariableType]
    first = each[0]
    if not _floating(first) or not -first.dim() <= dim < first.dim():
        return NotImplemented
    dim %= first.dim()
    rest = (*first.shape[:dim], *first.shape[dim + 1 :])
    for tensor in each:
        plain = (
            _floating(tensor)
            and tensor.dtype == first.dtype
            and tensor.dim() == first.dim()
            and tensor.is_contiguous()
            and tensor.numel() > 0  # an empty one is left out, whatever its shape
            and (*tensor.shape[:dim], *tensor.shape[dim + 1 :]) == rest
        )
        if not plain:
            return NotImplemented
    joined = sum(tensor.shape[dim] for tensor in each)
    return _made((*first.shape[:dim], joined, *first.shape[dim + 1 :]), first)


def _roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    plain = (
        isinstance(shifts, tuple)
        and isinstance(dims, tuple)
        and _floating(x)
        and x.is_contiguous()
        and 0 < len(shifts) == len(dims)  # pyright: ignore[reportUnknownArgumentType]
        and all(type(shift) is int for shift in shifts)  # pyright: ignore[reportUnknownVariableType]
        and all(type(dim) is int and -x.dim() <= dim < x.dim() for dim in dims)  # pyright: ignore[reportUnknownVariableType]
    )
    return _made(x.shape, x) if plain else NotImplemented


def _linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Torch's own product, without the bias, whose sum with it costs ten times as much."""
    plain = (
        bias is not None
        and _floating(x)
        and _floating(weight)
        and weight.dim() == 2
        and x.dim() > 0
        and x.shape[-1] == weight.shape[1]
        and x.dtype == weight.dtype
        and _fit((bias,), (weight.shape[0],), x.dtype)
    )
    return F.linear(x, weight) if plain else NotImplemented


def _embedding(
    indices: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of the table by torch's own choice of them, which imports no algebra on its way."""
    del norm_type
    plain = (
        type(indices) in _PLAIN
        and indices.is_meta
        and indices.dtype in (torch.int64, torch.int32)
        and _floating(weight)
        and weight.dim() == 2
        and (padding_idx is None or -len(weight) <= padding_idx < len(weight))
        and max_norm is None
        and not scale_grad_by_freq
        and not sparse
    )
    if not plain:
        return NotImplemented
    rows = torch.index_select(weight, 0, indices.reshape(-1))
    return rows.view((*indices.shape, weight.shape[1]))


# ---- norms and dropout ----------------------------------------------------------------------


def _normalize(x: Any, p: Any = 2.0, dim: Any = 1, eps: Any = 1e-12, out: Any = None) -> Any:
    """Vectors of length 1."""
    plain = (
        out is None
        and _floating(x)
        and x.is_contiguous()
        and _number(p)
        and _number(eps)
        and type(dim) is int
        and -x.dim() <= dim < x.dim()
    )
    return _made(x.shape, x) if plain else NotImplemented


def _dropout(x: Any, p: Any = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if not _floating(x) or inplace or not isinstance(p, float | int) or not 0 <= p <= 1:
        return NotImplemented
    # Where it drops nothing it hands its input on: the same tensor, not a copy.
    return _like(x) if training and p > 0 and x.numel() > 0 else x


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
    if not _floating(x) or x.dim() < 2 or x.numel() == 0:
        return NotImplemented
    channels = x.shape[1]
    for tensor in (running_mean, running_var):
        if tensor is None or tensor.shape != (channels,):
            return NotImplemented
    if training and x.numel() == channels:  # one value has no variance, and torch refuses it
        return NotImplemented
    return _like(x) if _fit((weight, bias), (channels,), x.dtype) else NotImplemented


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
    return _made(x.shape, x)


def _rms_norm(
    x: Any, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: Any = None
) -> Any:
    del eps
    return _layer_norm(x, normalized_shape, weight)


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
    return _made(x.shape, x) if x.is_contiguous() else NotImplemented


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
    return _made((batch, length, heads, value.shape[3]), query).transpose(1, 2)


def _multi_head_attention(
    query: Any,
    key: Any,
    value: Any,
    width: int,
    heads: int,
    in_weight: Any,
    in_bias: Any,
    *rest: Any,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    need_weights: bool = True,
    **kwargs: Any,
) -> Any:
    """The ordinary case: queries, keys and values of one width, projected by one weight."""
    each = (query, key, value)
    plain = (
        len(rest) == 6
        and rest[:3] == (None, None, False)  # no keys or values beside those that arrive
        and attn_mask is None
        and not kwargs.get("use_separate_proj_weight")
        and not kwargs.get("is_causal")
        and all(kwargs.get(name) is None for name in ("key_padding_mask", "static_k", "static_v"))
        and all(_floating(x) and x.dim() == 3 and x.shape[2] == width for x in each)
        and all(x.dtype == query.dtype and x.numel() > 0 for x in each)
        and key.shape == value.shape
        and key.shape[1] == query.shape[1]
        and width % heads == 0
        and in_weight is not None
        and _fit((in_weight,), (3 * width, width), query.dtype)
        and _fit((in_bias,), (3 * width,), query.dtype)
        and _fit((rest[4],), (width, width), query.dtype)
        and _fit((rest[5],), (width,), query.dtype)
    )
    if not plain:
        return NotImplemented
    length, batch, _ = query.shape
    result = _made((length, batch, width), query)
    if not need_weights:
        return result, None
    told = () if average_attn_weights else (heads,)
    return result, _made((batch, *told, length, key.shape[0]), query)


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
    result = _made((steps, batch, directions * hidden[0].shape[-1]), x)
    result = result.transpose(0, 1) if batch_first else result
    return (result, *(_made(state.shape, state) for state in hidden))


#: Those that ask torch in another way: the size is its own.
ASKING_TORCH = frozenset((_linear, _embedding, _interpolate))


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
        F.silu,
        F.softplus,
        F.mish,
        torch.relu,
        Tensor.relu,
        torch.tanh,
        Tensor.tanh,
        torch.sigmoid,
        Tensor.sigmoid,
        Tensor.exp,
    )
    arithmetic = (torch.add, Tensor.add, torch.sub, Tensor.sub, torch.mul, Tensor.mul)
    table: dict[Any, Shortcut] = dict.fromkeys(activations, _elementwise)
    table |= dict.fromkeys(arithmetic, _arithmetic)
    table |= dict.fromkeys((Tensor.add_, Tensor.sub_, Tensor.mul_), _arithmetic_in_place)
    table |= dict.fromkeys((torch.clamp, Tensor.clamp), _clamp)
    table |= dict.fromkeys((torch.roll, Tensor.roll), _roll)
    table |= {
        F.hardtanh: _hardtanh,
        Tensor.masked_fill: _masked_fill,
        torch.cat: _cat,
        F.linear: _linear,
        F.embedding: _embedding,
        F.dropout: _dropout,
        F.batch_norm: _batch_norm,
        F.layer_norm: _layer_norm,
        F.rms_norm: _rms_norm,
        F.group_norm: _group_norm,
        F.normalize: _normalize,
        F.scaled_dot_product_attention: _attention,
        F.multi_head_attention_forward: _multi_head_attention,
        F.interpolate: _interpolate,
    }
    table |= dict.fromkeys((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu), _recurrent)
    return table
