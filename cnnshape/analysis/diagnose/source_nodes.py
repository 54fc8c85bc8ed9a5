"""Expressions and statements on a line of somebody's source, with their text."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar

from cnnshape.tracing.trace import Source

_Kind = TypeVar("_Kind", bound=ast.AST)
#: The longest file that is parsed for the sake of one line.
_LONGEST = 20_000


def nodes_on(source: Source | None, kind: type[_Kind]) -> Iterator[tuple[_Kind, str]]:
    """Every node of one kind that begins or goes on at a line, outermost first, and its text.

    >>> list(nodes_on(None, ast.Call))
    []
    """
    lines = [] if source is None else _lines(source.file)
    tree = _parsed("".join(lines)) if 0 < len(lines) <= _LONGEST else None
    if source is None or tree is None:
        return
    for node in ast.walk(tree):
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
        if isinstance(node, kind) and first <= source.line <= last:
            yield node, " ".join(segment(lines, node).split())


def _lines(file: str) -> list[str]:
    linecache.checkcache(file)  # it may have been edited since
    return linecache.getlines(file)


@lru_cache(maxsize=8)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def segment(lines: list[str], node: ast.AST) -> str:
    """The text of a node; columns are counted in bytes, as Python counts them.

    >>> tree = ast.parse("é = f(x)")
    >>> segment(["é = f(x)"], tree.body[0].value)
    'f(x)'
    """
    assert isinstance(node, ast.expr | ast.stmt)
    first, last = node.lineno, node.end_lineno or node.lineno
    encoded = [line.encode() for line in lines[first - 1 : last]]
    encoded[-1] = encoded[-1][: node.end_col_offset]
    encoded[0] = encoded[0][node.col_offset :]
    return b"".join(encoded).decode(errors="replace")
