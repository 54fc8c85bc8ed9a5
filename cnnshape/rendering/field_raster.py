"""A receptive field's picture as PNG or PDF, painted by Pillow, which torchvision brings along."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont

from cnnshape.rendering.field_marks import Mark
from cnnshape.rendering.fonts import FOLDER

_FINER = 2
#: The left end, the middle or the right end of the base line.
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def paint(
    marks: Iterable[Mark],
    size: tuple[float, float],
    image: Image.Image | None,
    format: Literal["png", "pdf"],
    scale: float,
) -> bytes:
    """The marks on a page of this width and height, at ``scale`` pixels per point."""
    # Pillow's slanted lines are jagged: painted twice as large, they are smooth once reduced.
    fine = scale * _FINER
    canvas = Image.new("RGB", (round(size[0] * fine), round(size[1] * fine)), "white")
    for mark in marks:
        _draw(canvas, mark, image, fine)
    buffer = io.BytesIO()
    canvas.reduce(_FINER).save(buffer, format=format.upper(), resolution=72 * scale)
    return buffer.getvalue()


def _draw(canvas: Image.Image, mark: Mark, image: Image.Image | None, scale: float) -> None:
    draw = ImageDraw.Draw(canvas, "RGBA")
    x, y, w, h = (value * scale for value in (mark.x, mark.y, mark.w, mark.h))
    width = max(1, round(scale * mark.wide))
    if mark.kind == "text":
        name = "ShapeSans-Bold.ttf" if mark.bold else "ShapeSans-Regular.ttf"
        font = ImageFont.truetype(FOLDER / name, round(h))
        draw.text((x, y), mark.text, fill=mark.fill, font=font, anchor=_ANCHORS[mark.anchor])
    elif mark.kind == "line":
        draw.line((x, y, x + w, y + h), fill=mark.line, width=width)
    elif mark.kind == "image":
        assert image is not None
        shown = image.convert("RGB").resize(
            (max(round(w), 1), max(round(h), 1)), Image.Resampling.NEAREST
        )
        canvas.paste(shown, (round(x), round(y)))
    else:
        _rectangle(draw, mark, (x, y, x + w, y + h), width, mark.radius * scale)


def _rectangle(
    draw: ImageDraw.ImageDraw,
    mark: Mark,
    box: tuple[float, float, float, float],
    width: int,
    radius: float,
) -> None:
    if mark.fill != "none":
        red, green, blue = ImageColor.getrgb(mark.fill)[:3]
        # The last pixel belongs to the neighbour, or two veils would meet in a seam.
        x, y, right, bottom = map(round, box)
        inner = (x, y, max(right - 1, x), max(bottom - 1, y))
        color = (red, green, blue, round(255 * mark.opacity))
        draw.rounded_rectangle(inner, radius, fill=color)
    if mark.line == "none":
        return
    if not mark.dashed:
        draw.rounded_rectangle(box, radius, outline=mark.line, width=width)
        return
    left, top, right, bottom = box
    for start, end in (
        ((left, top), (right, top)),
        ((right, top), (right, bottom)),
        ((right, bottom), (left, bottom)),
        ((left, bottom), (left, top)),
    ):
        _dashes(draw, start, end, mark.line, width)


def _dashes(
    draw: ImageDraw.ImageDraw,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    width: int,
) -> None:
    (x, y), (to_x, to_y) = start, end
    length = max(abs(to_x - x), abs(to_y - y))
    dash, gap = 5.0 * width, 3.0 * width
    at = 0.0
    while at < length:
        stop = min(at + dash, length)
        one, other = at / length, stop / length
        draw.line(
            (
                x + (to_x - x) * one,
                y + (to_y - y) * one,
                x + (to_x - x) * other,
                y + (to_y - y) * other,
            ),
            fill=color,
            width=width,
        )
        at += dash + gap
