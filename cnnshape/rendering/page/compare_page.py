"""Two models as one page: what differs as a table, and marked in the pictures of both."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cnnshape.analysis.compare import Change, Compared, Comparison
from cnnshape.rendering.compare import listed, row_texts, sentences
from cnnshape.rendering.diagram.drawing import draw_report
from cnnshape.rendering.diagram.graphviz_process import LayoutError
from cnnshape.rendering.page.diagram_page import inline_svg
from cnnshape.rendering.page.page import Page

_GROUP = re.compile(r'<g id="(?P<id>[^"]*)" class="(?P<class>[^"]*)">')


def compare_page(comparison: Comparison) -> str:
    """One self-contained HTML file about one comparison.

    In the picture of either model what came, went or changed is marked; a change inside a closed or
    folded box marks the box.

    >>> import cnnshape
    >>> page = compare_page(cnnshape.compare("lenet", "lenet-d2l"))
    >>> "<title>lenet → lenet-d2l</title>" in page
    True
    """
    a, b = comparison.a, comparison.b
    names = (a.name or a.class_name, b.name or b.class_name)
    shown = list(listed(comparison))
    sides = [
        {"name": name, "picture": _picture(model, _statuses(comparison, first=n == 0))}
        for n, (name, model) in enumerate(zip(names, (a, b), strict=True))
    ]
    rows = [
        {
            "status": change.status,
            "a": change.a.path if change.a else "",
            "b": change.b.path if change.b else "",
            "cells": row_texts(change, below),
        }
        for change, below in shown
    ]
    return Page(
        template="compare.html",
        title=" → ".join(names),
        entry="compare/main.js",
        styles=("diagram.css", "compare.css"),
        values={"sides": sides, "rows": rows, "sentences": list(sentences(comparison))},
    ).html()


def _statuses(comparison: Comparison, *, first: bool) -> dict[str, str]:
    """What is to be marked in one of the pictures, by path."""
    found: dict[str, str] = {}
    for change in comparison.layers:
        side = change.a if first else change.b
        if side is not None and _is_marked(change):
            found.setdefault(side.path, change.status)
    return found


def _is_marked(change: Change) -> bool:
    """Whether a layer is marked itself: of a container that has changed, its layers are."""
    if change.status == "same":
        return False
    return change.status != "changed" or not change.container


def _picture(model: Compared, statuses: Mapping[str, str]) -> str:
    """The picture with its marks; empty for the file of a report, and where Graphviz fails."""
    if model.report is None:
        return ""
    try:
        svg = inline_svg(draw_report(model.report).svg())
    except LayoutError:
        return ""
    drawn = {match["id"] for match in _GROUP.finditer(svg)}
    marks: dict[str, str] = {}
    for path, status in statuses.items():
        box = _box_of(path, drawn)
        if box is not None:
            marks[box] = status if box in (path, f"frame/{path}") else marks.get(box, "changed")

    def marked(match: re.Match[str]) -> str:
        status = marks.get(match["id"])
        path = match["id"].removeprefix("frame/")
        classes = f"{match['class']} {status}" if status else match["class"]
        return f'<g data-path="{path}" class="{classes}">'

    return _GROUP.sub(marked, svg)


def _box_of(path: str, drawn: set[str]) -> str | None:
    """What is drawn for a layer: its box or frame, one that is folded over it, what it is in."""
    while path:
        above, _, last = path.rpartition(".")
        before = range(int(last) - 1, -1, -1) if last.isdecimal() and len(last) < 5 else ()
        folded = (f"{above}.{number}" if above else str(number) for number in before)
        for name in (path, f"frame/{path}", *(f"frame/{one}" for one in folded)):
            if name in drawn:
                return name
        path = above
    return None
