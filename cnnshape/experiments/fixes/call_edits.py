"""Corrections of a module's calls from the outside: what goes into it, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from cnnshape.analysis.diagnose.edits import (
    AfterCall,
    BeforeCall,
    DropArguments,
    OwnLayer,
    RunInTurn,
    Step,
)
from cnnshape.experiments.fixes.layer_edits import CannotApplyError, built
from cnnshape.experiments.fixes.steps import take

CallEdit = BeforeCall | AfterCall | DropArguments | OwnLayer | RunInTurn


def intercept(module: nn.Module, edit: CallEdit, *, without_memory: bool = False) -> None:
    """Change what a module is called with, or what it returns, from the outside.

    ``without_memory``: a layer that is made for it is on meta, as the whole model is during the
    trial.

    Raises:
        CannotApplyError: the module cannot be intercepted (TorchScript).
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise CannotApplyError("a ScriptModule cannot be intercepted")
    own = None
    if isinstance(edit, OwnLayer):
        own = built(module, dict(edit.arguments), without_memory=without_memory)
    vars(module)["forward"] = _wrapped(module, module.forward, edit, own)


def _wrapped(
    module: nn.Module, forward: Callable[..., Any], edit: CallEdit, own: nn.Module | None
) -> Callable[..., Any]:
    calls = 0

    def corrected(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        number, calls = calls, calls + 1
        if isinstance(edit, BeforeCall):
            if edit.call is None or edit.call == number:
                args, kwargs = _with_argument(args, kwargs, edit.argument, edit.steps)
            return forward(*args, **kwargs)
        if isinstance(edit, AfterCall):
            return take(forward(*args, **kwargs), edit.steps)
        if isinstance(edit, DropArguments):
            kept = {key: value for key, value in kwargs.items() if key in edit.keywords}
            return forward(*args[: edit.keep], **kept)
        if isinstance(edit, RunInTurn):
            for child in module.children():
                args = (child(*args, **kwargs),)
            return args[0]
        assert own is not None
        return own(*args, **kwargs) if number == edit.call else forward(*args, **kwargs)

    return corrected


def _with_argument(
    args: tuple[Any, ...], kwargs: dict[str, Any], which: int | str, steps: Sequence[Step]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(which, str):
        return args, {**kwargs, which: take(kwargs[which], steps)} if which in kwargs else kwargs
    if which >= len(args):
        return args, kwargs
    return (*args[:which], take(args[which], steps), *args[which + 1 :]), kwargs
