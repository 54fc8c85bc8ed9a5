"""Breaking a view into columns (or rows) that fill a page, as a text is broken into lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import graphviz

from cnnshape.rendering.diagram.boxes import boxes_of
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.paper import SCALES, TOO_SMALL, Page, inches
from cnnshape.rendering.diagram.pieces import prices
from cnnshape.rendering.diagram.placement import Line, Placement, Point, Rect

#: Between two columns, in points as drawn.
GAP = 30.0
#: What frames and letters add to a column that the boxes in it do not show.
_FRAMES, _LETTER = 24.0, 35.0
#: How wide the points are that hold a page's corners.
_POINT = 0.72
#: What an empty column would cost: columns are as long as each other where that is no wider.
_EMPTY = 60.0


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far a box reaches along the flow and across it."""

    start: float
    stop: float
    low: float
    high: float


def breaks(
    view: View, ids: Mapping[int, str], whole: Placement, page: Page, flat: bool
) -> list[list[int]]:
    """Where to cut, for the largest scale at which the pieces fit and for smaller ones.

    Args:
        view: what is drawn.
        ids: the boxes' names in the placement.
        whole: all of it in one piece.
        page: the paper.
        flat: the flow goes from left to right, and the pieces stand below each other.
    """
    extents = [_extent(whole.nodes[ids[key]], flat) for key in boxes_of(view.root)]
    price = prices(view)
    found: list[list[int]] = []
    for scale in (*SCALES, *TOO_SMALL):
        width, height = page.room(scale)
        long, wide = (width, height) if flat else (height, width)
        broken = _broken(extents, price, long)
        if broken is None or broken[0] > wide:
            continue
        if broken[1] not in found:
            found.append(broken[1])
        if len(found) == 2:
            break
    return found


def _extent(rect: Rect, flat: bool) -> _Extent:
    if flat:
        return _Extent(rect.left, rect.right, rect.bottom, rect.top)
    return _Extent(-rect.top, -rect.bottom, rect.left, rect.right)


@dataclass(frozen=True, slots=True)
class _Way:
    """The best way to break everything up to a box: what it costs, how wide it is, the last cut."""

    cost: float
    width: float
    cut: int = -1


def _broken(
    extents: Sequence[_Extent], price: Sequence[float], long: float
) -> tuple[float, list[int]] | None:
    """The narrowest way to put everything into pieces that are not too long, and its width."""
    none, count = _Way(inf, inf), len(extents)
    best = [_Way(0.0, 0.0)]
    for stop in range(1, count + 1):
        choices = [none]
        first, last, low, high = inf, -inf, inf, -inf
        for start in range(stop - 1, -1, -1):
            one, before = extents[start], best[start]
            first, last = min(first, one.start), max(last, one.stop)
            low, high = min(low, one.low), max(high, one.high)
            length = last - first + ((start > 0) + (stop < count)) * _LETTER
            if length > long or price[start] == inf:
                continue
            width = high - low + _FRAMES + (GAP if start else 0.0)
            empty = _EMPTY * ((long - length) / long) ** 2
            cost = before.cost + (price[start] if start else 0.0) + width + empty
            choices.append(_Way(cost, before.width + width, start))
        best.append(min(choices, key=lambda way: way.cost))
    if best[-1].cost == inf:
        return None
    places, at = list[int](), count
    while (at := best[at].cut) > 0:
        places.append(at)
    return best[-1].width, places[::-1]


# ---- pieces beside each other on a page --------------------------------------------------


def beside(placements: Sequence[Placement], flat: bool) -> Placement:
    """The pieces as columns from left to right; as rows from top to bottom if they are flat."""
    moved: list[Placement] = []
    at = 0.0
    for one in placements:
        corner = (one.page.left, one.page.top)
        target = (0.0, -at) if flat else (at, 0.0)
        moved.append(shifted(one, target[0] - corner[0], target[1] - corner[1]))
        at += (one.page.height if flat else one.page.width) + GAP
    right, bottom = max(o.page.right for o in moved), min(o.page.bottom for o in moved)
    return Placement(
        Rect(0.0, bottom, right, 0.0),
        {name: rect for one in moved for name, rect in one.nodes.items()},
        {name: rect for one in moved for name, rect in one.frames.items()},
        tuple(line for one in moved for line in one.lines),
    )


def bounded(placement: Placement) -> Placement:
    """The placement with a page just as large as everything on it: labels may have been moved."""
    labels = [line.label.grown(5) for line in placement.lines if line.label is not None]
    rects = [*placement.nodes.values(), *placement.frames.values(), *labels]
    # Graphviz takes a curve's control points for points on it.
    points = [point for line in placement.lines for point in (*line.points, *line.along[-1:])]
    xs = [x for rect in rects for x in (rect.left, rect.right)] + [x for x, _ in points]
    ys = [y for rect in rects for y in (rect.bottom, rect.top)] + [y for _, y in points]
    return replace(placement, page=Rect(min(xs), min(ys), max(xs), max(ys)).grown(1))


def on_page(placement: Placement, page: Page, scale: float) -> Placement:
    """The placement in the middle of a page, which is as large as it is at the scale."""
    width, height = page.width / scale, page.height / scale
    x, y = placement.page.center
    moved = shifted(placement, width / 2 - x, height / 2 - y)
    return replace(moved, page=Rect(0.0, 0.0, width, height))


def shifted(placement: Placement, dx: float, dy: float) -> Placement:
    """Everything moved."""

    def rect(one: Rect) -> Rect:
        return Rect(one.left + dx, one.bottom + dy, one.right + dx, one.top + dy)

    def point(one: Point) -> Point:
        return one[0] + dx, one[1] + dy

    def line(one: Line) -> Line:
        tip = None if one.tip is None else point(one.tip)
        label = None if one.label is None else rect(one.label)
        return replace(one, points=tuple(map(point, one.points)), tip=tip, label=label)

    return Placement(
        rect(placement.page),
        {name: rect(one) for name, one in placement.nodes.items()},
        {name: rect(one) for name, one in placement.frames.items()},
        tuple(map(line, placement.lines)),
    )


def fill_page(graph: graphviz.Digraph, page: Page, placement: Placement) -> None:
    """Have a graph with positions painted as large as its page."""
    graph.attr("graph", size=inches(page), pad="0")
    # Graphviz takes the page to be as large as what is on it: two points hold the corners.
    graph.attr("node", shape="point", style="invis", label="", width="0.01", height="0.01")
    inside = placement.page.grown(-_POINT / 2)
    graph.node("corner/lower", pos=f"{inside.left:.2f},{inside.bottom:.2f}")
    graph.node("corner/upper", pos=f"{inside.right:.2f},{inside.top:.2f}")
