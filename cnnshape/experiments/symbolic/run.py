"""One recorded pass, with the values that the letters of its input had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnnshape.experiments.symbolic.traced_size import Guard
from cnnshape.tracing.trace import Trace

Letters = Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """A recorded pass, the values that the letters had in it, and the comparisons it made."""

    letters: Letters
    trace: Trace
    guards: tuple[Guard, ...] = ()
