"""One run spread over several processes, or the only process pretending to be one of one.

Every process holds the whole data set and computes its slice of each batch; gradients are
averaged by DistributedDataParallel, counts are summed here. Nothing is padded, so each
picture counts exactly once.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cnnshape.errors import CnnshapeError, UsageError
from cnnshape.training.devices import choose_device

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process's place among those that train together.

    Attributes:
        rank: its number.
        world: how many there are.
        device: where it computes.
        restarted: whether an elastic launcher started it again after a failure.
    """

    rank: int
    world: int
    device: torch.device
    restarted: bool = False

    @property
    def main(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes; ``tensor`` itself is left as it is."""
        if self.world == 1:
            return tensor
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    def max(self, value: int) -> int:
        """The largest ``value`` of all processes."""
        if self.world == 1:
            return value
        largest = torch.tensor(value, device=self.device)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return int(largest.item())

    def from_main(self, value: Value) -> Value:
        """The main process's ``value``, a plain Python object, in every process."""
        if self.world == 1:
            return value
        box: list[Value] = [value]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def on_main(self, compute: Callable[[], Value]) -> Value:
        """What ``compute`` returns in the main process, in every process.

        Raises:
            CnnshapeError: what it raised there, in every process: none waits for a value
                that never comes.
        """
        value: Value | None = None
        error: CnnshapeError | None = None
        if self.main:
            try:
                value = compute()
            except CnnshapeError as raised:
                error = raised
        value, error = self.from_main((value, error))
        if error is not None:
            raise error
        return cast("Value", value)

    def gather(self, value: Value) -> list[Value]:
        """Every process's ``value``, by rank, in every process."""
        if self.world == 1:
            return [value]
        box: list[Value | None] = [None] * self.world
        dist.all_gather_object(box, value)
        return [item for item in box if item is not None]

    def same_buffers(self, model: nn.Module) -> None:
        """Give every process the main process's running statistics, which are those that are kept.

        Each has seen its own slices of the batches.
        """
        if self.world > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def wait(self) -> None:
        """Go on once every process has come here."""
        if self.world > 1:
            dist.barrier()


@contextlib.contextmanager
def joined(device: str) -> Generator[Processes]:
    """Join the process group that the environment describes; leave it afterwards.

    ``torchrun`` and ``cnnshape train --nproc`` set RANK, WORLD_SIZE and LOCAL_RANK; where
    they are not set this process trains alone. The backend is nccl on CUDA, gloo elsewhere.

    Raises:
        DeviceError: the device is not there, or cannot be shared.
        UsageError: the processes cannot reach each other.
    """
    world = _from_environment("WORLD_SIZE", 1)
    if world == 1:
        restarted = _from_environment("TORCHELASTIC_RESTART_COUNT", 0) > 0
        yield Processes(0, 1, choose_device(device), restarted)
        return
    rank = _from_environment("RANK", 0)
    local_rank = _from_environment("LOCAL_RANK", rank)
    chosen = choose_device(device, local_rank, _from_environment("LOCAL_WORLD_SIZE", world))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    _connect(rank, world, chosen)
    restarted = _from_environment("TORCHELASTIC_RESTART_COUNT", 0) > 0
    try:
        yield Processes(rank, world, chosen, restarted)
    except RuntimeError as error:
        if _lost_peer(error):
            raise CnnshapeError(
                "another process of this run has ended, so this one stops too; "
                "the run continues from its last checkpoint with --resume"
            ) from error
        raise
    finally:
        dist.destroy_process_group()


def _connect(rank: int, world: int, device: torch.device) -> None:
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        if "TORCHELASTIC_RUN_ID" in os.environ:
            shared = next(dist.rendezvous("env://", rank, world))[0]
            own = dist.PrefixStore(agree(cast("Store", shared), rank, world), shared)
            dist.init_process_group(backend, store=own, rank=rank, world_size=world)
        else:
            dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        address = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
        if "EADDRINUSE" in str(error) or "address already in use" in str(error).lower():
            raise UsageError(
                f"the port of {address} is in use by another program: choose another "
                "(torchrun --master-port 29501 …), or use cnnshape train --nproc, which finds one"
            ) from error
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"the {world} processes of this run cannot reach each other at {address}: {first}"
        ) from error


def _lost_peer(error: RuntimeError) -> bool:
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return "gloo" in text or "connection closed by peer" in text or "connection reset" in text


def _from_environment(name: str, default: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"the environment variable {name} is {text!r}, not a number") from None


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
