"""A model's page: its diagram and its table side by side, and the layer that is chosen."""

from __future__ import annotations

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.drawing import draw_report
from cnnshape.rendering.diagram.graphviz_process import LayoutError
from cnnshape.rendering.page.colors import drawn_in
from cnnshape.rendering.page.diagram_page import inline_svg
from cnnshape.rendering.page.model_graph import graph_data
from cnnshape.rendering.page.model_rows import model_data
from cnnshape.rendering.page.page import Page
from cnnshape.rendering.report import report_text


def model_page(report: Report) -> str:
    """One self-contained HTML file about one report.

    The picture that :func:`cnnshape.draw` makes stands in it until the page's own is laid out, and
    for good where scripts are off, as does the table as text.

    >>> import cnnshape
    >>> "<title>LeNet</title>" in model_page(cnnshape.inspect("lenet"))
    True
    """
    return Page(
        template="model.html",
        title=report.class_name,
        entry="model/main.js",
        styles=("diagram.css", "model.css"),
        data={"model": model_data(report), "graph": graph_data(report), "colors": drawn_in()},
        values={
            "name": report.class_name,
            "spec": report.spec,
            "picture": _static_picture(report),
            "table": report_text(report, width=100),
        },
        engine=True,
    ).html()


def _static_picture(report: Report) -> str:
    """The picture that ``draw`` makes; empty where it could not be laid out."""
    try:
        return inline_svg(draw_report(report).svg())
    except LayoutError:
        return ""
