"""The legend below a data flow: one node, whose label is a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import graphviz

from cnnshape.rendering.diagram.graphviz_process import lay_out, new_graph
from cnnshape.rendering.diagram.labels import text
from cnnshape.rendering.diagram.legend import NEAR, SAMPLE, Entry, columns, sample_width
from cnnshape.rendering.diagram.placement import Placement, Rect, read_placement
from cnnshape.rendering.diagram.svg import Widths, measured_widths
from cnnshape.rendering.fonts import FONT
from cnnshape.rendering.palette import Theme

#: Its name among the nodes: no module has a slash in its path.
NODE = "about/legend"
#: Between the picture and the legend below it, and the least width of a legend.
_GAP, _LEAST = 14.0, 260.0
#: Graphviz may crash at the dashed side of a cell.
_SIGNS = {"arrow": "→", "dashed": "– – →"}


@dataclass(frozen=True, slots=True)
class LegendNode:
    """A legend with its label, how large Graphviz makes it, and how wide its texts are."""

    label: str
    width: float
    height: float
    texts: Widths

    def add(self, graph: graphviz.Digraph, **place: str) -> None:
        """Put it into a graph, at its place if that is known."""
        look = {"shape": "plain", "style": "", "tooltip": "what the picture means"}
        graph.node(NODE, label=self.label, id=NODE, **look, **place)

    def below(self, placement: Placement) -> Placement:
        """The placement with the legend below everything else."""
        page = placement.page
        left = min(page.left, page.center[0] - self.width / 2)
        right = max(page.right, page.center[0] + self.width / 2)
        top = page.bottom - _GAP
        at = Rect(page.left if left == page.left else left, top - self.height, 0.0, top)
        at = replace(at, right=at.left + self.width)
        nodes = {**placement.nodes, NODE: at}
        return replace(placement, page=Rect(left, at.bottom, right, page.top), nodes=nodes)


def legend_node(entries: Sequence[Entry], theme: Theme, width: float) -> LegendNode:
    """The legend, about as wide as a picture."""
    label = _label(columns(entries, max(width, _LEAST)), theme)
    graph = new_graph("legend")
    graph.attr("node", fontname=FONT)
    LegendNode(label, 0.0, 0.0, {}).add(graph)
    layout = lay_out(graph.source)
    rect = read_placement(layout).nodes[NODE]
    return LegendNode(label, rect.width, rect.height, measured_widths(layout))


def _label(parted: Sequence[Sequence[Entry]], theme: Theme) -> str:
    line = theme.style("container").line
    look = f'border="1" sides="t" color="{line}" cellborder="0" cellspacing="0" cellpadding="2"'
    rows: list[str] = []
    for row in zip_longest(*parted):
        cells = ""
        for column, entry in zip(parted, row, strict=True):
            gap = '<td width="10"></td>' if column is not parted[-1] else ""
            cells += (_cells(entry, column, theme) if entry else "<td></td><td></td>") + gap
        rows.append(f"<tr>{cells}</tr>")
    return f"<<table {look}>{''.join(rows)}</table>>"


def _cells(entry: Entry, column: Sequence[Entry], theme: Theme) -> str:
    width = f"{sample_width(column) + NEAR:.0f}"
    words = f'<font color="{theme.frame_text}" point-size="10">{text(entry.words)}</font>'
    return f'<td width="{width}">{_sample(entry, theme)}</td><td align="left">{words}</td>'


def _sample(entry: Entry, theme: Theme) -> str:
    style = theme.failing if entry.sample == "failed" else theme.style(entry.kind)
    if entry.sample in ("text", "sign"):
        color = theme.frame_text if entry.sample == "text" else style.text
        return f'<font color="{color}" point-size="10">{text(entry.text)}</font>'
    if entry.sample in _SIGNS:
        return f'<font color="{theme.edge}" point-size="14">{_SIGNS[entry.sample]}</font>'
    if entry.sample == "frame":
        inner = _cell(f'border="1" color="{style.line}" bgcolor="{theme.page}"', 12, 6)
        return _cell(f'border="1" color="{style.line}" bgcolor="{style.fill}"', SAMPLE, 12, inner)
    looks = {
        "box": (f'border="1" color="{style.line}" bgcolor="{style.fill}"', SAMPLE, 12),
        "failed": (f'border="2" color="{style.line}" bgcolor="{style.fill}"', SAMPLE, 12),
        "strip": (f'border="0" bgcolor="{style.fill}"', SAMPLE, 7),
        "dot": (f'border="0" bgcolor="{theme.edge}"', 6, 6),
    }
    if entry.sample in looks:
        return _cell(*looks[entry.sample])
    sides = "b" if entry.sample == "line" else "trb"
    return _cell(f'border="1" sides="{sides}" color="{theme.edge}"', 16, 8, rounded=False)


def _cell(look: str, width: float, height: float, inner: str = "", *, rounded: bool = True) -> str:
    style = ' style="rounded"' if rounded else ""
    size = f'fixedsize="true" width="{width:.0f}" height="{height:.0f}"'
    table = f'cellborder="0" cellspacing="0" cellpadding="0" {size}'
    return f"<table {look}{style} {table}><tr><td {size}>{inner}</td></tr></table>"
