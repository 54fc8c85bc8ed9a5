"""Where Graphviz put everything, and the last touches to it.

Graphviz decides on ranks, order and routes. What it leaves a little crooked is put right here:
a title goes to its frame's left edge, an edge between two boxes in line becomes straight. Each
is done only where the place is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

#: Clear space around what is moved, in points.
_CLEAR = 4.0
_MARGIN = 12.0
_LIFT = 2.5
TITLE = "title/"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright rectangle, in points; y grows upwards as in Graphviz."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, center: Point, width: float, height: float) -> Rect:
        """The rectangle of a size around a point."""
        x, y = center
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def center(self) -> Point:
        """Its middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    def grown(self, margin: float) -> Rect:
        """With a margin all around (a negative one shrinks it)."""
        return Rect(
            self.left - margin, self.bottom - margin, self.right + margin, self.top + margin
        )

    def contains(self, point: Point) -> bool:
        """Whether the point lies inside, border included.

        >>> Rect(0, 0, 2, 1).contains((1, 0.5)), Rect(0, 0, 2, 1).contains((3, 0.5))
        (True, False)
        """
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def overlaps(self, other: Rect) -> bool:
        """Whether the two share an area.

        >>> Rect(0, 0, 2, 2).overlaps(Rect(1, 1, 3, 3)), Rect(0, 0, 2, 2).overlaps(Rect(2, 0, 3, 2))
        (True, False)
        """
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as drawn: control points from tail to head, the arrow's tip, the label.

    ``back``: its arrow points at the tail.
    """

    tail: str
    head: str
    points: tuple[Point, ...]
    tip: Point | None
    label: Rect | None = None
    back: bool = False
    along: tuple[Point, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Points along it, its arrow included: what is asked whether it touches something.
        tip = () if self.tip is None else (self.tip,)
        object.__setattr__(self, "along", (*bezier(self.points), *tip))

    @property
    def pos(self) -> str:
        """As Graphviz writes it."""
        curve = " ".join(_pair(point) for point in self.points)
        side = "s" if self.back else "e"
        return curve if self.tip is None else f"{side},{_pair(self.tip)} {curve}"


@dataclass(frozen=True)
class Placement:
    """The boxes, frames and edges of a layout, by their names in DOT."""

    page: Rect
    nodes: Mapping[str, Rect]
    frames: Mapping[str, Rect]
    lines: tuple[Line, ...]
    by_ends: dict[tuple[str, str, bool], Line] = field(
        init=False, repr=False, default_factory=dict[tuple[str, str, bool], Line]
    )

    def __post_init__(self) -> None:
        self.by_ends.update({(line.tail, line.head, line.back): line for line in self.lines})


def read_placement(layout: Mapping[str, Any]) -> Placement:
    """The placement in Graphviz's JSON; edges that are not drawn are left out."""
    names: list[str] = []
    nodes: dict[str, Rect] = {}
    frames: dict[str, Rect] = {}
    for thing in layout.get("objects", ()):
        names.append(thing["name"])
        if "bb" in thing:
            frames[thing["name"]] = Rect(*_numbers(thing["bb"]))
        elif "pos" in thing:
            (center,) = _points([thing["pos"]])
            size = float(thing["width"]) * 72, float(thing["height"]) * 72
            nodes[thing["name"]] = Rect.around(center, *size)
    lines = tuple(
        _line(edge, names)
        for edge in layout.get("edges", ())
        if edge.get("style") != "invis" and "pos" in edge
    )
    return Placement(Rect(*_numbers(layout["bb"])), nodes, frames, lines)


def _line(edge: Mapping[str, Any], names: list[str]) -> Line:
    words = str(edge["pos"]).split()
    tip, back = None, False
    while words and words[0][0] in "es":
        kind, _, rest = words.pop(0).partition(",")
        (tip,), back = _points([rest]), kind == "s"
    label = None
    if "lp" in edge:
        (center,) = _points([edge["lp"]])
        texts = [op for op in edge.get("_ldraw_", ()) if op.get("op") == "T"]
        width = max((float(op["width"]) for op in texts), default=0.0)
        label = Rect.around(center, width, float(edge.get("fontsize", 14)) * 1.2)
    return Line(names[edge["tail"]], names[edge["head"]], tuple(_points(words)), tip, label, back)


def tidied(placement: Placement, *, flat: bool = False) -> Placement:
    """The placement with its last touches; ``flat`` if the flow goes from left to right."""
    lines = list(placement.lines)
    for index, line in enumerate(lines):
        others = [other for other in lines if other is not line]
        straight = _lifted(line) if flat else _straightened(line, placement, others)
        if straight is not None:
            lines[index] = straight
    nodes = dict(placement.nodes)
    for name, rect in placement.nodes.items():
        if name.startswith(TITLE):
            frame = placement.frames.get(f"cluster_frame/{name.removeprefix(TITLE)}")
            if frame is not None:
                moved = _moved_left(rect, frame, up=flat)
                if _free(moved, {k: r for k, r in nodes.items() if k != name}, lines):
                    nodes[name] = moved
    return replace(placement, nodes=nodes, lines=tuple(lines))


def in_columns(placement: Placement) -> Placement:
    """A tree from left to right with every column's boxes in line at their left edges."""
    columns: dict[int, list[str]] = {}
    for name, rect in placement.nodes.items():
        columns.setdefault(round(rect.center[0]), []).append(name)
    nodes: dict[str, Rect] = {}
    for names in columns.values():
        left = min(placement.nodes[name].left for name in names)
        for name in names:
            rect = placement.nodes[name]
            nodes[name] = Rect(left, rect.bottom, left + rect.width, rect.top)
    lines: list[Line] = []
    for line in placement.lines:
        tail, head = nodes[line.tail], nodes[line.head]
        # The curve bends in the gap before the next column, beyond its parent's widest sibling.
        gap = head.left - 26
        (_, y0), (_, y1) = tail.center, head.center
        half = (gap + head.left) / 2
        points = (
            (tail.right, y0), (tail.right, y0), (gap, y0), (gap, y0),
            (half, y0), (half, y1), (head.left, y1),
        )  # fmt: skip
        lines.append(Line(line.tail, line.head, points, None))
    return replace(placement, nodes=nodes, lines=tuple(lines))


def _lifted(line: Line) -> Line | None:
    """From left to right Graphviz sets a label right onto its line; it reads better above."""
    if line.label is None:
        return None
    old = line.label
    label = Rect(old.left, old.bottom + _LIFT, old.right, old.top + _LIFT)
    return replace(line, label=label)


def _moved_left(title: Rect, frame: Rect, *, up: bool) -> Rect:
    """To the frame's left edge; from left to right to its upper edge as well."""
    left = frame.left + _MARGIN
    top = frame.top - _MARGIN if up else title.top
    return Rect(left, top - title.height, left + title.width, top)


def _free(rect: Rect, nodes: Mapping[str, Rect], lines: Sequence[Line]) -> bool:
    room = rect.grown(_CLEAR)
    if any(room.overlaps(other) for other in nodes.values()):
        return False
    for line in lines:
        if line.label is not None and room.overlaps(line.label):
            return False
        if any(room.contains(point) for point in line.along):
            return False
    return True


def _straightened(line: Line, placement: Placement, others: Sequence[Line]) -> Line | None:
    """The edge as a vertical line, if its ends are in line and nothing stands between them."""
    tail, head = placement.nodes[line.tail], placement.nodes[line.head]
    x = head.center[0]
    if line.tip is None or line.back or abs(tail.center[0] - x) > 1.5 or tail.bottom <= head.top:
        return None
    if all(abs(point[0] - x) < 1.0 for point in line.points):
        return None
    arrow = abs(line.points[-1][1] - line.tip[1])
    start, end = tail.bottom, head.top + max(arrow, 4.0)
    way = Rect(x - 2, head.top + 1, x + 2, tail.bottom - 1)
    label = line.label
    others = [other for other in others if _near(other, way)]
    nodes = [r for name, r in placement.nodes.items() if name not in (line.tail, line.head)]
    if not _passable(way, nodes, others):
        return None
    if label is not None:
        middle, half = (start + head.top) / 2, label.width / 2 + 2
        sides = [
            Rect.around((x + side * half, middle), label.width, label.height) for side in (1, -1)
        ]
        free = [side for side in sides if _unwritten(side, nodes, others)]
        if not free:
            return None
        label = free[0]
    third = (end - start) / 3
    points = ((x, start), (x, start + third), (x, start + 2 * third), (x, end))
    return Line(line.tail, line.head, points, (x, head.top), label)


def _near(line: Line, way: Rect) -> bool:
    return any(way.bottom <= y <= way.top for _, y in line.along)


def _passable(way: Rect, nodes: Sequence[Rect], lines: Sequence[Line]) -> bool:
    if any(rect.overlaps(way.grown(_CLEAR)) for rect in nodes):
        return False
    inner = Rect(way.left - 2, way.bottom + 4, way.right + 2, way.top - 4)
    return not any(inner.contains(point) for line in lines for point in line.along)


def _unwritten(label: Rect, nodes: Sequence[Rect], lines: Sequence[Line]) -> bool:
    """Whether a label may stand there."""
    if any(rect.overlaps(label.grown(1)) for rect in nodes):
        return False
    for line in lines:
        if line.label is not None and line.label.overlaps(label):
            return False
        if any(label.contains(point) for point in line.along):
            return False
    return True


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def _points(words: Sequence[str]) -> list[Point]:
    pairs = [word.rstrip("!").split(",") for word in words]
    return [(float(pair[0]), float(pair[1])) for pair in pairs]


def _pair(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"


def bezier(controls: Sequence[Point], steps: int = 24) -> Iterator[Point]:
    """Points along a chain of cubic Bézier curves (1 + 3·n control points), ends included.

    >>> [(x, y) for x, y in bezier([(0, 0), (0, 0), (3, 3), (3, 3)], 2)]
    [(0, 0), (1.5, 1.5), (3, 3)]
    """
    if controls:
        yield controls[0]
    for start in range(0, len(controls) - 3, 3):
        p0, p1, p2, p3 = controls[start : start + 4]
        for step in range(1, steps):
            t = step / steps
            s = 1 - t
            a, b, c, d = s**3, 3 * s * s * t, 3 * s * t * t, t**3
            yield (
                a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
                a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
            )
        yield p3


# ---- positions as Graphviz reads them ---------------------------------------------------


def position(placement: Placement | None, name: str) -> dict[str, str]:
    """Where a node stands, once that is known."""
    if placement is None:
        return {}
    x, y = placement.nodes[name].center
    return {"pos": f"{x:.2f},{y:.2f}"}


def route(
    placement: Placement | None, ends: tuple[str, str], *, back: bool = False
) -> dict[str, str]:
    """The way of an edge and the place of its label, once they are known."""
    if placement is None:
        return {}
    line = placement.by_ends[(*ends, back)]
    if line.label is None:
        return {"pos": line.pos}
    x, y = line.label.center
    return {"pos": line.pos, "lp": f"{x:.2f},{y:.2f}"}


def corners(rect: Rect) -> str:
    """A rectangle as Graphviz writes it."""
    return f"{rect.left:.2f},{rect.bottom:.2f},{rect.right:.2f},{rect.top:.2f}"
