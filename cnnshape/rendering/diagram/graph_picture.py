"""The data flow as a picture: boxes with strips, frames whose titles are nodes, quiet edges.

It is written as DOT twice: without positions, for Graphviz to place, and with those positions,
tidied, for Graphviz to paint. A frame's title is a node of its own, in a rank above the frame's
first box, because Graphviz leads every edge around nodes but straight across the label of a
cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.boxes import Frame, boxes_of, frames_of, main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View, fitting_depth, make_view
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.graphviz_process import (
    LayoutError,
    LayoutTimeout,
    lay_out,
    new_graph,
    paint,
)
from cnnshape.rendering.diagram.identifiers import Names
from cnnshape.rendering.diagram.labels import (
    Caption,
    box_label,
    escaped,
    pill_label,
    sign_label,
    title_label,
)
from cnnshape.rendering.diagram.loop_routes import led_back
from cnnshape.rendering.diagram.placement import (
    TITLE,
    Placement,
    corners,
    position,
    read_placement,
    route,
    tidied,
)
from cnnshape.rendering.diagram.svg import describe, finished, measured_widths
from cnnshape.rendering.fonts import FONT
from cnnshape.rendering.palette import THEMES, Theme
from cnnshape.words import counted

#: Layout engines take minutes for more than this, and nobody can read it.
MOST_BOXES = 1200
#: Touching up takes time that grows with the square of the edges.
TIDY_LINES = 200
#: Graphviz packs frames with a weight of 128; a main path that is to stay straight needs more.
_STRAIGHT = "1000"
#: A frame's margin in which arrows from one turn of a loop into the next have room.
_WITH_LANES = "20"
#: A branch begins beside the others, not lower down where it would fit as well.
_NEAR = "3"


def graph_picture(flow: Flow, report: Report, options: DrawOptions) -> GraphPicture:
    """The picture at the depth that was asked for, else at the deepest that stays readable."""
    view = make_view(flow, depth=options.depth, collapse=options.collapse, expand=options.expand)
    return GraphPicture(view, report, options)


@dataclass
class GraphPicture:
    """The data flow: layers as boxes, tensors as edges."""

    view: View
    report: Report
    options: DrawOptions
    _layout: Mapping[str, Any] | None = field(default=None, init=False, repr=False)
    _rough: bool = field(default=False, init=False, repr=False)

    @property
    def direction(self) -> str:
        """``TB`` or ``LR``."""
        return self.options.direction or "TB"

    @property
    def notes(self) -> tuple[str, ...]:
        """How deep it goes, and what the model did not give."""
        view, found = self.view, list[str]()
        if view.depth is not None and self.options.depth is None:
            boxes = counted(view.boxes, "box", "boxes")
            found.append(
                f"opened {view.depth} of {view.deepest} levels ({boxes}); "
                f"--depth {view.depth + 1} opens more"
            )
        if self._rough:
            found.append(f"{self._size()}: laid out quickly, with straight edges")
        trace = view.graph.flow.trace
        if trace.failure is None and not trace.outputs:
            found.append("the model returned no tensor: the picture has no output")
        return tuple(found)

    def digraph(self) -> graphviz.Digraph:
        """It as DOT, without positions: the layout is Graphviz's business."""
        return self._write(None)

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
        from cnnshape.rendering.diagram.mermaid import MermaidWriter

        theme = THEMES[self.options.theme]
        captions = Captions(self.view, self.report, self.options.show)
        return MermaidWriter(self.view, captions, theme, self.direction).write()

    def paint(self, format: str) -> bytes:
        """It as a picture. Graphviz places, :mod:`.placement` tidies, Graphviz paints.

        Raises:
            LayoutError: Graphviz crashed or took too long, or the graph is too large for it.
        """
        layout = self._laid_out()
        placement = read_placement(layout)
        if len(placement.lines) <= TIDY_LINES:
            flat = self.direction == "LR"
            placement = tidied(placement if flat else led_back(placement), flat=flat)
        graph = self._write(placement)
        data = paint(graph, format)
        if format != "svg":
            return data
        title, description = describe(self.report)
        return finished(data, title, description, measured_widths(layout))

    def _laid_out(self) -> Mapping[str, Any]:
        if self._layout is None:
            if self.view.boxes > MOST_BOXES:
                raise LayoutError(f"{self._size()}, too many to lay out{self._advice()}")
            graph = self.digraph()
            try:
                self._layout = lay_out(graph.source)
            except LayoutTimeout as error:
                graph.attr("graph", splines="line", nslimit="1", nslimit1="1", mclimit="0.1")
                try:
                    self._layout = lay_out(graph.source)
                except LayoutError:
                    raise LayoutError(f"{error}: {self._size()}{self._advice()}") from error
                self._rough = True
        return self._layout

    def _size(self) -> str:
        return f"the picture has {counted(self.view.boxes, 'box', 'boxes')}"

    def _advice(self) -> str:
        flow = self.view.graph.flow
        depth, boxes = fitting_depth(flow)
        words = f"; --depth {depth} draws {boxes}"
        children = [flow.trace.calls[child] for child in flow.children(flow.root)]
        if children:
            largest = max(children, key=lambda call: call.operations[1] - call.operations[0])
            words += f", --only {largest.path} a part of it"
        return words

    def _write(self, placement: Placement | None) -> graphviz.Digraph:
        graph = new_graph(self.report.class_name)
        captions = Captions(self.view, self.report, self.options.show)
        theme = THEMES[self.options.theme]
        DotWriter(self.view, captions, theme, self.direction, graph, placement).write(
            self.report.class_name
        )
        return graph


@dataclass
class DotWriter:
    """Writes one view into a ``graphviz.Digraph``."""

    view: View
    captions: Captions
    theme: Theme
    direction: str
    graph: graphviz.Digraph
    placement: Placement | None = None
    ids: dict[int, str] = field(default_factory=dict[int, str])
    titles: dict[int, str] = field(default_factory=dict[int, str])
    names: Names = field(default_factory=Names)

    def write(self, name: str) -> None:
        """Fill the graph."""
        theme = self.theme
        self.graph.attr(
            "graph",
            rankdir=self.direction,
            bgcolor=theme.page,
            pad="0.2",
            nodesep="0.3",
            ranksep="0.32",
            newrank="true",  # the ranks of titles are demands, not wishes
            fontname=FONT,
            tooltip=escaped(name),
            **self._page(),
        )
        self.graph.attr(
            "node",
            shape="box",
            style="rounded,filled",
            margin="0.11,0.07",
            penwidth="1.1",
            height="0.1",
            width="0.1",
            fontname=FONT,
            fontsize="12",
        )
        self.graph.attr(
            "edge",
            color=theme.edge,
            fontcolor=theme.edge_text,
            fontname=FONT,
            fontsize="10",
            arrowsize="0.65",
            penwidth="1.1",
        )
        flow = self.view.graph.flow
        for key in boxes_of(self.view.root):
            self.ids[key] = self.names.unique(flow.nodes[key].id)
        self._items(self.graph, self.view.root, flow.path)
        self._edges()

    # ---- boxes and frames ---------------------------------------------------------------

    def _items(self, graph: graphviz.Digraph, frame: Frame, within: str) -> None:
        for item in frame.items:
            if isinstance(item, Frame):
                self._frame(graph, item, within)
            else:
                self._box(graph, item)

    def _frame(self, graph: graphviz.Digraph, frame: Frame, within: str) -> None:
        flow = self.view.graph.flow
        path = flow.trace.calls[frame.call].path
        name, what = self.captions.naming.frame(frame, within)
        tooltip = escaped(f"{path}: {what or flow.trace.module(path).type}")
        identity = self.names.unique(f"frame/{path}")
        style = self.theme.style("container")
        with _subgraph(graph, f"cluster_{identity}") as inner:
            inner.attr(
                style="rounded,filled",
                fillcolor=style.fill,
                color=style.line,
                penwidth="1",
                margin=_WITH_LANES if self._leads_back(frame) else "12",
                id=identity,
                tooltip=tooltip,
                **self._bounds(f"cluster_{identity}"),
            )
            title = TITLE + identity.removeprefix("frame/")
            self.titles[id(frame)] = title
            inner.node(
                title,
                label=title_label(name, what, self.theme),
                shape="plain",
                style="",
                id=title,
                tooltip=tooltip,
                **position(self.placement, title),
            )
            self._items(inner, frame, self.captions.naming.inner_path(frame, within))

    def _leads_back(self, frame: Frame) -> bool:
        boxes, inside = self.view.graph, set(boxes_of(frame))
        return any(key < tail in inside for key in inside for tail in boxes.before[key])

    def _box(self, graph: graphviz.Digraph, key: int) -> None:
        caption = self.captions.box(key)
        attributes = self._look(caption)
        identity = self.ids[key]
        graph.node(
            identity,
            id=identity,
            tooltip=escaped(caption.tooltip),
            **attributes,
            **position(self.placement, identity),
            **{"class": caption.kind},
        )

    def _look(self, caption: Caption) -> dict[str, str]:
        style = self.theme.failing if caption.failed else self.theme.style(caption.kind)
        look = {"fillcolor": style.fill, "color": style.line}
        if caption.failed:
            look["penwidth"] = "2"
        if caption.pill:
            return look | {"label": pill_label(caption, self.theme), "margin": "0.16,0.07"}
        if len(caption.sign) == 1 and not caption.strips:
            return look | {
                "label": caption.sign,
                "shape": "circle",
                "fixedsize": "true",
                "width": "0.3",
                "margin": "0",
                "fontsize": "14",
                "fontcolor": style.text,
            }
        if caption.sign:
            return look | {"label": sign_label(caption, self.theme), "margin": "0.09,0.04"}
        return look | {"label": box_label(caption, self.theme)}

    # ---- edges --------------------------------------------------------------------------

    def _edges(self) -> None:
        boxes = self.view.graph
        trunk = set(pairwise(main_path(boxes)))
        if self.placement is None:
            self._titles()
        for tail, head, values, label in self.captions.edges():
            attributes = {"label": f"  {label}"} if label else {}
            if head <= tail:
                attributes |= {"style": "dashed", "weight": "0"}
            elif (tail, head) in trunk:
                attributes["weight"] = _STRAIGHT
            elif len(boxes.before[head]) == 1 and len(boxes.after[tail]) > 1:
                attributes["weight"] = _NEAR
            ends = self.ids[tail], self.ids[head]
            attributes["id"] = f"edge/{ends[0]}/{ends[1]}"
            attributes["tooltip"] = escaped(self.captions.about_edge(tail, head, values))
            back = head < tail
            if back:  # laid out as a skip, but for its arrow
                ends, attributes["dir"] = (ends[1], ends[0]), "back"
            self.graph.edge(*ends, **attributes, **route(self.placement, ends, back=back))

    # ---- positions, once they are known -------------------------------------------------

    def _page(self) -> dict[str, str]:
        return {} if self.placement is None else {"bb": corners(self.placement.page)}

    def _bounds(self, frame: str) -> dict[str, str]:
        if self.placement is None or frame not in self.placement.frames:
            return {}
        return {"bb": corners(self.placement.frames[frame])}

    def _titles(self) -> None:
        """Edges that nobody sees: they keep every title at the head of its frame."""
        for frame in frames_of(self.view.root):
            title = self.titles[id(frame)]
            if self.direction == "LR":
                self._beside(title, frame)
                continue
            for first in self._entries(frame):
                self.graph.edge(title, first, style="invis", weight="0")
            for tail in self._feeding(frame):
                self.graph.edge(self.ids[tail], title, style="invis", weight="0")

    def _beside(self, title: str, frame: Frame) -> None:
        """From left to right a title stands above the first box, in the same column."""
        first = self.ids[next(boxes_of(frame))]
        with _subgraph(self.graph, None) as column:
            column.attr(rank="same")
            column.edge(first, title, style="invis", weight="1")

    def _entries(self, frame: Frame) -> Iterator[str]:
        """The boxes and titles that nothing in the frame feeds."""
        boxes, inside = self.view.graph, set(boxes_of(frame))
        for item in frame.items:
            keys = set(boxes_of(item))
            fed = {tail for key in keys for tail in boxes.earlier(key)} - keys
            if not fed & inside:
                yield self.titles[id(item)] if isinstance(item, Frame) else self.ids[item]

    def _feeding(self, frame: Frame) -> list[int]:
        """The boxes outside that feed the frame."""
        inside = set(boxes_of(frame))
        return sorted({t for key in inside for t in self.view.graph.earlier(key)} - inside)


def _subgraph(
    graph: graphviz.Digraph, name: str | None
) -> AbstractContextManager[graphviz.Digraph]:
    """What ``subgraph`` gives without a graph; its type allows for None as well."""
    return cast("AbstractContextManager[graphviz.Digraph]", graph.subgraph(name=name))
