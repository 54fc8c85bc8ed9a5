"""Corrections of calls: what goes into a module, what comes out, and lines written differently.

A line of source is changed without changing the source: a ``TorchFunctionMode`` waits for the
function that was called there and calls what the corrected line would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from cnnshape.analysis.diagnose.edits import (
    AfterCall,
    BeforeCall,
    DropArguments,
    OwnLayer,
    ReplaceCall,
    RunInTurn,
    Step,
)
from cnnshape.experiments.fixes.layer_edits import CannotApplyError, built
from cnnshape.experiments.fixes.steps import settled, take
from cnnshape.tracing.names import operation_name
from cnnshape.tracing.source import caller

CallEdit = BeforeCall | AfterCall | DropArguments | OwnLayer | RunInTurn


def intercept(module: nn.Module, edit: CallEdit) -> None:
    """Change what a module is called with, or what it returns, from the outside.

    Raises:
        CannotApplyError: the module cannot be intercepted (TorchScript).
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise CannotApplyError("a ScriptModule cannot be intercepted")
    vars(module)["forward"] = _wrapped(module, module.forward, edit)


def _wrapped(module: nn.Module, forward: Callable[..., Any], edit: CallEdit) -> Callable[..., Any]:
    calls = 0
    own = built(module, dict(edit.arguments)) if isinstance(edit, OwnLayer) else None

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


class Rewritten(TorchFunctionMode):
    """While it is entered, the calls named by ``edits`` run as corrected."""

    def __init__(self, edits: Sequence[ReplaceCall]) -> None:
        super().__init__()
        self._edits = tuple(edits)
        self._names = {edit.operation for edit in edits}

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the function, or what stands in its place."""
        kwargs = kwargs or {}
        name = operation_name(func, getattr(func, "__name__", ""))
        if name in self._names:
            where = caller()
            for edit in self._edits:
                if edit.operation == name and edit.source == where:
                    return _rewritten(edit, func, args, kwargs)
        return func(*args, **kwargs)


def _rewritten(edit: ReplaceCall, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    steps = dict(edit.operands)
    leaves = pytree.tree_leaves((args, list(kwargs.values())))
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    counter = 0

    def each(thing: Any) -> Any:
        nonlocal counter
        if isinstance(thing, torch.Tensor):
            mine = steps.get(counter)
            counter += 1
            return thing if mine is None else take(thing, mine, tensors)
        if isinstance(thing, list | tuple) and type(thing) in (list, tuple):
            return type(thing)(each(item) for item in cast("list[Any]", thing))
        return thing

    new_args = [each(argument) for argument in args]
    new_kwargs = {key: each(argument) for key, argument in kwargs.items()}
    function = func if edit.function is None else _function(edit.function)
    if edit.arguments is not None:
        first = new_args[0]
        return function(first, *(settled(argument, first) for argument in edit.arguments))
    for which, value in edit.overrides:
        if isinstance(which, str):
            new_kwargs[which] = value
        elif which < len(new_args):
            new_args[which] = value
    return function(*new_args, **new_kwargs)


def _function(name: str) -> Callable[..., Any]:
    if name == "rowwise_dot":
        return lambda a, b: (a * b).sum(dim=-1)
    if name == "reshape":
        return lambda x, *shape: x.reshape(*shape)
    for home in (torch, F, torch.Tensor):
        found = getattr(home, name, None)
        if found is not None:
            return found
    raise CannotApplyError(f"no function is called {name}")
