"""Where and how a model is run: what commands and public functions all have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from cnnshape.errors import DeviceError, UsageError
from cnnshape.loading.dtypes import dtype_kind, parse_dtype
from cnnshape.messages import say
from cnnshape.words import did_you_mean

if TYPE_CHECKING:
    import torch

Mode = Literal["eval", "train"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Where and how a model is run; :func:`run_options` reads and checks what a caller gives.

    Attributes:
        device: ``auto``, ``meta``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        mode: ``eval`` or ``train``, for every module.
        dtype: the canonical name of a floating dtype; None for the model's own.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
        exact: on meta every function of torch runs, also where the table of operations tells the
            size of its result.
    """

    device: str = "auto"
    mode: Mode = "eval"
    dtype: str | None = None
    weights: str | Path | None = None
    trust_pickle: bool = False
    exact: bool = False

    @property
    def real(self) -> bool:
        """Whether a device was named: it then holds the whole model, however large."""
        return self.device not in ("auto", "meta")


def run_options(
    *,
    device: str | torch.device = "auto",
    mode: str = "eval",
    dtype: str | torch.dtype | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
    exact: bool = False,
) -> RunOptions:
    """The options that a caller of a public function gives, once they are known to be possible.

    Raises:
        DeviceError: there is no such device, or not on this machine.
        ShapeSyntaxError: there is no such dtype.
        UsageError: the mode is neither, or the dtype is none of floating numbers.

    >>> run_options(device="cpu", dtype="double")
    RunOptions(device='cpu', mode='eval', dtype='float64', weights=None, trust_pickle=False, \
exact=False)
    """
    if mode not in ("eval", "train"):
        raise UsageError(say("mode takes 'eval' or 'train', not {mode!r}", mode=mode))
    device = str(device)  # a torch.device will do as well
    require(parse_device(device))
    floating = None if dtype is None else _floating(dtype)
    return RunOptions(device, mode, floating, weights, trust_pickle, exact)


def _floating(dtype: str | torch.dtype) -> str:
    text = str(dtype).removeprefix("torch.")
    name = parse_dtype(text)
    if dtype_kind(name) != "float":
        raise UsageError(
            say(
                "--dtype takes a floating dtype for the model, not {text}; give an input its "
                "own dtype as in -i 1,128:{text}",
                text=text,
            )
        )
    return name


# ---- devices ----------------------------------------------------------------------------

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
            say(
                "unknown device {device!r}{hint}: use auto, meta, cpu, cuda, cuda:N or mps",
                device=text,
                hint=hint,
            )
        )
    kind = cast("DeviceKind", match["kind"])
    if match["index"] is None:
        return Device(kind)
    if kind != "cuda" and match["index"] != "0":
        raise DeviceError(
            say(
                "there is only one device {kind}; write {kind} instead of {text}",
                kind=kind,
                text=text.strip(),
            )
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
                say(
                    "there is no mps device on this machine (it needs an Apple GPU and macOS 14 or "
                    "later); use --device cpu"
                )
            )
    return device


def _require_cuda(device: Device) -> None:
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        reason = (
            say("torch sees no NVIDIA GPU") if built else say("this torch is built without CUDA")
        )
        raise DeviceError(
            say(
                "there is no {device} on this machine: {reason}; use --device cpu",
                device=device,
                reason=reason,
            )
        )
    count = torch.cuda.device_count()
    if device.index is not None and device.index >= count:
        names = "cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise DeviceError(
            say("there is no {device} on this machine: it has {names}", device=device, names=names)
        )
