"""The data flow on a page of a given size: nothing in it is smaller than what can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import graphviz

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.boxes import boxes_of, frames_of
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View, make_view
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.dot_writer import DotWriter
from cnnshape.rendering.diagram.draw_options import Direction, DrawOptions
from cnnshape.rendering.diagram.fitting import beside, bounded, breaks, fill_page, on_page
from cnnshape.rendering.diagram.graph_picture import (
    GraphPicture,
    laid_in_a_pyramid,
    laid_in_a_u,
    tidy,
)
from cnnshape.rendering.diagram.graphviz_process import lay_out
from cnnshape.rendering.diagram.painting import painted
from cnnshape.rendering.diagram.paper import DRAWN_TEXT, LEAST_SCALE, Page, page_of, too_small
from cnnshape.rendering.diagram.pieces import Piece, cut
from cnnshape.rendering.diagram.placement import Placement, read_placement
from cnnshape.rendering.diagram.pyramid import Pyramid, pyramid
from cnnshape.rendering.diagram.svg import Widths, describe, measured_widths
from cnnshape.rendering.diagram.u_shape import UShape, u_shape
from cnnshape.rendering.palette import THEMES
from cnnshape.words import counted

#: A picture that is no smaller than this in one piece is not cut to make it larger.
_IN_ONE = 0.72


@dataclass(frozen=True)
class Sheet:
    """A view in columns (or rows) on a page, and the scale at which it is drawn there."""

    view: View
    writer: DotWriter
    placement: Placement
    widths: Widths
    scale: float


def fitted_picture(flow: Flow, report: Report, options: DrawOptions) -> FittedPicture:
    """The most detailed view that can be read on the page: a U or a pyramid if the network is one.

    Raises:
        UsageError: the page is too small for any; the message says which would do.
    """
    fitter = _Fitter(flow, report, options, page_of(options.fit))
    sheet = fitter.in_a_u() or fitter.in_pieces()
    if sheet is None:
        raise too_small(fitter.page, max(one.scale for one in fitter.tried), report)
    return FittedPicture(sheet, fitter.page, report, options)


@dataclass
class _Fitter:
    """Tries one view after the other, from the most detailed one on."""

    flow: Flow
    report: Report
    options: DrawOptions
    page: Page
    tried: list[Sheet] = field(default_factory=list[Sheet])

    def in_a_u(self) -> Sheet | None:
        """The deepest view that fits in the form of a U or a pyramid; None if there is none."""
        if self.options.direction is not None:
            return None
        shapes: list[tuple[View, UShape]] = []
        for view in _views(self.flow, self.options):
            shape = u_shape(view)
            if shape is not None:
                if self._fits(_u_sheet(view, shape, self)):
                    return self.tried[-1]
                shapes.append((view, shape))
            levels = pyramid(view)
            if levels is not None and self._fits(_pyramid_sheet(levels, self)):
                return self.tried[-1]
        if self.page.width < self.page.height:
            return None
        for view, shape in shapes:  # an arrow from row to row would lead through a frame's title
            if not any(frames_of(view.root)) and self._fits(_u_sheet(view, shape, self, flat=True)):
                return self.tried[-1]
        return None

    def in_pieces(self) -> Sheet | None:
        """The deepest view that fits in columns or rows, opened further as far as there is room."""
        finer: View | None = None
        for view in _views(self.flow, self.options):
            if self._pieces_fit(view):
                if finer is not None:
                    _open_more(self.flow, self.options, view, self._pieces_fit)
                fits = [one for one in self.tried if one.scale >= LEAST_SCALE]
                return max(fits, key=lambda one: one.view.boxes)
            finer = view
        return None

    def _pieces_fit(self, view: View) -> bool:
        ways = _directions(self.options, self.page)
        return any(self._fits(_sheet(view, direction, self)) for direction in ways)

    def _fits(self, sheet: Sheet) -> bool:
        self.tried.append(sheet)
        return sheet.scale >= LEAST_SCALE


def _views(flow: Flow, options: DrawOptions) -> Iterator[View]:
    """The deepest readable view, then ever coarser ones."""
    view = make_view(flow, depth=options.depth, collapse=options.collapse, expand=options.expand)
    yield view
    if options.depth is not None or options.expand:
        return
    boxes = view.boxes
    for depth in range((view.depth or view.deepest) - 1, 0, -1):
        view = make_view(flow, depth=depth, collapse=options.collapse)
        if view.boxes < boxes:
            boxes = view.boxes
            yield view


def _open_more(flow: Flow, options: DrawOptions, view: View, fits: Callable[[View], bool]) -> None:
    """Try to open a level more from the beginning on, as far as there is room."""
    closed = [
        box.names or [flow.trace.calls[box.head.call].path]
        for key in boxes_of(view.root)
        if (box := view.graph.boxes[key]).head.container and box.head.call is not None
    ]
    fitting, too_many = 0, len(closed)
    while too_many - fitting > 1:
        opened = (fitting + too_many) // 2
        left = [path for paths in closed[opened:] for path in paths]
        part = make_view(flow, depth=(view.depth or 0) + 1, collapse=(*options.collapse, *left))
        fitting, too_many = (opened, too_many) if fits(part) else (fitting, opened)


def _directions(options: DrawOptions, page: Page) -> tuple[Direction, ...]:
    if options.direction is not None:
        return (options.direction,)
    return ("TB", "LR") if page.width > page.height else ("TB",)


def _u_sheet(view: View, shape: UShape, asked: _Fitter, *, flat: bool = False) -> Sheet:
    captions, theme = Captions(view, asked.report, asked.options.show), THEMES[asked.options.theme]
    writer = DotWriter(view, captions, theme, "TB", shape.joined)
    placement, widths = laid_in_a_u(writer, shape, asked.report.class_name, flat=flat)
    return _on(asked, view, writer, placement, widths)


def _pyramid_sheet(shape: Pyramid, asked: _Fitter) -> Sheet:
    view, theme = shape.view, THEMES[asked.options.theme]
    captions = Captions(view, asked.report, asked.options.show)
    writer = DotWriter(view, captions, theme, "TB", tuple(cell.piece for cell in shape.cells))
    placement, widths = laid_in_a_pyramid(writer, shape, asked.report.class_name)
    return _on(asked, view, writer, placement, widths)


def _sheet(view: View, direction: Direction, asked: _Fitter) -> Sheet:
    """The view on the page, in one piece if it can be read so, else in several."""
    captions, theme = Captions(view, asked.report, asked.options.show), THEMES[asked.options.theme]
    flat = direction == "LR"

    def made(pieces: tuple[Piece, ...]) -> Sheet:
        writer = DotWriter(view, captions, theme, direction, pieces)
        name = asked.report.class_name
        layouts = [lay_out(writer.piece(name, piece).source) for piece in pieces]
        placed = [bounded(tidy(read_placement(layout), flat=flat)) for layout in layouts]
        widths = {k: v for layout in layouts for k, v in measured_widths(layout).items()}
        return _on(asked, view, writer, beside(placed, flat), widths)

    whole = made((Piece(view.root),))
    if whole.scale >= _IN_ONE:
        return whole
    legend = whole.writer.legend
    page = replace(asked.page, below=0.0 if legend is None else legend.height)
    ways = breaks(view, whole.writer.ids, whole.placement, page, flat)
    return max([whole, *(made(cut(view, places)) for places in ways)], key=lambda one: one.scale)


def _on(
    asked: _Fitter, view: View, writer: DotWriter, placement: Placement, widths: Widths
) -> Sheet:
    page, size = asked.page, placement.page
    if asked.options.legend:
        across, down = page.room(1.0)
        legend = writer.explain(max(size.width, size.height * across / down))
        placement, widths = legend.below(placement), {**widths, **legend.texts}
    scale = page.scale_of(placement.page.width, placement.page.height)
    return Sheet(view, writer, on_page(placement, page, scale), widths, scale)


@dataclass(frozen=True)
class FittedPicture:
    """A picture as large as its page."""

    sheet: Sheet
    page: Page
    report: Report
    options: DrawOptions

    @property
    def notes(self) -> tuple[str, ...]:
        """How small the text is, and what was closed."""
        view, size = self.sheet.view, DRAWN_TEXT * self.sheet.scale
        words = f"{self.page.name}: text of {size:.1f} points and more"
        if any(piece.leaving for piece in self.sheet.writer.pieces):
            pieces = len(self.sheet.writer.pieces)
            words += f", in {counted(pieces, 'row' if self._flat else 'column')}"
        if view.depth is None:
            return (words,)
        closed = counted(len(self._closed), "module")
        return (words, f"opened {view.depth} of {view.deepest} levels; {closed} closed")

    @property
    def _flat(self) -> bool:
        return self.sheet.writer.direction == "LR"

    @cached_property
    def _closed(self) -> list[int]:
        return [key for key, box in self.sheet.view.graph.boxes.items() if box.head.container]

    def digraph(self) -> graphviz.Digraph:
        """It as DOT, with its positions."""
        writer = self.sheet.writer
        graph = writer.write(self.report.class_name, self.sheet.placement)
        fill_page(graph, self.page, self.sheet.placement)
        return graph

    def paint(self, format: str) -> bytes:
        """It as a picture."""
        about = describe(self.report)
        return painted(self.digraph(), format, about, self.sheet.widths, self.page)

    def mermaid(self) -> str:
        """It as a Mermaid flowchart, which knows no page."""
        options = replace(self.options, fit="")
        return GraphPicture(self.sheet.view, self.report, options).mermaid()
