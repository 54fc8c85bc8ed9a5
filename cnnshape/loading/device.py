"""Reading a device name, and saying in one sentence when the device is not there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from cnnshape.errors import DeviceError
from cnnshape.words import did_you_mean

DeviceKind = Literal["auto", "meta", "cpu", "cuda", "mps"]

_KINDS: tuple[DeviceKind, ...] = ("auto", "meta", "cpu", "cuda", "mps")
_DEVICE = re.compile(r"(?P<kind>[a-z]+)(?::(?P<index>[0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Device:
    """Where to run.

    Attributes:
        kind: ``auto`` leaves the choice to the command.
        index: which of several GPUs; None for the current one.
    """

    kind: DeviceKind
    index: int | None = None

    def __str__(self) -> str:
        """The name torch understands (except ``auto``).

        >>> str(Device("cuda", 1)), str(Device("cpu"))
        ('cuda:1', 'cpu')
        """
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


def parse_device(text: str) -> Device:
    """Read ``auto``, ``meta``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Only the name is read here; :func:`require` asks whether the device exists.

    Raises:
        DeviceError: the name is none of these.

    >>> parse_device("cuda:1")
    Device(kind='cuda', index=1)
    """
    match = _DEVICE.fullmatch(text.strip().lower())
    if match is None or match["kind"] not in _KINDS:
        hint = did_you_mean(text.partition(":")[0], _KINDS)
        raise DeviceError(
            f"unknown device {text!r}{hint}: use auto, meta, cpu, cuda, cuda:N or mps"
        )
    kind = cast("DeviceKind", match["kind"])
    if match["index"] is None:
        return Device(kind)
    if kind != "cuda" and match["index"] != "0":
        raise DeviceError(
            f"there is only one device {kind}; write {kind} instead of {text.strip()}"
        )
    return Device(kind, int(match["index"]) if kind == "cuda" else None)


def require(device: Device) -> Device:
    """``device`` itself if this machine has it; imports torch for a GPU only.

    Raises:
        DeviceError: it has not; the sentence says what it has.

    >>> require(parse_device("cpu"))
    Device(kind='cpu', index=None)
    """
    if device.kind == "cuda":
        _require_cuda(device)
    elif device.kind == "mps":
        import torch

        if not torch.backends.mps.is_available():
            raise DeviceError(
                "there is no mps device on this machine (it needs an Apple GPU and macOS 14 "
                "or later); use --device cpu"
            )
    return device


def _require_cuda(device: Device) -> None:
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        reason = "torch sees no NVIDIA GPU" if built else "this torch is built without CUDA"
        raise DeviceError(f"there is no {device} on this machine: {reason}; use --device cpu")
    count = torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        names = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise DeviceError(f"there is no {device} on this machine: it has {names}")


def choose_for_training(device: Device) -> Device:
    """What ``auto`` means for train, evaluate, predict and features: CUDA, then MPS, then CPU.

    Raises:
        DeviceError: a device was named and is not there.
    """
    if device.kind != "auto":
        return require(device)
    import torch

    if torch.cuda.is_available():
        return Device("cuda")
    return Device("mps") if torch.backends.mps.is_available() else Device("cpu")
