"""Learning rates as a pure function of the step, so that resuming needs no scheduler's state."""

from __future__ import annotations

import math

from cnnshape.training.config import Schedule

_FLOOR = 1e-3
"""Part of the highest rate that the falling schedules end at."""


def learning_rate(
    step: int, total: int, *, schedule: Schedule, peak: float, warmup: float = 0.0
) -> float:
    """The learning rate of step ``step`` (from 0) of ``total``.

    During the first ``warmup`` part of the run the rate rises linearly to ``peak``; after
    that ``constant`` stays there, ``linear`` and ``cosine`` fall to a thousandth of it
    (cosine: Loshchilov and Hutter, "SGDR", 2017, without restarts), ``step`` divides by
    ten at one half and at three quarters of what is left. ``onecycle`` is the cosine with
    a warm-up of at least 30 % (Smith, "Super-Convergence", 2018).

    >>> [round(learning_rate(s, 4, schedule="linear", peak=1.0), 3) for s in (0, 1, 3)]
    [1.0, 0.75, 0.251]
    >>> [learning_rate(s, 10, schedule="step", peak=1.0) for s in (0, 4, 5, 8)]
    [1.0, 1.0, 0.1, 0.01]
    """
    if schedule == "onecycle":
        warmup = max(warmup, 0.3)
    rising = math.ceil(warmup * total)
    if step < rising:
        return peak * (step + 1) / rising
    done = (step - rising) / max(1, total - rising)
    if schedule == "constant":
        return peak
    if schedule == "step":
        return peak * (1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
    left = 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    return peak * (_FLOOR + (1 - _FLOOR) * left)
