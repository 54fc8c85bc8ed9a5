"""One thing on the picture of a receptive field, whatever paints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["rect", "line", "text", "image"]


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
