"""Automatic garbage collection waits while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cnnshape.interrupts import held, let_through

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")


def uncollected(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call ``function`` with automatic collection held off; it is as before afterwards.

    The collector would go through all that a function makes every few hundred objects.

    >>> uncollected(gc.isenabled), gc.isenabled()
    (False, True)
    """
    with held():
        enabled = gc.isenabled()
        gc.disable()
        try:
            return let_through(function, *args, **kwargs)
        finally:
            if enabled:
                gc.enable()
