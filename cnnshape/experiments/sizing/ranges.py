"""A set of sizes said shortly: ``28…31``, ``≥ 32``, ``multiples of 16``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import gcd

#: Sets in more pieces than this are described by their remainders, if those repeat.
_MANY = 4
_LARGEST_PERIOD = 128


@dataclass(frozen=True, slots=True)
class SizeSet:
    """The sizes of one letter that are accepted, within what was tested.

    Every size in one of ``ranges`` (both ends included) that is a multiple of ``multiple_of``
    and, where ``remainders`` is not empty, leaves one of them when divided by ``period``.
    """

    ranges: tuple[tuple[int, int], ...]
    multiple_of: int = 1
    period: int = 1
    remainders: tuple[int, ...] = ()

    def __contains__(self, size: int) -> bool:
        return (
            any(low <= size <= high for low, high in self.ranges)
            and size % self.multiple_of == 0
            and (not self.remainders or size % self.period in self.remainders)
        )


def describe(sizes: Collection[int], low: int, high: int) -> SizeSet:
    """The shortest description of a set of sizes between ``low`` and ``high``.

    >>> describe([28, 29, 30, 31], 1, 256)
    SizeSet(ranges=((28, 31),), multiple_of=1, period=1, remainders=())
    >>> describe(range(16, 257, 16), 1, 256)
    SizeSet(ranges=((16, 256),), multiple_of=16, period=1, remainders=())
    >>> describe([n for n in range(1, 257) if n % 8 in (1, 2)], 1, 256).remainders
    (1, 2)
    """
    ordered = sorted(sizes)
    if not ordered:
        return SizeSet(())
    common = gcd(*ordered)
    if common > 1 and len(ordered) > 1:
        steps = _runs([n // common for n in ordered])
        if len(steps) <= _MANY and len(steps) < len(ordered):
            return SizeSet(tuple((a * common, b * common) for a, b in steps), common)
    runs = _runs(ordered)
    if len(runs) > _MANY:
        periodic = _periodic(ordered, low, high)
        if periodic is not None:
            return periodic
    return SizeSet(tuple(runs))


def _runs(ordered: list[int]) -> list[tuple[int, int]]:
    """Maximal runs of neighbouring numbers."""
    runs: list[tuple[int, int]] = []
    for n in ordered:
        if runs and n == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], n)
        else:
            runs.append((n, n))
    return runs


def _periodic(ordered: list[int], low: int, high: int) -> SizeSet | None:
    """The set as remainders that repeat from its first member on."""
    accepted = set(ordered)
    first, last = ordered[0], high
    for period in range(2, min(_LARGEST_PERIOD, (last - first + 1) // 2) + 1):
        remainders = {n % period for n in range(first, first + period) if n in accepted}
        if all((n in accepted) == (n % period in remainders) for n in range(first, last + 1)):
            start = low if all(n % period not in remainders for n in range(low, first)) else first
            return SizeSet(((start, last),), 1, period, tuple(sorted(remainders)))
    return None
