"""Boxes and curves in the plane, as far as telling whether they touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """An upright rectangle, in points; y grows upwards as in Graphviz."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, center: Point, width: float, height: float) -> Rect:
        """The rectangle of a size around a point."""
        x, y = center
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def center(self) -> Point:
        """Its middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    def grown(self, margin: float) -> Rect:
        """With a margin all around (a negative one shrinks it)."""
        return Rect(
            self.left - margin, self.bottom - margin, self.right + margin, self.top + margin
        )

    def contains(self, point: Point) -> bool:
        """Whether the point lies inside, border included.

        >>> Rect(0, 0, 2, 1).contains((1, 0.5)), Rect(0, 0, 2, 1).contains((3, 0.5))
        (True, False)
        """
        return self.left <= point[0] <= self.right and self.bottom <= point[1] <= self.top

    def overlaps(self, other: Rect) -> bool:
        """Whether the two share an area.

        >>> Rect(0, 0, 2, 2).overlaps(Rect(1, 1, 3, 3)), Rect(0, 0, 2, 2).overlaps(Rect(2, 0, 3, 2))
        (True, False)
        """
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )


def bezier(controls: Sequence[Point], steps: int = 24) -> Iterator[Point]:
    """Points along a chain of cubic Bézier curves (1 + 3·n control points), ends included.

    >>> [(x, y) for x, y in bezier([(0, 0), (0, 0), (3, 3), (3, 3)], 2)]
    [(0, 0), (1.5, 1.5), (3, 3)]
    """
    if controls:
        yield controls[0]
    for start in range(0, len(controls) - 3, 3):
        p0, p1, p2, p3 = controls[start : start + 4]
        for step in range(1, steps):
            t = step / steps
            s = 1 - t
            a, b, c, d = s**3, 3 * s * s * t, 3 * s * t * t, t**3
            yield (
                a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0],
                a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1],
            )
        yield p3
