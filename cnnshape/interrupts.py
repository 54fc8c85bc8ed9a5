"""Ctrl-C waits while something is changed that has to be put back, and comes afterwards.

Python raises ``KeyboardInterrupt`` between any two steps, also halfway through a ``finally``. Where
a model or the process is changed for a while, the whole block is therefore :class:`held`, and only
what may take long and changes nothing itself is run by :func:`let_through`::

    with held():
        change()
        try:
            let_through(model, x)
        finally:
            put_back()

The same goes for SIGTERM and alarms where the user answers them with a function. Signals reach
the main thread alone: in any other both do nothing.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from inspect import currentframe
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

R = TypeVar("R")

#: SIGINT is the last to be put back: until then nothing may come in between.
_NAMES = ("SIGALRM", "SIGTERM", "SIGINT")


class held:  # noqa: N801 - used like a function: `with held():`
    """Note the signals that arrive inside the block, and answer them when it is left.

    The handlers are then those from before, whatever ran inside. A signal that the user ignores,
    that ends the process at once, or that C code answers, is left alone.

    >>> try:
    ...     with held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         print("to the end")
    ... except KeyboardInterrupt:
    ...     print("and then Ctrl-C")
    to the end
    and then Ctrl-C
    """

    def __init__(self) -> None:
        self._users: dict[int, Any] = {}
        self._noted: list[int] = []
        self.passing = False

    def __enter__(self) -> Self:
        if _in_main_thread():
            found = {number: signal.getsignal(number) for number in _numbers()}
            self._users = {n: handler for n, handler in found.items() if callable(handler)}
        try:
            self.take_over()
        except BaseException:  # an alarm went off before its turn
            self._put_back()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.passing = False
        try:
            self._put_back()
        finally:
            self._put_back()  # once more, had an alarm gone off meanwhile
        self.answer()

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Stand for the user's handler: it is asked now, or later."""
        if not self.passing:
            self._noted += [number] if number not in self._noted else []
            return
        # Whatever it raises finds everything held again while it travels outwards.
        self.passing = False
        self._ask(number, frame)
        self.passing = True

    def answer(self) -> None:
        """Hand on what was noted."""
        if self._noted:
            number = self._noted.pop(0)
            try:
                self._ask(number, currentframe())
            finally:
                self.answer()

    def take_over(self) -> None:
        """Hear the signals, whoever else had begun to."""
        # Ctrl-C first: from then on it is noted.
        for number in reversed(self._users):
            if callable(self._users[number]) and signal.getsignal(number) is not self:
                signal.signal(number, self)

    def _put_back(self) -> None:
        for number, handler in self._users.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        """Call the user's handler, which may appoint another one ("the next Ctrl-C kills")."""
        before = signal.getsignal(number)
        try:
            self._users[number](number, frame)
        finally:
            now = signal.getsignal(number)
            if now is not before and now is not None:
                self._users[number] = now


def let_through(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``function`` with signals answered at once, those noted so far included.

    Inside a block that is :class:`held`; elsewhere it is an ordinary call.

    >>> try:
    ...     with held():
    ...         let_through(signal.raise_signal, signal.SIGINT)
    ...         print("to the end")
    ... except KeyboardInterrupt:
    ...     print("Ctrl-C at once")
    Ctrl-C at once
    """
    hold = _innermost()
    if hold is None:
        return function(*args, **kwargs)
    try:
        try:
            hold.passing = True
            hold.answer()
            return function(*args, **kwargs)
        finally:
            # An interrupt at this very line has set it as well, and leaves through the outer one.
            hold.passing = False
    finally:
        hold.take_over()


def _innermost() -> held | None:
    """The block that this thread is in, if it is held."""
    handlers = [signal.getsignal(number) for number in _numbers()] if _in_main_thread() else []
    return next((handler for handler in handlers if isinstance(handler, held)), None)


def _numbers() -> list[int]:
    """The signals that this system has."""
    return [int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)]


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
