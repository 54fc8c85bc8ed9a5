"""Styled lines as text: plain, with the colours of a terminal, or as HTML."""

from __future__ import annotations

from collections.abc import Iterable

from cnnshape.rendering.palette import TEXT_STYLES
from cnnshape.rendering.spans import Line, plain

_PRE = (
    "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "line-height:1.35;white-space:pre;overflow-x:auto"
)


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


def as_html(lines: Iterable[Line]) -> str:
    """Lines as one ``<pre>`` in the terminal's colours; every text is escaped."""
    from html import escape

    def piece(text: str, name: str) -> str:
        style = TEXT_STYLES[name]
        color = [f"color:{style.color}"] if style.color else []
        css = ";".join([*color, *(["font-weight:bold"] if style.bold else [])])
        shown = escape(text)
        return f'<span style="{css}">{shown}</span>' if css and text.strip() else shown

    text = "\n".join("".join(piece(*span) for span in line).rstrip() for line in lines)
    return f'<pre style="{_PRE}">{text}</pre>'
