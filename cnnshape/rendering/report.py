"""A report in every format: lines for a reader, JSON, CSV, Markdown, LaTeX."""

from __future__ import annotations

from functools import partial

from cnnshape.analysis.report import Report
from cnnshape.rendering.document import document
from cnnshape.rendering.formats import FORMATS, Format
from cnnshape.rendering.printing import colored
from cnnshape.rendering.row import DEFAULT, TableOptions
from cnnshape.rendering.styled_text import lines_text
from cnnshape.rendering.writer import Writer


def report_text(
    report: Report,
    format: Format = "table",
    options: TableOptions = DEFAULT,
    width: int | None = None,
    color: bool = False,
) -> str:
    """The report in a format, without a line end after the last line of a table.

    Args:
        report: what to show.
        format: its name.
        options: depth, columns, order, formulas.
        width: columns of text that the table fits into; None takes what is needed.
        color: ANSI escape sequences for the colours this terminal has (rich decides which).

    Raises:
        UsageError: a column in the options does not exist.
    """
    if format == "table":
        lines = document(report, options, width)
        return colored(lines) if color else lines_text(lines)
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


WRITER: Writer[Report] = Writer(
    lambda report, width: document(report, DEFAULT, width),
    {name: partial(report_text, format=name) for name in FORMATS if name != "table"},
)
