"""What the network is: its modules, parameters and buffers as plain records.

Nothing runs here; the records are read off the ``nn.Module`` tree before the pass (and its
parameters again after it, when lazy ones have found their size).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.errors import UsageError
from cnnshape.tracing.names import REWRITTEN
from cnnshape.tracing.structure import to_plain
from cnnshape.tracing.trace import Module, Parameter
from cnnshape.tracing.unregistered import unregistered

_ATOMS = (bool, int, float, str)


@dataclass(frozen=True)
class Described:
    """The records of one model, and its registered tensors for the recorder to know."""

    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    buffers: tuple[Parameter, ...]
    tensors: tuple[tuple[Literal["parameter", "buffer"], torch.Tensor], ...]
    paths: dict[int, str]


def every_module(root: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every module below ``root`` under each of its names.

    Raises:
        UsageError: a module has one above it as a submodule, so that the names never end.
    """
    try:
        return list(root.named_modules(remove_duplicate=False))
    except RecursionError:
        raise UsageError(
            f"{type(root).__name__} contains itself: one of its modules has a module above it as a "
            "submodule; keep such a reference in a list or a weak reference"
        ) from None


def describe(root: nn.Module) -> Described:
    """Every module, parameter and buffer below ``root`` in definition order, each once.

    >>> described = describe(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
    >>> [module.path for module in described.modules]
    ['', '0', '1']
    >>> [parameter.name for parameter in described.parameters]
    ['1.weight', '1.bias']
    """
    names: dict[int, list[str]] = {}
    order: list[tuple[str, nn.Module]] = []
    every = every_module(root)
    for path, module in every:
        if id(module) not in names:
            order.append((path, module))
        names.setdefault(id(module), []).append(path)
    paths = {identity: aliases[0] for identity, aliases in names.items()}
    parameters = _gather(every, "_parameters")
    buffers = _gather(every, "_buffers")
    first_names = {identity: found.names[0] for identity, found in (parameters | buffers).items()}
    return Described(
        modules=tuple(
            _describe(path, module, names[id(module)][1:], paths, first_names)
            for path, module in order
        ),
        parameters=tuple(_describe_tensor(found) for found in parameters.values()),
        buffers=tuple(_describe_tensor(found) for found in buffers.values()),
        tensors=(
            *(("parameter", found.tensor) for found in parameters.values()),
            *(("buffer", found.tensor) for found in buffers.values()),
        ),
        paths=paths,
    )


def _describe(
    path: str,
    module: nn.Module,
    aliases: list[str],
    paths: dict[int, str],
    first_names: dict[int, str],
) -> Module:
    kind, builtin = kind_of(type(module))
    name = class_name(module)
    if isinstance(module, torch.jit.ScriptModule):
        kind, builtin = name, False
    return Module(
        path=path,
        type=name,
        kind=kind,
        builtin=builtin,
        depth=path.count(".") + 1 if path else 0,
        children=tuple(paths[id(child)] for child in module.children()),
        config=dict(_config(module)),
        parameters=tuple(first_names[id(t)] for t in _registered(module, "_parameters").values()),
        buffers=tuple(first_names[id(t)] for t in _registered(module, "_buffers").values()),
        training=module.training,
        aliases=tuple(aliases),
        unregistered=tuple(attribute for attribute, _ in unregistered(module, paths)),
    )


def class_name(module: nn.Module) -> str:
    """The class that the author wrote: TorchScript and ``torch.export`` run another in its place.

    >>> class_name(nn.Linear(4, 2))
    'Linear'
    """
    written: object = None
    if isinstance(module, torch.jit.ScriptModule):
        written = getattr(module, "original_name", None)
    elif type(module).__module__ in REWRITTEN:
        written = getattr(module, "_ty", None)
    return str(written or type(module).__name__).rpartition(".")[2]


@cache
def kind_of(cls: type[nn.Module]) -> tuple[str, bool]:
    """The nearest ``torch.nn`` class and whether its forward is used as it is.

    A layer is known by what it inherits from, never by what it is called.

    >>> class ConvLike(nn.Linear): ...
    >>> kind_of(ConvLike)
    ('Linear', True)
    """
    for base in cls.__mro__:
        if base is nn.Module:
            break
        if base.__module__.startswith("torch.nn.modules."):
            return base.__name__, cls.forward is base.forward
    return cls.__name__, False


def _config(module: nn.Module) -> Iterator[tuple[str, Any]]:
    if isinstance(module, torch.jit.ScriptModule):
        return
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training":
            continue
        if isinstance(value, _ATOMS):
            yield name, to_plain(value, _no_tensor)
        elif isinstance(value, list | tuple):
            items = cast("list[Any] | tuple[Any, ...]", value)
            if len(items) <= 16 and all(item is None or isinstance(item, _ATOMS) for item in items):
                yield name, to_plain(items, _no_tensor)
        elif value is None:
            yield name, None


def _no_tensor(tensor: torch.Tensor) -> int:
    raise TypeError(f"a tensor of shape {tuple(tensor.shape)} is not part of a configuration")


def _registered(module: nn.Module, registry: str) -> dict[str, torch.Tensor]:
    if isinstance(module, torch.jit.ScriptModule):
        named = module.named_parameters if registry == "_parameters" else module.named_buffers
        return dict(named(recurse=False))
    entries = cast("dict[str, torch.Tensor | None]", getattr(module, registry))
    return {name: tensor for name, tensor in entries.items() if tensor is not None}


@dataclass
class _Found:
    """A tensor with its first owner and all its names."""

    tensor: torch.Tensor
    owner: str
    names: list[str]


def _gather(every: list[tuple[str, nn.Module]], registry: str) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    for path, module in every:
        for name, tensor in _registered(module, registry).items():
            full = f"{path}.{name}" if path else name
            if id(tensor) in found:
                found[id(tensor)].names.append(full)
            else:
                found[id(tensor)] = _Found(tensor, path, [full])
    return found


def _describe_tensor(found: _Found) -> Parameter:
    tensor = found.tensor
    lazy = is_lazy(tensor)
    count = None if lazy else tensor.numel()
    return Parameter(
        name=found.names[0],
        owner=found.owner,
        shape=None if lazy else tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        count=count,
        bytes=None if count is None else count * tensor.element_size(),
        trainable=tensor.requires_grad,
        # A module may hang in several places; the same name twice is one name.
        aliases=tuple(dict.fromkeys(found.names[1:])),
    )
