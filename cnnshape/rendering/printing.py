"""Styled lines on their way out: plain or in colours, as HTML, for rich; and what stdout takes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cnnshape.rendering.palette import TEXT_STYLES
from cnnshape.rendering.styled_text import Line, plain

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

#: Prose in a page is broken after so many letters, however wide the table above it is.
PROSE = 100
_PRE = (
    "margin:.4em 0;font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "line-height:1.35;white-space:pre;overflow-x:auto"
)


def as_text(lines: Iterable[Line], color: bool = False) -> str:
    """Lines as one text: plain, or with the ANSI colours that this terminal has."""
    if not color:
        return "\n".join(plain(line) for line in lines)
    import io

    from rich.console import Console

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


class Lines:
    """Styled lines as a rich renderable. Text is never read as markup."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment
        from rich.style import Style

        styles = {
            name: Style(color=style.color, bold=style.bold or None)
            for name, style in TEXT_STYLES.items()
        }
        for line in self.lines:
            for text, style in line:
                yield Segment(text, styles[style])
            yield Segment.line()


class Fitted:
    """Styled lines that are laid out for the console's width when they are printed."""

    def __init__(self, lay_out: Callable[[int], Iterable[Line]]) -> None:
        self.lay_out = lay_out

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Lines(self.lay_out(options.max_width))


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None where it is a file or a pipe.

    A number in ``COLUMNS`` counts for both.
    """
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        return shutil.get_terminal_size().columns
    return None


def terminal_colors() -> bool:
    """Whether stdout is a terminal that wants colours: https://no-color.org, ``FORCE_COLOR``."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
