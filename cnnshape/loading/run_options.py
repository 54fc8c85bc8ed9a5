"""Where and how a model is run: what commands and public functions all have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnshape.errors import UsageError
from cnnshape.loading.device import parse_device, require
from cnnshape.loading.dtypes import dtype_kind, parse_dtype

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
    """

    device: str = "auto"
    mode: Mode = "eval"
    dtype: str | None = None
    weights: str | Path | None = None

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
) -> RunOptions:
    """The options that a caller of a public function gives, once they are known to be possible.

    Raises:
        DeviceError: there is no such device, or not on this machine.
        ShapeSyntaxError: there is no such dtype.
        UsageError: the mode is neither, or the dtype is none of floating numbers.

    >>> run_options(device="cpu", dtype="double")
    RunOptions(device='cpu', mode='eval', dtype='float64', weights=None)
    """
    if mode not in ("eval", "train"):
        raise UsageError(f"mode takes 'eval' or 'train', not {mode!r}")
    device = str(device)  # a torch.device will do as well
    require(parse_device(device))
    floating = None if dtype is None else _floating(dtype)
    return RunOptions(device, mode, floating, weights)


def _floating(dtype: str | torch.dtype) -> str:
    text = str(dtype).removeprefix("torch.")
    name = parse_dtype(text)
    if dtype_kind(name) != "float":
        raise UsageError(
            f"--dtype takes a floating dtype for the model, not {text}; give an input its own "
            f"dtype as in -i 1,128:{text}"
        )
    return name
