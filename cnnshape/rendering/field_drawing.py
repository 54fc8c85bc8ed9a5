"""A finished picture of a receptive field: its marks, written as SVG, PNG or PDF."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape, quoteattr

from cnnshape.errors import OutputError
from cnnshape.rendering.escape import visible

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["rect", "line", "text", "image"]

_FONT = "Helvetica,Arial,sans-serif"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is drawn, in points from the top left corner.

    A rectangle has ``x y w h``; a line goes from ``x y`` by ``w h``; a text begins at ``x y``
    (its base line) and ``h`` is its size.
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


@dataclass(frozen=True)
class FieldPicture:
    """A finished picture."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str
    image: Image | None = None

    def svg(self) -> str:
        """As an SVG file."""
        size = f'width="{self.width:.0f}" height="{self.height:.0f}"'
        body = "\n".join(self._element(mark) for mark in self.marks)
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img">\n'
            f"<title>{escape(visible(self.title))}</title>\n{body}\n</svg>\n"
        )

    def _element(self, mark: Mark) -> str:
        dash = ' stroke-dasharray="5 3"' if mark.dashed else ""
        if mark.kind == "text":
            weight = ' font-weight="bold"' if mark.bold else ""
            return (
                f'<text x="{mark.x:.1f}" y="{mark.y:.1f}" font-family="{_FONT}" '
                f'font-size="{mark.h:.0f}"{weight} fill={quoteattr(mark.fill)}>'
                f"{escape(visible(mark.text))}</text>"
            )
        if mark.kind == "line":
            return (
                f'<line x1="{mark.x:.2f}" y1="{mark.y:.2f}" x2="{mark.x + mark.w:.2f}" '
                f'y2="{mark.y + mark.h:.2f}" stroke="{mark.line}"{dash}/>'
            )
        box = f'x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.w:.2f}" height="{mark.h:.2f}"'
        if mark.kind == "image":
            data = base64.b64encode(self._png_of_image()).decode("ascii")
            return (
                f'<image {box} preserveAspectRatio="none" style="image-rendering:pixelated" '
                f'href="data:image/png;base64,{data}"/>'
            )
        opacity = f' fill-opacity="{mark.opacity}"' if mark.opacity < 1 else ""
        return f'<rect {box} fill="{mark.fill}"{opacity} stroke="{mark.line}"{dash}/>'

    def _png_of_image(self) -> bytes:
        assert self.image is not None
        buffer = io.BytesIO()
        self.image.save(buffer, format="PNG")
        return buffer.getvalue()

    def raster(self, format: Literal["png", "pdf"], scale: float = 2.0) -> bytes:
        """As PNG or PDF, painted by Pillow at ``scale`` pixels per point."""
        from cnnshape.rendering.field_raster import paint

        return paint(self.marks, (self.width, self.height), self.image, format, scale)

    def render(self, format: str) -> bytes:
        """As ``svg``, ``png`` or ``pdf``.

        Raises:
            OutputError: another format was asked for.
        """
        if format == "svg":
            return self.svg().encode("utf-8")
        if format in ("png", "pdf"):
            return self.raster("png" if format == "png" else "pdf")
        raise OutputError(f"a receptive field is drawn as svg, png or pdf, not {format}")
