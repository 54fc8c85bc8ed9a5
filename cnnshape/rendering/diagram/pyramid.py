"""A feature pyramid: down at the left, across and up at the right, outputs of every level beyond.

Each level, all of one height and width, is a row with up to four cells: a part of the way down,
what leads across, a part of the way up, ways to outputs. Graphviz lays out every cell as a piece of
its own; the arrows between cells are drawn here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from cnnshape.rendering.diagram.boxes import BoxGraph, Frame, Item, boxes_of, main_path
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.fitting import shifted
from cnnshape.rendering.diagram.pieces import Piece
from cnnshape.rendering.diagram.placement import Line, Placement, Rect
from cnnshape.rendering.diagram.round_corners import rounded
from cnnshape.rendering.diagram.u_shape import (
    LABEL,
    Crossing,
    across_curve,
    line_along,
    places_of,
)
from cnnshape.rendering.fonts import text_width

Column = Literal["down", "across", "up", "out"]
COLUMNS: tuple[Column, ...] = ("down", "across", "up", "out")
#: Between two rows and two columns, in points.
_ROWS, _COLUMNS = 36.0, 46.0


@dataclass(frozen=True)
class Cell:
    """What stands in one column of one row."""

    column: Column
    row: int
    piece: Piece

    @property
    def direction(self) -> str:
        """How it is laid out."""
        return {"down": "TB", "up": "BT"}.get(self.column, "LR")


@dataclass(frozen=True)
class Pyramid:
    """The cells, and the view without the frames that would lie in several of them."""

    view: View
    cells: tuple[Cell, ...]


def pyramid(view: View) -> Pyramid | None:
    """The cells of a feature pyramid; None for other networks.

    On the longest path heights and widths fall to one place and rise from there on, at two levels
    or more something leads across from the way down to the way up, and at two or more a way leads
    to an output.
    """
    graph, order = view.graph, list(boxes_of(view.root))
    places = places_of(graph, order)
    path = main_path(graph)
    if places is None or graph.turns or len(path) < 2:
        return None
    sizes = [places[key] for key in path]
    bottom = sizes.index(min(sizes))
    falls = all(a >= b for a, b in pairwise(sizes[: bottom + 1]))
    rises = all(a <= b for a, b in pairwise(sizes[bottom:]))
    columns = _columns(graph, path, sizes) if falls and rises else None
    if columns is None:
        return None
    row_of = {size: row for row, size in enumerate(sorted(set(sizes[: bottom + 1]), reverse=True))}
    found: dict[tuple[Column, int], list[int]] = {}
    row: dict[int, int] = {}
    for key in order:
        column = columns.get(key)
        tails = [tail for tail in graph.before[key] if columns.get(tail) in ("up", "out", "down")]
        size = places[key]
        if column == "out" and tails:
            row[key] = row[max(tails)]
        elif column is not None and size in row_of:
            row[key] = row_of[size]
        else:
            return None
        found.setdefault((column, row[key]), []).append(key)
    sums = sum(columns[t] in ("down", "across") and columns[h] == "up" for t, h, _ in graph.edges())
    outs = sum(column == "out" for column, _ in found)
    if sums < 3 or outs < 2:  # the bottom feeds the way up as well
        return None
    root = _loosened(view.root, [frozenset(keys) for keys in found.values()])
    cells = [
        Cell(column, number, Piece(_part(root, frozenset(found[column, number]))))
        for column in COLUMNS
        for number in range(len(row_of))
        if (column, number) in found
    ]
    return Pyramid(replace(view, root=root), tuple(cells))


def _columns(graph: BoxGraph, path: list[int], sizes: list[int]) -> dict[int, Column] | None:
    """Box → column; None if a box stands in none."""
    low = len(sizes) - 1 - sizes[::-1].index(min(sizes))
    falling, rising = path[: low + 1], path[low + 1 :]
    before_fall = _reached(graph.before, falling)
    before_rise = _reached(graph.before, rising)
    merged = [n for n, key in enumerate(rising) if len(graph.earlier(key)) > 1]
    if not merged:
        return None
    risen = set(rising[: merged[-1] + 1])
    before_risen = _reached(graph.before, risen)
    after_risen = _reached(graph.after, {falling[-1], *risen})
    columns: dict[int, Column] = {}
    for key in graph.boxes:
        if key in before_fall:
            columns[key] = "down"
        elif key in before_risen:
            columns[key] = "up" if key in risen or key in after_risen else "across"
        elif key in after_risen and (key not in before_rise or key in rising):
            columns[key] = "out"
        else:
            return None
    return columns


def _reached(way: Mapping[int, Mapping[int, object]], keys: Sequence[int] | set[int]) -> set[int]:
    todo, seen = list(keys), set(keys)
    while todo:
        new = [key for key in way[todo.pop()] if key not in seen]
        seen.update(new)
        todo += new
    return seen


def _loosened(frame: Frame, cells: Sequence[AbstractSet[int]]) -> Frame:
    """The frame without those inside it that lie in several cells; names then say more."""
    items: list[Item] = []
    for item in frame.items:
        if not isinstance(item, Frame):
            items.append(item)
            continue
        keys = set(boxes_of(item))
        if any(keys <= cell for cell in cells):
            items.append(item)
        else:
            items += _loosened(item, cells).items
    return replace(frame, items=items)


def _part(root: Frame, keys: AbstractSet[int]) -> Frame:
    return replace(root, items=[item for item in root.items if keys >= set(boxes_of(item))])


# ---- placing ----------------------------------------------------------------------------


def in_a_pyramid(
    cells: Sequence[Cell],
    placed: Sequence[Placement],
    trunk: Sequence[str],
    crossing: Sequence[Crossing],
) -> Placement:
    """The placement of the whole: each cell by itself, and the arrows between cells."""
    axis = [_axis(cell, one, trunk) for cell, one in zip(cells, placed, strict=True)]
    left: dict[Column, float] = {}
    at, x = dict[Column, float](), 0.0
    for column in COLUMNS:  # what stands in a column is in line
        here = [n for n, cell in enumerate(cells) if cell.column == column]
        left[column] = x
        at[column] = x + max((axis[n] - placed[n].page.left for n in here), default=0.0)
        wide = max((placed[n].page.right - axis[n] for n in here), default=-_COLUMNS)
        x = at[column] + wide + _COLUMNS
    moved: dict[int, Placement] = {}
    top = 0.0
    for row in range(max(cell.row for cell in cells) + 1):
        here = [n for n, cell in enumerate(cells) if cell.row == row]
        floor = top - max(placed[n].page.height for n in here)
        for n in here:
            tail = next((c for c in crossing if c.end == n and c.start in moved), None)
            level = cells[n].column in ("across", "out")
            dy = floor - placed[n].page.bottom
            if level and tail is not None:
                feeding = moved[tail.start].nodes[tail.tail].center[1]
                dy = feeding - placed[n].nodes[tail.head].center[1]
            moved[n] = shifted(placed[n], at[cells[n].column] - axis[n], dy)
        top = min(moved[n].page.bottom for n in here) - _ROWS
    nodes = {name: rect for one in moved.values() for name, rect in one.nodes.items()}
    lines = [line for one in moved.values() for line in one.lines]
    lines += [_drawn(one, cells, nodes) for one in crossing]
    frames = {name: rect for one in moved.values() for name, rect in one.frames.items()}
    return Placement(moved[0].page, nodes, frames, tuple(lines))


def _axis(cell: Cell, placement: Placement, trunk: Sequence[str]) -> float:
    """Where a cell is aligned: on the main path, or at its left."""
    if cell.column in ("down", "up"):
        for name in trunk:
            if name in placement.nodes:
                return placement.nodes[name].center[0]
    return placement.page.left


def _drawn(one: Crossing, cells: Sequence[Cell], nodes: Mapping[str, Rect]) -> Line:
    tail, head = nodes[one.tail], nodes[one.head]
    (x0, y0), (x1, y1) = tail.center, head.center
    aside = text_width(one.label, LABEL) / 2 + 5
    ends = cells[one.start].column, cells[one.end].column
    if ends == ("down", "up") and cells[one.start].row > cells[one.end].row:
        curve = rounded(((tail.right, y0), (x1, y0), (x1, head.bottom)))
        return line_along(one, curve, (x1 + aside, head.bottom - _ROWS / 2))
    if ends[0] != ends[1]:
        curve = across_curve(tail, head, 8)
        return line_along(one, curve, ((tail.right + head.left) / 2, max(y0, y1) + 9))
    start, end = (tail.bottom, head.top) if y1 < y0 else (tail.top, head.bottom)
    third = (end - start) / 3
    curve = (x0, start), (x0, start + third), (x1, end - third), (x1, end)
    return line_along(one, curve, ((x0 + x1) / 2 + aside, (start + end) / 2))
