"""The model's source as text and as a tree: which expression a recorded line was running."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType
from typing import NamedTuple

from cnnshape.tracing.trace import Source

#: The longest file that is parsed for the sake of one expression.
_LONGEST = 20_000
#: What is imported from torch, by the name under which a correction writes it.
_HOMES = {
    "F": "torch.nn.functional",
    "nn": "torch.nn",
    "torch": "torch",
}


class Span(NamedTuple):
    """Where an expression stands in a file: lines from 1, columns in bytes, as ``ast`` has them."""

    line: int
    column: int
    end_line: int
    end_column: int


def line_of(source: Source | None) -> str:
    """The line itself, without its indent; empty where it cannot be read."""
    if source is None:
        return ""
    linecache.checkcache(source.file)
    return linecache.getline(source.file, source.line).strip()


def text_of(file: str) -> str | None:
    """A whole file of Python, or a notebook's cell; None where it cannot be read."""
    linecache.checkcache(file)  # it may have been edited since
    lines = linecache.getlines(file)
    return "".join(lines) if lines and len(lines) <= _LONGEST else None


@lru_cache(maxsize=8)
def parsed(text: str) -> ast.Module | None:
    """The tree of a file, which nobody changes; None if it is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(maxsize=8)
def compiled(text: str, file: str) -> CodeType | None:
    """The code of a file; it is never run as a whole."""
    tree = parsed(text)
    try:
        return None if tree is None else compile(tree, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are defined inside it, in the order of the file."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)


def span_of(source: Source | None) -> Span | None:
    """The expression that was running on a line; None where that is not known (Python 3.10)."""
    text = None if source is None or source.instruction < 0 else text_of(source.file)
    whole = None if source is None or text is None else compiled(text, source.file)
    if source is None or whole is None or sys.version_info < (3, 11):
        return None
    for code in codes_in(whole):
        if code.co_name != source.function or code.co_firstlineno > source.line:
            continue
        if source.instruction >= len(code.co_code):
            continue
        line, end_line, column, end_column = list(code.co_positions())[source.instruction // 2]
        if None in (line, end_line, column, end_column):
            continue
        span = Span(line or 0, column or 0, end_line or 0, end_column or 0)
        if span.line <= source.line <= span.end_line:
            return span
    return None


def span_of_node(node: ast.expr | ast.stmt) -> Span:
    """Where a node of the tree stands."""
    return Span(
        node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0
    )


def name_of(home: str, file: str) -> str:
    """How a file calls ``F``, ``nn`` or ``torch``: as it imported them.

    >>> name_of("F", __file__)
    'F'
    """
    text = text_of(file)
    tree = None if text is None else parsed(text)
    known = {} if tree is None else dict(_imported(tree))
    wanted = _HOMES[home]
    for name, module in known.items():
        if module == wanted:
            return name
    around = [(module, name) for name, module in known.items() if wanted.startswith(f"{module}.")]
    module, name = max(around, key=lambda item: len(item[0]), default=(wanted, home))
    return name + wanted.removeprefix(module)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The modules that a file imports, each with the name that it has there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    root = alias.name.partition(".")[0]
                    yield root, root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def names_assigned(source: Source) -> dict[str, int]:
    """The plain names that the running function binds before a line, with the line of each.

    Its arguments have the line of its ``def``.
    """
    text = text_of(source.file)
    tree = None if text is None else parsed(text)
    found = None if tree is None else function_around(tree, source)
    if found is None:
        return {}
    arguments = (*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs)
    names = {argument.arg: found.lineno for argument in arguments}
    for node in ast.walk(found):
        stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        if isinstance(node, ast.Name) and stored and node.lineno <= source.line:
            names[node.id] = max(names.get(node.id, 0), node.lineno)
    return names


def function_around(
    tree: ast.Module, source: Source
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The innermost function of that name around a line."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == source.function
        and node.lineno <= source.line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=None)
