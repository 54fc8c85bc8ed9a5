"""A picture made of polygons, lines and texts, written as SVG or as DOT that Graphviz paints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import graphviz

from cnnshape.rendering.diagram.identifiers import identifier
from cnnshape.rendering.diagram.paper import Page, inches
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.escape import visible
from cnnshape.rendering.fonts import FONT, text_width

_SVG = "http://www.w3.org/2000/svg"
#: How wide the points are that hold a picture's corners, in points.
_POINT = 0.72

Anchor = Literal["start", "middle"]


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled outline of straight pieces, or of curves if ``bent``; no line if ``width`` is 0."""

    points: tuple[Point, ...]
    fill: str
    line: str
    bent: bool = False
    width: float = 0.9


@dataclass(frozen=True, slots=True)
class Curve:
    """An open line: straight pieces, or cubic Bézier curves if ``bent``. Points go with y down."""

    points: tuple[Point, ...]
    color: str
    bent: bool = False
    dashed: bool = False
    width: float = 1.1


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; ``at`` is the left end or the middle of its base line.

    ``measured`` is how wide it was found to be; 0 if nobody measured it.
    """

    text: str
    at: Point
    size: float
    color: str
    anchor: Anchor = "middle"
    bold: bool = False
    measured: float = 0.0

    @property
    def width(self) -> float:
        """How wide it is to be drawn, in points."""
        return self.measured or text_width(self.text, self.size, bold=self.bold)


Mark = Shape | Curve | Words


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together, with an id and a tooltip in SVG."""

    id: str
    tooltip: str
    marks: tuple[Mark, ...]


@dataclass
class Scene:
    """A picture with its size, and that of the paper that it fills; y grows downwards."""

    width: float
    height: float
    page: str
    paper: Page | None = None
    groups: list[Group] = field(default_factory=list[Group])

    def svg(self, title: str, description: str) -> str:
        """As an SVG file: text as text, a title and a description, tooltips."""
        sheet = self.paper or self
        width, height = sheet.width, sheet.height
        size = f'width="{width:.0f}pt" height="{height:.0f}pt"'
        box = f'viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        spoken = 'role="img" aria-labelledby="title desc"'
        lines = [
            '<?xml version="1.0" encoding="utf-8"?>',
            f'<svg xmlns="{_SVG}" {size} {box} {spoken} font-family="{FONT}">',
            f'<title id="title">{_text(title)}</title>',
            f'<desc id="desc">{_text(description)}</desc>',
            f'<rect width="100%" height="100%" fill="{self.page}"/>',
        ]
        for group in self.groups:
            lines.append(f"<g id={quoteattr(group.id)}>" if group.id else "<g>")
            if group.tooltip:
                lines.append(f"<title>{_text(group.tooltip)}</title>")
            lines += [_svg(mark) for mark in group.marks]
            lines.append("</g>")
        return "\n".join([*lines, "</svg>", ""])

    def digraph(self, name: str) -> graphviz.Digraph:
        """As a graph whose background is the picture: what lets Graphviz write PNG and PDF."""
        operations = " ".join(
            piece for group in self.groups for mark in group.marks for piece in self._xdot(mark)
        )
        graph = graphviz.Digraph(identifier(name))
        graph.attr(
            "graph",
            layout="nop2",  # the positions are the picture's own
            bgcolor=self.page,
            pad="0",
        )
        if self.paper is not None:
            graph.attr("graph", size=inches(self.paper))
        graph.body.append(f"\tgraph [_background={_quoted(operations)}]\n")
        graph.attr("node", shape="point", style="invis", label="", width="0.01", height="0.01")
        # Graphviz takes the picture to be as large as what is on it: two points hold the corners.
        inset = _POINT / 2
        graph.node("lower_left", pos=f"{inset},{inset}")
        graph.node("upper_right", pos=f"{self.width - inset:.2f},{self.height - inset:.2f}")
        return graph

    def _xdot(self, mark: Mark) -> Iterator[str]:
        if isinstance(mark, Shape):
            yield _counted("C", mark.fill)
            yield _counted("c", mark.line if mark.width else mark.fill)
            yield self._points("b" if mark.bent else "P", mark.points)
        elif isinstance(mark, Curve):
            yield _counted("c", mark.color)
            yield _counted("S", "dashed" if mark.dashed else "solid")
            yield self._points("B" if mark.bent else "L", mark.points)
        else:
            # DOT cannot quote a backslash before a quotation mark; its look-alike needs no quoting.
            text = visible(mark.text).replace("\\", "\N{SET MINUS}")
            width = replace(mark, text=text).width
            x, y = mark.at
            x -= width / 2 if mark.anchor == "middle" else 0
            yield f"t {1 if mark.bold else 0}"
            yield f"F {mark.size:g} {len(FONT)} -{FONT}"
            yield _counted("c", mark.color)
            yield f"T {x:.2f} {self.height - y:.2f} -1 {width:.2f} {_counted('', text).strip()}"

    def _points(self, operation: str, points: tuple[Point, ...]) -> str:
        pairs = " ".join(f"{x:.2f} {self.height - y:.2f}" for x, y in points)
        return f"{operation} {len(points)} {pairs}"


def on_paper(scene: Scene, page: Page, scale: float) -> Scene:
    """The scene in the middle of a page, drawn at a scale."""
    width, height = page.width / scale, page.height / scale
    dx, dy = (width - scene.width) / 2, (height - scene.height) / 2
    groups = [
        Group(group.id, group.tooltip, tuple(_shifted(mark, dx, dy) for mark in group.marks))
        for group in scene.groups
    ]
    return Scene(width, height, scene.page, page, groups)


def _shifted(mark: Mark, dx: float, dy: float) -> Mark:
    if isinstance(mark, Words):
        return replace(mark, at=(mark.at[0] + dx, mark.at[1] + dy))
    return replace(mark, points=tuple((x + dx, y + dy) for x, y in mark.points))


def _quoted(text: str, longest: int = 4000) -> str:
    """A DOT string, in pieces: Graphviz reads no piece of more than 16,384 bytes."""
    pieces = [text[start : start + longest] for start in range(0, len(text), longest)]
    return " + ".join('"' + piece.replace('"', '\\"') + '"' for piece in pieces) or '""'


def _counted(operation: str, text: str) -> str:
    return f"{operation} {len(text.encode('utf-8'))} -{text}"


def _svg(mark: Mark) -> str:
    if isinstance(mark, Shape):
        return (
            f'<path d="{_path(mark)}Z" fill="{mark.fill}" stroke="{mark.line}" '
            f'stroke-width="{mark.width:g}" stroke-linejoin="round"/>'
        )
    if isinstance(mark, Curve):
        dash = ' stroke-dasharray="4 3"' if mark.dashed else ""
        return (
            f'<path d="{_path(mark)}" fill="none" stroke="{mark.color}" '
            f'stroke-width="{mark.width:g}"{dash}/>'
        )
    weight = ' font-weight="bold"' if mark.bold else ""
    return (
        f'<text x="{mark.at[0]:.1f}" y="{mark.at[1]:.1f}" text-anchor="{mark.anchor}" '
        f'font-size="{mark.size:g}"{weight} fill="{mark.color}" textLength="{mark.width:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{_text(mark.text)}</text>'
    )


def _path(mark: Shape | Curve) -> str:
    start, *rest = (f"{x:.1f},{y:.1f}" for x, y in mark.points)
    return f"M{start}{'C' if mark.bent else 'L'}{' '.join(rest)}"


def _text(words: str) -> str:
    lines = words.split("\n")
    return escape("\n".join(visible(line) for line in lines))
