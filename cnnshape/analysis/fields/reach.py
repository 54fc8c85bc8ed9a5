"""Along one axis: the input interval that each position depends on, and how a layer changes it.

A position's interval is found *backwards*: a unit of a convolution looks at some positions of
its input, and its interval is the smallest that holds theirs. Along an axis these intervals
repeat: moving by ``period`` positions moves the interval by ``advance`` pixels. An ordinary
convolution has period 1 and advances by its stride; behind a transposed convolution or an
interpolation neighbouring positions see differently placed and differently large intervals, and
the period is 2 or more. So a handful of integers describes every unit exactly, however long the
axis is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd, lcm

#: More phases than this are not followed; no layer in use comes near it.
_MOST_PHASES = 1 << 16

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Which input positions each output position of a layer looks at, along one axis.

    ``taps[r]`` are those of the output position ``r``; position ``r + period`` looks at the
    same ones moved by ``advance``.
    """

    period: int
    advance: int
    taps: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The input interval of every position of one axis of one tensor.

    ``low[r]`` and ``high[r]`` are the first and last pixel that position ``r`` depends on (None
    where it depends on none); position ``r + period`` has them moved by ``advance``.

    With ``length``, only positions ``0…length − 1`` exist and everything beyond is padding that
    depends on nothing; without, the axis goes on for ever in both directions, which gives the
    unclipped field.
    """

    period: int
    advance: int
    low: tuple[int | None, ...]
    high: tuple[int | None, ...]
    length: int | None = None

    def interval(self, position: int) -> Interval | None:
        """First and last input pixel of one position.

        >>> PIXELS.through(sliding(kernel=5, stride=2, padding=2), 14).interval(3)
        (4, 8)
        """
        if self.length is not None and not 0 <= position < self.length:
            return None
        turns, phase = divmod(position, self.period)
        low, high = self.low[phase], self.high[phase]
        if low is None or high is None:
            return None
        return low + turns * self.advance, high + turns * self.advance

    @property
    def stride(self) -> int | None:
        """Pixels between neighbouring positions; None where that is no whole number."""
        return self.advance // self.period if self.advance % self.period == 0 else None

    @property
    def _only(self) -> Interval | None:
        """The interval of position 0 where every other's is this one moved, as nearly always."""
        low, high = self.low[0], self.high[0]
        if self.period > 1 or self.length is not None or low is None or high is None:
            return None
        return low, high

    def through(self, window: Window, after: int) -> Reach | None:
        """The intervals behind a layer with ``after`` positions; None if they cannot be followed.

        >>> PIXELS.through(sliding(kernel=3), 26).through(sliding(kernel=3), 24).interval(0)
        (0, 4)
        """
        if self.length is not None:
            pairs = [self._seen(window, position) for position in range(after)] or [None]
            return Reach(len(pairs), 0, *_columns(pairs), length=len(pairs))
        only, taps = self._only, window.taps[0]
        if only is not None and window.period == 1 and taps and self.advance >= 0:
            low, high = only[0] + self.advance * min(taps), only[1] + self.advance * max(taps)
            return Reach(1, window.advance * self.advance, (low,), (high,))
        turns = self.period // gcd(self.period, window.advance)
        period = window.period * turns
        if period > _MOST_PHASES:
            return None
        advance = window.advance * turns // self.period * self.advance
        return _reach(period, advance, [self._seen(window, r) for r in range(period)])

    def _seen(self, window: Window, position: int) -> Interval | None:
        turns, phase = divmod(position, window.period)
        shift = turns * window.advance
        taps = window.taps[phase]
        if self.period == 1 and len(taps) > 2 and self.length is None:
            taps = (min(taps), max(taps))
        return hull(self.interval(tap + shift) for tap in taps)

    def union(self, other: Reach, size: int) -> Reach:
        """Both together, as where a skip connection is added to its branch.

        Where the two advance at different rates (a branch resized by an odd factor) only the
        ``size`` positions that exist are exact.
        """
        if self == other:
            return self
        one, two = self._only, other._only
        if one is not None and two is not None and self.advance == other.advance:
            return Reach(1, self.advance, (min(one[0], two[0]),), (max(one[1], two[1]),))
        period = lcm(self.period, other.period)
        if self.length is not None:
            period, advance = self.length, 0
        elif self.advance * other.period == other.advance * self.period and period <= _MOST_PHASES:
            advance = self.advance * (period // self.period)
        else:
            period = max(size, 1)
            advance = self.advance * period // self.period
        pairs = [hull((self.interval(p), other.interval(p))) for p in range(period)]
        if self.length is not None:
            return Reach(period, 0, *_columns(pairs), length=self.length)
        return _reach(period, advance, pairs)


#: The input itself: every position depends on its own pixel.
PIXELS = Reach(1, 1, (0,), (0,))


def bounded_pixels(length: int) -> Reach:
    """The input where only its ``length`` pixels exist."""
    every = tuple(range(length))
    return Reach(length, 0, every, every, length=length)


def hull(intervals: Iterable[Interval | None]) -> Interval | None:
    """The smallest interval that holds them all.

    >>> hull([(3, 5), None, (0, 1)])
    (0, 5)
    """
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def _columns(
    pairs: Sequence[Interval | None],
) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    return (
        tuple(None if pair is None else pair[0] for pair in pairs),
        tuple(None if pair is None else pair[1] for pair in pairs),
    )


def _reach(period: int, advance: int, pairs: list[Interval | None]) -> Reach:
    """A reach with the shortest period that describes it."""
    for shorter in range(1, period):
        if period % shorter or (advance * shorter) % period:
            continue
        step = advance * shorter // period
        if all(_moved(pairs[p - shorter], step) == pairs[p] for p in range(shorter, period)):
            return Reach(shorter, step, *_columns(pairs[:shorter]))
    return Reach(period, advance, *_columns(pairs))


def _moved(pair: Interval | None, step: int) -> Interval | None:
    return None if pair is None else (pair[0] + step, pair[1] + step)


def sliding(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Window:
    """A convolution or pooling: ``y·S − P``, and ``K`` taps ``D`` apart."""
    taps = tuple(tap * dilation - padding for tap in range(kernel))
    return Window(1, stride, (taps,))


def transposed(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Window:
    """A transposed convolution: the inputs ``x`` with ``x·S − P + D·j = y`` for some ``j < K``.

    >>> transposed(kernel=3, stride=2, padding=1).taps
    ((0,), (1, 0))
    """
    taps = tuple(
        tuple(
            (y + padding - dilation * j) // stride
            for j in range(kernel)
            if (y + padding - dilation * j) % stride == 0
        )
        for y in range(stride)
    )
    return Window(stride, 1, taps)


def shifted(start: int, step: int = 1) -> Window:
    """A slice ``start::step``, or padding by ``-start``."""
    return Window(1, step, ((start,),))
