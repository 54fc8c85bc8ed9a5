"""A name that the processes of one attempt agree on, and that no earlier attempt has used.

``torchrun`` keeps one store over all its restarts. Addresses that a killed attempt has
written there are still found by the next one, which then connects to nobody and waits.
So each attempt works under a name of its own: the main process draws one, and the others
prove that they are alive before they get it.
"""

from __future__ import annotations

import time
import uuid
from typing import Protocol

from cnnshape.errors import UsageError

_KEY = "cnnshape/join"
_POLL = 0.02


class Store(Protocol):
    """What is needed of ``torch.distributed.Store``."""

    def set(self, key: str, value: str) -> None:
        """Write a value."""

    def get(self, key: str) -> bytes:
        """Read a value that is there."""
        ...

    def check(self, keys: list[str]) -> bool:
        """Whether all keys have a value."""
        ...


def agree(store: Store, rank: int, world: int, timeout: float = 600.0) -> str:
    """The attempt's name, the same in every living process of it.

    Args:
        store: shared by all processes; may hold keys of earlier attempts.
        rank: this process's number.
        world: how many processes there are.
        timeout: seconds to wait for the others.

    Raises:
        UsageError: some process has not come in time.
    """
    deadline = time.monotonic() + timeout
    if rank > 0:
        return _join(store, rank, deadline)
    name = uuid.uuid4().hex
    waiting, offered = set(range(1, world)), set[str]()
    while waiting:
        for other in sorted(waiting):
            if store.check([f"{_KEY}/{other}"]):
                # Perhaps the token of a dead process: it never answers, and the living one
                # of that number will write its own over it.
                token = store.get(f"{_KEY}/{other}").decode()
                if token not in offered:
                    store.set(f"{_KEY}/offer/{token}", name)
                    offered.add(token)
            if store.check([f"{_KEY}/reply/{name}/{other}"]):
                waiting.discard(other)
        _pause(deadline, f"{len(waiting)} of {world} processes have not come")
    return name


def _join(store: Store, rank: int, deadline: float) -> str:
    token = uuid.uuid4().hex
    store.set(f"{_KEY}/{rank}", token)
    while not store.check([f"{_KEY}/offer/{token}"]):
        _pause(deadline, "the first process of this run has not come")
    name = store.get(f"{_KEY}/offer/{token}").decode()
    store.set(f"{_KEY}/reply/{name}/{rank}", token)
    return name


def _pause(deadline: float, missing: str) -> None:
    if time.monotonic() > deadline:
        raise UsageError(f"{missing} within the time allowed: is every machine started?")
    time.sleep(_POLL)
