"""Formats by name and by suffix, and a report written in one of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from cnnshape.analysis.report import ReportData
from cnnshape.errors import OutputError, UsageError
from cnnshape.rendering.options import DEFAULT, TableOptions

Format = Literal["table", "json", "csv", "markdown", "latex"]
FORMATS: tuple[Format, ...] = ("table", "json", "csv", "markdown", "latex")
SUFFIXES: dict[str, Format] = {
    ".txt": "table",
    ".json": "json",
    ".csv": "csv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".tex": "latex",
}
_PICTURES = (".svg", ".png", ".pdf", ".dot", ".gv", ".mmd")


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file's suffix stands for.

    Raises:
        OutputError: it stands for none; the message lists those that do.

    >>> format_of("lenet.shapes.json"), format_of("README.md")
    ('json', 'markdown')
    """
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    known = ", ".join(SUFFIXES)
    if suffix in (".html", ".htm"):
        raise OutputError(f"{suffix} is not supported yet for {path}; use one of {known}")
    if suffix in _PICTURES:
        raise OutputError(
            f"{suffix} is a picture and this writes a table; use one of {known}, "
            "or cnnshape draw for pictures"
        )
    what = f"{suffix} is no known format" if suffix else f"{path} has no suffix"
    raise OutputError(f"{what}; use one of {known}, or name a format (-f {', '.join(FORMATS)})")


def choose_format(path: str | os.PathLike[str] | None, format: str | None) -> Format:
    """The format asked for by name, else by suffix, else a table.

    Raises:
        OutputError: the suffix stands for no format.
        UsageError: there is no format of this name.
    """
    if format is not None:
        if format not in FORMATS:
            raise UsageError(f"no format {format!r}; use one of {', '.join(FORMATS)}")
        return format
    return "table" if path is None or os.fspath(path) == "-" else format_of(path)


def report_text(
    report: ReportData,
    format: Format,
    options: TableOptions = DEFAULT,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The report in a format; width and colour are for the table only.

    Raises:
        UsageError: a column in the options does not exist.
    """
    if format == "table":
        from cnnshape.rendering.text import to_text

        return to_text(report, options, width, color)
    if format == "json":
        from cnnshape.rendering.json_ import to_json

        return to_json(report)
    if format == "csv":
        from cnnshape.rendering.csv_ import to_csv

        return to_csv(report, options)
    if format == "markdown":
        from cnnshape.rendering.markdown import to_markdown

        return to_markdown(report, options)
    from cnnshape.rendering.latex import to_latex

    return to_latex(report, options)


def write_report(
    report: ReportData,
    path: str | os.PathLike[str],
    format: str | None = None,
    options: TableOptions = DEFAULT,
) -> Path:
    """Write a report to a file; the format comes from its suffix unless it is named.

    Raises:
        OutputError: the suffix is unknown, or the file cannot be written.
        UsageError: the format or a column does not exist.
    """
    from cnnshape.files import write_atomic

    text = report_text(report, choose_format(path, format), options)
    return write_atomic(path, text if text.endswith("\n") else text + "\n")
