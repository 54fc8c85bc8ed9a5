"""A network with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

_Change = Callable[[torch.Tensor], torch.Tensor]


def as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    """No change."""
    return tensor


@dataclass(frozen=True)
class Broken:
    """A broken network.

    Attributes:
        where: what is broken: a ``layer`` in one place, a ``line`` of a class, the ``input``.
        kind: which sort of break it is; the figures are given by kind.
        words: the break itself.
        model: the network; the working one is left alone.
        given: what becomes of a batch of pictures before the network gets it.
        left: what is left of the output of the working network, where the batch is lost.
    """

    where: str
    kind: str
    words: str
    model: nn.Module
    given: _Change = as_it_is
    left: _Change = as_it_is
