"""What the network is: its modules, parameters and buffers as plain records.

Nothing runs here; the records are read off the ``nn.Module`` tree before the pass (and its
parameters again after it, when lazy ones have found their size).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.errors import UsageError
from cnnshape.tracing.names import REWRITTEN, dtype_name
from cnnshape.tracing.structure import to_plain
from cnnshape.tracing.trace import Module, Parameter
from cnnshape.tracing.unregistered import unregistered

_ATOMS = (bool, int, float, str)
#: What is recorded as it is; of these very classes.
_PLAIN = frozenset((*_ATOMS, type(None)))
#: Longer lists are data, and no setting.
_MOST_ITEMS = 16


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
    found: list[tuple[str, nn.Module]] = []
    above: set[int] = set()
    todo: list[tuple[str, nn.Module] | int] = [("", root)]
    while todo:
        entry = todo.pop()
        if isinstance(entry, int):  # everything below that module has been listed
            above.discard(entry)
            continue
        path, module = entry
        if id(module) in above:
            raise UsageError(
                f"{type(root).__name__} contains itself: one of its modules has a module above it "
                "as a submodule; keep such a reference in a list or a weak reference"
            )
        found.append(entry)
        below = [
            (f"{path}.{name}" if path else name, child)
            for name, child in module._modules.items()  # noqa: SLF001 - what `named_modules` reads
            if child is not None
        ]
        if below:
            above.add(id(module))
            todo.append(id(module))
            todo += reversed(below)
    return found


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
    parameters, own_parameters = _gather(every, "_parameters")
    buffers, own_buffers = _gather(every, "_buffers")
    return Described(
        modules=tuple(
            _describe(
                path,
                module,
                names[id(module)][1:],
                paths,
                (own_parameters[id(module)], own_buffers[id(module)]),
            )
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
    tensors: tuple[tuple[str, ...], tuple[str, ...]],
) -> Module:
    kind, builtin = kind_of(type(module))
    name = class_name(module)
    if isinstance(module, torch.jit.ScriptModule):
        kind, builtin = name, False
    public = {key: value for key, value in vars(module).items() if key[:1] != "_"}
    below = dict.fromkeys(c for c in module._modules.values() if c is not None)  # noqa: SLF001
    return Module(
        path=path,
        type=name,
        kind=kind,
        builtin=builtin,
        depth=path.count(".") + 1 if path else 0,
        children=tuple([paths[id(child)] for child in below]),
        config=_config(module, public),
        parameters=tensors[0],
        buffers=tensors[1],
        training=module.training,
        aliases=tuple(aliases),
        unregistered=tuple([attribute for attribute, _ in unregistered(public, paths)]),
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


def _config(module: nn.Module, public: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(module, torch.jit.ScriptModule):
        return {}
    config: dict[str, Any] = {}
    for name, value in public.items():
        if name == "training":
            continue
        if _is_plain(value):
            config[name] = value
        elif isinstance(value, _ATOMS):
            config[name] = to_plain(value, _no_tensor)
        elif isinstance(value, (list, tuple)):
            items = cast("list[Any] | tuple[Any, ...]", value)
            if len(items) <= _MOST_ITEMS and all(
                item is None or isinstance(item, _ATOMS) for item in items
            ):
                config[name] = to_plain(items, _no_tensor)
    return config


def _is_plain(value: Any) -> bool:
    """Whether a setting is recorded as it is, as nearly all are."""
    return type(value) in _PLAIN or (
        type(value) is tuple
        and len(cast("tuple[Any, ...]", value)) <= _MOST_ITEMS
        and _PLAIN.issuperset(map(type, cast("tuple[Any, ...]", value)))
    )


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


def _gather(
    every: list[tuple[str, nn.Module]], registry: str
) -> tuple[dict[int, _Found], dict[int, tuple[str, ...]]]:
    """Every tensor by its identity, and of every module the first names of those it registers."""
    found: dict[int, _Found] = {}
    own: dict[int, tuple[str, ...]] = {}
    for path, module in every:
        registered = _registered(module, registry)
        for name, tensor in registered.items():
            full = f"{path}.{name}" if path else name
            if id(tensor) in found:
                found[id(tensor)].names.append(full)
            else:
                found[id(tensor)] = _Found(tensor, path, [full])
        own[id(module)] = tuple([found[id(tensor)].names[0] for tensor in registered.values()])
    return found, own


def _describe_tensor(found: _Found) -> Parameter:
    tensor = found.tensor
    lazy = is_lazy(tensor)
    count = None if lazy else tensor.numel()
    return Parameter(
        name=found.names[0],
        owner=found.owner,
        shape=None if lazy else tuple(tensor.shape),
        dtype=dtype_name(tensor.dtype),
        count=count,
        bytes=None if count is None else count * tensor.dtype.itemsize,
        trainable=tensor.requires_grad,
        # A module may hang in several places; the same name twice is one name.
        aliases=tuple(dict.fromkeys(found.names[1:])),
    )
