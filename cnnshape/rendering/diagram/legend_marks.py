"""The legend below a picture of feature maps, as shapes, lines and words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnshape.rendering.diagram.blocks_scene import front_and_line
from cnnshape.rendering.diagram.legend import (
    FAR,
    NEAR,
    ROW,
    SAMPLE,
    TEXT,
    Entry,
    column_width,
    columns,
    sample_width,
)
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Mark, Scene, Shape, Words
from cnnshape.rendering.palette import Theme

#: Around a legend, and between the picture and the line above it.
_MARGIN, _ABOVE = 24.0, 8.0


def room_below(entries: Sequence[Entry], width: float) -> tuple[float, float]:
    """The width and the height that a legend takes below a picture that is so wide."""
    parted = columns(entries, width - 2 * _MARGIN)
    across = sum(map(column_width, parted)) - FAR + 2 * _MARGIN
    return across, max(map(len, parted), default=0) * ROW + _ABOVE + _MARGIN


def add_legend(scene: Scene, entries: Sequence[Entry], theme: Theme) -> None:
    """Put the legend below everything that the scene has; it grows as far as that takes."""
    across, down = room_below(entries, scene.width)
    top, width = scene.height, max(scene.width, across)
    line = Curve(((_MARGIN, top), (width - _MARGIN, top)), theme.style("container").line)
    marks, left = list[Mark]([line]), _MARGIN
    for column in columns(entries, scene.width - 2 * _MARGIN):
        for number, entry in enumerate(column):
            middle = top + _ABOVE + ROW * (number + 0.5)
            wide = sample_width(column)
            marks += _sample(entry, (left + wide / 2, middle), theme)
            at = left + wide + NEAR, middle + 0.35 * TEXT
            marks.append(Words(entry.words, at, TEXT, theme.frame_text, anchor="start"))
        left += column_width(column)
    scene.groups.append(Group("about/legend", "what the picture means", tuple(marks)))
    scene.width, scene.height = width, top + down


def _sample(entry: Entry, middle: Point, theme: Theme) -> Iterator[Mark]:
    x, y = middle
    left, right = x - SAMPLE / 2, x + SAMPLE / 2
    if entry.sample == "text":
        yield Words(entry.text, (x, y + 0.35 * TEXT), TEXT, theme.edge_text)
    elif entry.sample == "arrow":
        yield Curve(((left, y), (right - 6, y)), theme.edge)
        yield Shape(((right, y), (right - 7, y - 3), (right - 7, y + 3)), theme.edge, theme.edge)
    elif entry.sample == "dashed":
        yield Curve(((left, y), (right, y)), theme.edge, dashed=True)
    elif entry.sample == "past":
        low, high = y + 4, y - 4
        yield Curve(((left, low), (left, high), (right, high), (right, low)), theme.edge)
    else:
        high, low = y - 5, y + 5
        corners = (left, high), (right, high), (right, low), (left, low)
        yield Shape(corners, *front_and_line(entry.kind, theme, failed=entry.sample == "failed"))
