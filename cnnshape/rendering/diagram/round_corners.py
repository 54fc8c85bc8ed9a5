"""Lines through corners, as curves."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

from cnnshape.rendering.diagram.placement import Point


def rounded(points: Sequence[Point], corner: float = 10.0) -> tuple[Point, ...]:
    """A line through corners as Bézier curves, each corner a quarter of a circle.

    >>> len(rounded([(0, 0), (30, 0), (30, 30)]))  # straight, round, straight: 1 + 3 · 3
    10
    """
    stops: list[Point] = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        stops += [_towards(here, before, corner), here, _towards(here, after, corner)]
    stops.append(points[-1])
    curve: list[Point] = [stops[0]]
    for place in range(0, len(stops) - 1, 3):
        start, end = stops[place], stops[place + 1]
        curve += [start, end, end]
        if place + 3 < len(stops):
            bend, following = stops[place + 2], stops[place + 3]
            curve += [bend, bend, following]
    return tuple(curve)


def _towards(here: Point, there: Point, far: float) -> Point:
    length = hypot(there[0] - here[0], there[1] - here[1]) or 1.0
    share = min(far / length, 0.5)
    return here[0] + (there[0] - here[0]) * share, here[1] + (there[1] - here[1]) * share
