"""The classic picture of a convolutional network: feature maps as boxes in a row, or in a U.

Height and depth of a box grow with the logarithm of H and W, its width with that of C; a vector
is a slim bar. The step that leads to a map stands at its arrow, name and size stand below it.
"""

from __future__ import annotations

from math import hypot

from cnnshape.rendering.diagram.blocks_parts import LINE, NAME, SIZE, STEP, Plan, Slot, Way
from cnnshape.rendering.diagram.round_corners import rounded
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Mark, Scene, Shape, Words
from cnnshape.rendering.palette import Kind, Theme
from cnnshape.rendering.units import shape_text

#: How far the tip of an arrow reaches.
_TIP = 7.0


def blocks_scene(plan: Plan, theme: Theme, *, shapes: bool = True) -> Scene:
    """The planned picture in its colours."""
    scene = Scene(plan.width, plan.height, theme.page)
    scene.groups += [_drawn(slot, theme, shapes) for slot in plan.slots]
    scene.groups += [_arrow(way, theme) for way in plan.ways]
    return scene


# ---- boxes ------------------------------------------------------------------------------


def _drawn(slot: Slot, theme: Theme, shapes: bool) -> Group:
    one, body = slot.map, slot.solid
    floor = slot.floor
    front, line = front_and_line(one.kind, theme, failed=one.failed)
    top = mixed(front, "#ffffff", 0.12 if theme.name == "dark" else 0.45)
    side = mixed(front, "#000000", 0.22)
    left, right = slot.left, slot.left + body.width
    ceiling = floor - body.height
    back, up = body.depth, body.rise
    marks: list[Mark] = [
        Shape(((left, floor), (right, floor), (right, ceiling), (left, ceiling)), front, line),
        Shape(
            ((left, ceiling), (right, ceiling), (right + back, ceiling - up),
             (left + back, ceiling - up)), top, line),
        Shape(
            ((right, floor), (right + back, floor - up), (right + back, ceiling - up),
             (right, ceiling)), side, line),
    ]  # fmt: skip
    text = theme.style("merge").text
    name = f"✗ {one.name}" if one.failed else one.name
    marks.append(Words(name, (slot.middle, slot.words), NAME, text, bold=True))
    if shapes:
        size = shape_text(one.shape)
        below = slot.middle, slot.words + LINE + 1
        marks.append(Words(size, below, SIZE, theme.edge_text))
    return Group(one.id, one.tooltip, tuple(marks))


def front_and_line(kind: Kind, theme: Theme, *, failed: bool = False) -> tuple[str, str]:
    """The colours of a box's front and of its outline."""
    style = theme.failing if failed else theme.style(kind)
    front = mixed(style.fill, style.line, 0.28)
    if kind == "io":
        front = mixed(theme.page, style.fill, 0.25)
    return front, mixed(style.line, theme.page if theme.name == "dark" else "#20242c", 0.25)


def mixed(color: str, other: str, share: float) -> str:
    """``color`` with a share of another.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = [(int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


# ---- arrows -----------------------------------------------------------------------------


def _arrow(way: Way, theme: Theme) -> Group:
    """A line with round corners and a tip, and the words at it; a dashed one has no tip."""
    points, marks = list(way.points), list[Mark]()
    if not way.dashed:
        (x0, y0), (x1, y1) = points[-2:]
        length = hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        foot = x1 - _TIP * dx, y1 - _TIP * dy
        sides = (foot[0] - 3 * dy, foot[1] + 3 * dx), (foot[0] + 3 * dy, foot[1] - 3 * dx)
        marks.append(Shape(((x1, y1), *sides), theme.edge, theme.edge))
        points[-1] = x1 - (_TIP - 1) * dx, y1 - (_TIP - 1) * dy
    marks.insert(0, Curve(rounded(points), theme.edge, bent=True, dashed=way.dashed))
    for text, at, anchor in way.words:
        marks.append(Words(text, at, STEP, theme.edge_text, anchor=anchor))
    return Group("", "", tuple(marks))
