"""A report as something rich prints: laid out for the console's width, coloured by kind."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult

from cnnshape.analysis.report import ReportData
from cnnshape.rendering.document import document
from cnnshape.rendering.options import DEFAULT, TableOptions
from cnnshape.rendering.rich_lines import Lines


class ReportTable:
    """A report that lays itself out when it is printed."""

    def __init__(self, report: ReportData, options: TableOptions = DEFAULT) -> None:
        self.report = report
        self.options = options

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Lines(document(self.report, self.options, self.options.width or options.max_width))


def render_table(report: ReportData, *, options: TableOptions = DEFAULT) -> ReportTable:
    """What ``rich.print`` shows for a report."""
    return ReportTable(report, options)
