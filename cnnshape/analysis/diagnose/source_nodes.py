"""Expressions and statements on a line of the model's own source, and how to write them instead.

For lines that run no operation of torch: see :mod:`cnnshape.analysis.diagnose.source_call`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

from cnnshape.analysis.diagnose.edits import Rewrite
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_code import parsed, span_of_node, text_of
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Source

_Kind = TypeVar("_Kind", bound=ast.expr | ast.stmt)


def nodes_on(source: Source | None, kind: type[_Kind]) -> Iterator[tuple[_Kind, str]]:
    """Every node of one kind that begins or goes on at a line, outermost first, and its text.

    >>> list(nodes_on(None, ast.Call))
    []
    """
    text = None if source is None else text_of(source.file)
    tree = None if text is None else parsed(text)
    if source is None or text is None or tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, kind) and node.lineno <= source.line <= (node.end_lineno or 0):
            yield node, " ".join((ast.get_source_segment(text, node) or "").split())


def instead(
    failing: Failing, node: ast.expr | ast.stmt, old: str, new: str, shown: str = ""
) -> Suggestion:
    """A node of the line at which the model failed, ``old``, written as ``new``.

    Args:
        failing: the failure.
        node: the node.
        old: its text.
        new: what stands there instead.
        shown: a longer piece of the line that has it once, for the reader.
    """
    source = failing.failure.source
    whole = shown.replace(old, new, 1) if shown.count(old) == 1 else ""
    return Suggestion(
        action="change_call" if isinstance(node, ast.Call) else "change_source",
        text=whole or new,
        path=failing.path,
        argument=None,
        from_=shown if whole else old,
        to=whole or new,
        edits=() if source is None else (Rewrite(source, span_of_node(node), new),),
    )
