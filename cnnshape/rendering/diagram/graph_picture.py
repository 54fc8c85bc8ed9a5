"""The data flow as a picture: boxes with strips, frames whose titles are nodes, quiet edges.

It is written as DOT twice: without positions, for Graphviz to place, and with those positions,
tidied, for Graphviz to paint. A frame's title is a node of its own, in a rank above the frame's
first box, because Graphviz leads every edge around nodes but straight across the label of a
cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.boxes import main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View, fitting_depth, make_view
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.dot_writer import DotWriter
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.fitting import bounded
from cnnshape.rendering.diagram.graphviz_process import LayoutError, LayoutTimeout, lay_out
from cnnshape.rendering.diagram.loop_routes import led_back
from cnnshape.rendering.diagram.painting import painted
from cnnshape.rendering.diagram.pieces import Piece
from cnnshape.rendering.diagram.placement import Placement, read_placement, tidied
from cnnshape.rendering.diagram.pyramid import Pyramid, in_a_pyramid, pyramid
from cnnshape.rendering.diagram.svg import Widths, describe, measured_widths
from cnnshape.rendering.diagram.u_shape import UShape, in_a_u, u_shape
from cnnshape.rendering.palette import THEMES
from cnnshape.words import counted

#: Layout engines take minutes for more than this, and nobody can read it.
MOST_BOXES = 1200
#: How wide a legend is where the width of the picture is not known.
_LEGEND = 480.0
#: Touching up takes time that grows with the square of the edges.
TIDY_LINES = 200


def graph_picture(flow: Flow, report: Report, options: DrawOptions) -> GraphPicture:
    """The picture at the depth that was asked for, else at the deepest that stays readable."""
    view = make_view(flow, depth=options.depth, collapse=options.collapse, expand=options.expand)
    return GraphPicture(view, report, options)


def tidy(placement: Placement, *, flat: bool) -> Placement:
    """The placement with its last touches, where there are not too many edges for that."""
    if len(placement.lines) > TIDY_LINES:
        return placement
    return tidied(placement if flat else led_back(placement), flat=flat)


def laid_in_a_u(
    writer: DotWriter, shape: UShape, name: str, *, flat: bool = False
) -> tuple[Placement, Widths]:
    """The placement of an encoder and a decoder, and how wide the texts in it were measured.

    ``flat``: what has one size goes from left to right, for a wide page.
    """
    middle, widths = len(shape.down), dict[str, Sequence[tuple[str, float]]]()
    placed: list[Placement] = []
    for number, piece in enumerate(shape.pieces):
        level = flat or number == middle
        direction = "LR" if level else "TB" if number < middle else "BT"
        layout = lay_out(writer.piece(name, piece, direction).source)
        widths |= measured_widths(layout)
        placed.append(tidy(read_placement(layout), flat=direction == "LR"))
    trunk = [writer.ids[key] for key in main_path(writer.view.graph)]
    return bounded(in_a_u(shape, placed, trunk, writer.crossing(), flat=flat)), widths


def laid_in_a_pyramid(writer: DotWriter, shape: Pyramid, name: str) -> tuple[Placement, Widths]:
    """The placement of a feature pyramid, and how wide the texts in it were measured."""
    placed, widths = list[Placement](), dict[str, Sequence[tuple[str, float]]]()
    for cell in shape.cells:
        layout = lay_out(writer.piece(name, cell.piece, cell.direction).source)
        widths |= measured_widths(layout)
        placed.append(bounded(tidy(read_placement(layout), flat=cell.direction == "LR")))
    trunk = [writer.ids[key] for key in main_path(writer.view.graph)]
    return bounded(in_a_pyramid(shape.cells, placed, trunk, writer.crossing())), widths


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
        writer = self._writer((Piece(self.view.root),))
        if self.options.legend:
            writer.explain(_LEGEND)
        return writer.write(self.report.class_name)

    def mermaid(self) -> str:
        """It as a Mermaid flowchart."""
        from cnnshape.rendering.diagram.mermaid import MermaidWriter

        theme = THEMES[self.options.theme]
        captions = Captions(self.view, self.report, self.options.show)
        writer = MermaidWriter(self.view, captions, theme, self.direction, self.options.legend)
        return writer.write()

    def paint(self, format: str) -> bytes:
        """It as a picture. Graphviz places, :mod:`.placement` tidies, Graphviz paints.

        Raises:
            LayoutError: Graphviz crashed or took too long, or the graph is too large for it.
        """
        free = self.options.direction is None
        shape = u_shape(self.view) if free else None
        levels = pyramid(self.view) if free else None
        if shape is not None:
            writer = self._writer(shape.joined)
            placement, widths = laid_in_a_u(writer, shape, self.report.class_name)
        elif levels is not None:
            writer = self._writer(tuple(cell.piece for cell in levels.cells), levels.view)
            placement, widths = laid_in_a_pyramid(writer, levels, self.report.class_name)
        else:
            writer, layout = self._writer((Piece(self.view.root),)), self._laid_out()
            placement = tidy(read_placement(layout), flat=self.direction == "LR")
            widths = measured_widths(layout)
        if self.options.legend:
            legend = writer.explain(placement.page.width)
            placement, widths = legend.below(placement), {**widths, **legend.texts}
        graph = writer.write(self.report.class_name, placement)
        return painted(graph, format, describe(self.report), widths)

    def _laid_out(self) -> Mapping[str, Any]:
        if self._layout is None:
            if self.view.boxes > MOST_BOXES:
                raise LayoutError(f"{self._size()}, too many to lay out{self._advice()}")
            graph = self._writer((Piece(self.view.root),)).write(self.report.class_name)
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

    def _writer(self, pieces: tuple[Piece, ...], view: View | None = None) -> DotWriter:
        view = view or self.view
        captions = Captions(view, self.report, self.options.show)
        return DotWriter(view, captions, THEMES[self.options.theme], self.direction, pieces)
