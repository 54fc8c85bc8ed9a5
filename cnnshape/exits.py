"""The user's code cannot end the process: ``os._exit`` becomes an error that says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

#: What ends this program without a word: nothing after it runs, and its status may be 0.
_NAMES = ("_exit", "execv", "execve")


class ProcessExitError(RuntimeError):
    """The user's code tried to end the process."""


@contextmanager
def exits_refused() -> Generator[None]:
    """Inside the block ``os._exit`` and ``os.exec…`` raise; processes forked there may end.

    >>> with exits_refused():
    ...     os._exit(0)
    Traceback (most recent call last):
    cnnshape.exits.ProcessExitError: os._exit(0) would end the whole program
    """
    before = {name: getattr(os, name) for name in _NAMES}
    for name, real in before.items():
        setattr(os, name, _refusing(name, real))
    try:
        yield
    finally:
        for name, real in before.items():
            setattr(os, name, real)


def _refusing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    here = os.getpid()

    def refuse(*args: Any) -> Any:
        if os.getpid() != here:
            return real(*args)
        told = ", ".join(map(repr, args[:1]))
        raise ProcessExitError(f"os.{name}({told}) would end the whole program")

    return refuse
