"""Corrections of a model's inputs: another shape, ``x.unsqueeze(0)``, an argument more or less."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import nn

from cnnshape.analysis.diagnose.edits import (
    ChangeInput,
    DropInput,
    NewInput,
    RenameKey,
    Step,
    SwapInputs,
)
from cnnshape.experiments.fixes.layer_edits import CannotApplyError
from cnnshape.experiments.fixes.steps import take
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.structure import named_tensors


def changed_inputs(
    model: nn.Module,
    inputs: Inputs,
    edit: NewInput | ChangeInput | DropInput | RenameKey | SwapInputs,
) -> Inputs:
    """The inputs after one correction.

    Raises:
        CannotApplyError: there is no such input, or it cannot be changed so.
    """
    if isinstance(edit, NewInput):
        return _new(model, inputs, edit)
    if isinstance(edit, ChangeInput):
        return _changed(model, inputs, edit.name, lambda thing: _taken(thing, edit.steps))
    if isinstance(edit, DropInput):
        return _dropped(inputs, edit.which)
    if isinstance(edit, SwapInputs):
        args = list(inputs.args)
        args[edit.one], args[edit.other] = args[edit.other], args[edit.one]
        return Inputs(tuple(args), inputs.kwargs)
    return _changed(model, inputs, edit.name, lambda thing: _renamed(thing, edit.old, edit.new))


def _taken(thing: Any, steps: Sequence[Step]) -> Any:
    try:
        return take(thing, steps)
    except Exception as error:
        raise CannotApplyError(str(error)) from error


def _new(model: nn.Module, inputs: Inputs, edit: NewInput) -> Inputs:
    device = _device(inputs)
    for _, thing in inputs.named(model):
        for name, tensor in named_tensors(_, thing):
            if name == edit.name:
                made = fresh_tensor(edit.shape, edit.dtype or _dtype_name(tensor), tensor.device)
                return _changed(model, inputs, name, lambda _old, made=made: made)
    if edit.dtype is None:
        raise CannotApplyError(f"there is no input {edit.name}")
    made = fresh_tensor(edit.shape, edit.dtype, device)
    return Inputs(inputs.args, {**(inputs.kwargs or {}), edit.name: made})


def fresh_tensor(shape: Sequence[int], dtype: str, device: torch.device | str) -> torch.Tensor:
    """Normal numbers, or zeros where whole numbers may be indices."""
    kind = getattr(torch, dtype)
    if kind.is_floating_point or kind.is_complex:
        return torch.randn(tuple(shape), dtype=kind, device=device)
    return torch.zeros(tuple(shape), dtype=kind, device=device)


def _changed(model: nn.Module, inputs: Inputs, name: str, change: Callable[[Any], Any]) -> Inputs:
    """The inputs with the thing of that name changed, however deep it lies."""
    args = list(inputs.args)
    kwargs = dict(inputs.kwargs or {})
    if name.startswith("#"):
        position = int(name[1:])
        if position >= len(args):
            raise CannotApplyError(f"there is no argument {position}")
        args[position] = change(args[position])
        return Inputs(tuple(args), kwargs)
    if name in kwargs:
        kwargs[name] = change(kwargs[name])
        return Inputs(tuple(args), kwargs)
    for position, (label, thing) in enumerate(inputs.named(model)):
        target = next((t for n, t in named_tensors(label, thing) if n == name), None)
        if target is None and label != name:
            continue
        new = change(thing) if label == name else _exchanged(thing, target, change)
        if position < len(args):
            args[position] = new
        else:
            kwargs[label] = new
        return Inputs(tuple(args), kwargs)
    raise CannotApplyError(f"there is no input {name}")


def _exchanged(thing: Any, target: Any, change: Callable[[Any], Any]) -> Any:
    from torch.utils import _pytree as pytree

    return pytree.tree_map(lambda leaf: change(leaf) if leaf is target else leaf, thing)


def _dropped(inputs: Inputs, which: int | str) -> Inputs:
    kwargs = dict(inputs.kwargs or {})
    if isinstance(which, str):
        kwargs.pop(which, None)
        return Inputs(inputs.args, kwargs)
    return Inputs((*inputs.args[:which], *inputs.args[which + 1 :]), kwargs)


def _renamed(thing: Any, old: str, new: str) -> Any:
    if not isinstance(thing, Mapping) or old not in thing:
        raise CannotApplyError(f"there is no key {old!r}")
    items = cast("Mapping[Any, Any]", thing)
    return {**{k: v for k, v in items.items() if k != old}, new: items[old]}


def _device(inputs: Inputs) -> torch.device:
    for _, tensor in named_tensors("", (inputs.args, dict(inputs.kwargs or {}))):
        return tensor.device
    return torch.device("cpu")


def _dtype_name(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
