"""Choosing how much to draw: the deepest view that a reader can still take in."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from cnnshape.rendering.diagram.arrange import arrange, count
from cnnshape.rendering.diagram.boxes import BoxGraph, Frame
from cnnshape.rendering.diagram.dataflow import Flow
from cnnshape.rendering.diagram.grouping import condense, group
from cnnshape.rendering.diagram.repeated_blocks import Signatures

#: A default picture has at most so many boxes.
READABLE = 60
#: More boxes than this side by side make it too wide to read.
WIDEST = 9
#: No picture becomes this small only to become narrower.
_FEWEST = 3
#: A row of feature maps says most when it is short.
READABLE_MAPS = 24


@dataclass(frozen=True)
class View:
    """What will be drawn.

    Attributes:
        graph: boxes and edges.
        root: the top level's items.
        depth: how deep containers were opened; None if all were.
        deepest: how deep they could be.
        boxes: how many boxes there are.
    """

    graph: BoxGraph
    root: Frame
    depth: int | None
    deepest: int
    boxes: int


def make_view(
    flow: Flow,
    *,
    depth: int | None = None,
    collapse: Collection[str] = (),
    expand: bool = False,
    readable: int = READABLE,
) -> View:
    """The view at ``depth``, or at the greatest depth with at most ``readable`` boxes.

    Where no depth is shallow enough, long runs of functions become one box each. With
    ``expand`` nothing is folded, and everything is opened unless ``depth`` says how far.
    """
    deepest = depth_of(flow)
    known = Signatures()

    def made(
        level: int, free: frozenset[int] = frozenset(), *, dense: bool = False
    ) -> tuple[View, frozenset[int]]:
        graph = group(flow, level, collapse, free, whole=not expand)
        if dense:
            condense(graph)
        root, single = arrange(graph, fold=not expand, known=known)
        opened = None if level >= deepest else level
        return View(graph, root, opened, deepest, count(root)), single

    view, free = made(deepest)
    if depth is not None:
        return made(depth, free)[0]
    if expand or (view.boxes <= readable and breadth(view.graph) <= WIDEST):
        return view  # what repeats in blocks that are closed may be more boxes than they have

    @cache
    def at(level: int, dense: bool) -> View:
        return view if level == deepest and not dense else made(level, free, dense=dense)[0]

    def best(dense: bool) -> View:
        # Every level that is opened adds boxes: the deepest that fits need not be looked for
        # level by level, each through the whole arrangement.
        levels = range(1, deepest + 1)
        fits = bisect_right(levels, readable, key=lambda level: at(level, dense).boxes)
        return _readable((at(level, dense) for level in range(max(fits, 1), 0, -1)), readable)

    plain = best(dense=False)
    if plain.boxes <= readable and plain.depth != 1:
        return plain
    dense = best(dense=True)
    return plain if plain.boxes <= readable and dense.depth == 1 else dense


def _readable(views: Iterable[View], readable: int) -> View:
    """The first with few enough boxes, also side by side; else with few enough; else the last."""
    small: View | None = None
    last: View | None = None
    for last in views:
        if last.boxes <= readable:
            if breadth(last.graph) <= WIDEST:
                return last if small is None or last.boxes > _FEWEST else small
            small = small or last
    found = small or last
    assert found is not None
    return found


def breadth(graph: BoxGraph) -> int:
    """How many boxes stand side by side at most, inputs and outputs not counted.

    Ranks are counted from the inputs and from the outputs: a layout may choose either.
    """
    order = sorted(graph.boxes)  # in the order they ran: tails come before heads
    widest = 0
    for keys, neighbours in ((order, graph.before), (reversed(order), graph.after)):
        rank: dict[int, int] = {}
        for key in keys:
            near = (rank[n] for n in neighbours[key] if n in rank)
            rank[key] = max(near, default=-1) + (graph.boxes[key].role not in ("input", "output"))
        inner = (rank[k] for k, box in graph.boxes.items() if box.role not in ("input", "output"))
        widest = max(widest, *Counter(inner).values(), 0)
    return widest


def depth_of(flow: Flow) -> int:
    """How many levels of containers there are below the drawn one, at least 1."""
    regions = {node.region for node in flow.nodes} - {flow.root}
    return max(map(flow.depth, regions), default=0) + 1


def fitting_depth(flow: Flow, readable: int = READABLE) -> tuple[int, int]:
    """The greatest depth whose picture stays readable, and how many boxes it has."""
    view = make_view(flow, readable=readable)
    return view.depth or view.deepest, view.boxes
