"""A name that the model's code looked for in vain, and what is spelled like it.

Whose attributes there are is known only while the exception is at hand: the object it came from,
and the variables of the line that raised it.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

from torch import nn

from cnnshape.tracing.source import hides
from cnnshape.tracing.trace import Absent, Source
from cnnshape.words import nearest

#: What a forward is called elsewhere.
_FORWARDS = ("call", "__call__", "fwd", "run", "predict")


def absent_of(error: BaseException, module: nn.Module | None) -> Absent | None:
    """What ``error`` misses: an attribute, a variable, or the ``forward`` of ``module``.

    >>> import torch
    >>> try:
    ...     torch.zeros(2).veiw(1, 2)
    ... except AttributeError as error:
    ...     absent_of(error, None)
    Absent(name='veiw', owner='Tensor', near=('view',), defined=None)
    """
    if module is not None and _without_forward(module):
        return _forward_of(type(module))
    if isinstance(error, AttributeError):
        return _attribute(error)
    if isinstance(error, NameError):
        return _variable(error, module)
    return None


def _without_forward(module: nn.Module) -> bool:
    forward = inspect.unwrap(module.forward)  # the recorder has put itself before it
    return getattr(forward, "__func__", None) is nn.Module.forward


def _forward_of(cls: type[nn.Module]) -> Absent:
    """The method that was meant, by its name or as the only one; or one made inside a method."""
    own = {
        name: value
        for base in cls.__mro__
        if not base.__module__.startswith("torch.")
        for name, value in vars(base).items()
        if inspect.isfunction(value)
    }
    public = [name for name in own if not name.startswith("_")]
    known = [*public, *(name for name in _FORWARDS if name in own)]
    near = nearest("forward", known, cutoff=0.55) or [name for name in _FORWARDS if name in own]
    if not near and len(public) == 1:
        near = public
    if near:
        code = own[near[0]].__code__
        return Absent("forward", cls.__name__, tuple(near), _place(code))
    inner = next(_inside(own.values()), None)
    if inner is None:
        return Absent("forward", cls.__name__)
    holder, code = inner
    return Absent("forward", cls.__name__, (f"{holder}.forward",), _place(code))


def _inside(methods: Iterable[Any]) -> Iterator[tuple[str, CodeType]]:
    """Functions called ``forward`` that a method defines and forgets: indented too far."""
    for method in methods:
        for constant in method.__code__.co_consts:
            if isinstance(constant, CodeType) and constant.co_name == "forward":
                yield method.__name__, constant


def _place(code: CodeType) -> Source:
    return Source(code.co_filename, code.co_firstlineno, code.co_name)


def _attribute(error: AttributeError) -> Absent | None:
    name, thing = error.name, error.obj
    if not isinstance(name, str) or thing is None:
        return None
    owner = thing.__name__ if isinstance(thing, ModuleType) else type(thing).__name__
    return Absent(name, owner, tuple(nearest(name, _names(thing))))


def _names(thing: Any) -> list[str]:
    try:
        return [name for name in dir(thing) if not name.startswith("_")]
    except Exception:  # noqa: BLE001 - whatever a user's __dir__ raises
        return []


def _variable(error: NameError, module: nn.Module | None) -> Absent | None:
    """A variable: those of the function, its module and Python; and what ``self`` holds."""
    if not isinstance(error.name, str):
        return None
    name, frame = error.name, _innermost(error.__traceback__)
    if frame is None:
        return None
    if module is not None and frame.f_locals.get("self") is module and name in _names(module):
        return Absent(name, "", (f"self.{name}",))
    known = dict.fromkeys((*frame.f_locals, *frame.f_globals, *dir(builtins)))
    return Absent(name, "", tuple(nearest(name, known)))


def _innermost(traceback: TracebackType | None) -> FrameType | None:
    found = None
    while traceback is not None:
        if not hides(traceback.tb_frame.f_code.co_filename):
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found
