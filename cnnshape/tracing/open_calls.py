"""The module calls that have begun and not yet returned, also in threads the forward starts."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import Any

from cnnshape.tracing.trace import Source

#: Seconds that a thread of the forward waits for another one to leave its module.
_PATIENCE = 5.0


@dataclass(slots=True)
class OpenCall:
    """A module call that has begun: its index in the recording, the module's id, its line."""

    index: int
    module: int
    in_forward: bool = False
    source: Source | None = None


class OpenCalls:
    """A stack of open calls per thread, innermost last."""

    def __init__(self) -> None:
        self._home = get_ident()
        self._stacks: dict[int, list[OpenCall]] = {self._home: []}
        self._one_thread = Lock()

    @property
    def here(self) -> list[OpenCall]:
        """The open calls of this thread; those of one that was not joined are the main ones."""
        return self._stacks.get(get_ident(), self._stacks[self._home])

    @property
    def in_new_thread(self) -> bool:
        """Whether this is a thread that the forward started and that is not joined yet."""
        return get_ident() not in self._stacks

    @contextmanager
    def joined(self, mode: AbstractContextManager[Any]) -> Generator[None]:
        """Count this thread's calls below the one that waits for it, with ``mode`` in force here.

        One thread at a time, so that their operations do not mix. A thread that waits for another
        one is let through after a while: a wrong sum is better than a standstill.
        """
        alone = self._one_thread.acquire(timeout=_PATIENCE)
        try:
            self._stacks[get_ident()] = self._stacks[self._home][-1:]
            with mode:
                yield
        finally:
            self._stacks.pop(get_ident(), None)
            if alone:
                self._one_thread.release()
