"""The blocks style as a picture: SVG written directly, PNG and PDF painted by Graphviz."""

from __future__ import annotations

from dataclasses import dataclass

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.errors import OutputError
from cnnshape.rendering.diagram.blocks import blocks_scene, cut_skips
from cnnshape.rendering.diagram.boxes import main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.layout import for_format, run
from cnnshape.rendering.diagram.maps import FeatureMap, feature_maps
from cnnshape.rendering.diagram.options import DrawOptions
from cnnshape.rendering.diagram.picture import describe
from cnnshape.rendering.diagram.scene import Scene
from cnnshape.rendering.diagram.theme import THEMES
from cnnshape.rendering.diagram.view import View
from cnnshape.words import counted


@dataclass
class BlocksPicture:
    """Feature maps as boxes in a row."""

    view: View
    report: Report
    options: DrawOptions

    @property
    def notes(self) -> tuple[str, ...]:
        """What the picture leaves out."""
        trace, found = self.view.draft.flow.trace, list[str]()
        beside = len(self.view.draft.boxes) - len(main_path(self.view.draft))
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
        graph.attr("graph", **for_format(format))
        return run(graph.source, format, engine="nop2")

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
