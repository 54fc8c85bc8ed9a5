"""Agreeing on a name in a store that remembers earlier attempts."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch.distributed as dist

from cnnshape.errors import UsageError
from cnnshape.training.rendezvous import agree

pytestmark = pytest.mark.skipif(not dist.is_available(), reason="torch without distributed")


def attempt(store, world: int, late: int | None = None) -> set[str]:
    """One attempt of ``world`` processes, as threads; ``late`` joins after the others."""

    def member(rank: int) -> str:
        if rank == late:
            threading.Event().wait(0.15)
        return agree(store, rank, world, timeout=20)

    with ThreadPoolExecutor(world) as pool:
        return set(pool.map(member, range(world)))


@pytest.mark.parametrize("world", [1, 2, 5])
def test_everybody_gets_one_name_and_each_attempt_another(world: int) -> None:
    store = dist.HashStore()
    names = [attempt(store, world) for _ in range(4)]
    assert all(len(name) == 1 for name in names)
    assert len(set.union(*names)) == 4


@pytest.mark.parametrize("late", [0, 1, 2])
def test_tokens_of_a_killed_attempt_are_not_believed(late: int) -> None:
    store = dist.HashStore()
    # Two processes had joined, then all were killed.
    for rank in (1, 2):
        store.set(f"cnnshape/join/{rank}", "dead")
    store.set("cnnshape/join/offer/dead", "old")
    assert attempt(store, 3, late).isdisjoint({"old", "dead"})


def test_somebody_who_never_comes() -> None:
    with pytest.raises(UsageError, match="1 of 2 processes have not come within the time allowed"):
        agree(dist.HashStore(), 0, 2, timeout=0.1)
    with pytest.raises(UsageError, match="the first process of this run has not come"):
        agree(dist.HashStore(), 1, 2, timeout=0.1)
