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
        raise WeightsError(f"{path} does not fit {type(module).__name__}: {reason}") from error


def read_state_dict(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a weights file by name.

    Raises:
        WeightsError: it is missing, or not a file of tensors.
    """
    if not path.is_file():
        raise WeightsError(
            f"there is no weights file {path}" + (": it is a folder" if path.is_dir() else "")
        )
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path, device)
    try:
        content: object = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds pickled Python objects or is not a torch file, and only tensors are "
            "read: save it with torch.save(model.state_dict(), FILE)"
        ) from error
    except Exception as error:
        raise WeightsError(
            f"{path} cannot be read as a torch file ({type(error).__name__}); "
            "it may be truncated: save it again with torch.save(model.state_dict(), FILE)"
        ) from error
    return state_dict_in(content, path)


def _read_safetensors(path: Path, device: str) -> dict[str, Tensor]:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as error:
        raise MissingDependencyError(
            f"{path.name} needs safetensors: pip install safetensors"
        ) from error
    try:
        # The file is mapped, not read, so that moving to meta touches no values.
        state = safetensors.torch.load_file(path, device="cpu")
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}") from error
    return {name: tensor.to(device) for name, tensor in state.items()}


def state_dict_in(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict itself, taken out of the dictionary that a training loop saved."""
    for _ in range(3):
        if not isinstance(content, Mapping):
            raise WeightsError(
                f"{path} holds a {type(content).__name__}, expected a dictionary of tensors "
                "as from torch.save(model.state_dict(), FILE)"
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
            f"{path} holds no state dict: {str(wrong[0])!r} is no tensor; "
            f"expected tensors by name, or one of {listed(_WRAPPED_AS[:3], 'or')} holding them"
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
    for names, word in ((missing, "missing from the file"), (unexpected, "unknown to the model")):
        if len(names) == 1:
            reasons.append(f"{names[0]} is {word}")
        elif names:
            reasons.append(f"{len(names)} keys are {word}, the first is {names[0]}")
    sized = [name for name in own if name in state and _differ(own[name], state[name])]
    if sized:
        name = sized[0]
        others = f", and {len(sized) - 1} more differ" if len(sized) > 1 else ""
        reasons.append(
            f"{name} is {times(state[name].shape, 'a scalar')} in the file "
            f"and {times(own[name].shape, 'a scalar')} in the model{others}"
        )
    return "; ".join(reasons)


def _differ(own: Any, given: Any) -> bool:
    if not isinstance(own, Tensor) or not isinstance(given, Tensor):
        return False
    if isinstance(own, (UninitializedParameter, UninitializedBuffer)):
        return False
    return own.shape != given.shape
