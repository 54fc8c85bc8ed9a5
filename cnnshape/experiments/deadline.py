"""When trials have to end: by the processor's clock, which a busy machine does not stretch."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

#: By so much the clock on the wall may run ahead of the processor's; a model that sleeps or waits
#: uses none of that.
_STRETCH = 5.0
#: No trial is stopped by the clock on the wall before so many seconds.
_PATIENCE = 2.0


class TimeIsUpError(Exception):
    """Ends a trial that takes longer than it may."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by this thread's processor time, and one on the wall behind it."""

    processor: float
    wall: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds of work from now on.

        >>> Deadline.after(60).over, Deadline.after(-60).over
        (False, True)
        """
        patience = max(seconds * _STRETCH, _PATIENCE) if seconds >= 0 else seconds
        return cls(time.thread_time() + seconds, time.monotonic() + patience)

    @property
    def over(self) -> bool:
        """Whether one of both has passed."""
        return time.thread_time() > self.processor or time.monotonic() > self.wall

    def at_least(self, seconds: float) -> Deadline:
        """This one, or one after so many seconds if that is later."""
        other = Deadline.after(seconds)
        return Deadline(max(self.processor, other.processor), max(self.wall, other.wall))


@contextlib.contextmanager
def ended_by_alarm(deadline: Deadline) -> Generator[None]:
    """Raise :class:`TimeIsUpError` in a model that hangs without calling torch.

    Whatever is held back from interrupts is done first. Nothing happens outside the main thread. An
    alarm of the user's own goes off where it is the earlier one, and is set again afterwards.
    """
    mine = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    seconds = max(deadline.wall - time.monotonic(), 0.01)
    theirs, interval = signal.getitimer(signal.ITIMER_REAL) if mine else (0.0, 0.0)
    if not mine or 0 < theirs <= seconds:
        yield
        return

    def ring(*_: Any) -> None:
        raise TimeIsUpError

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs:
            left = max(theirs - (time.monotonic() - began), 0.01)
            signal.setitimer(signal.ITIMER_REAL, left, interval)
