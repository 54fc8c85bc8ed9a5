"""Ctrl-C as a wish: the batch under way is finished and saved before the run stops."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class StopRequest:
    """Whether somebody wants the run to stop.

    Attributes:
        wanted: set by the first Ctrl-C or SIGTERM.
    """

    wanted: bool = False


@contextlib.contextmanager
def listening() -> Generator[StopRequest]:
    """Turn the first Ctrl-C or SIGTERM into a request; a second one interrupts at once.

    But a SIGTERM may come twice, as where a supervisor tells both a process and its launcher,
    which passes it on.

    Outside the main thread signals cannot be listened to, and the request is never set.
    The handlers that stood there before are put back.

    >>> with listening() as stop:
    ...     signal.raise_signal(signal.SIGINT)
    ...     stop.wanted
    True
    """
    request = StopRequest()
    heard: set[int] = set()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, frame: FrameType | None) -> None:
        heard.add(number)
        if request.wanted and signal.SIGINT in heard:
            signal.default_int_handler(number, frame)
        request.wanted = True

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            # None: a handler that was not installed from Python; it cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
