"""The blocks style as a picture: SVG written directly, PNG and PDF painted by Graphviz."""

from __future__ import annotations

from dataclasses import dataclass

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.errors import OutputError
from cnnshape.rendering.diagram.blocks_scene import blocks_scene, cut_skips
from cnnshape.rendering.diagram.boxes import frames_of, main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import READABLE_MAPS, View, make_view
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.feature_maps import FeatureMap, feature_maps
from cnnshape.rendering.diagram.graphviz_process import paint
from cnnshape.rendering.diagram.svg import describe
from cnnshape.rendering.diagram.svg_scene import Scene
from cnnshape.rendering.palette import THEMES
from cnnshape.words import counted


def blocks_picture(flow: Flow, report: Report, options: DrawOptions) -> BlocksPicture:
    """Feature maps at the depth that was asked for, else the deepest that shows every skip."""
    view = _coarse_view(flow, options, options.depth)
    picture = BlocksPicture(view, report, options)
    if options.depth is not None or not picture.cut_skips():
        return picture
    for depth in range((view.depth or view.deepest) - 1, 0, -1):
        coarser = BlocksPicture(_coarse_view(flow, options, depth), report, options)
        if coarser.cut_skips() == 0 and coarser.count() > 4:
            return coarser
    return picture


def _coarse_view(flow: Flow, options: DrawOptions, depth: int | None) -> View:
    """A view in which every repeated block is one step: a row of maps has no frames."""
    view = make_view(
        flow,
        depth=depth,
        collapse=options.collapse,
        expand=options.expand,
        readable=READABLE_MAPS,
    )
    calls = flow.trace.calls
    repeated = [
        calls[call].path
        for frame in frames_of(view.root)
        if len(frame.repeats) > 1 and not frame.group
        for call in frame.repeats
    ]
    if not repeated:
        return view
    collapse = (*options.collapse, *repeated)
    return make_view(flow, depth=depth, collapse=collapse, readable=READABLE_MAPS)


@dataclass
class BlocksPicture:
    """Feature maps as boxes in a row."""

    view: View
    report: Report
    options: DrawOptions

    @property
    def notes(self) -> tuple[str, ...]:
        """What the picture leaves out."""
        trace, found = self.view.graph.flow.trace, list[str]()
        beside = len(self.view.graph.boxes) - len(main_path(self.view.graph))
        if beside:
            found.append(
                f"{counted(beside, 'box', 'boxes')} beside the longest path not drawn; "
                "--style graph has everything"
            )
        if trace.failure is None and not trace.outputs:
            found.append("the model returned no tensor")
        return tuple(found)

    def digraph(self) -> graphviz.Digraph:
        """A graph without nodes to be seen, whose background is the picture."""
        return self._scene().digraph(self.report.class_name)

    def paint(self, format: str) -> bytes:
        """It as a picture; SVG is written directly, the others are painted by Graphviz."""
        scene = self._scene()
        if format == "svg":
            return scene.svg(*describe(self.report)).encode("utf-8")
        graph = scene.digraph(self.report.class_name)
        return paint(graph, format)

    def mermaid(self) -> str:
        """Mermaid has no such boxes.

        Raises:
            OutputError: always; it names what can be done.
        """
        raise OutputError("Mermaid cannot draw the blocks style; use --style graph, or .svg")

    def count(self) -> int:
        """How many maps there are."""
        return len(self._maps())

    def cut_skips(self) -> int:
        """How many skips the rows cut."""
        return cut_skips(self._maps())

    def _scene(self) -> Scene:
        theme = THEMES[self.options.theme]
        return blocks_scene(self._maps(), theme, shapes="shapes" in self.options.show)

    def _maps(self) -> list[FeatureMap]:
        captions = Captions(self.view, self.report, self.options.show, framed=False)
        return feature_maps(self.view, captions)
