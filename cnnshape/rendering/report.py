"""A report in every format: lines for a reader, JSON, CSV, Markdown, LaTeX, a page."""

from __future__ import annotations

from functools import partial

from cnnshape.analysis.report import Report
from cnnshape.messages import ENGLISH, in_language
from cnnshape.rendering.columns import choose_columns
from cnnshape.rendering.failure import failure_lines
from cnnshape.rendering.patterns import pattern_lines
from cnnshape.rendering.printing import PROSE, as_text
from cnnshape.rendering.row import DEFAULT, TableOptions
from cnnshape.rendering.rows import flat_table, select_rows
from cnnshape.rendering.styled_text import EMPTY, Line
from cnnshape.rendering.summary import footer, formula_legend, header, mismatches
from cnnshape.rendering.table_layout import lay_out
from cnnshape.rendering.writer import FORMATS, Format, Writer

#: Narrower than this nothing sensible fits; longer lines are then left to the terminal.
_LEAST_ROOM = 40


def report_lines(
    report: Report, options: TableOptions, room: int | None = None, prose: int | None = None
) -> list[Line]:
    """The lines a reader sees, at most ``room`` cells wide; below the table, at most ``prose``.

    Raises:
        UsageError: a column that was asked for does not exist.
    """
    room = None if room is None else max(room, _LEAST_ROOM)
    table = select_rows(report, options)
    columns = choose_columns(table, options.columns, options.formulas)
    lines = [*header(report, room), EMPTY]
    if table.rows:
        lines += [*lay_out(table, columns, room, chosen=options.columns is not None), EMPTY]
    if options.formulas:
        lines += formula_legend(table, room)
    if options.patterns:
        lines += pattern_lines(report.patterns, room)
    lines += mismatches(flat_table(report), room) if report.totals.mismatch else []
    lines += footer(report, prose or room)
    failure = failure_lines(report, prose or room)
    return [*lines, EMPTY, *failure] if failure else lines


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
        return as_text(report_lines(report, options, width), color)
    with in_language(ENGLISH):
        return _data(report, format, options)


def _data(report: Report, format: Format, options: TableOptions) -> str:
    if format == "json":
        from cnnshape.rendering.json_ import to_json

        return to_json(report, patterns=options.patterns)
    if format == "csv":
        from cnnshape.rendering.csv_ import to_csv

        return to_csv(report, options)
    if format == "markdown":
        from cnnshape.rendering.markdown import to_markdown

        return to_markdown(report, options)
    if format == "html":
        from cnnshape.rendering.page.model_page import model_page

        return model_page(report)
    from cnnshape.rendering.latex import to_latex

    return to_latex(report, options)


WRITER: Writer[Report] = Writer(
    lambda report, width: report_lines(report, DEFAULT, width),
    {name: partial(report_text, format=name) for name in FORMATS if name != "table"},
    lambda report: report_lines(report, DEFAULT, prose=PROSE),
)
