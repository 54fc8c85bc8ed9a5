"""The blocks style as a picture: SVG and TikZ written directly, PNG and PDF by Graphviz."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.errors import OutputError
from cnnshape.rendering.diagram.blocks_parts import Plan, Setting
from cnnshape.rendering.diagram.blocks_plan import plan_of
from cnnshape.rendering.diagram.blocks_scene import blocks_scene
from cnnshape.rendering.diagram.boxes import frames_of
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import READABLE_MAPS, View, make_view
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.feature_maps import Course, feature_maps
from cnnshape.rendering.diagram.graphviz_process import paint
from cnnshape.rendering.diagram.legend import Entry, maps_legend
from cnnshape.rendering.diagram.legend_marks import add_legend, room_below
from cnnshape.rendering.diagram.paper import (
    DRAWN_TEXT,
    LEAST_SCALE,
    SCALES,
    TOO_SMALL,
    Page,
    page_of,
    too_small,
)
from cnnshape.rendering.diagram.svg import describe
from cnnshape.rendering.diagram.svg_scene import Scene, on_paper
from cnnshape.rendering.palette import THEMES
from cnnshape.words import counted

#: How small the boxes may become beside their words.
_SIZES = (1.0, 0.8, 0.65, 0.5)


def blocks_picture(flow: Flow, report: Report, options: DrawOptions) -> BlocksPicture:
    """Feature maps at the depth that was asked for, else at the deepest that can be read.

    Raises:
        UsageError: the page that they must fit on is too small; the message says which would do.
    """
    view = _coarse_view(flow, options, options.depth)
    picture = BlocksPicture(view, report, options)
    if not options.fit:
        return picture
    page, pictures = page_of(options.fit), [picture]
    deepest = 0 if options.depth is not None else (view.depth or view.deepest) - 1
    for depth in range(deepest, -1, -1):
        scale = pictures[-1].scale_on(page)
        if scale >= LEAST_SCALE:
            return pictures[-1]
        if depth:
            pictures.append(BlocksPicture(_coarse_view(flow, options, depth), report, options))
    raise too_small(page, max(one.scale_on(page) for one in pictures), report)


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
        if self.options.fit:
            page = page_of(self.options.fit)
            found.append(
                f"{page.name}: text of {DRAWN_TEXT * self.scale_on(page):.1f} points and more"
            )
        beside = len(self.view.graph.boxes.keys() - self._course.drawn)
        if beside:
            found.append(
                f"{counted(beside, 'box', 'boxes')} beside the paths not drawn; "
                "--style graph has everything"
            )
        if trace.failure is None and not trace.outputs:
            found.append("the model returned no tensor")
        return tuple(found)

    def digraph(self) -> graphviz.Digraph:
        """A graph without nodes to be seen, whose background is the picture."""
        return self._scene().digraph(self.report.class_name)

    def paint(self, format: str) -> bytes:
        """It as a picture; SVG and TikZ are written directly, the others painted by Graphviz."""
        scene, about = self._scene(), describe(self.report)
        if format == "svg":
            return scene.svg(*about).encode("utf-8")
        if format == "tex":
            from cnnshape.rendering.diagram.tikz import tikz

            return tikz(scene, *about).encode("utf-8")
        graph = scene.digraph(self.report.class_name)
        return paint(graph, format)

    def mermaid(self) -> str:
        """Mermaid has no such boxes.

        Raises:
            OutputError: always; it names what can be done.
        """
        raise OutputError("Mermaid cannot draw the blocks style; use --style graph, or .svg")

    def scale_on(self, page: Page) -> float:
        """How large the picture is on a page, with rows as long as suits it best."""
        return self._on(page)[1]

    def _on(self, page: Page) -> tuple[Plan, float]:
        """The plan that can be largest on the page: large letters first, then large boxes."""
        best, most = (Plan(), 0.0), -1.0
        for scale, size in product((*SCALES, *TOO_SMALL), _SIZES):
            plan = self._plan(Setting("shapes" in self.options.show, page.room(scale)[0], size))
            reached = page.scale_of(*self._size(plan))
            if reached * size**0.3 > most:
                best, most = (plan, reached), reached * size**0.3
        return best

    def _plan(self, setting: Setting) -> Plan:
        return plan_of(self._course, setting)

    @cached_property
    def _course(self) -> Course:
        captions = Captions(self.view, self.report, self.options.show, framed=False)
        return feature_maps(self.view, captions)

    def _scene(self) -> Scene:
        if not self.options.fit:
            return self._drawn(self._plan(Setting("shapes" in self.options.show)))
        page = page_of(self.options.fit)
        plan, scale = self._on(page)
        return on_paper(self._drawn(plan), page, scale)

    def _drawn(self, plan: Plan) -> Scene:
        theme = THEMES[self.options.theme]
        scene = blocks_scene(plan, theme, shapes="shapes" in self.options.show)
        if self.options.legend:
            add_legend(scene, self._legend(plan), theme)
        return scene

    def _legend(self, plan: Plan) -> tuple[Entry, ...]:
        maps = [slot.map for slot in plan.slots]
        return maps_legend(maps, self.view, broken=any(way.dashed for way in plan.ways))

    def _size(self, plan: Plan) -> tuple[float, float]:
        if not self.options.legend:
            return plan.width, plan.height
        across, down = room_below(self._legend(plan), plan.width)
        return max(plan.width, across), plan.height + down
