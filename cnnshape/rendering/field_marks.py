"""What the picture of a receptive field is made of: marks, and those marks as SVG."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape, quoteattr

from cnnshape.rendering.escape import visible
from cnnshape.rendering.fonts import FONT, SERIF

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["rect", "line", "text", "image"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is drawn, in points from the top left corner.

    A rectangle has ``x y w h``; a line goes from ``x y`` by ``w h``; a text begins at ``x y``
    (its base line) and ``h`` is its size; ``anchor`` says which part of it stands at ``x``.
    ``radius`` rounds the corners of a rectangle, ``wide`` is how wide its line is.
    """

    kind: Kind
    x: float
    y: float
    w: float = 0.0
    h: float = 0.0
    fill: str = "none"
    line: str = "none"
    opacity: float = 1.0
    dashed: bool = False
    text: str = ""
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    radius: float = 0.0
    wide: float = 1.0
    serif: bool = False


def marks_as_svg(
    marks: Iterable[Mark], size: tuple[float, float], title: str, image: Image | None
) -> str:
    """The marks on a page of this width and height, in points; ``image`` is what is pasted."""
    width, height = (f"{side:.0f}" for side in size)
    body = "\n".join(_element(mark, image) for mark in marks)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{escape(visible(title))}</title>\n{body}\n</svg>\n"
    )


def _element(mark: Mark, image: Image | None) -> str:
    wide = "" if mark.wide == 1 else f' stroke-width="{mark.wide:g}"'
    dash = ' stroke-dasharray="5 3"' if mark.dashed else ""
    if mark.kind == "text":
        weight = ' font-weight="bold"' if mark.bold else ""
        anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
        font = SERIF if mark.serif else FONT
        return (
            f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-family="{font}" '
            f'font-size="{mark.h:.0f}"{weight}{anchor} fill={quoteattr(mark.fill)}>'
            f"{escape(visible(mark.text))}</text>"
        )
    if mark.kind == "line":
        return (
            f'<line x1="{mark.x:.2f}" y1="{mark.y:.2f}" x2="{mark.x + mark.w:.2f}" '
            f'y2="{mark.y + mark.h:.2f}" stroke="{mark.line}"{wide}{dash}/>'
        )
    box = f'x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.w:.2f}" height="{mark.h:.2f}"'
    if mark.kind == "image":
        data = base64.b64encode(_png(image)).decode("ascii")
        return (
            f'<image {box} preserveAspectRatio="none" style="image-rendering:pixelated" '
            f'href="data:image/png;base64,{data}"/>'
        )
    corner = f' rx="{mark.radius:g}"' if mark.radius else ""
    opacity = f' fill-opacity="{mark.opacity}"' if mark.opacity < 1 else ""
    return f'<rect {box}{corner} fill="{mark.fill}"{opacity} stroke="{mark.line}"{wide}{dash}/>'


def _png(image: Image | None) -> bytes:
    assert image is not None
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
