"""A curve in one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """A block for each value, from the lowest to the highest; of more than fit the means.

    >>> sparkline([0.1, 0.5, 0.9, 1.0], 10), sparkline([3.0, 3.0], 10), sparkline(range(100), 4)
    ('▁▄▇█', '▁▁', '▁▃▆█')
    """
    count = min(len(values), width)
    groups = [
        values[at * len(values) // count : (at + 1) * len(values) // count] for at in range(count)
    ]
    means = [sum(group) / len(group) for group in groups]
    low, high = min(means, default=0.0), max(means, default=0.0)
    steps = len(_LEVELS) - 1
    scale = steps / (high - low) if high > low else 0.0
    return "".join(_LEVELS[round((value - low) * scale)] for value in means)
