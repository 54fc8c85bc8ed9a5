"""Whether a model's own code does more than compute: files, the network, other processes, globals.

Such a model is not run a second time behind its owner's back. Its code is read, not watched: the
functions that ``forward`` reaches by ``self.name(…)`` or as globals, and those of its hooks.
"""

from __future__ import annotations

import builtins
import dis
import os
from collections import deque
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn

#: Modules of which every use counts.
_MODULES = frozenset(
    "subprocess socket requests urllib urllib3 httpx aiohttp shutil sqlite3 wandb".split()
)
_OF_OS = frozenset(
    "system popen remove unlink mkdir makedirs rmdir rename replace kill fork putenv".split()
)
#: What writes a file, whatever it belongs to.
_METHODS = frozenset(
    "touch write writelines write_text write_bytes save savez savefig savetxt save_image imsave "
    "imwrite to_csv to_parquet tofile dump urlopen urlretrieve add_scalar add_image".split()
)
_BUILTINS = frozenset(("open", "input"))
#: What they do themselves is known.
_OWN = ("torch", "cnnshape")
#: What changes a list, a dict or a set that stands outside of the model.
_CHANGES = frozenset("append extend insert add update setdefault pop popleft appendleft".split())


def effect_of(model: nn.Module) -> str | None:
    """The name of the first thing in a model's code that reaches beyond it; None if nothing does.

    What is printed or logged does not count, nor what a module keeps in its own attributes.

    >>> effect_of(nn.Linear(2, 2)) is None
    True
    """
    for function in _functions(model):
        found = _effect(function)
        if found is not None:
            return found
    return None


def _functions(model: nn.Module) -> Iterator[FunctionType]:
    """The functions of the model's own classes that a pass may reach, each once."""
    waiting: deque[FunctionType] = deque()
    for module in model.modules():
        waiting += _plain(getattr(type(module), "forward", None), module.__dict__.get("forward"))
        for hooks in (module._forward_hooks, module._forward_pre_hooks):  # noqa: SLF001
            waiting += _plain(*hooks.values())
        waiting += [
            method
            for function in _plain(getattr(type(module), "forward", None))
            for name in _names(function.__code__)
            for method in _plain(getattr(type(module), name, None))
        ]
    seen: set[CodeType] = set()
    while waiting:
        function = waiting.popleft()
        if function.__code__ in seen or str(function.__module__).split(".")[0] in _OWN:
            continue
        seen.add(function.__code__)
        yield function
        used = _used(function.__code__, "LOAD_GLOBAL")
        waiting += _plain(*(function.__globals__.get(name) for name in used))


def _plain(*things: Any) -> list[FunctionType]:
    functions = (getattr(thing, "__func__", thing) for thing in things)
    return [function for function in functions if isinstance(function, FunctionType)]


def _effect(function: FunctionType) -> str | None:
    names = _names(function.__code__)
    for name in _used(function.__code__, "LOAD_GLOBAL"):
        value = function.__globals__.get(name)
        if name in _BUILTINS and (value is None or value is getattr(builtins, name)):
            return name
        if isinstance(value, ModuleType) and value.__name__.split(".")[0] in _MODULES:
            return name
        if isinstance(value, list | dict | set | deque) and _CHANGES & names:
            return name
        if value is os and _OF_OS & names:
            return name
    # What is written to a stream is heard once, like what is printed.
    writes = _METHODS - {"write", "writelines"} if {"stdout", "stderr"} & names else _METHODS
    if writes & names:
        return min(writes & names)
    return min(_used(function.__code__, "STORE_GLOBAL"), default=None)


def _used(code: CodeType, instruction: str) -> set[str]:
    """The globals that a function reads, or sets; an attribute of that name is none of them."""
    every = (i for inner in _codes(code) for i in dis.get_instructions(inner))
    return {i.argval for i in every if i.opname == instruction}


def _names(code: CodeType) -> frozenset[str]:
    return frozenset(name for inner in _codes(code) for name in inner.co_names)


def _codes(code: CodeType) -> Iterable[CodeType]:
    """A function's code, and that of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
