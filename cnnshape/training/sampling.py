"""Which picture is used when: orders and splits as pure functions of the seed.

Nothing here keeps a generator between calls, so that an interrupted run, or one spread
over several processes, sees the very pictures that an undisturbed single process sees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def generator(seed: int, purpose: str, epoch: int = 0) -> torch.Generator:
    """A CPU generator of its own for one purpose in one epoch.

    >>> a, b = (torch.rand(2, generator=generator(0, "order", 3)) for _ in range(2))
    >>> bool((a == b).all())
    True
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{epoch}".encode(), digest_size=8).digest()
    # manual_seed takes a signed 64-bit number; 63 bits are plenty.
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)


def epoch_batches(
    indices: Tensor, size: int, seed: int, epoch: int, least: int = 1
) -> list[Tensor]:
    """The batches of one epoch: every index once, in an order drawn from ``seed`` and ``epoch``.

    The last batch holds what is left; if that is fewer than ``least``, the last two are one.

    >>> [len(batch) for batch in epoch_batches(torch.arange(10), 4, seed=0, epoch=1)]
    [4, 4, 2]
    >>> [len(batch) for batch in epoch_batches(torch.arange(9), 4, seed=0, epoch=1, least=2)]
    [4, 5]
    """
    order = torch.randperm(len(indices), generator=generator(seed, "order", epoch))
    batches = list(indices[order].split(size))
    if len(batches) > 1 and len(batches[-1]) < least:
        *batches, before, rest = batches
        batches.append(torch.cat([before, rest]))
    return batches


def every_fifth(labels: Tensor) -> tuple[Tensor, Tensor]:
    """A fixed split for data that come without one: indices for training, and for testing.

    The pictures are sorted by class and every fifth is a test picture, so each class is
    in both parts as evenly as its size allows, on every machine and for every seed.

    >>> train, test = every_fifth(torch.tensor([0, 1] * 10))
    >>> len(train), test.tolist()
    (16, [0, 10, 1, 11])
    """
    order = torch.sort(labels, stable=True).indices
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[::5] = True
    return order[~chosen].sort().values, order[chosen]


def split_validation(labels: Tensor, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Indices that stay for training, and those kept aside to choose the best epoch.

    Drawn at random from each class in proportion to its size.

    >>> train, validation = split_validation(torch.tensor([0] * 50 + [1] * 50), 0.1, seed=0)
    >>> len(train), (validation < 50).sum().item(), (validation >= 50).sum().item()
    (90, 5, 5)
    """
    count = len(labels)
    kept = min(round(count * fraction), count - 1)
    if fraction == 0 or kept < 1:
        return torch.arange(count), torch.empty(0, dtype=torch.int64)
    shuffled = torch.randperm(count, generator=generator(seed, "validation"))
    by_class = shuffled[torch.sort(labels[shuffled], stable=True).indices]
    # Evenly spaced positions of the sorted row hit each class in proportion.
    positions = torch.arange(kept) * count // kept
    chosen = torch.zeros(count, dtype=torch.bool)
    chosen[by_class[positions]] = True
    every = torch.arange(count)
    return every[~chosen], every[chosen]


def share(batches: Sequence[Tensor], rank: int, world: int) -> list[Tensor]:
    """What process ``rank`` of ``world`` computes of each batch: a slice, possibly empty.

    >>> [b.tolist() for b in share([torch.arange(5), torch.arange(1)], rank=1, world=2)]
    [[3, 4], []]
    """
    return [batch.tensor_split(world)[rank] for batch in batches]
