"""A report as text: plain for files and pipes, ANSI for terminals, HTML for Jupyter."""

from __future__ import annotations

import os
import shutil
import sys

from cnnshape.analysis.report import ReportData
from cnnshape.rendering.document import document
from cnnshape.rendering.lines import colored, lines_text
from cnnshape.rendering.options import DEFAULT, TableOptions
from cnnshape.rendering.palette import TEXT_STYLES

_PRE = (
    "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "line-height:1.35;white-space:pre;overflow-x:auto"
)


def to_text(
    report: ReportData,
    options: TableOptions = DEFAULT,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The report as a reader sees it, without a line end after the last line.

    Args:
        report: what to show.
        options: depth, columns, order, formulas.
        width: columns of text to fit into; None takes the options' width, or what is needed.
        color: ANSI escape sequences for the colours this terminal has (rich decides which).

    Raises:
        UsageError: a column in the options does not exist.
    """
    lines = document(report, options, options.width if width is None else width)
    return colored(lines) if color else lines_text(lines)


def to_html(report: ReportData, options: TableOptions = DEFAULT) -> str:
    """The table as one ``<pre>`` in the terminal's colours; every text is escaped."""
    from html import escape

    def piece(text: str, name: str) -> str:
        style = TEXT_STYLES[name]
        color = [f"color:{style.color}"] if style.color else []
        css = ";".join([*color, *(["font-weight:bold"] if style.bold else [])])
        shown = escape(text)
        return f'<span style="{css}">{shown}</span>' if css and text.strip() else shown

    lines = document(report, options, options.width)
    text = "\n".join("".join(piece(*span) for span in line).rstrip() for line in lines)
    return f'<pre style="{_PRE}">{text}</pre>'


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
