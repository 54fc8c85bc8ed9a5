"""The model's source as text and as a tree: which expression a recorded line was running."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType

from cnnshape.tracing.trace import Source, Span

#: The longest file that is parsed for the sake of one expression.
_LONGEST = 20_000
#: What is imported from torch, by the name under which a correction writes it.
_HOMES = {
    "F": "torch.nn.functional",
    "nn": "torch.nn",
    "torch": "torch",
}


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


def span_of_node(node: ast.expr | ast.stmt) -> Span:
    """Where a node of the tree stands."""
    return Span(
        node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0
    )


def text_at(source: Source, span: Span) -> str:
    """What stands in a file at some place; empty where it cannot be read."""
    lines = (text_of(source.file) or "").encode().splitlines(keepends=True)
    inside = lines[span.line - 1 : span.end_line]
    if not inside:
        return ""
    inside[-1] = inside[-1][: span.end_column]
    inside[0] = inside[0][span.column :]
    return b"".join(inside).decode()


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


def attributes_used(source: Source | None) -> set[str]:
    """What the running function uses of any object: ``conv`` of ``self.conv``."""
    text = None if source is None else text_of(source.file)
    tree = None if text is None else parsed(text)
    found = None if source is None or tree is None else function_around(tree, source)
    nodes = () if found is None else ast.walk(found)
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)}


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
