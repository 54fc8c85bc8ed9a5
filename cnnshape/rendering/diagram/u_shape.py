"""An encoder and a decoder in a U: down at the left, up at the right, their skips across.

What has the same height and width on both sides stands in the same row. Every side of a row is laid
out by Graphviz as a piece of its own, upright or, where the page is wide, from left to right; the
arrows between pieces are drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import prod

from cnnshape.rendering.diagram.boxes import BoxGraph, boxes_of, main_path
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.fitting import bounded, shifted
from cnnshape.rendering.diagram.pieces import LINK, Piece, cut
from cnnshape.rendering.diagram.placement import Line, Placement, Point, Rect
from cnnshape.rendering.diagram.round_corners import rounded
from cnnshape.rendering.fonts import text_width

#: Between two rows, between the columns and beside the bottom, in points.
_ROWS, _COLUMNS, _ASIDE = 36.0, 90.0, 34.0
_ARROW = 6.5
#: The size of the words at arrows.
LABEL = 10.0
#: How high above its row a skip runs where the pieces go from left to right.
_LANE = 8.0


@dataclass(frozen=True)
class UShape:
    """The pieces of a U: those on the way down, the bottom, those on the way up, upwards.

    What enters a piece from the one before it is a link, so that its way in stays free.
    """

    down: tuple[Piece, ...]
    bottom: Piece
    up: tuple[Piece, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All of them, in the order they ran."""
        return (*self.down, self.bottom, *self.up)

    @property
    def joined(self) -> tuple[Piece, ...]:
        """All of them as they are drawn, with arrows in the place of links."""
        return tuple(replace(piece, entering=()) for piece in self.pieces)


def u_shape(view: View) -> UShape | None:
    """The pieces of an encoder and a decoder with skips between equal sizes; None for others.

    On the longest path heights and widths fall to one place and rise from there on, and at least
    two skips, each inside the one before, lead from the way down to the way up.
    """
    graph, order = view.graph, list(boxes_of(view.root))
    sizes = places_of(graph, order)
    if sizes is None or graph.turns:
        return None
    least = min(sizes.values())
    bottom = next(number for number, key in enumerate(order) if sizes[key] == least)
    path = [key for key in main_path(graph) if key in sizes]
    low = order[bottom]
    falls = all(sizes[a] >= sizes[b] for a, b in pairwise(key for key in path if key <= low))
    rises = all(sizes[a] <= sizes[b] for a, b in pairwise(key for key in path if key >= low))
    runs = [list(run) for _, run in groupby(order, key=lambda key: sizes[key])]
    levels = [sizes[run[0]] for run in runs]
    middle = levels.index(least)
    if not (falls and rises and levels[middle + 1 :] == levels[:middle][::-1]):
        return None
    across = sum(
        sizes[tail] == sizes[head] and tail < low < head for tail, head, _ in graph.edges()
    )
    on_path = set(path)
    if middle < 2 or across < 2 or any(on_path.isdisjoint(run) for run in runs):
        return None
    places, at = list[int](), 0
    for run in runs[:-1]:
        at += len(run)
        places.append(at)
    pieces = [replace(piece, leaving=()) for piece in cut(view, places)]
    for number, (before, piece) in enumerate(pairwise(pieces), 1):
        last = set(boxes_of(before.root))
        entering = tuple(link for link in piece.entering if link.tail in last)
        pieces[number] = replace(piece, entering=entering)
    return UShape(tuple(pieces[:middle]), pieces[middle], tuple(pieces[middle + 1 :]))


def places_of(graph: BoxGraph, order: Sequence[int]) -> dict[int, int] | None:
    """How many places each box's result has; what has none counts to the box before it."""
    trace, sizes, last = graph.flow.trace, dict[int, int](), None
    for key in order:
        box = graph.boxes[key]
        given = graph.flow.nodes[key].values if box.role in ("input", "output") else ()
        made = [value for values in graph.after[key].values() for value in values]
        shape = next((trace.shape(value) for value in (*given, *made)), ())
        spatial = [size for size in shape[2:] if isinstance(size, int)]
        last = prod(spatial) if len(shape) > 3 and len(spatial) == len(shape) - 2 else last
        if last is None:
            return None
        sizes[key] = last
    return sizes


# ---- placing ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crossing:
    """An arrow from one piece to another: their numbers, the names of its ends, its words."""

    start: int
    end: int
    tail: str
    head: str
    label: str = ""
    about: str = ""


def in_a_u(
    shape: UShape,
    placed: Sequence[Placement],
    trunk: Sequence[str],
    crossing: Sequence[Crossing],
    *,
    flat: bool = False,
) -> Placement:
    """The placement of the whole.

    Args:
        shape: the pieces.
        placed: each piece by itself, in their order.
        trunk: the names of the main path's boxes, on which upright columns are aligned.
        crossing: the arrows between pieces.
        flat: the pieces go from left to right.
    """
    middle = len(shape.down)
    placed = [_without_links(one) for one in placed]
    down, bottom, up = placed[:middle], placed[middle], placed[:middle:-1]
    ways = [(one.page.left if flat else _trunk(one, trunk), one) for one in (*down, *up)]
    left = max(x - one.page.left for x, one in ways[:middle])
    inner = max(one.page.right - x for x, one in ways[:middle])
    outer = max(x - one.page.left for x, one in ways[middle:])
    apart = max(inner + outer + _COLUMNS, bottom.page.width + 2 * _ASIDE)
    moved: dict[int, Placement] = {}
    top = 0.0
    for number, ((x, one), (other_x, other)) in enumerate(
        zip(ways[:middle], ways[middle:], strict=True)
    ):
        base = top - max(one.page.height, other.page.height)
        moved[number] = shifted(one, left - x, base - one.page.bottom)
        dx, dy = left + apart - other_x, base - other.page.bottom
        moved[2 * middle - number] = shifted(other, dx, dy)
        top = base - _ROWS
    center = left + apart / 2
    moved[middle] = shifted(bottom, center - bottom.page.center[0], top - bottom.page.top)
    nodes = {name: rect for one in moved.values() for name, rect in one.nodes.items()}
    gutter = left + inner, left + apart - outer
    lines = [line for one in moved.values() for line in one.lines]
    for one in crossing:
        pages = moved[one.start].page, moved[one.end].page
        if flat and not one.start < middle < one.end:
            lines.append(_turning(one, nodes, pages))
        elif flat:
            lines.append(_over(one, nodes, gutter[0], moved[one.end]))
        else:
            lines.append(_drawn(one, nodes, gutter, middle, pages))
    frames = {name: rect for one in moved.values() for name, rect in one.frames.items()}
    return Placement(moved[0].page, nodes, frames, tuple(lines))


def _without_links(placement: Placement) -> Placement:
    """A piece without the letters that kept its way in free."""
    nodes = {k: rect for k, rect in placement.nodes.items() if not k.startswith(LINK)}
    lines = tuple(line for line in placement.lines if not line.tail.startswith(LINK))
    return bounded(replace(placement, nodes=nodes, lines=lines))


def _trunk(placement: Placement, trunk: Sequence[str]) -> float:
    """Where the main path runs in a piece."""
    return next(placement.nodes[name].center[0] for name in trunk if name in placement.nodes)


def _drawn(
    one: Crossing,
    nodes: Mapping[str, Rect],
    gutter: tuple[float, float],
    middle: int,
    pages: tuple[Rect, Rect],
) -> Line:
    tail, head = nodes[one.tail], nodes[one.head]
    (x0, y0), (x1, y1) = tail.center, head.center
    aside = text_width(one.label, LABEL) / 2 + 5
    if one.start < middle < one.end:  # a skip: level, across the gutter, level
        x2, x3 = max(gutter[0], tail.right) + 8, min(gutter[1], head.left) - 8
        curve = _across((tail.right, y0), (x2, y0), (x3, y1), (head.left, y1))
        return line_along(one, curve, ((x2 + x3) / 2, max(y0, y1) + 9))
    if one.end == middle and one.start == middle - 1:
        curve = rounded(((x0, tail.bottom), (x0, y1), (head.left, y1)))
        return line_along(one, curve, (x0 + aside, pages[0].bottom - _ROWS / 2))
    if one.start == middle and one.end == middle + 1:
        curve = rounded(((tail.right, y0), (x1, y0), (x1, head.bottom)))
        return line_along(one, curve, (x1 + aside, pages[1].bottom - _ROWS / 2))
    down = y1 < y0
    start, end = (tail.bottom, head.top) if down else (tail.top, head.bottom)
    third = (end - start) / 3
    curve = (x0, start), (x0, start + third), (x1, end - third), (x1, end)
    between = (pages[0].bottom + pages[1].top if down else pages[0].top + pages[1].bottom) / 2
    return line_along(one, curve, ((x0 + x1) / 2 + aside, between))


def _turning(one: Crossing, nodes: Mapping[str, Rect], pages: tuple[Rect, Rect]) -> Line:
    """From the end of a row to the beginning of the next one, between the two."""
    tail, head = nodes[one.tail], nodes[one.head]
    (x0, _), (x1, _) = tail.center, head.center
    down = pages[1].top < pages[0].top
    start, end = (tail.bottom, head.top) if down else (tail.top, head.bottom)
    between = (pages[0].bottom + pages[1].top if down else pages[0].top + pages[1].bottom) / 2
    curve = rounded(((x0, start), (x0, between), (x1, between), (x1, end)))
    return line_along(one, curve, ((x0 + x1) / 2, between + 9))


def _over(one: Crossing, nodes: Mapping[str, Rect], gutter: float, piece: Placement) -> Line:
    """A skip: level across the gutter, and over what stands before the box that it ends at."""
    tail, head = nodes[one.tail], nodes[one.head]
    (_, y0), (x1, y1) = tail.center, head.center
    if all(rect.left >= head.left for rect in piece.nodes.values()):
        curve = _across((tail.right, y0), (gutter + 8, y0), (head.left - 8, y1), (head.left, y1))
        return line_along(one, curve, ((gutter + head.left) / 2, max(y0, y1) + 9))
    x, over = gutter + _COLUMNS / 2, piece.page.top + _LANE
    curve = rounded(((tail.right, y0), (x, y0), (x, over), (x1, over), (x1, head.top)))
    return line_along(one, curve, ((x + x1) / 2, over + 9))


def line_along(one: Crossing, curve: Sequence[Point], at: Point) -> Line:
    """An arrow along a curve, with its words around a point."""
    x1, y1 = curve[-1]
    x0, y0 = next(point for point in reversed(curve) if point != curve[-1])
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    foot = x1 - (x1 - x0) * _ARROW / length, y1 - (y1 - y0) * _ARROW / length
    width = text_width(one.label, LABEL)
    label = Rect.around(at, width, 1.2 * LABEL) if one.label else None
    return Line(one.tail, one.head, (*curve[:-2], foot, foot), (x1, y1), label)


def across_curve(tail: Rect, head: Rect, apart: float) -> tuple[Point, ...]:
    """From the right of one box to the left of another, level at both ends."""
    (_, y0), (_, y1) = tail.center, head.center
    first, last = (tail.right + apart, y0), (head.left - apart, y1)
    return _across((tail.right, y0), first, last, (head.left, y1))


def _across(start: Point, first: Point, last: Point, end: Point) -> tuple[Point, ...]:
    half = (first[0] + last[0]) / 2
    bend = (half, first[1]), (half, last[1]), last
    return start, start, first, first, *bend, last, end, end
