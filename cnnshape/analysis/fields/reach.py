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
    """

    period: int
    advance: int
    low: tuple[int | None, ...]
    high: tuple[int | None, ...]

    def interval(self, position: int) -> Interval | None:
        """First and last input pixel of one position, unclipped.

        >>> PIXELS.through(sliding(kernel=5, stride=2, padding=2)).interval(3)
        (4, 8)
        """
        turns, phase = divmod(position, self.period)
        low, high = self.low[phase], self.high[phase]
        if low is None or high is None:
            return None
        return low + turns * self.advance, high + turns * self.advance

    @property
    def stride(self) -> int | None:
        """Pixels between neighbouring positions; None where that is no whole number."""
        return self.advance // self.period if self.advance % self.period == 0 else None

    def through(self, window: Window) -> Reach | None:
        """The intervals behind a layer; None if they have too many phases to follow.

        >>> PIXELS.through(sliding(kernel=3)).through(sliding(kernel=3)).interval(0)
        (0, 4)
        """
        turns = self.period // gcd(self.period, window.advance)
        period = window.period * turns
        if period > _MOST_PHASES:
            return None
        advance = window.advance * turns // self.period * self.advance
        pairs: list[Interval | None] = []
        for position in range(period):
            turn, phase = divmod(position, window.period)
            shift = turn * window.advance
            taps = window.taps[phase]
            if self.period == 1 and taps and self.advance >= 0:
                taps = (min(taps), max(taps))
            pairs.append(hull(self.interval(tap + shift) for tap in taps))
        return _reach(period, advance, pairs)

    def through_inside(self, window: Window, before: int, after: int) -> Reach:
        """The intervals behind a layer where positions outside ``0…before − 1`` are padding.

        The result is a plain list of the ``after`` positions; nothing outside it may be asked for.
        """
        pairs: list[Interval | None] = []
        for position in range(after):
            turn, phase = divmod(position, window.period)
            taps = (tap + turn * window.advance for tap in window.taps[phase])
            pairs.append(hull(self.interval(tap) for tap in taps if 0 <= tap < before))
        return Reach(max(after, 1), 0, *_columns(pairs or [None]))

    def union(self, other: Reach, size: int) -> Reach:
        """Both together, as where a skip connection is added to its branch.

        Where the two advance at different rates (a branch resized by an odd factor) only the
        ``size`` positions that exist are exact.
        """
        if self == other:
            return self
        period = lcm(self.period, other.period)
        if self.advance * other.period == other.advance * self.period and period <= _MOST_PHASES:
            advance = self.advance * (period // self.period)
        else:
            period = max(size, 1)
            advance = self.advance * period // self.period
        pairs = [hull((self.interval(p), other.interval(p))) for p in range(period)]
        return _reach(period, advance, pairs)


#: The input itself: every position depends on its own pixel.
PIXELS = Reach(1, 1, (0,), (0,))


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
