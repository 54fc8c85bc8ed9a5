"""Classes whose source was changed, compiled from a file of their own.

The file is real, so that a traceback, ``linecache`` and ``ast`` see the changed lines.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import tempfile
import textwrap
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType

from torch import nn

_HEADER = "from __future__ import annotations\n\n\n"
_NUMBERS = count()
_CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="broken_")


@cache
def source_of(cls: type) -> str | None:
    """The source of a class of somebody's own; None for layers and what cannot be read.

    A class that inherits from a layer of torch counts as one: nobody writes these lines.
    """
    torchs = [base for base in cls.__mro__ if base.__module__.startswith("torch.nn.modules.")]
    if cls in torchs or any(base not in _CONTAINERS for base in torchs):
        return None
    try:
        text = textwrap.dedent(inspect.getsource(cls))
        ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        return None
    return text


def with_source(model: nn.Module, cls: type, text: str) -> nn.Module:
    """A copy of the model in which all modules of that very class have the changed source."""
    changed = _compiled(cls, text)
    broken = copy.deepcopy(model)
    for module in broken.modules():
        if type(module) is cls:
            module.__class__ = changed
    return broken


def _compiled(cls: type, text: str) -> type:
    home = sys.modules[cls.__module__]
    name = f"broken_{next(_NUMBERS)}"
    path = Path(_folder().name, f"{name}.py")
    path.write_text(_HEADER + text, encoding="utf-8")
    module = ModuleType(name)
    vars(module).update({**vars(home), "__name__": name, "__file__": str(path)})
    sys.modules[name] = module
    exec(
        compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True),
        vars(module),
    )
    return vars(module)[cls.__name__]


def replaced(text: str, node: ast.AST, new: str) -> str:
    """The text with one of its nodes written differently."""
    before, _, after = around(text, node)
    return before + new + after


def lines_of(text: str, node: ast.AST) -> str:
    """The whole lines on which a node stands, in one."""
    before, inside, after = around(text, node)
    whole = before.rpartition("\n")[2] + inside + after.partition("\n")[0]
    return " ".join(whole.split())


def around(text: str, node: ast.AST) -> tuple[str, str, str]:
    """What stands before a node, the node itself, and what comes after it; ast counts bytes."""
    encoded, begins = text.encode(), [0]
    for line in encoded.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    start = begins[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
    stop = begins[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
    before, inside, after = encoded[:start], encoded[start:stop], encoded[stop:]
    return before.decode(), inside.decode(), after.decode()
