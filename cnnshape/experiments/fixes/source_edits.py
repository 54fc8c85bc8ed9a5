"""Lines of the model's own source written differently, for as long as a ``with`` lasts.

The user's file is parsed, one expression in it exchanged, and the file compiled again; nothing of
it is run but the functions that the change is in, and these where the model runs them. Every
function object keeps its identity and gets the new code, so that whoever holds it (a class, an
alias, a decorator) runs the corrected line.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

from torch import nn

from cnnshape.analysis.diagnose.edits import Rewrite
from cnnshape.analysis.diagnose.source_code import codes_in, compiled, span_of_node, text_of
from cnnshape.experiments.fixes.layer_edits import CannotApplyError
from cnnshape.interrupts import held

Swap = tuple[FunctionType, CodeType]


@contextmanager
def rewritten(model: nn.Module, edits: Sequence[Rewrite]) -> Generator[None]:
    """Let the model's functions run with ``edits``, and put their code back on leaving.

    Raises:
        CannotApplyError: a line is not to be found, a text is no Python, or the file is not what
            was imported.
    """
    swaps = list(_swaps(model, edits))
    before = [(function, function.__code__) for function, _ in swaps]
    with held():
        try:
            for function, code in swaps:
                function.__code__ = code
            yield
        finally:
            for function, code in before:
                function.__code__ = code


def _swaps(model: nn.Module, edits: Sequence[Rewrite]) -> Iterator[Swap]:
    for file, of_file in groupby(sorted(edits, key=_file), key=_file):
        text = text_of(file)
        old = None if text is None else compiled(text, file)
        if text is None or old is None:
            raise CannotApplyError(f"{file} cannot be read")
        new = _compiled_with(text, file, list(of_file))
        codes = zip(codes_in(old), codes_in(new), strict=True)
        changed = [(a, b) for a, b in codes if a != b and a is not old]
        found = [
            (function, b)
            for function in functions_of(model, file)
            for a, b in changed
            if function.__code__ == a and len(a.co_freevars) == len(b.co_freevars)
        ]
        if not found:
            raise CannotApplyError(f"{file} is not what was imported")
        yield from found


def _file(edit: Rewrite) -> str:
    return edit.source.file


def _compiled_with(text: str, file: str, edits: Sequence[Rewrite]) -> CodeType:
    tree = ast.parse(text)
    for edit in edits:
        tree = _Exchange(edit).done(tree)
    try:
        return compile(tree, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise CannotApplyError(str(error)) from error


class _Exchange(ast.NodeTransformer):
    """One expression for another, or a statement before the one that it stands in."""

    def __init__(self, edit: Rewrite) -> None:
        self.edit = edit
        self.found = False
        try:
            self.new = ast.parse(edit.text).body[0]
        except (SyntaxError, IndexError) as error:
            raise CannotApplyError(f"{edit.text!r} is no Python") from error

    def done(self, tree: ast.Module) -> ast.Module:
        """The tree with the change."""
        tree = self.visit(tree)
        if not self.found:
            raise CannotApplyError(f"line {self.edit.source.line} has no such expression")
        return tree

    def visit(self, node: ast.AST) -> Any:
        """Exchange the node, or look inside it."""
        here = isinstance(node, ast.expr | ast.stmt) and span_of_node(node) == self.edit.span
        if here and not self.edit.before and not isinstance(node, ast.Expr):
            self.found = True
            return self._instead_of(cast("ast.expr | ast.stmt", node))
        if here and self.edit.before:
            self.found = True
            return node
        if isinstance(node, ast.expr | ast.stmt) and not self._around(node):
            return node
        found_before = self.found
        node = self.generic_visit(node)
        began = self.found and not found_before
        if began and self.edit.before and isinstance(node, ast.stmt) and not hasattr(node, "body"):
            self.edit = Rewrite(self.edit.source, self.edit.span, self.edit.text)  # put once
            return [_at(self.new, node), node]
        return node

    def _around(self, node: ast.expr | ast.stmt) -> bool:
        first = min(
            (one.lineno for one in getattr(node, "decorator_list", ())), default=node.lineno
        )
        return first <= self.edit.span.line <= (node.end_lineno or node.lineno)

    def _instead_of(self, node: ast.expr | ast.stmt) -> ast.AST:
        if isinstance(node, ast.stmt):
            return _at(self.new, node)
        if not isinstance(self.new, ast.Expr):
            raise CannotApplyError(f"{self.edit.text!r} is no expression")
        return _at(self.new.value, node)


def _at(new: ast.AST, old: ast.expr | ast.stmt) -> ast.AST:
    """The new node with all of it on the line of the old one."""
    for node in ast.walk(new):
        ast.copy_location(node, old)
    return new


# ---- the functions that are there -----------------------------------------------------------


def functions_of(model: nn.Module, file: str) -> list[FunctionType]:
    """Every function of a file that the model's classes and their modules can reach."""
    found: dict[int, FunctionType] = {}
    homes: dict[int, dict[str, Any]] = {}
    todo: list[Any] = []
    for module in model.modules():
        todo += [type(module), *vars(module).values()]
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, type):
            own = (base for base in thing.__mro__ if not base.__module__.startswith("torch."))
            todo += [item for base in own for item in vars(base).values()]
        function = _function(thing)
        if function is None:
            continue
        todo += _around(function)
        if function.__code__.co_filename == file:
            found[id(function)] = function
            homes[id(function.__globals__)] = function.__globals__
    for module in [*homes.values(), *_modules_of(file)]:
        for thing in _defined(module, file):
            found.setdefault(id(thing), thing)
    return list(found.values())


def _function(thing: Any) -> FunctionType | None:
    if isinstance(thing, staticmethod | classmethod | MethodType):
        thing = cast("Any", thing).__func__
    if isinstance(thing, property):
        thing = thing.fget
    return thing if isinstance(thing, FunctionType) else None


def _around(function: FunctionType) -> Iterator[Any]:
    """What a function wraps or closes over."""
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        yield wrapped
    for cell in function.__closure__ or ():
        try:
            inside = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        if isinstance(inside, FunctionType | MethodType | type):
            yield inside


def _modules_of(file: str) -> Iterator[dict[str, Any]]:
    for module in list(sys.modules.values()):
        names: dict[str, Any] = getattr(module, "__dict__", {})  # a lazy one is not to be woken
        if names.get("__file__") == file:
            yield names


def _defined(names: dict[str, Any], file: str) -> Iterator[FunctionType]:
    """The functions of a file among a module's names, and in the classes there."""
    for thing in list(names.values()):
        inside: Iterable[Any] = vars(thing).values() if isinstance(thing, type) else ()
        for item in (thing, *inside):
            function = _function(item)
            if function is not None and function.__code__.co_filename == file:
                yield function
