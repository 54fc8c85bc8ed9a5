"""CSV: every call and every operation in a row of its own, numbers as numbers."""

from __future__ import annotations

from cnnshape.analysis.report import Report
from cnnshape.rendering.columns import COLUMNS, Value, column
from cnnshape.rendering.escape import spreadsheet, visible
from cnnshape.rendering.row import DEFAULT, TableOptions
from cnnshape.rendering.rows import flat_table, select_rows
from cnnshape.rendering.writer import csv_text

_DEFAULT = (
    *("layer", "row", "call", "type", "input", "output"),
    *("kernel", "stride", "padding", "dilation", "groups"),
    *("params", "trainable", "macs", "memory", "activations", "check"),
)
#: ``layer`` holds the whole path here.
_HEADINGS = {"layer": "path"}


def to_csv(report: Report, options: TableOptions = DEFAULT) -> str:
    """The report as CSV with a heading line.

    Nothing is folded and each number is the row's own, so a column adds up to the total. Shapes
    are whole, as in ``1x6x28x28``; several are separated by spaces. What cannot be known is
    empty. Text that a spreadsheet would take for a formula begins with ``'``.
    """
    names = options.columns or (*_DEFAULT, *_measured(report))
    if options.formulas and "formula" not in names:
        names = (*names, "formula")
    columns = tuple(dict.fromkeys(column(name) for name in names))
    table = select_rows(report, options) if options.sort else flat_table(report, options.depth)
    headings = [_HEADINGS.get(each.name, each.name) for each in columns]
    return csv_text(headings, ([_cell(each.value(row)) for each in columns] for row in table.rows))


def _measured(report: Report) -> tuple[str, ...]:
    """The columns of what was measured because somebody asked for it."""
    totals = report.totals
    known = {"time": totals.time_ms is not None, "memory": totals.memory is not None}
    return tuple(each.name for each in COLUMNS if known.get(each.measured))


def _cell(value: Value) -> str:
    if value is None:
        return ""
    return spreadsheet(visible(value)) if isinstance(value, str) else str(value)
