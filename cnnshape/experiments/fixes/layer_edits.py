"""A layer built anew with other arguments, in the place of the old one.

The module object itself stays, so that whoever holds it (a container, an alias, a plain list)
sees the new layer; its attributes are exchanged, and ``preserved`` puts the old ones back.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, cast

import torch
from torch import nn

from cnnshape.analysis.diagnose.edits import AddLayer, SetArguments, SetParameter

#: Attributes that belong to the module object and not to its arguments.
_KEPT = frozenset(
    "training _forward_hooks _forward_pre_hooks _forward_hooks_with_kwargs "
    "_forward_hooks_always_called _forward_pre_hooks_with_kwargs _backward_hooks "
    "_backward_pre_hooks _is_full_backward_hook _state_dict_hooks _state_dict_pre_hooks "
    "_load_state_dict_pre_hooks _load_state_dict_post_hooks _compiled_call_impl forward".split()
)
_RECURRENT = "input_size hidden_size num_layers bias batch_first dropout bidirectional".split()


class CannotApplyError(Exception):
    """A correction that cannot be carried out on this model."""


def rebuild(
    module: nn.Module,
    changes: Mapping[str, Any],
    kind: str | None = None,
    *,
    without_memory: bool = False,
) -> None:
    """Give ``module`` the attributes of a new layer with some arguments changed.

    Args:
        module: a layer of torch.nn, or of a class that inherits from one.
        changes: constructor arguments with their new values.
        kind: another class of torch.nn.
        without_memory: build it on meta, whatever the old one is on.

    Raises:
        CannotApplyError: the new layer cannot be built.

    >>> layer = nn.Linear(4, 2)
    >>> rebuild(layer, {"in_features": 7})
    >>> layer
    Linear(in_features=7, out_features=2, bias=True)
    """
    new = built(module, changes, kind, without_memory=without_memory)
    attributes = vars(module)
    own = kind is None and type(module) is not _torch_class(module)
    for name, value in vars(new).items():
        if own and name in ("_parameters", "_buffers", "_modules"):
            # What the author's class registered beside the layer's own stays.
            attributes[name] = {**attributes[name], **value}
        elif name not in _KEPT:
            attributes[name] = value
    if not own:
        module.__class__ = type(new)


def built(
    module: nn.Module,
    changes: Mapping[str, Any],
    kind: str | None = None,
    *,
    without_memory: bool = False,
) -> nn.Module:
    """A new layer with the arguments of ``module``, some of them changed."""
    cls = _torch_class(module) if kind is None else getattr(nn, kind)
    arguments = {**_arguments(module, cls), **changes}
    reference = next(iter(module.parameters(recurse=True)), None)
    device = torch.device("cpu") if reference is None else reference.device
    device = torch.device("meta") if without_memory else device
    try:
        with torch.random.fork_rng(devices=[]), device:
            new = cls(**arguments)
    except Exception as error:
        raise CannotApplyError(f"{cls.__name__}: {error}") from error
    if reference is not None and reference.is_floating_point():
        new = new.to(reference.dtype)
    return cast("nn.Module", new).train(module.training)


def rebuild_own(
    module: nn.Module, arguments: Mapping[str, Any], *, without_memory: bool = False
) -> None:
    """Give a module of somebody's own class the attributes of one built with other arguments."""
    reference = next(iter(module.parameters()), None)
    device = torch.device("cpu") if reference is None else reference.device
    try:
        with torch.device("meta") if without_memory else device:
            new = built_own(type(module), arguments)
    except Exception as error:
        raise CannotApplyError(f"{type(module).__name__}: {error}") from error
    if reference is not None and reference.is_floating_point():
        new = new.to(reference.dtype)
    attributes = vars(module)
    for name, value in vars(new.train(module.training)).items():
        if name not in _KEPT:
            attributes[name] = value


def built_own(cls: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    """The author's class built with these arguments; what it prints is not shown."""
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
        return cls(**arguments)


def add_layer(
    root: nn.Module, module: nn.Module, edit: AddLayer, *, without_memory: bool = False
) -> None:
    """Give ``module`` a new layer, and the others of its class an ``nn.Identity`` of that name."""
    if hasattr(module, edit.name):
        raise CannotApplyError(f"there is a {edit.name} already")
    reference = next(iter(root.parameters()), None)
    device = torch.device("cpu") if reference is None else reference.device
    device = torch.device("meta") if without_memory else device
    with torch.random.fork_rng(devices=[]), device:
        new = cast("nn.Module", getattr(nn, edit.kind)(**dict(edit.arguments)))
    if reference is not None and reference.is_floating_point():
        new = new.to(reference.dtype)
    for other in root.modules():
        if type(other) is type(module):
            other._modules[edit.name] = nn.Identity()  # noqa: SLF001
    module._modules[edit.name] = new.train(module.training)  # noqa: SLF001


def _torch_class(module: nn.Module) -> Any:
    """The class of torch.nn that a module is of or inherits from."""
    for base in type(module).__mro__:
        if base is not nn.Module and base.__module__.startswith("torch.nn.modules."):
            return getattr(nn, base.__name__, base)
    raise CannotApplyError(f"{type(module).__name__} is no layer of torch.nn")


def _arguments(module: nn.Module, cls: Any) -> dict[str, Any]:
    """The constructor arguments that a layer was built with, read off its attributes."""
    if issubclass(cls, nn.RNNBase):
        own = {"LSTM": ["proj_size"], "RNN": ["nonlinearity"]}
        names = [*_RECURRENT, *own.get(cls.__name__, [])]
    else:
        names = [n for n in inspect.signature(cls.__init__).parameters if n != "self"]
    held = vars(module)
    found = {
        name: held[name]
        for name in names
        if name in held and name not in ("bias", "device", "dtype") and not name.startswith("_")
    }
    bias = _has_bias(module)
    if bias is not None and "bias" in names:
        found["bias"] = bias
    if cls is nn.MultiheadAttention:
        # Its defaults for these are "as embed_dim", which is not what the attributes say.
        for name in ("kdim", "vdim"):
            if found.get(name) == found.get("embed_dim"):
                found.pop(name, None)
        found["add_bias_kv"] = getattr(module, "bias_k", None) is not None
    return found


def _has_bias(module: nn.Module) -> bool | None:
    """Whether a layer was built with a bias; None if it knows nothing of one."""
    told = vars(module).get("bias")
    if isinstance(told, bool):
        return told
    registry = module._parameters  # noqa: SLF001
    name = "in_proj_bias" if isinstance(module, nn.MultiheadAttention) else "bias"
    return registry[name] is not None if name in registry else None


def numbers_to_make(root: nn.Module, edits: Iterable[object]) -> int:
    """About how many parameters the layers that are built anew will have."""
    total = 0.0
    for edit in edits:
        if isinstance(edit, SetArguments):
            module = root.get_submodule(edit.path)
            count = float(sum(tensor.numel() for tensor in module.parameters()))
            for name, value in edit.arguments:
                before = vars(module).get(name)
                if isinstance(value, int) and isinstance(before, int) and before > 0:
                    count *= value / before
            total += count
        elif isinstance(edit, SetParameter):
            total += prod(edit.shape)
    return int(total)


def set_parameter(root: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    """Give a parameter or a buffer another shape, wherever it is registered.

    A buffer grows by zeros and keeps what it held, so that a mask stays one.
    """
    path, _, attribute = name.rpartition(".")
    try:
        owner = root.get_submodule(path)
    except AttributeError as error:
        raise CannotApplyError(name) from error
    old = owner._parameters.get(attribute)  # noqa: SLF001
    new: torch.Tensor
    if old is not None:
        values = torch.randn(shape, dtype=old.dtype, device=old.device) * 0.1
        new = nn.Parameter(values, requires_grad=old.requires_grad)
    else:
        old = owner._buffers.get(attribute)  # noqa: SLF001
        if old is None or old.dim() != len(shape):
            raise CannotApplyError(name)
        new = old.new_zeros(shape)
        common = tuple(slice(min(a, b)) for a, b in zip(old.shape, shape, strict=True))
        new[common] = old[common]
    for module in root.modules():
        for registry in (module._parameters, module._buffers):  # noqa: SLF001
            held = cast("dict[str, torch.Tensor | None]", registry)
            for key, tensor in held.items():
                if tensor is old:
                    held[key] = new
