"""Styled lines as text: plain, or with the colours of a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from cnnshape.rendering.spans import Line, plain


def lines_text(lines: Iterable[Line]) -> str:
    """Lines without any style, nothing empty at their ends."""
    return "\n".join(plain(line) for line in lines)


def colored(lines: Iterable[Line]) -> str:
    """Lines with ANSI colours."""
    import io

    from rich.console import Console

    from cnnshape.rendering.rich_lines import Lines

    buffer = io.StringIO()
    Console(file=buffer, force_terminal=True).print(Lines(lines), soft_wrap=True, end="")
    return buffer.getvalue().rstrip("\n")
