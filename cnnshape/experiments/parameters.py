"""What a module registers: its parameters, buffers and hooks, with the first values of each.

Nothing runs; the values are those that the constructor, or a weights file, has put there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.interrupts import held
from cnnshape.loading.stored.checkpoint import StoredTensor
from cnnshape.loading.unwrap import unwrap
from cnnshape.shown import Shown
from cnnshape.tracing.describe import class_name, every_module

Number = bool | int | float | str

#: A module's registries of hooks, and what they are called where they are registered.
_HOOKS = {
    "_forward_pre_hooks": "forward_pre_hook",
    "_forward_hooks": "forward_hook",
    "_backward_pre_hooks": "full_backward_pre_hook",
    "_backward_hooks": "full_backward_hook",
    "_state_dict_pre_hooks": "state_dict_pre_hook",
    "_state_dict_hooks": "state_dict_hook",
    "_load_state_dict_pre_hooks": "load_state_dict_pre_hook",
    "_load_state_dict_post_hooks": "load_state_dict_post_hook",
}
_TENSOR_HOOKS = {
    "_backward_hooks": "tensor_hook",
    "_post_accumulate_grad_hooks": "post_accumulate_grad_hook",
}


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A parameter or a buffer, listed once at its first name.

    Attributes:
        name: its name in ``named_parameters`` or ``named_buffers``; ``module`` is its owner.
        shape, count, bytes, values: None while a lazy parameter is uninitialised.
        shared_with: the other names of the same tensor.
        values: its first elements in memory order; None also where it has no memory (meta).
            Complex ones, infinities and NaN are words.
        trainable: None for a tensor of a checkpoint, which does not say whether it is a parameter.
        persistent: a buffer that ``state_dict`` saves; always True for a parameter.
    """

    name: str
    module: str
    shape: tuple[int, ...] | None
    dtype: str
    count: int | None
    bytes: int | None
    trainable: bool | None
    shared_with: tuple[str, ...]
    values: tuple[Number, ...] | None
    persistent: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The entry as the JSON has it."""
        return {
            "name": self.name,
            "shape": None if self.shape is None else list(self.shape),
            "dtype": self.dtype,
            "count": self.count,
            "trainable": self.trainable,
            "shared_with": list(self.shared_with),
            "values": None if self.values is None else list(self.values),
        }


@dataclass(frozen=True, slots=True)
class HookEntry:
    """A function that runs around a module's call, or when a parameter gets its gradient.

    Attributes:
        path: the module it is registered on, ``""`` for the root.
        kind: as in ``register_forward_hook``, without ``register_``.
        function: the function's own name.
        tensor: the parameter, for the hook of a parameter.
    """

    path: str
    kind: str
    function: str
    tensor: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry as the JSON has it."""
        return {
            "path": self.path,
            "kind": self.kind,
            "function": self.function,
            "tensor": self.tensor,
        }


@dataclass(frozen=True, slots=True)
class ModuleEntry:
    """A module, in definition order; of a checkpoint nobody knows its class."""

    path: str
    type: str


@dataclass(frozen=True, slots=True)
class Parameters(Shown):
    """Everything a module registers; shows itself: ``print(parameters)``.

    Attributes:
        spec: how the model was named.
        class_name: its class; empty for a checkpoint.
        modules: those that register something.
        parameters: in the order of ``named_parameters``; of a checkpoint all of its tensors.
        every_module: all of them, the root first.
        tree: shown as a tree of modules instead of tensor by tensor.
        depth: how deep the tree is shown; None for all of it.
    """

    _written_by: ClassVar = "cnnshape.rendering.params"

    spec: str
    class_name: str
    modules: tuple[ModuleEntry, ...]
    parameters: tuple[TensorEntry, ...]
    buffers: tuple[TensorEntry, ...]
    hooks: tuple[HookEntry, ...]
    every_module: tuple[ModuleEntry, ...] = ()
    tree: bool = False
    depth: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """What ``cnnshape params -f json`` prints."""
        return {
            "schema": 1,
            "model": {"spec": self.spec, "class": self.class_name or None},
            "parameters": [entry.to_dict() for entry in self.parameters],
            "buffers": [
                entry.to_dict() | {"persistent": entry.persistent} for entry in self.buffers
            ],
            "hooks": [entry.to_dict() for entry in self.hooks],
        }


def read_parameters(module: nn.Module, *, spec: str = "", values: int = 6) -> Parameters:
    """Read what ``module`` and everything below it registers; it is left as it is.

    >>> [(entry.name, entry.shape) for entry in read_parameters(nn.Linear(4, 2)).parameters]
    [('weight', (2, 4)), ('bias', (2,))]
    """
    root = unwrap(module)
    every_module(root)  # a model that contains itself is refused with a sentence
    modules = list(root.named_modules())
    parameters = tuple(_entries(root, "parameter", values))
    buffers = tuple(_entries(root, "buffer", values))
    hooks = tuple(_hooks(modules))
    entries = tuple(ModuleEntry(path, class_name(module)) for path, module in modules)
    named = {entry.module for entry in (*parameters, *buffers)} | {hook.path for hook in hooks}
    return Parameters(
        spec=spec,
        class_name=class_name(root),
        modules=tuple(entry for entry in entries if entry.path in named),
        parameters=parameters,
        buffers=buffers,
        hooks=hooks,
        every_module=entries,
    )


def read_checkpoint(stored: Sequence[StoredTensor], *, spec: str) -> Parameters:
    """What a file of weights holds, in the same form: its tensors, module by module.

    >>> stored = [StoredTensor("fc.weight", (2, 4), "float32", 32)]
    >>> read_checkpoint(stored, spec="fc.safetensors").parameters[0].count
    8
    """
    parameters = tuple(map(_stored_entry, stored))
    owners = dict.fromkeys(entry.module for entry in parameters)
    paths = dict.fromkeys(path for owner in owners for path in _down_to(owner))
    return Parameters(
        spec=spec,
        class_name="",
        modules=tuple(ModuleEntry(path, "") for path in owners),
        parameters=parameters,
        buffers=(),
        hooks=(),
        every_module=tuple(ModuleEntry(path, "") for path in paths),
    )


def _stored_entry(tensor: StoredTensor) -> TensorEntry:
    return TensorEntry(
        name=tensor.name,
        module=tensor.name.rpartition(".")[0],
        shape=tensor.shape,
        dtype=tensor.dtype,
        count=math.prod(tensor.shape),
        bytes=tensor.bytes,
        trainable=None,
        shared_with=tensor.shared_with,
        values=None,
    )


def _down_to(path: str) -> Iterator[str]:
    """The root, and every module on the way to ``path``.

    >>> list(_down_to("block.0.conv"))
    ['', 'block', 'block.0', 'block.0.conv']
    """
    parts = path.split(".") if path else []
    yield from (".".join(parts[:number]) for number in range(len(parts) + 1))


def _entries(
    root: nn.Module, kind: Literal["parameter", "buffer"], values: int
) -> Iterator[TensorEntry]:
    listing = root.named_parameters if kind == "parameter" else root.named_buffers
    owners = dict(root.named_modules())  # TorchScript has no get_submodule
    names: dict[int, list[str]] = {}
    tensors: dict[int, torch.Tensor] = {}
    for name, tensor in listing(remove_duplicate=False):
        names.setdefault(id(tensor), []).append(name)
        tensors[id(tensor)] = tensor
    for identity, tensor in tensors.items():
        first, *others = names[identity]
        owner, _, own = first.rpartition(".")
        transient = cast("set[str]", getattr(owners[owner], "_non_persistent_buffers_set", set()))
        lazy = is_lazy(tensor)
        yield TensorEntry(
            name=first,
            module=owner,
            shape=None if lazy else tuple(tensor.shape),
            dtype=str(tensor.dtype).removeprefix("torch."),
            count=None if lazy else tensor.numel(),
            bytes=None if lazy else tensor.numel() * tensor.element_size(),
            trainable=kind == "parameter" and tensor.requires_grad,
            shared_with=tuple(others),
            values=None if lazy else _first_values(tensor, values),
            persistent=kind == "parameter" or own not in transient,
        )


def _first_values(tensor: torch.Tensor, number: int) -> tuple[Number, ...] | None:
    if tensor.is_meta:
        return None
    with held(), torch.no_grad():
        tensor = tensor.detach()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        first = tensor.reshape(-1)[:number].cpu()
        if first.dtype.is_floating_point:
            first = first.to(torch.float64)
        elif first.dtype.is_complex:
            first = first.to(torch.complex128)
        return tuple(_number(value) for value in first.tolist())


def _number(value: Any) -> Number:
    """A number as JSON can say it; anything else in words."""
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _hooks(modules: list[tuple[str, nn.Module]]) -> Iterator[HookEntry]:
    seen: set[int] = set()
    for path, module in modules:
        for registry, kind in _HOOKS.items():
            hooks = cast("Mapping[int, Callable[..., Any]]", getattr(module, registry, None) or {})
            if (
                registry == "_backward_hooks"
                and getattr(module, "_is_full_backward_hook", 1) is False
            ):
                kind = "backward_hook"  # noqa: PLW2901 - the older, incomplete kind
            for hook in hooks.values():
                yield HookEntry(path, kind, _function_name(hook))
        for name, tensor in module.named_parameters(recurse=False):
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            whole = f"{path}.{name}" if path else name
            for registry, kind in _TENSOR_HOOKS.items():
                hooks = getattr(tensor, registry, None) or {}
                for hook in hooks.values():
                    yield HookEntry(path, kind, _function_name(hook), tensor=whole)


def _function_name(hook: Any) -> str:
    """The name its author gave it, seen through wrappers and ``functools.partial``."""
    for attribute in ("hook", "func", "__wrapped__"):
        inner = getattr(hook, attribute, None)
        if callable(inner) and not hasattr(hook, "__qualname__"):
            return _function_name(inner)
    return str(getattr(hook, "__qualname__", type(hook).__name__))
