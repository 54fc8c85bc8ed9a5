"""The inverse of a rule: which inputs give a certain output, as exact intervals.

Every rule grows with its input, or stays: so the inputs that give one output lie side by side,
and their two ends are found by bisection, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnshape.formulas.registry import axis_rule, canonical

#: Inputs beyond this are taken for "any larger input".
ENDLESS = 1 << 40


@dataclass(frozen=True)
class Interval:
    """The sizes from ``start`` to ``stop``, both included; ``stop`` is None where none is last."""

    start: int
    stop: int | None

    def __contains__(self, size: int) -> bool:
        return self.start <= size and (self.stop is None or size <= self.stop)

    def __str__(self) -> str:
        if self.stop is None:
            return f"{self.start}…"
        return str(self.start) if self.start == self.stop else f"{self.start}…{self.stop}"


def inputs_giving(kind: str, output: int, /, **arguments: Any) -> tuple[Interval, ...]:
    """The inputs for which a layer gives ``output`` along one axis; empty if none does.

    Arguments are named as for :func:`cnnshape.formulas.axis_size`.

    >>> inputs_giving("conv", 14, kernel_size=3, stride=2, padding=1)
    (Interval(start=27, stop=28),)
    >>> inputs_giving("conv_transpose", 5, kernel_size=2, stride=2)
    ()
    """
    rule, defaults = axis_rule(canonical(kind), **arguments)
    values = {**defaults, **arguments}
    rest = tuple(values[name] for name in tuple(rule.names.values())[1:])

    def size(n: int) -> int:
        return rule.function(n, *rest)

    def valid(n: int) -> bool:
        return rule.broken(n, *rest) is None

    if rule.kind == "pixel_unshuffle":
        exact = output * int(rest[0])
        return (Interval(exact, exact),) if rest[0] >= 1 and valid(exact) else ()
    # A wider input never breaks a condition that a narrower one keeps.
    first = _first(lambda n: valid(n) and size(n) >= output)
    if first is None or size(first) != output:
        return ()
    beyond = _first(lambda n: valid(n) and size(n) > output)
    return (Interval(first, None if beyond is None else beyond - 1),)


def _first(holds: Callable[[int], bool]) -> int | None:
    """The smallest n ≥ 0 for which a condition holds that, once true, stays true."""
    high = 1
    while not holds(high):
        if high > ENDLESS:
            return None
        high *= 2
    low = 0
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
