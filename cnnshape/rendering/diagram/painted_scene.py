"""What Graphviz painted, read back as a scene: for writers that Graphviz does not have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphviz

from cnnshape.rendering.diagram.graphviz_process import paint
from cnnshape.rendering.diagram.paper import Page
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.svg import plain
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Mark, Scene, Shape, Words
from cnnshape.rendering.fonts import text_width

#: What Graphviz draws of a node, frame or edge, in this order.
_DRAWN = ("_draw_", "_ldraw_", "_hdraw_", "_tdraw_")
#: Where two control points lie on a quarter of a circle of radius 1.
_ROUND = 0.5523


def painted_scene(graph: graphviz.Digraph, paper: Page | None = None) -> Scene:
    """A graph whose positions are all given as shapes, lines and texts; frames come first.

    Raises:
        LayoutError: Graphviz crashed or took too long.
    """
    return read_scene(json.loads(paint(graph, "json")), paper)


def read_scene(painted: Mapping[str, Any], paper: Page | None = None) -> Scene:
    """The scene in Graphviz's JSON."""
    *_, page = painted["_draw_"]
    xs, ys = zip(*page["points"], strict=True)
    pen = _Pen(min(xs), max(ys))
    scene = Scene(max(xs) - min(xs), max(ys) - min(ys), painted["bgcolor"], paper)
    things = sorted(painted.get("objects", ()), key=lambda thing: "bb" not in thing)
    for thing in (*things, *painted.get("edges", ())):
        marks = tuple(mark for key in _DRAWN for mark in pen.marks(thing.get(key, ())))
        if marks:
            about = _unescaped(thing.get("tooltip", ""))
            scene.groups.append(Group(thing.get("id", ""), about, marks))
    return scene


def _unescaped(text: str) -> str:
    """A text in which Graphviz writes backslashes twice and ends of lines as ``\\n``."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


@dataclass
class _Pen:
    """What the drawing operations have set so far, as xdot calls them; y turns downwards."""

    left: float
    top: float
    line: str = "#000000"
    fill: str = "#000000"
    width: float = 1.0
    dashed: bool = False
    size: float = 14.0
    bold: bool = False

    def marks(self, operations: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
        """The marks that operations leave on the paper."""
        self.width, self.dashed, self.bold = 1.0, False, False
        for one in operations:
            match one["op"]:
                case "T":
                    yield from self._words(one)
                case "P" | "B" | "E" as kind:
                    clear = len(self.line) > len("#rrggbb") and self.line.endswith("00")
                    width = 0.0 if clear else self.width
                    yield Shape(self._outline(one), self.fill, self.line, kind != "P", width)
                case "p" | "b" | "e" | "L" as kind:
                    points = self._outline(one)
                    points = (*points, points[0]) if kind == "p" else points
                    yield Curve(points, self.line, kind in "be", self.dashed, self.width)
                case _:
                    self._set(one)

    def _set(self, one: Mapping[str, Any]) -> None:
        match one["op"]:
            case "c":
                self.line = one["color"]
            case "C":
                self.fill = one["color"]
            case "F":
                self.size = one["size"]
            case "t":
                self.bold = bool(one["fontchar"] & 1)
            case "S" if one["style"].startswith("setlinewidth("):
                self.width = float(one["style"][len("setlinewidth(") : -1])
            case "S" if one["style"] in ("solid", "dashed"):
                self.dashed = one["style"] == "dashed"
            case _:
                pass

    def _point(self, x: float, y: float) -> Point:
        return x - self.left, self.top - y

    def _outline(self, one: Mapping[str, Any]) -> tuple[Point, ...]:
        if "rect" not in one:
            return tuple(self._point(x, y) for x, y in one["points"])
        x, y, across, up = one["rect"]
        k = _ROUND
        quarters = [(1, 0), (1, k), (k, 1), (0, 1), (-k, 1), (-1, k), (-1, 0),
                    (-1, -k), (-k, -1), (0, -1), (k, -1), (1, -k), (1, 0)]  # fmt: skip
        return tuple(self._point(x + dx * across, y + dy * up) for dx, dy in quarters)

    def _words(self, one: Mapping[str, Any]) -> Iterator[Words]:
        text = plain(one["text"]).replace("\\\\", "\\")
        bare = text.strip()
        if not bare:
            return  # a gap between two words
        x, y = self._point(*one["pt"])
        blanks = text_width(" ", self.size)
        before = (len(text) - len(text.lstrip())) * blanks
        after = (len(text) - len(text.rstrip())) * blanks
        width = one["width"] - before - after
        if one["align"] == "l":
            yield Words(bare, (x + before, y), self.size, self.line, "start", self.bold, width)
            return
        middle = x + (before - after) / 2 if one["align"] == "c" else x - after - width / 2
        yield Words(bare, (middle, y), self.size, self.line, "middle", self.bold, width)
