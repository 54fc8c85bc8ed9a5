"""Arrows from one turn of a loop into the next: led up beside the boxes, close to them.

Graphviz lays them out as skips, in a wide bow. Here each gets a lane of its own, to the left or to
the right, wherever it crosses fewer edges; where no lane is free the bow stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from cnnshape.rendering.diagram.placement import Line, Placement, Point, Rect

#: From a box to a lane that passes it, in points; half of it from the lane to a frame's border.
_GAP = 8.0
#: From the boxes that an arrow joins to its lane: room for its tip and a round corner.
_ROOM = 16.0
#: So many lanes side by side are tried.
_LANES = 6
_CORNER = 9.0
_ARROW = 6.5


def led_back(placement: Placement) -> Placement:
    """The placement with the arrows that lead back in lanes; the flow goes from top to bottom."""
    led: dict[Line, Line] = {}
    forward = [line for line in placement.lines if not line.back]
    # The short ones first: they keep close to their boxes, and the long ones go around them.
    for line in sorted((one for one in placement.lines if one.back), key=_height):
        led[line] = _in_lane(line, placement, [*forward, *led.values()])
    return replace(placement, lines=tuple(led.get(line, line) for line in placement.lines))


def _height(line: Line) -> float:
    heights = [y for _, y in line.points]
    return max(heights) - min(heights)


def _in_lane(line: Line, placement: Placement, others: Sequence[Line]) -> Line:
    upper, lower = placement.nodes[line.tail], placement.nodes[line.head]
    around = [f for f in placement.frames.values() if _within(upper, f) and _within(lower, f)]
    if not around or upper.center[1] <= lower.center[1]:
        return line
    frame = min(around, key=lambda rect: rect.width * rect.height)
    nodes = [r for name, r in placement.nodes.items() if name not in (line.tail, line.head)]
    found: list[tuple[int, float, Line]] = []
    for side in (-1, 1):
        nearest = _lane(side, (upper, lower), nodes, others)
        for x in (nearest + side * further * _GAP for further in range(_LANES)):
            led = _led(line, x, side, upper, lower)
            inside = frame.left + _GAP / 2 <= x <= frame.right - _GAP / 2
            if inside and not any(_touches(led, rect) for rect in nodes):
                found.append((_disturbed(led, x, others), abs(x - upper.center[0]), led))
    return min(found, key=lambda one: one[:2])[2] if found else line


def _disturbed(led: Line, x: float, others: Sequence[Line]) -> int:
    """How many edges the arrow crosses, and how long it runs right beside one."""
    begin, end = led.points[0], led.points[-1]
    low, high = end[1], begin[1]
    way = (begin, (x, high), (x, low), end)  # its corners are round, but no edge slips through
    crossed = sum(_cross(way, other) for other in others)
    beside = sum(
        abs(point[0] - x) < _GAP and low <= point[1] <= high
        for other in others
        for point in other.along
    )
    return crossed + beside // 3


def _within(rect: Rect, frame: Rect) -> bool:
    return frame.contains((rect.left, rect.bottom)) and frame.contains((rect.right, rect.top))


def _lane(
    side: int, ends: tuple[Rect, Rect], nodes: Sequence[Rect], others: Sequence[Line]
) -> float:
    """How far to one side the lane lies, clear of every box and text beside the way up."""
    upper, lower = ends
    texts = [other.label for other in others if other.label is not None]
    lanes = [
        Rect(min(xs) - 1, lower.center[1], max(xs) + 1, upper.center[1])
        for other in others
        if other.back and len(xs := [p[0] for p in other.points]) > 10
    ]
    x = side * max(_beyond(rect, side, _ROOM) for rect in ends)
    while True:
        way = Rect(x - _GAP / 2, lower.center[1], x + _GAP / 2, upper.center[1])
        beside = [rect for rect in (*nodes, *texts, *lanes) if rect.overlaps(way)]
        if not beside:
            return x
        x = side * max(_beyond(rect, side) for rect in beside)


def _beyond(rect: Rect, side: int, gap: float = _GAP) -> float:
    return (rect.right if side > 0 else -rect.left) + gap


def _led(line: Line, x: float, side: int, upper: Rect, lower: Rect) -> Line:
    """Out of the lower box, up the lane, into the upper one."""
    top, bottom = upper.center[1], lower.center[1]
    begin, end = (rect.right if side > 0 else rect.left for rect in (upper, lower))
    arrow = begin + side * min(_ARROW, abs(x - begin) / 2)
    bend = min(_CORNER, abs(x - arrow), (top - bottom) / 2)
    stops: list[Point] = [
        (arrow, top), (x - side * bend, top), (x, top - bend),
        (x, bottom + bend), (x - side * bend, bottom), (end, bottom),
    ]  # fmt: skip
    corners = {1: (x, top), 3: (x, bottom)}
    points: list[Point] = [stops[0]]
    for place, (here, there) in enumerate(pairwise(stops)):
        middle = corners.get(place)
        points += [middle or here, middle or there, there]
    return replace(line, points=tuple(points), tip=(begin, top))


def _touches(line: Line, rect: Rect) -> bool:
    return any(rect.grown(1).contains(point) for point in line.along)


def _cross(way: Sequence[Point], other: Line) -> bool:
    theirs = tuple(pairwise(other.along[:-1]))
    return any(_meet(*a, *b) for a in pairwise(way) for b in theirs)


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    def left(p: Point, q: Point, r: Point) -> bool:
        return (q[0] - p[0]) * (r[1] - p[1]) > (q[1] - p[1]) * (r[0] - p[0])

    return left(a, b, c) != left(a, b, d) and left(c, d, a) != left(c, d, b)
