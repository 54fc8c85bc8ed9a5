"""The colours of a formula's picture, by what a thing is, out of a theme; and its marks."""

from __future__ import annotations

from dataclasses import dataclass

from cnnshape.rendering.field_marks import Mark
from cnnshape.rendering.fonts import text_width
from cnnshape.rendering.palette import THEMES, KindStyle, ThemeName


@dataclass(frozen=True)
class Ink:
    """What each thing is drawn with."""

    page: str
    text: str
    quiet: str
    hair: str
    cell: KindStyle
    #: Windows, and what each of them gives.
    window: KindStyle
    padding: KindStyle
    #: What no window reaches, what is cut away, what is wrong.
    bad: KindStyle
    added: KindStyle

    @classmethod
    def of(cls, name: ThemeName) -> Ink:
        """The colours of a theme."""
        theme = THEMES[name]
        frame = theme.style("container")
        return cls(
            theme.page,
            theme.style("other").text,
            theme.edge_text,
            frame.line,
            theme.style("convolution"),
            theme.style("pooling"),
            KindStyle(theme.page, frame.line, theme.edge_text),
            theme.failing,
            theme.style("norm"),
        )


def words(x: float, y: float, size: float, color: str, text: str) -> Mark:
    """A line of text that begins at a place."""
    return Mark("text", x, y, h=size, fill=color, text=text)


def centred(x: float, y: float, size: float, color: str, text: str) -> Mark:
    """A line of text around a place."""
    return Mark("text", x, y, h=size, fill=color, text=text, anchor="middle")


def line_of(x: float, y: float, x2: float, y2: float, color: str) -> Mark:
    """A thin line between two places."""
    return Mark("line", x, y, x2 - x, y2 - y, line=color)


def box(x: float, y: float, side: float, style: KindStyle, *, dashed: bool = False) -> Mark:
    """A cell."""
    return Mark("rect", x, y, side, side, style.fill, style.line, dashed=dashed, radius=side / 7)


def width_of(mark: Mark) -> float:
    """How wide a text is; a serif is narrower than what is measured."""
    return text_width(mark.text, mark.h, bold=mark.bold)


def extent(marks: list[Mark]) -> tuple[float, float]:
    """The right and the lower end of everything."""
    right = bottom = 0.0
    for mark in marks:
        width, height = mark.w, mark.h
        if mark.kind == "text":
            share = {"start": 1.0, "middle": 0.5, "end": 0.0}[mark.anchor]
            width, height = width_of(mark) * share, 4.0
        right, bottom = max(right, mark.x + width, mark.x), max(bottom, mark.y + height, mark.y)
    return right, bottom
