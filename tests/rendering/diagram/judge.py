"""Whether anything in a layout touches what it must not touch, read from Graphviz's own JSON."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

Box = tuple[float, float, float, float]
Point = tuple[float, float]


def collisions(layout: Mapping[str, Any]) -> list[str]:
    """Every overlap of boxes and titles, and every arrow through a box or title, in words.

    Written without the package's own geometry, so that a slip there shows.
    """
    names: list[str] = []
    boxes: dict[str, Box] = {}
    for thing in layout["objects"]:
        names.append(thing["name"])
        if "pos" in thing:
            x, y = map(float, thing["pos"].split(","))
            w, h = float(thing["width"]) * 36, float(thing["height"]) * 36
            boxes[thing["name"]] = (x - w, y - h, x + w, y + h)
    found = [
        f"{a} overlaps {b}"
        for i, a in enumerate(boxes)
        for b in list(boxes)[i + 1 :]
        if _overlap(boxes[a], boxes[b])
    ]
    for edge in layout.get("edges", ()):
        if edge.get("style") == "invis":
            continue
        ends = {names[edge["tail"]], names[edge["head"]]}
        points = _points(edge)
        for name, box in boxes.items():
            if name not in ends and any(_inside(point, box) for point in points):
                found.append(f"{sorted(ends)} crosses {name}")
    return found


def _overlap(a: Box, b: Box, slack: float = 0.6) -> bool:
    return (
        a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]
    )


def _inside(point: Point, box: Box, slack: float = 1.0) -> bool:
    return box[0] + slack < point[0] < box[2] - slack and box[1] + slack < point[1] < box[3] - slack


def _points(edge: Mapping[str, Any]) -> list[Point]:
    """Points on every curve that Graphviz drew for the edge (de Casteljau's construction)."""
    found: list[Point] = []
    for operation in edge.get("_draw_", ()):
        if operation["op"] not in "bB":
            continue
        points = [(p[0], p[1]) for p in operation["points"]]
        for start in range(0, len(points) - 3, 3):
            for step in range(31):
                found.append(_casteljau(points[start : start + 4], step / 30))
    return found


def _casteljau(points: list[Point], t: float) -> Point:
    while len(points) > 1:
        points = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(points)]
    return points[0]
