"""How large the box is that stands for a feature map: logarithms of its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from cnnshape.tracing.trace import Dim
from cnnshape.tracing.trace import Shape as Sizes

#: The depth axis goes up to the right at this slope.
_SLOPE = 0.6


@dataclass(frozen=True, slots=True)
class Solid:
    """The size of one box on paper: front width and height, and how far the depth reaches."""

    width: float
    height: float
    depth: float

    @property
    def rise(self) -> float:
        """How far the back stands above the front."""
        return self.depth * _SLOPE

    @property
    def across(self) -> float:
        """From the front's left edge to the back's right edge."""
        return self.width + self.depth


def solid(shape: Sizes, size: float = 1.0) -> Solid:
    """The box that stands for a shape without its batch, ``size`` times as large as usual.

    >>> solid((6, 28, 28)).height > solid((16, 10, 10)).height > solid((16, 5, 5)).height
    True
    >>> solid((84,)).width < solid((6, 28, 28)).width
    True
    """
    usual = _usual([_number(one) for one in shape])
    return Solid(usual.width * size, usual.height * size, usual.depth * size)


def _usual(sizes: list[int]) -> Solid:
    if len(sizes) < 2:
        return Solid(9, 18 + 11 * _log(sizes[0] if sizes else 1), 7)
    if len(sizes) == 2:  # tokens × channels, or channels × length
        return Solid(8 + 5 * _log(sizes[1]), 20 + 15 * _log(sizes[0]), 9)
    channels, (height, width) = sizes[-3], sizes[-2:]
    if sizes[-3] == sizes[-2] != sizes[-1]:  # height × width × channels
        (height, width), channels = sizes[-3:-1], sizes[-1]
    return Solid(6 + 8 * _log(channels), 20 + 19 * _log(height), 8 + 8.5 * _log(width))


def _number(size: Dim) -> int:
    """An expression in a letter has no size of its own; it is drawn as a middling one."""
    return size if isinstance(size, int) else 64


def _log(size: int) -> float:
    return log2(max(size, 1))
