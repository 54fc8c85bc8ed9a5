"""Pictures: what each style can be turned into, and the data-flow picture itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.dot import Writer, new_graph
from cnnshape.rendering.diagram.layout import (
    LayoutError,
    LayoutTimeout,
    for_format,
    lay_out,
    run,
)
from cnnshape.rendering.diagram.mermaid import MermaidWriter
from cnnshape.rendering.diagram.options import DrawOptions
from cnnshape.rendering.diagram.placement import Placement, read_placement, tidied
from cnnshape.rendering.diagram.svg import finished, measured_widths
from cnnshape.rendering.diagram.theme import THEMES
from cnnshape.rendering.diagram.view import View, fitting_depth
from cnnshape.rendering.units import shape_text
from cnnshape.words import counted

#: Layout engines take minutes for more than this, and nobody can read it.
MOST_BOXES = 1200
#: Touching up takes time that grows with the square of the edges.
TIDY_LINES = 200


class Picture(Protocol):
    """One picture, whatever its style."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know about it."""
        ...

    def digraph(self) -> graphviz.Digraph:
        """It as DOT."""
        ...

    def paint(self, format: str) -> bytes:
        """It as ``svg``, ``png`` or ``pdf``."""
        ...

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
        ...


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
        trace = view.draft.flow.trace
        if trace.failure is None and not trace.outputs:
            found.append("the model returned no tensor: the picture has no output")
        return tuple(found)

    def digraph(self) -> graphviz.Digraph:
        """It as DOT, without positions: the layout is Graphviz's business."""
        return self._write(None)

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
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
            placement = tidied(placement, flat=self.direction == "LR")
        graph = self._write(placement)
        graph.attr("graph", **for_format(format))
        data = run(graph.source, format, engine="nop2")
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
        flow = self.view.draft.flow
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
        Writer(self.view, captions, theme, self.direction, graph, placement).write(
            self.report.class_name
        )
        return graph


def describe(report: Report) -> tuple[str, str]:
    """The title of a picture of a model, and a sentence for those who cannot see it."""
    title = f"Architecture of {report.class_name}"
    ins = ", ".join(f"{row.name} {shape_text(row.shape)}" for row in report.inputs)
    outs = ", ".join(shape_text(row.shape) for row in report.outputs)
    words = [f"{report.class_name} takes {ins or 'no tensor'} and gives {outs or 'no tensor'}."]
    layers = sum(1 for row in report.layers if row.called and row.path)
    words.append(f"{counted(layers, 'module call')}")
    if report.totals.params is not None:
        words[-1] += f", {counted(report.totals.params, 'parameter')}"
    words[-1] += "."
    if report.error is not None:
        words.append(f"It fails at {report.error.path or 'its own forward'}.")
    return title, " ".join(words)
