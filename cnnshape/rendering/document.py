"""A whole report as lines: header, rows, what went wrong, totals."""

from __future__ import annotations

from cnnshape.analysis.report import Report
from cnnshape.rendering.failure import failure_lines
from cnnshape.rendering.layout import lay_out
from cnnshape.rendering.row import Row, Table, TableOptions
from cnnshape.rendering.rows import flat_table, make_table
from cnnshape.rendering.selection import choose_columns, column, sort_rows
from cnnshape.rendering.styled_text import EMPTY, Line
from cnnshape.rendering.summary import footer, formula_legend, header, mismatches

#: Narrower than this nothing sensible fits; longer lines are then left to the terminal.
_LEAST_ROOM = 40


def document(report: Report, options: TableOptions, room: int | None = None) -> list[Line]:
    """The lines a reader sees, at most ``room`` cells wide.

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
    lines += mismatches(flat_table(report), room) if report.totals.mismatch else []
    lines += footer(report, room)
    failure = failure_lines(report, room)
    return [*lines, EMPTY, *failure] if failure else lines


def select_rows(report: Report, options: TableOptions) -> Table:
    """The tree, or the flat list that ``--sort`` asks for."""
    if options.sort is None:
        return make_table(report, options)
    by = column(options.sort)
    table = flat_table(report, options.depth)
    rows = [row for row in table.rows if _has_own(row)]
    return Table(sort_rows(rows, by), table.hide_batch, flat=True)


def _has_own(row: Row) -> bool:
    """Something is measured at this row itself, not only below it."""
    if row.role == "container" or (row.path == "" and row.role == "call"):
        return bool(row.params or row.macs)
    return not row.has_rows_below or bool(row.params or row.macs or row.status)
