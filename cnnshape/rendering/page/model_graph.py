"""The diagram as data: boxes, the edges between them, the frames around them.

It is the view that the static picture is made from, opened to the bottom; the page closes frames,
and begins with those closed that the static picture does not open.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from cnnshape.analysis.report import Report
from cnnshape.rendering.batch import Batch
from cnnshape.rendering.diagram.arrange import arrange, count
from cnnshape.rendering.diagram.boxes import Frame, Part, frames_of
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View, depth_of, make_view
from cnnshape.rendering.diagram.dataflow import Flow, build_flow
from cnnshape.rendering.diagram.draw_options import SHOWN
from cnnshape.rendering.diagram.grouping import condense, group
from cnnshape.rendering.diagram.labels import packed
from cnnshape.rendering.units import count as counted
from cnnshape.rendering.units import shape_text

#: With more boxes than this, long runs of functions become one box each, as in a static picture.
_MANY = 800


def graph_data(report: Report) -> dict[str, Any]:
    """Boxes, edges, frames and shapes, and the calls that are open to begin with.

    A call is told by its index in the trace, an operation by ``-1 - index``. A box has in ``of``
    all that it stands for, first what names it, and in ``home`` the container it is drawn in.
    """
    flow = build_flow(report.trace)
    return _Graph(report, _opened(flow)).data() | {"open": sorted(_open_calls(flow))}


def _opened(flow: Flow) -> View:
    """The view with every container opened."""
    deepest = depth_of(flow)
    graph = group(flow, deepest)
    root, _ = arrange(graph)
    if count(root) > _MANY:
        graph = group(flow, deepest)
        condense(graph)
        root, _ = arrange(graph)
    return View(graph, root, None, deepest, count(root))


def _open_calls(flow: Flow) -> set[int]:
    """The containers that the static picture opens."""
    view = make_view(flow)
    regions = (flow.regions(box.region) for box in view.graph.boxes.values())
    return {flow.root, *chain.from_iterable(regions)}


class _Graph:
    def __init__(self, report: Report, view: View) -> None:
        self.report = report
        self.view = view
        self.captions = Captions(view, report, SHOWN)
        self.naming = self.captions.naming
        self.hide_batch = Batch.of(report).hidden
        self.places = {key: place for place, key in enumerate(sorted(view.graph.boxes))}
        self.listed = {row.index for row in report.operations}
        self.shapes: dict[str, int] = {}
        #: By call of an open frame the module that names in it are relative to.
        self.within: dict[int, str] = {}
        #: By the first call of a run of equal blocks how many there are, and their names together.
        self.repeated: dict[int, tuple[int, str]] = {}

    def data(self) -> dict[str, Any]:
        boxes = [self._box(key) for key in self.places]
        flow = self.view.graph.flow
        return {
            "boxes": boxes,
            "edges": list(self._edges()),
            "frames": self._items(self.view.root, flow.path),
            "closed": self._closed(),
            "runs": list(self._runs()),
            "shapes": list(self.shapes),
        }

    # ---- boxes and edges ----------------------------------------------------------------

    def _box(self, key: int) -> dict[str, Any]:
        box, caption = self.view.graph.boxes[key], self.captions.box(key)
        found: dict[str, Any] = {
            "title": caption.title,
            "aside": caption.aside,
            "lines": caption.lines,
            "strips": [[strip.text, strip.kind] for strip in caption.strips],
            "kind": caption.kind,
            "sign": caption.sign,
            "failed": caption.failed,
            "role": box.role,
            "home": box.region,
            "of": [*box.wrappers, *chain.from_iterable(map(self._of, box.parts))],
        }
        return {name: value for name, value in found.items() if value not in ("", [], (), False)}

    def _of(self, part: Part) -> Iterator[int]:
        """The calls and operations that a part stands for and that the table has."""
        if part.call is not None:
            yield part.call
            return
        for node in part.nodes:
            operation = self.view.graph.flow.nodes[node].operation
            if operation in self.listed:
                yield -1 - operation

    def _edges(self) -> Iterator[list[Any]]:
        trace = self.view.graph.flow.trace
        for tail, head, values in self.view.graph.edges():
            texts = dict.fromkeys(shape_text(self.hide_batch(trace.shape(v))) for v in values)
            shapes = [self.shapes.setdefault(text, len(self.shapes)) for text in texts]
            yield [self.places[tail], self.places[head], shapes]

    # ---- frames -------------------------------------------------------------------------

    def _items(self, frame: Frame, within: str) -> list[Any]:
        return [
            self._frame(item, within) if isinstance(item, Frame) else self.places[item]
            for item in frame.items
        ]

    def _frame(self, frame: Frame, within: str) -> dict[str, Any]:
        name, what = self.naming.frame(frame, within)
        inner = self.naming.inner_path(frame, within)
        calls = [] if frame.group else [*frame.wrappers, frame.call]
        self.within |= dict.fromkeys(calls, inner)
        if len(frame.repeats) > 1 and not frame.group:
            self.repeated[frame.call] = len(frame.repeats), self.naming.run_name(frame, within)
        return {
            "title": name,
            "what": what,
            "of": calls,
            "times": len(frame.repeats),
            "items": self._items(frame, inner),
        }

    def _closed(self) -> dict[int, list[Any]]:
        """By call of a container what its box says while it is closed: name, parameters, lines."""
        flow = self.view.graph.flow
        boxes = self.view.graph.boxes.values()
        calls = dict.fromkeys(chain.from_iterable(flow.regions(box.region) for box in boxes))
        return {call: self._caption(call) for call in calls}

    def _caption(self, call: int) -> list[Any]:
        flow, row = self.view.graph.flow, self.captions.rows.get(call)
        around = flow.regions(call)[:-1]
        within = next((self.within[c] for c in reversed(around) if c in self.within), flow.path)
        times, name = self.repeated.get(call, (1, ""))
        aside = [f"{times} ×"] if times > 1 else []
        if row is not None and row.subtree_params:
            aside.append(counted(row.subtree_params))
        name = name or self.naming.relative(self.naming.path(call), within)
        whole = Part((), call, True, "container", False)
        lines = packed([self.naming.contents(whole), *self.naming.inside_of(whole)])
        return [name, " ".join(aside), lines]

    # ---- what stands for several --------------------------------------------------------

    def _runs(self) -> Iterator[list[int]]:
        """Per run of equal blocks what each begins with; the first is the one that is drawn."""
        for frame in frames_of(self.view.root):
            if len(frame.repeats) > 1 and not frame.group:
                yield list(frame.repeats)
            elif len(frame.repeats) > 1:
                yield [self._first(key) for key in frame.repeats]
        for box in self.view.graph.boxes.values():
            if len(box.repeats) > 1 and box.role not in ("input", "output"):
                yield [self._first(key) for key in box.repeats]
        for turns in self.view.graph.turns:
            for same in zip(*turns.keys, strict=True):
                yield [self._first(key) for key in same]

    def _first(self, key: int) -> int:
        """The call or operation that a box begins with; it may have been folded away."""
        node = self.view.graph.flow.nodes[key]
        return node.call if node.call is not None else -1 - (node.operation or 0)
