"""``--device`` for training: which one, and a clear sentence when it is not there."""

from __future__ import annotations

from typing import cast

import torch

from cnnshape.errors import DeviceError
from cnnshape.words import plural


def choose_device(name: str, local_rank: int = 0, processes: int = 1) -> torch.device:
    """The device that ``name`` means here; ``auto`` is CUDA, then MPS, then the CPU.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        local_rank: this process's number on this machine; it takes the GPU of that number.
        processes: how many processes train together on this machine.

    Raises:
        DeviceError: the device does not exist, or is not there.

    >>> choose_device("cpu")
    device(type='cpu')
    """
    if name == "auto":
        name = _best(processes)
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(
            f"unknown device {name!r}: choose from auto, cpu, cuda, cuda:N, mps"
        ) from None
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("there is no MPS device on this machine; use --device cpu")
        if processes > 1:
            raise DeviceError("MPS cannot be shared by several processes; use --device cpu")
        return device
    if device.type == "cuda":
        return _cuda(device, local_rank, processes)
    raise DeviceError(f"cannot train on {name!r}: choose from auto, cpu, cuda, cuda:N, mps")


def _best(processes: int) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() and processes == 1 else "cpu"


def _cuda(device: torch.device, local_rank: int, processes: int) -> torch.device:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        reason = (
            "this torch was built without CUDA"
            if torch.version.cuda is None
            else "no GPU is visible to torch"
        )
        raise DeviceError(f"there is no CUDA device here ({reason}); use --device cpu")
    # torch's stubs forget that the index of a plain "cuda" is None.
    wanted = cast("int | None", device.index)
    if processes > 1:
        if wanted is not None:
            raise DeviceError(
                f"several processes cannot share {device}: write --device cuda, "
                "and each takes a GPU of its own"
            )
        if processes > count:
            raise DeviceError(
                f"{processes} processes need a GPU each, and there are {count}: "
                f"use --nproc {count} or --device cpu"
            )
        return torch.device("cuda", local_rank)
    index = 0 if wanted is None else wanted
    if index >= count:
        last = f"cuda:0 to cuda:{count - 1}" if count > 1 else "only cuda:0"
        raise DeviceError(f"there is no {device} on this machine, {last}")
    return torch.device("cuda", index)


def describe_device(device: torch.device) -> str:
    """``cpu (2 threads)`` or ``cuda:0 (name of the GPU)``."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({plural(threads, 'thread')})"
    return device.type
