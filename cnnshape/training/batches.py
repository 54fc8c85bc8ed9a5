"""Handing out batches on the device, from one tensor there or through a DataLoader."""

from __future__ import annotations

import math
import os
import signal
import weakref
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cnnshape.training.config import Placement
from cnnshape.training.examples import Examples, ImageSet


class Batch(NamedTuple):
    """Pictures of one step, all three on the training device.

    Attributes:
        indices: which pictures of the data set, int64, N.
        images: uint8, N×C×H×W.
        labels: int64, N.
    """

    indices: Tensor
    images: Tensor
    labels: Tensor


class Batches(Protocol):
    """A source of batches; the two below hand out the same bytes in the same order."""

    def stream(self, chunks: Sequence[Tensor]) -> Iterator[Batch]:
        """One batch per chunk of indices (int64 on the CPU)."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryBatches:
    """Every picture in one tensor on the device; a batch is an ``index_select``."""

    images: Tensor
    labels: Tensor

    @classmethod
    def load(cls, examples: Examples, device: torch.device) -> MemoryBatches:
        """Read every picture and put it on ``device``."""
        if isinstance(examples, ImageSet):
            images = examples.images
        else:
            images = examples.read(torch.arange(len(examples.labels)))
        return cls(images.to(device), examples.labels.to(device))

    def stream(self, chunks: Sequence[Tensor]) -> Iterator[Batch]:
        """One batch per chunk; the indices travel to the device once, not chunk by chunk."""
        if not chunks:
            return
        indices = torch.cat(list(chunks)).to(self.images.device)
        for chosen in indices.split([len(chunk) for chunk in chunks]):
            yield Batch(
                chosen, self.images.index_select(0, chosen), self.labels.index_select(0, chosen)
            )


@dataclass(frozen=True, slots=True)
class LoaderBatches:
    """Pictures that do not fit: read batch by batch, by worker processes where asked.

    No more of them than there are cores: they would only wait for each other.
    """

    examples: Examples
    device: torch.device
    workers: int = 0

    def stream(self, chunks: Sequence[Tensor]) -> Iterator[Batch]:
        """One batch per chunk, in order."""
        loader: DataLoader[Any] = DataLoader(
            _WholeBatches(self.examples),
            batch_sampler=[chunk.tolist() for chunk in chunks],
            collate_fn=cast("Any", _unchanged),
            num_workers=min(self.workers, os.cpu_count() or 1),
            worker_init_fn=_leave_signals,
            pin_memory=self.device.type == "cuda",
        )
        with _signals_held():
            batches = iter(loader)
        _end_with_the_process(batches)
        for batch in cast("Iterator[Batch]", batches):
            yield Batch(*(tensor.to(self.device, non_blocking=True) for tensor in batch))


class _WholeBatches(Dataset[Any]):
    """Lets a DataLoader fetch a batch in one call instead of picture by picture."""

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples.labels)

    def __getitems__(self, indices: list[int]) -> Batch:
        chosen = torch.tensor(indices, dtype=torch.int64)
        return Batch(chosen, self.examples.read(chosen), self.examples.labels[chosen])


@contextmanager
def _signals_held() -> Generator[None]:
    """Keep Ctrl-C for after: a process forked here has it held until it leaves signals alone."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_signals(_worker: int) -> None:
    """Ctrl-C reaches every process of a terminal, but the run decides when its workers end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _end_with_the_process(batches: Any) -> None:
    """Workers that leave SIGTERM alone would otherwise be waited for in vain.

    Their iterator ends them where it is collected, but a traceback may keep it until the process
    ends, and there the standard library sends SIGTERM and waits.
    """
    alive = weakref.ref(batches)

    def end() -> None:
        kept: Any = alive()
        if hasattr(kept, "_shutdown_workers"):  # where there are workers
            kept._shutdown_workers()  # noqa: SLF001 - nothing public ends them

    weakref.finalize(batches, end)


def _unchanged(batch: Batch) -> Batch:
    return batch


def place(
    examples: Examples, device: torch.device, placement: Placement, workers: int = 0
) -> tuple[Batches, str]:
    """A source of batches, and in one line where the pictures are."""
    size = picture_bytes(examples)
    room = free_memory(device)
    fits = size <= room // 2
    if placement == "memory" or (placement == "auto" and fits):
        where = "memory" if device.type == "cpu" else f"{device.type} memory"
        return MemoryBatches.load(examples, device), f"{_mib(size)} of pictures in {where}"
    why = "" if fits else f", as {_mib(size)} do not fit into half of the free {_mib(room)}"
    return LoaderBatches(examples, device, workers), f"pictures read batch by batch{why}"


MOST_AT_ONCE = 1024
"""Pictures per forward pass without gradients at most."""

_NUMBERS = 3_200_000
"""Numbers in them; what a network makes of them inside takes many times as much."""

_FEWEST_AT_ONCE = 16


def at_once(shape: tuple[int, int, int]) -> int:
    """How many pictures of that shape a network without gradients is given at once.

    >>> at_once((1, 28, 28)), at_once((3, 224, 224))
    (1024, 21)
    """
    return min(MOST_AT_ONCE, max(_FEWEST_AT_ONCE, _NUMBERS // math.prod(shape)))


def picture_bytes(examples: Examples) -> int:
    """What every picture takes as bytes."""
    channels, height, width = examples.shape
    return len(examples.labels) * channels * height * width


def free_memory(device: torch.device) -> int:
    """Bytes free on ``device``; where the system does not tell, four gibibytes are assumed."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows; macOS lacks the first name
        return 4 * 1024**3


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"
