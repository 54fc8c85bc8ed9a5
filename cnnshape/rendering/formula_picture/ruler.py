"""Positions along one axis as places on a page; of too many, the middle is left out."""

from __future__ import annotations

from dataclasses import dataclass

from cnnshape.formulas.windows import AxisWindows

#: How much of the page a gap takes, in cells.
GAP = 2.0
#: So many windows may each have a line of their own, and so many lines there may be.
STAIRS, MOST_LANES = 8, 10
#: More windows than this are not shown side by side.
MOST_WINDOWS = 34


@dataclass(frozen=True)
class Ruler:
    """The places of positions ``start`` to ``stop``, in cells from the first of them.

    ``head`` and ``tail`` are the positions behind and before which the middle is left out;
    equal where nothing is.
    """

    start: int
    stop: int
    head: int
    tail: int

    @property
    def positions(self) -> list[int]:
        """The positions that are shown."""
        return [*range(self.start, self.head), *range(self.tail, self.stop)]

    @property
    def hidden(self) -> int:
        """How many positions are left out."""
        return self.tail - self.head

    @property
    def length(self) -> float:
        """The whole length, in cells."""
        return self.at(self.stop)

    def at(self, position: float) -> float:
        """The place of a position's left edge.

        >>> Ruler(0, 100, 3, 98).at(2), Ruler(0, 100, 3, 98).at(98)
        (2, 5.0)
        """
        if position <= self.head:
            return position - self.start
        if position >= self.tail:
            gap = GAP if self.hidden else 0.0
            return self.head - self.start + gap + position - self.tail
        return self.head - self.start + GAP * (position - self.head) / self.hidden

    def crosses(self, window: range) -> bool:
        """Whether a window lies over something that is left out."""
        return bool(self.hidden) and window.start < self.tail and window.stop > self.head


def ruler(positions: range, most: int) -> Ruler:
    """All positions if they are at most ``most``, else three quarters as many at both ends.

    >>> ruler(range(-1, 9), 20).hidden, ruler(range(224), 20).positions[7:9]
    (0, [7, 217])
    """
    start, stop = positions.start, max(positions.stop, positions.start)
    if stop - start <= most:
        return Ruler(start, stop, stop, stop)
    shown = most * 3 // 4
    head = start + shown - shown // 2
    return Ruler(start, stop, head, stop - shown // 2)


@dataclass(frozen=True)
class Lanes:
    """Which windows are shown, and in which line each lies; 0 is the first."""

    windows: tuple[int, ...]
    lanes: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many lines there are."""
        return max(self.lanes, default=-1) + 1


def lanes(axis: AxisWindows, places: Ruler) -> Lanes:
    """Windows that overlap lie in different lines.

    A few windows have a line each, as stairs. Of many, those are left out that lie over what the
    ruler leaves out; of large kernels a few at both ends are left.
    """
    if axis.count <= STAIRS and not places.hidden:
        return Lanes(tuple(range(axis.count)), tuple(range(axis.count)))
    shown = _fitting(axis, places)
    ends = [places.at(axis.window(index).stop) + 0.2 for index in shown]
    starts = [places.at(axis.window(index).start) for index in shown]
    for count in range(1, MOST_LANES + 1):
        if all(end <= start for end, start in zip(ends, starts[count:], strict=False)):
            return Lanes(tuple(shown), tuple(place % count for place in range(len(shown))))
    few = _ends(axis.count, MOST_LANES)
    return Lanes(tuple(few), tuple(range(len(few))))


def _fitting(axis: AxisWindows, places: Ruler) -> list[int]:
    """The windows that lie over shown positions alone; a few at both ends where those are few."""
    if not places.hidden:
        return _ends(axis.count, MOST_WINDOWS)
    shown = [index for index in _ends(axis.count, 64) if not places.crosses(axis.window(index))]
    return shown if len(shown) >= 4 else _ends(axis.count, MOST_LANES)


def _ends(count: int, most: int) -> list[int]:
    """The first and the last of a row of things."""
    if count <= most:
        return list(range(count))
    return [*range(most // 2), *range(count - most // 2, count)]
