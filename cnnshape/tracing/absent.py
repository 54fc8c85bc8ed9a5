"""A name that the model's code looked for in vain, and what is spelled like it.

Whose attributes there are is known only while the exception is at hand: the object it came from,
and the variables of the line that raised it.
"""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from types import CodeType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any

from torch import nn

from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.source import hides
from cnnshape.tracing.trace import Absent, Source
from cnnshape.words import nearest

#: What a forward is called elsewhere.
_FORWARDS = ("__forward__", "_forward", "call", "__call__", "fwd", "run", "predict")
#: Misspelt constructors.
_CONSTRUCTORS = ("__int__", "_init_", "__init", "init", "_init", "init__", "__inti__", "__ini__")
#: What NumPy and others call what a tensor has under another name.
_ELSEWHERE = {
    "astype": "to",
    "copy": "clone",
    "expand_dims": "unsqueeze",
    "reduce_mean": "mean",
    "reduce_sum": "sum",
}
#: Names whose likeness differs by less are alike.
_AS_NEAR = 0.05
#: Python says which variable has no value yet in the message alone.
_QUOTED = re.compile(r"variable '(\w+)'")


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


def _alike(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those that resemble ``name`` as much as the nearest does: ``max_pool1d``, ``2d``, ``3d``."""
    found = nearest(name, known)
    likeness = {
        other: SequenceMatcher(None, other.lower(), name.lower()).ratio() for other in found
    }
    best = max(likeness.values(), default=0.0)
    return tuple(sorted(other for other in found if likeness[other] > best - _AS_NEAR))


def _attribute(error: AttributeError) -> Absent | None:
    name, thing = error.name, error.obj
    if not isinstance(name, str) or thing is None:
        return None
    owner = thing.__name__ if isinstance(thing, ModuleType) else type(thing).__name__
    if isinstance(thing, nn.Module) and (never := _never_run(type(thing))) is not None:
        return Absent(name, owner, (never.__name__,), _place(never.__code__))
    known = [*_names(thing), *(_private(type(thing)) if name.startswith("_") else ())]
    elsewhere = _ELSEWHERE.get(name)
    near = (elsewhere,) if elsewhere in known else _alike(name, known)
    return Absent(name, owner, near)


def _never_run(cls: type[nn.Module]) -> FunctionType | None:
    """A constructor under a name that Python does not call: ``__int__``, ``_init_``."""
    own = vars(cls)
    found = (own[name] for name in _CONSTRUCTORS if name in own and "__init__" not in own)
    return next((method for method in found if isinstance(method, FunctionType)), None)


def _private(cls: type) -> Iterator[str]:
    """The names with an underscore that the author's own classes have."""
    for base in cls.__mro__:
        if not base.__module__.startswith(("torch.", "builtins")):
            yield from (n for n in vars(base) if n.startswith("_") and not n.startswith("__"))


def _names(thing: Any) -> list[str]:
    try:
        return [name for name in dir(thing) if not name.startswith("_")]
    except Exception:  # noqa: BLE001 - whatever a user's __dir__ raises
        return []


def _variable(error: NameError, module: nn.Module | None) -> Absent | None:
    """A variable: those of the function, its module and Python; and what ``self`` holds."""
    frame = _innermost(error.__traceback__)
    if isinstance(error, UnboundLocalError):
        quoted = _QUOTED.search(message_of(error))
        return Absent(quoted[1], "") if quoted else None
    name: Any = error.name
    if not isinstance(name, str) or frame is None:
        return None
    if module is not None and frame.f_locals.get("self") is module and name in _names(module):
        return Absent(name, "", (f"self.{name}",))
    near = _alike(name, frame.f_locals) or _alike(name, {**frame.f_globals, **vars(builtins)})
    return Absent(name, "", near)


def _innermost(traceback: TracebackType | None) -> FrameType | None:
    found = None
    while traceback is not None:
        if not hides(traceback.tb_frame.f_code.co_filename):
            found = traceback.tb_frame
        traceback = traceback.tb_next
    return found
