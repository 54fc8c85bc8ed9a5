"""Loading a state dict from a file, safely, with one sentence when it does not fit."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from cnnshape.errors import MissingDependencyError, WeightsError
from cnnshape.interrupts import held
from cnnshape.messages import joined, say
from cnnshape.words import listed, times

_WRAPPED_AS = ("model", "state_dict", "model_state_dict", "net", "module", "ema")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")


def load_weights(module: nn.Module, path: Path) -> None:
    """Load a state dict file into ``module``.

    Understood are ``torch.save(model.state_dict())``, the same wrapped as
    ``{"model": …}`` or ``{"state_dict": …}``, keys with ``module.`` or ``_orig_mod.`` in
    front, and ``.safetensors``. Pickled code is never run. For a model on meta the names
    and sizes are checked, and no value is read.

    Raises:
        WeightsError: the file cannot be read as a state dict, or does not fit the model.
        MissingDependencyError: a ``.safetensors`` file, and safetensors is not installed.
    """
    on_meta = any(parameter.is_meta for parameter in module.parameters())
    state = _without_prefix(read_state_dict(path, device="meta" if on_meta else "cpu"), module)
    try:
        with held(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module.load_state_dict(state, strict=True)
    except (RuntimeError, KeyError, ValueError, AttributeError, TypeError) as error:
        reason = _misfit(module, state) or str(error).strip().splitlines()[0]
        raise WeightsError(
            say(
                "{file} does not fit {type}: {reason}",
                file=path,
                type=type(module).__name__,
                reason=reason,
            )
        ) from error


def read_state_dict(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a weights file by name.

    Raises:
        WeightsError: it is missing, or not a file of tensors.
    """
    if not path.is_file():
        raise WeightsError(
            say("there is no weights file {file}: it is a folder", file=path)
            if path.is_dir()
            else say("there is no weights file {file}", file=path)
        )
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path, device)
    try:
        content: object = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            say(
                "{file} holds pickled Python objects or is not a torch file, and only tensors "
                "are read: save it with torch.save(model.state_dict(), FILE)",
                file=path,
            )
        ) from error
    except Exception as error:
        raise WeightsError(
            say(
                "{file} cannot be read as a torch file ({error}); it may be truncated: save it "
                "again with torch.save(model.state_dict(), FILE)",
                file=path,
                error=type(error).__name__,
            )
        ) from error
    return state_dict_in(content, path)


def _read_safetensors(path: Path, device: str) -> dict[str, Tensor]:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise MissingDependencyError(
            say("{file} needs safetensors: pip install safetensors", file=path.name)
        ) from error
    try:
        # The file is mapped, not read, so that moving to meta touches no values.
        state = safetensors.torch.load_file(path, device="cpu")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            say("{file} is not a safetensors file: {reason}", file=path, reason=error)
        ) from error
    return {name: tensor.to(device) for name, tensor in state.items()}


def state_dict_in(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict itself, taken out of the dictionary that a training loop saved."""
    for _ in range(3):
        if not isinstance(content, Mapping):
            raise WeightsError(
                say(
                    "{file} holds a {type}, expected a dictionary of tensors as from "
                    "torch.save(model.state_dict(), FILE)",
                    file=path,
                    type=type(content).__name__,
                )
            )
        mapping = cast("Mapping[Any, Any]", content)
        inner = next((k for k in _WRAPPED_AS if isinstance(mapping.get(k), Mapping)), None)
        if inner is None:
            break
        content = mapping[inner]
    state = cast("Mapping[Any, Any]", content)
    # `_extra_state` of a module may be anything; torch puts it back itself.
    wrong = [
        k for k, v in state.items() if not isinstance(v, Tensor) and "_extra_state" not in str(k)
    ]
    if wrong:
        raise WeightsError(
            say(
                "{file} holds no state dict: {name!r} is no tensor; expected tensors by name, "
                "or one of {wrapped} holding them",
                file=path,
                name=str(wrong[0]),
                wrapped=listed(_WRAPPED_AS[:3], "or"),
            )
        )
    return {str(name): value for name, value in state.items()}


def _without_prefix(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    """Keys without what DataParallel, ``torch.compile`` or a training wrapper put before them."""
    own = module.state_dict().keys()
    again = True
    while again and state and not own & state.keys():
        again = False
        for prefix in _PREFIXES:
            if all(name.startswith(prefix) for name in state):
                state = {name.removeprefix(prefix): value for name, value in state.items()}
                again = True
    return state


def _misfit(module: nn.Module, state: Mapping[str, Tensor]) -> str:
    """What does not fit, the first of each sort named; empty if nothing is found."""
    own = module.state_dict()
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    reasons: list[str] = []
    if len(missing) == 1:
        reasons.append(say("{name} is missing from the file", name=missing[0]))
    elif missing:
        reasons.append(
            say(
                "{count} keys are missing from the file, the first is {name}",
                count=len(missing),
                name=missing[0],
            )
        )
    if len(unexpected) == 1:
        reasons.append(say("{name} is unknown to the model", name=unexpected[0]))
    elif unexpected:
        reasons.append(
            say(
                "{count} keys are unknown to the model, the first is {name}",
                count=len(unexpected),
                name=unexpected[0],
            )
        )
    sized = [name for name in own if name in state and _differ(own[name], state[name])]
    if sized:
        name = sized[0]
        others = say(", and {count} more differ", count=len(sized) - 1) if len(sized) > 1 else ""
        reasons.append(
            say(
                "{name} is {given} in the file and {wanted} in the model{others}",
                name=name,
                given=times(state[name].shape, say("a scalar")),
                wanted=times(own[name].shape, say("a scalar")),
                others=others,
            )
        )
    return joined(say("; "), reasons)


def _differ(own: Any, given: Any) -> bool:
    if not isinstance(own, Tensor) or not isinstance(given, Tensor):
        return False
    if isinstance(own, (UninitializedParameter, UninitializedBuffer)):
        return False
    return own.shape != given.shape
