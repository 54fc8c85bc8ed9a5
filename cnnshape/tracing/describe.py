"""What the network is: its modules, parameters and buffers as plain records.

Nothing runs here; the records are read off the ``nn.Module`` tree before the pass (and its
parameters again after it, when lazy ones have found their size).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.tracing.structure import to_plain
from cnnshape.tracing.trace import Module, Parameter, Plain

_ATOMS = (bool, int, float, str)


def describe_modules(root: nn.Module) -> tuple[Module, ...]:
    """Every module below ``root`` in definition order, each once, the root first.

    >>> [m.path for m in describe_modules(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))]
    ['', '0', '1']
    """
    names: dict[int, list[str]] = {}
    order: list[tuple[str, nn.Module]] = []
    for path, module in root.named_modules(remove_duplicate=False):
        if id(module) not in names:
            order.append((path, module))
        names.setdefault(id(module), []).append(path)
    first = {identity: paths[0] for identity, paths in names.items()}
    parameter_names = {id(t): name for name, t in _first_names(root, "_parameters")}
    buffer_names = {id(t): name for name, t in _first_names(root, "_buffers")}
    return tuple(
        _describe(path, module, names[id(module)][1:], first, parameter_names, buffer_names)
        for path, module in order
    )


def _describe(
    path: str,
    module: nn.Module,
    aliases: list[str],
    first: dict[int, str],
    parameter_names: dict[int, str],
    buffer_names: dict[int, str],
) -> Module:
    kind, builtin = kind_of(type(module))
    name = type(module).__name__
    if isinstance(module, torch.jit.ScriptModule):
        # A scripted module's class is always RecursiveScriptModule; it remembers its author's.
        name = str(getattr(module, "original_name", name))
        kind, builtin = name, False
    return Module(
        path=path,
        type=name,
        kind=kind,
        builtin=builtin,
        depth=path.count(".") + 1 if path else 0,
        children=tuple(first[id(child)] for child in module.children()),
        config=dict(_config(module)),
        parameters=tuple(
            parameter_names[id(p)] for p in _registered(module, "_parameters").values()
        ),
        buffers=tuple(buffer_names[id(b)] for b in _registered(module, "_buffers").values()),
        training=module.training,
        aliases=tuple(aliases),
    )


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


def _config(module: nn.Module) -> Iterator[tuple[str, Plain]]:
    if isinstance(module, torch.jit.ScriptModule):
        return
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training":
            continue
        if isinstance(value, _ATOMS):
            yield name, to_plain(value, _no_tensor)
        elif isinstance(value, list | tuple):
            items = cast("list[Any] | tuple[Any, ...]", value)
            if len(items) <= 16 and all(isinstance(item, _ATOMS) for item in items):
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


def _all_names(root: nn.Module, registry: str) -> Iterator[tuple[str, str, torch.Tensor]]:
    for path, module in root.named_modules(remove_duplicate=False):
        for name, tensor in _registered(module, registry).items():
            yield path, f"{path}.{name}" if path else name, tensor


def _first_names(root: nn.Module, registry: str) -> Iterator[tuple[str, torch.Tensor]]:
    seen: set[int] = set()
    for _, name, tensor in _all_names(root, registry):
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def describe_parameters(root: nn.Module) -> tuple[Parameter, ...]:
    """Every parameter once, at its first owner, with its other names."""
    return _describe_tensors(root, "_parameters")


def describe_buffers(root: nn.Module) -> tuple[Parameter, ...]:
    """Every buffer once, at its first owner, with its other names."""
    return _describe_tensors(root, "_buffers")


def registered_tensors(root: nn.Module) -> Iterator[tuple[str, str, torch.Tensor]]:
    """``(origin, name, tensor)`` of every parameter and buffer, each once."""
    for origin, registry in (("parameter", "_parameters"), ("buffer", "_buffers")):
        for name, tensor in _first_names(root, registry):
            yield origin, name, tensor


def _describe_tensors(root: nn.Module, registry: str) -> tuple[Parameter, ...]:
    names: dict[int, list[str]] = {}
    firsts: dict[int, tuple[str, torch.Tensor]] = {}
    for owner, name, tensor in _all_names(root, registry):
        names.setdefault(id(tensor), []).append(name)
        firsts.setdefault(id(tensor), (owner, tensor))
    return tuple(
        _describe_tensor(owner, tensor, names[identity])
        for identity, (owner, tensor) in firsts.items()
    )


def _describe_tensor(owner: str, tensor: torch.Tensor, names: list[str]) -> Parameter:
    lazy = is_lazy(tensor)
    # A module may hang in several places; the same name twice is one name.
    aliases = tuple(dict.fromkeys(names[1:]))
    return Parameter(
        name=names[0],
        owner=owner,
        shape=None if lazy else tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        count=None if lazy else tensor.numel(),
        bytes=None if lazy else tensor.numel() * tensor.element_size(),
        trainable=tensor.requires_grad,
        aliases=aliases,
    )
