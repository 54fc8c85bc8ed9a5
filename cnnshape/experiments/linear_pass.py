"""A pass in which nothing but the connections counts: positive weights, no non-linearities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnshape import operations
from cnnshape.operations import TABLE, Operand


def positive_weights(model: nn.Module) -> nn.Module:
    """The model in double precision with every weight positive and every bias zero, in place.

    Weights are scaled by the number of their inputs, so that a deep network neither overflows
    nor vanishes; they differ from each other, so that differences do not cancel.

    >>> layer = positive_weights(nn.Conv2d(1, 2, 3))
    >>> bool((layer.weight > 0).all()), bool((layer.bias == 0).all()), layer.weight.dtype
    (True, True, torch.float64)
    """
    model.double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.is_floating_point():
                continue
            if parameter.dim() < 2:
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            inputs = max(parameter.numel() // parameter.shape[0], 1)
            noise = torch.rand(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_((0.5 + noise) / inputs)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model


class LinearPass(TorchFunctionMode):
    """While entered, activations and normalisations do nothing, maxima are averages."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the linear counterpart of one function."""
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        if args and isinstance(args[0], Tensor) and _is_no_connection(name, args, kwargs):
            return args[0]
        average = _AVERAGES.get(name)
        return func(*args, **kwargs) if average is None else average(func, *args, **kwargs)


def _is_no_connection(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether it works on every number alone, or normalises them, which is no connection either."""
    entry = TABLE.find(name)
    if entry is None or entry.family not in ("activation", "norm"):
        return False
    named = {key: _operand(value) for key, value in kwargs.items()}
    account = operations.account(name, _operands(args), named)
    return (
        account is not None
        and account.sizes == (tuple(args[0].shape),)
        and (entry.family == "norm" or not account.ended)
    )


def _operands(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(_operand(value) for value in values)


def _operand(value: Any) -> Any:
    """An argument as the table takes it."""
    if isinstance(value, Tensor):
        return Operand.of(id(value), *value.shape)
    return _operands(value) if isinstance(value, list | tuple) else value


def _max_pool(
    func: Callable[..., Any],
    x: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """An average over the same positions: a depthwise convolution with equal weights.

    Indices, if they are asked for, are those of the maxima.
    """
    dims = int(func.__name__.split("pool")[1][0])
    kernel, step, pad, spread = (
        _each(value, dims) for value in (kernel_size, stride or kernel_size, padding, dilation)
    )
    sizes = func(x, kernel_size, stride, padding, dilation, ceil_mode)
    sizes = sizes[0] if isinstance(sizes, tuple) else sizes
    unbatched = x.dim() == dims + 1
    batch = x.unsqueeze(0) if unbatched else x
    edges: list[int] = []
    for axis in reversed(range(dims)):
        n, out = batch.shape[2 + axis], sizes.shape[x.dim() - dims + axis]
        needed = (out - 1) * step[axis] + spread[axis] * (kernel[axis] - 1) + 1
        edges += [pad[axis], max(needed - n - pad[axis], 0)]
    channels = batch.shape[1]
    weight = x.new_full((channels, 1, *kernel), 1.0 / prod(kernel))
    convolve = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
    averaged = convolve(F.pad(batch, edges), weight, None, step, 0, spread, channels)
    for axis in range(dims):
        averaged = averaged.narrow(2 + axis, 0, sizes.shape[x.dim() - dims + axis])
    result = averaged.squeeze(0) if unbatched else averaged
    if "indices" not in func.__name__ and not return_indices:
        return result
    return result, func(x, kernel_size, stride, padding, dilation, ceil_mode, True)[1]


def _adaptive(
    func: Callable[..., Any], x: Tensor, output_size: Any, return_indices: bool = False
) -> Any:
    name = func.__name__
    dims = int(name.split("pool")[1][0])
    pools = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)
    result = pools[dims - 1](x, output_size)
    if "indices" not in name and not return_indices:
        return result
    return result, func(x, output_size, True)[1]


def _max_unpool(
    func: Callable[..., Any],
    x: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Every value at each place of its window, any of which may have been the maximum's."""
    dims = int(func.__name__.split("pool")[1][0])
    kernel, step, pad = (
        _each(value, dims) for value in (kernel_size, stride or kernel_size, padding)
    )
    sizes = func(x, indices, kernel_size, stride, padding, output_size).shape[-dims:]
    unbatched = x.dim() == dims + 1
    batch = x.unsqueeze(0) if unbatched else x
    channels = batch.shape[1]
    transposed = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
    weight = x.new_ones((channels, 1, *kernel))
    spread = transposed(batch, weight, None, step, groups=channels)
    edges: list[int] = []
    for axis in reversed(range(dims)):
        beyond = int(sizes[axis]) + pad[axis] - spread.shape[2 + axis]
        edges += [-pad[axis], beyond]  # what is negative is cut off
    spread = F.pad(spread, edges)
    return spread.squeeze(0) if unbatched else spread


def _interpolate(
    func: Callable[..., Any],
    x: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> Tensor:
    """The same weights, axis by axis, without those that only rounding makes other than zero.

    Exactly on a pixel its neighbour's weight is zero, but computed it may come out as 1e-16,
    and would look like a dependence.
    """
    rest = (mode, align_corners, recompute_scale_factor, antialias)
    if mode not in ("linear", "bilinear", "bicubic", "trilinear"):
        return func(x, size, scale_factor, *rest)
    dims = x.dim() - 2
    target = func(x.new_zeros((1, 1, *x.shape[2:])), size, scale_factor, *rest).shape[2:]
    for axis in range(dims):
        n = x.shape[2 + axis]
        ones = [1] * dims
        basis = torch.eye(n, dtype=x.dtype).reshape(n, 1, *ones[:axis], n, *ones[axis + 1 :])
        if size is not None:
            sizes = [1] * dims
            sizes[axis] = target[axis]
            weights = func(basis, tuple(sizes), None, *rest)
        else:
            factors = [1.0] * dims
            given = scale_factor[axis] if isinstance(scale_factor, Sequence) else scale_factor
            factors[axis] = float(given)
            weights = func(basis, None, tuple(factors), *rest)
        matrix = weights.reshape(n, target[axis])
        matrix = torch.where(matrix.abs() < _ROUNDING, torch.zeros_like(matrix), matrix)
        x = torch.movedim(torch.movedim(x, 2 + axis, -1) @ matrix, -1, 2 + axis)
    return x


#: A weight below this is rounding: those of an interpolation are fractions of its sizes.
_ROUNDING = 1e-9


def _each(value: Any, dims: int) -> tuple[int, ...]:
    if isinstance(value, Sequence):
        items = tuple(int(item) for item in value)
        return items if len(items) == dims else items * dims
    return (int(value),) * dims


_AVERAGES: dict[str, Callable[..., Any]] = {
    "interpolate": _interpolate,
    "upsample": _interpolate,
    **{f"max_pool{n}d": _max_pool for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _max_pool for n in (1, 2, 3)},
    **{f"max_unpool{n}d": _max_unpool for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": _adaptive for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d_with_indices": _adaptive for n in (1, 2, 3)},
}
