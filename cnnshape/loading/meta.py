"""Moving a module's tensors to the meta device, where they have a shape and no memory."""

from __future__ import annotations

import copy
from collections.abc import Iterable, MutableMapping
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.utils.weak import WeakTensorKeyDictionary

from cnnshape.interrupts import held

Memo = MutableMapping[Tensor, Tensor]
"""From a real tensor to its meta twin; keyed by identity, see :func:`new_memo`."""

Module = TypeVar("Module", bound=nn.Module)


def new_memo() -> Memo:
    """An empty memo that does not keep the real tensors alive."""
    return cast("Memo", WeakTensorKeyDictionary())


def meta_twin(tensor: Tensor, memo: Memo) -> Tensor:
    """The meta tensor that stands for ``tensor``; the same one each time it is asked for.

    Shape, strides, dtype, ``requires_grad``, class and extra attributes are kept. A
    tensor that is on meta already is its own twin.

    >>> twin = meta_twin(nn.Parameter(torch.zeros(2, 3)), new_memo())
    >>> twin.device.type, tuple(twin.shape), type(twin).__name__
    ('meta', (2, 3), 'Parameter')
    """
    if tensor.is_meta:
        return tensor
    twin = memo.get(tensor)
    if twin is None:
        twin = memo[tensor] = _new_twin(tensor)
    return twin


def _new_twin(tensor: Tensor) -> Tensor:
    if isinstance(tensor, (UninitializedParameter, UninitializedBuffer)):
        kind = cast("type[Any]", type(tensor))
        return cast(
            "Tensor", kind(requires_grad=tensor.requires_grad, device="meta", dtype=tensor.dtype)
        )
    with held(), torch.no_grad():
        twin = torch.empty_like(tensor.detach(), device="meta")
    if isinstance(tensor, nn.Parameter):
        twin = nn.Parameter(twin, requires_grad=tensor.requires_grad)
    elif tensor.requires_grad:
        twin.requires_grad_()
    for name, value in vars(tensor).items():
        setattr(twin, name, value)
    return twin


def move_to_meta(module: Module, memo: Memo | None = None) -> Module:
    """Replace every parameter and buffer of ``module`` by its meta twin, in place.

    Tied tensors stay tied, and plain lists or dicts of parameters kept beside the
    registries (an LSTM's ``_flat_weights``) follow. TorchScript modules keep their
    tensors: their compiled code holds them.

    >>> net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    >>> net[1].weight = net[0].weight
    >>> net = move_to_meta(net)
    >>> net[1].weight is net[0].weight, net[0].weight.is_meta
    (True, True)
    """
    memo = new_memo() if memo is None else memo
    # Without this, a tensor that only `memo` and a module know would be forgotten half way.
    alive: list[Tensor] = []
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            continue
        for registry in (part._parameters, part._buffers):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            for name, tensor in registry.items():
                if tensor is not None:
                    alive.append(tensor)
                    cast("dict[str, Tensor]", registry)[name] = meta_twin(tensor, memo)
    for part in module.modules():
        _follow_aliases(part, memo)
    return module


def _follow_aliases(module: nn.Module, memo: Memo) -> None:
    """Replace moved tensors in plain lists and dicts that are attributes of ``module``."""
    for name, value in vars(module).items():
        if name in {"_parameters", "_buffers", "_modules"}:
            continue
        if isinstance(value, list):
            items: Iterable[tuple[Any, Any]] = enumerate(cast("list[Any]", value))
        elif isinstance(value, dict):
            items = list(cast("dict[Any, Any]", value).items())
        else:
            continue
        for key, item in list(items):
            if isinstance(item, Tensor) and item in memo:
                value[key] = memo[item]


def meta_copy(module: Module) -> Module:
    """A copy of ``module`` on meta; the module handed in is not touched, no memory is copied.

    >>> net = nn.Linear(3, 4)
    >>> meta_copy(net).weight.is_meta, net.weight.is_meta
    (True, False)
    """
    memo = new_memo()
    tensors = [*module.parameters(), *module.buffers()]
    known: dict[int, Any] = {id(tensor): meta_twin(tensor, memo) for tensor in tensors}
    for part in module.modules():
        for value in vars(part).values():
            # deepcopy refuses tensors with a history, such as a weight_norm's product.
            if isinstance(value, Tensor) and not value.is_leaf:
                known[id(value)] = value.detach()
    return copy.deepcopy(module, known)


def count_parameters(module: nn.Module) -> int:
    """Numbers in all parameters, each tensor once; lazy ones without a shape count nothing.

    >>> count_parameters(nn.Linear(3, 4))
    16
    """
    return sum(
        parameter.numel()
        for parameter in module.parameters()
        if not isinstance(parameter, UninitializedParameter)
    )
