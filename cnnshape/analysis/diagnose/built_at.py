"""The line of ``__init__`` that built a layer: ``self.fc = nn.Linear(100, 10)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from cnnshape.analysis.diagnose.every_instance import author_of
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_code import parsed, text_of
from cnnshape.tracing.trace import Source


def built_at(failing: Failing) -> Source | None:
    """Where the failing layer of torch was built; None where it is not to be found.

    Its name is looked up in the class of the nearest module around it that somebody wrote, in the
    file whose forward was running. ``function`` is ``Block.__init__``.
    """
    source, call = failing.failure.source, failing.call
    if call is None or not failing.module.builtin or not failing.path or source is None:
        return None
    owner = author_of(failing.trace, failing.path)
    called = call.source or source
    tree = parsed(text_of(called.file) or "")
    if owner is None or tree is None:
        return None
    names = failing.path[len(owner.path) :].removeprefix(".").split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == owner.type:
            value = _assigned(node, names[0])
            if value is not None:
                line = _inside(value, names[1:]).lineno
                return Source(called.file, line, f"{owner.type}.__init__")
    return None


def _assigned(owner: ast.ClassDef, name: str) -> ast.expr | None:
    """What ``__init__`` makes ``self.name``; None unless it says so once."""
    found = [value for function in owner.body for value in _values(function, name)]
    return found[0] if len(found) == 1 else None


def _values(function: ast.stmt, name: str) -> Iterator[ast.expr]:
    if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
        return
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(to, ast.Attribute) and to.attr == name for to in targets):
                yield node.value


def _inside(value: ast.expr, names: Sequence[str]) -> ast.expr:
    """The item of a Sequential that is written out: its second argument is ``1``."""
    for name in names:
        items = value.args if isinstance(value, ast.Call) else ()
        plain = not any(isinstance(item, ast.Starred) for item in items)
        if not name.isdigit() or not plain or int(name) >= len(items):
            return value
        value = items[int(name)]
    return value
