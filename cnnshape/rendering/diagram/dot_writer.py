"""One view, or pieces of it, written into a ``graphviz.Digraph``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import cast

import graphviz

from cnnshape.rendering.diagram.boxes import Frame, boxes_of, frames_of, main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.graphviz_process import new_graph
from cnnshape.rendering.diagram.identifiers import Names
from cnnshape.rendering.diagram.labels import (
    Caption,
    box_label,
    escaped,
    letter_label,
    pill_label,
    sign_label,
    title_label,
)
from cnnshape.rendering.diagram.legend import graph_legend
from cnnshape.rendering.diagram.legend_label import NODE, LegendNode, legend_node
from cnnshape.rendering.diagram.pieces import LINK, Link, Piece
from cnnshape.rendering.diagram.placement import TITLE, Placement, corners, position, route
from cnnshape.rendering.diagram.u_shape import Crossing
from cnnshape.rendering.fonts import FONT
from cnnshape.rendering.palette import Theme

#: Graphviz packs frames with a weight of 128; a main path that is to stay straight needs more.
_STRAIGHT = "1000"
#: A frame's margin in which arrows from one turn of a loop into the next have room.
_WITH_LANES = "20"
#: A branch begins beside the others, not lower down where it would fit as well.
_NEAR = "3"


@dataclass
class DotWriter:
    """Writes a view as DOT: all of it or some of its pieces, with positions if they are known."""

    view: View
    captions: Captions
    theme: Theme
    direction: str
    pieces: tuple[Piece, ...]
    ids: dict[int, str] = field(default_factory=dict[int, str])
    frames: dict[int, str] = field(default_factory=dict[int, str])
    legend: LegendNode | None = None
    #: (tail, head) → where the arrow enters a folded block that reads its input more than once.
    doors: dict[tuple[int, int], str] = field(default_factory=dict[tuple[int, int], str])

    def __post_init__(self) -> None:
        names, flow = Names(), self.view.graph.flow
        for key in boxes_of(self.view.root):
            self.ids[key] = names.unique(flow.nodes[key].id)
        for piece in self.pieces:
            for frame in frames_of(piece.root):
                self.frames[id(frame)] = names.unique(f"frame/{flow.trace.calls[frame.call].path}")
                self._open_doors(frame)

    def _open_doors(self, frame: Frame) -> None:
        if len(frame.repeats) < 2:
            return
        for tail in self._feeding(frame):
            inside = set(boxes_of(frame))
            heads = [head for head in self.view.graph.after[tail] if head in inside]
            if len(heads) > 1 and (tail, heads[0]) not in self.doors:
                name = f"in/{self.ids[tail]}/{self.frames[id(frame)]}"
                self.doors |= {(tail, head): name for head in heads}

    def write(self, name: str, placement: Placement | None = None) -> graphviz.Digraph:
        """The graph of all pieces and, if they have their places, of the arrows between them."""
        graph = new_graph(name)
        self._set_up(graph, name, placement)
        for piece in self.pieces:
            _PieceWriter(self, graph, piece, placement, self.direction).write()
        if placement is not None:
            for one in self.crossing():
                way = route(placement, (one.tail, one.head))
                label = {"label": f"  {one.label}"} if one.label else {}
                name = f"edge/{one.tail}/{one.head}"
                about = escaped(one.about)
                graph.edge(one.tail, one.head, id=name, tooltip=about, **label, **way)
        if self.legend is not None:
            self.legend.add(graph, **position(placement, NODE))
            if placement is None:  # below the last box
                graph.edge([*self.ids.values()][-1], NODE, style="invis", weight="0")
        return graph

    def explain(self, width: float) -> LegendNode:
        """Have the legend stand below the picture, about so wide."""
        letters = any(piece.leaving for piece in self.pieces)
        entries = graph_legend(self.view, self.captions, letters=letters, doors=bool(self.doors))
        self.legend = legend_node(entries, self.theme, width)
        return self.legend

    def piece(self, name: str, piece: Piece, direction: str | None = None) -> graphviz.Digraph:
        """The graph of one piece alone, for Graphviz to lay out."""
        graph = new_graph(name)
        self._set_up(graph, name, None)
        if direction is not None:
            graph.attr("graph", rankdir=direction)
        _PieceWriter(self, graph, piece, None, direction or self.direction).write()
        return graph

    def crossing(self) -> list[Crossing]:
        """The arrows between pieces that no letter stands for."""
        linked = {link.tail for piece in self.pieces for link in piece.leaving}
        where = {
            key: number for number, piece in enumerate(self.pieces) for key in boxes_of(piece.root)
        }
        found: dict[tuple[str, str], Crossing] = {}
        for tail, head, values, label in self.captions.edges():
            start, end = where[tail], where[head]
            if start != end and tail not in linked:
                ends = self.ids[tail], self.doors.get((tail, head), self.ids[head])
                about = self.captions.about_edge(tail, head, values)
                found.setdefault(ends, Crossing(start, end, *ends, label, about))
        return list(found.values())

    def _set_up(self, graph: graphviz.Digraph, name: str, placement: Placement | None) -> None:
        theme = self.theme
        graph.attr(
            "graph",
            rankdir=self.direction,
            bgcolor=theme.page,
            pad="0.2",
            nodesep="0.3",
            ranksep="0.32",
            newrank="true",  # the ranks of titles are demands, not wishes
            fontname=FONT,
            tooltip=escaped(name),
            **({} if placement is None else {"bb": corners(placement.page)}),
        )
        graph.attr(
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
        graph.attr(
            "edge",
            color=theme.edge,
            fontcolor=theme.edge_text,
            fontname=FONT,
            fontsize="10",
            arrowsize="0.65",
            penwidth="1.1",
        )

    def _feeding(self, frame: Frame) -> list[int]:
        """The boxes outside that feed the frame."""
        inside = set(boxes_of(frame))
        return sorted({t for key in inside for t in self.view.graph.earlier(key)} - inside)


@dataclass
class _PieceWriter:
    whole: DotWriter
    graph: graphviz.Digraph
    piece: Piece
    placement: Placement | None
    direction: str = "TB"
    keys: set[int] = field(default_factory=set[int])

    def __post_init__(self) -> None:
        self.keys = set(boxes_of(self.piece.root))
        self.boxes = self.whole.view.graph
        self.naming = self.whole.captions.naming

    def write(self) -> None:
        for link in self.piece.entering:
            self._letter(f"{LINK}{link.letter}", link)
        self._items(self.graph, self.piece.root, self.boxes.flow.path)
        for link in self.piece.leaving:
            self._letter(f"to/{link.letter}", link)
        if self.placement is None:
            self._titles()
        self._edges()

    # ---- boxes and frames ---------------------------------------------------------------

    def _items(self, graph: graphviz.Digraph, frame: Frame, within: str) -> None:
        for item in frame.items:
            if isinstance(item, Frame):
                self._frame(graph, item, within)
            else:
                self._box(graph, item)

    def _frame(self, graph: graphviz.Digraph, frame: Frame, within: str) -> None:
        flow, theme = self.boxes.flow, self.whole.theme
        path = flow.trace.calls[frame.call].path
        name, what = self.naming.frame(frame, within)
        if frame.continued:
            what = f"{what}, continued" if what else "continued"
        tooltip = escaped(f"{path}: {what or flow.trace.module(path).type}")
        identity = self.whole.frames[id(frame)]
        style = theme.style("container")
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
            title = self._title(frame)
            inner.node(
                title,
                label=title_label(name, what, theme),
                shape="plain",
                style="",
                id=title,
                tooltip=tooltip,
                **position(self.placement, title),
            )
            for door in self._doors_of(frame):
                self._door(inner, door)
            self._items(inner, frame, self.naming.inner_path(frame, within))

    def _title(self, frame: Frame) -> str:
        return TITLE + self.whole.frames[id(frame)].removeprefix("frame/")

    def _leads_back(self, frame: Frame) -> bool:
        inside = set(boxes_of(frame))
        return any(key < tail in inside for key in inside for tail in self.boxes.before[key])

    def _box(self, graph: graphviz.Digraph, key: int) -> None:
        caption = self.whole.captions.box(key)
        attributes = self._look(caption)
        identity = self.whole.ids[key]
        graph.node(
            identity,
            id=identity,
            tooltip=escaped(caption.tooltip),
            **attributes,
            **position(self.placement, identity),
            **{"class": caption.kind},
        )

    def _look(self, caption: Caption) -> dict[str, str]:
        theme = self.whole.theme
        style = theme.failing if caption.failed else theme.style(caption.kind)
        look = {"fillcolor": style.fill, "color": style.line}
        if caption.failed:
            look["penwidth"] = "2"
        if caption.pill:
            return look | {"label": pill_label(caption, theme), "margin": "0.16,0.07"}
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
            return look | {"label": sign_label(caption, theme), "margin": "0.09,0.04"}
        return look | {"label": box_label(caption, theme)}

    # ---- where arrows enter a folded block, and where they go on in another piece ---------

    def _doors_of(self, frame: Frame) -> list[str]:
        end = f"/{self.whole.frames[id(frame)]}"
        return list(dict.fromkeys(door for door in self.whole.doors.values() if door.endswith(end)))

    def _door(self, graph: graphviz.Digraph, name: str) -> None:
        color = self.whole.theme.edge
        graph.node(
            name,
            id=name,
            label="",
            shape="circle",
            fixedsize="true",
            width="0.07",
            fillcolor=color,
            color=color,
            tooltip="the block's input",
            **position(self.placement, name),
        )

    def _letter(self, name: str, link: Link) -> None:
        theme, captions = self.whole.theme, self.whole.captions
        values = self.boxes.after[link.tail][link.heads[0]]
        shape = captions.shape_of(values) if name.startswith(LINK) else ""
        self.graph.node(
            name,
            id=name,
            label=letter_label(link.letter, shape, theme),
            fillcolor=theme.page,
            color=theme.edge,
            margin="0.08,0.03",
            tooltip=f"the arrow goes on at the other {link.letter}",
            **position(self.placement, name),
            **{"class": "io"},
        )

    # ---- edges --------------------------------------------------------------------------

    def _edges(self) -> None:
        trunk = set(pairwise(main_path(self.boxes)))
        letters = {link.tail: link.letter for link in self.piece.leaving}
        entering = {
            (link.tail, head): link.letter for link in self.piece.entering for head in link.heads
        }
        drawn: set[tuple[str, str]] = set()
        for tail, head, values, label in self.whole.captions.edges():
            starts, ends = tail in self.keys, head in self.keys
            door = self.whole.doors.get((tail, head)) if ends else None
            if not starts and ends and door and (tail, head) not in entering:
                about = self.whole.captions.about_edge(tail, head, values)
                self._edge((door, self.whole.ids[head]), about, self._weight(tail, head, trunk))
            if (not starts and (tail, head) not in entering) or not (ends or tail in letters):
                continue
            start = self.whole.ids[tail] if starts else f"{LINK}{entering[tail, head]}"
            end = self.whole.ids[head] if ends else f"to/{letters[tail]}"
            about = self.whole.captions.about_edge(tail, head, values)
            look = self._weight(tail, head, trunk)
            if label and starts:
                look["label"] = f"  {label}"
            if door is not None and (start, door) not in drawn:
                drawn.add((start, door))
                self._edge((start, door), about, look | {"weight": _STRAIGHT, "dir": "none"})
            if door is not None:
                start = door
                look.pop("label", None)
            if (start, end) not in drawn:  # of several heads elsewhere the first says it for all
                drawn.add((start, end))
                self._edge((start, end), about, look, back=head < tail)

    def _weight(self, tail: int, head: int, trunk: set[tuple[int, int]]) -> dict[str, str]:
        if head <= tail:
            return {"style": "dashed", "weight": "0"}
        if (tail, head) in trunk:
            return {"weight": _STRAIGHT}
        if len(self.boxes.before[head]) == 1 and len(self.boxes.after[tail]) > 1:
            return {"weight": _NEAR}
        return {}

    def _edge(
        self, ends: tuple[str, str], about: str, look: dict[str, str], *, back: bool = False
    ) -> None:
        identity = f"edge/{ends[0]}/{ends[1]}"
        if back:  # laid out as a skip, but for its arrow
            ends, look["dir"] = (ends[1], ends[0]), "back"
        way = route(self.placement, ends, back=back)
        self.graph.edge(*ends, **look, id=identity, tooltip=escaped(about), **way)

    # ---- positions, once they are known -------------------------------------------------

    def _bounds(self, frame: str) -> dict[str, str]:
        if self.placement is None or frame not in self.placement.frames:
            return {}
        return {"bb": corners(self.placement.frames[frame])}

    def _titles(self) -> None:
        """Edges that nobody sees: they keep every title at the head of its frame."""
        for frame in frames_of(self.piece.root):
            title = self._title(frame)
            if self.direction == "LR":
                self._beside(title, frame)
                continue
            doors = self._doors_of(frame)
            for first in doors or self._entries(frame):
                self.graph.edge(title, first, style="invis", weight="0")
            for start in self._feeding(frame):
                self.graph.edge(start, title, style="invis", weight="0")

    def _beside(self, title: str, frame: Frame) -> None:
        """From left to right a title stands above the first box, in the same column."""
        first = self.whole.ids[next(boxes_of(frame))]
        with _subgraph(self.graph, None) as column:
            column.attr(rank="same")
            column.edge(first, title, style="invis", weight="1")

    def _entries(self, frame: Frame) -> Iterator[str]:
        """The boxes and titles that nothing in the frame feeds."""
        inside = set(boxes_of(frame))
        for item in frame.items:
            keys = set(boxes_of(item))
            fed = {tail for key in keys for tail in self.boxes.earlier(key)} - keys
            if not fed & inside:
                yield self._title(item) if isinstance(item, Frame) else self.whole.ids[item]

    def _feeding(self, frame: Frame) -> Iterator[str]:
        """What feeds the frame: boxes outside, or the letters that stand for them."""
        inside = set(boxes_of(frame))
        tails = sorted({t for key in inside for t in self.boxes.earlier(key)} - inside)
        letters = {link.tail: f"{LINK}{link.letter}" for link in self.piece.entering}
        for tail in tails:
            if tail in self.keys or tail in letters:
                yield self.whole.ids[tail] if tail in self.keys else letters[tail]


def _subgraph(
    graph: graphviz.Digraph, name: str | None
) -> AbstractContextManager[graphviz.Digraph]:
    """What ``subgraph`` gives without a graph; its type allows for None as well."""
    return cast("AbstractContextManager[graphviz.Digraph]", graph.subgraph(name=name))
