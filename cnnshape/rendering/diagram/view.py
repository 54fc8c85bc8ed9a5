"""Choosing how much to draw: the deepest view that a reader can still take in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cnnshape.rendering.diagram.arrange import arrange, count
from cnnshape.rendering.diagram.condense import condense
from cnnshape.rendering.diagram.draft import Draft
from cnnshape.rendering.diagram.fold import Signatures
from cnnshape.rendering.diagram.graph import Flow
from cnnshape.rendering.diagram.group import group
from cnnshape.rendering.diagram.items import Frame

#: A default picture has at most so many boxes.
READABLE = 60
#: A row of feature maps says most when it is short.
READABLE_MAPS = 24


@dataclass(frozen=True)
class View:
    """What will be drawn.

    Attributes:
        draft: boxes and edges.
        root: the top level's items.
        depth: how deep containers were opened; None if all were.
        deepest: how deep they could be.
        boxes: how many boxes there are.
    """

    draft: Draft
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

    def at(
        level: int | None, free: frozenset[int], *, dense: bool = False
    ) -> tuple[View, frozenset[int]]:
        draft = group(flow, level, collapse, free, whole=not expand)
        if dense:
            condense(draft)
        root, single = arrange(draft, fold=not expand, known=known)
        opened = None if level is None or level >= deepest else level
        return View(draft, root, opened, deepest, count(root)), single

    view, free = at(None, frozenset())
    if depth is not None:
        return at(depth, free)[0]
    if expand:
        return view
    for dense in (False, True):
        for level in range(deepest, 0, -1):
            if view.boxes <= readable:
                return view
            view, _ = at(level, free, dense=dense)
    return view


def depth_of(flow: Flow) -> int:
    """How many levels of containers there are below the drawn one, at least 1."""
    calls = flow.trace.calls
    if not calls:
        return 1
    base = _names(calls[flow.root].path)
    levels = [
        _names(calls[region].path) - base
        for node in flow.nodes
        for region in flow.regions(node.region)[-1:]
    ]
    return max(levels, default=0) + 1


def _names(path: str) -> int:
    return path.count(".") + 1 if path else 0


def fitting_depth(flow: Flow, readable: int = READABLE) -> tuple[int, int]:
    """The greatest depth whose picture stays readable, and how many boxes it has."""
    view = make_view(flow, readable=readable)
    return view.depth or view.deepest, view.boxes
