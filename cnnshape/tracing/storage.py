"""The identity of a tensor's memory, which views and ``tensor.data`` share with their tensor."""

from __future__ import annotations

import torch


def storage_of(tensor: torch.Tensor) -> int | None:
    """A number that two living tensors share if they share memory; None if there is no one memory.

    >>> x = torch.zeros(2, 3)
    >>> storage_of(x) == storage_of(x.view(6)), storage_of(x) == storage_of(x.clone())
    (True, False)
    """
    try:
        return tensor.untyped_storage()._cdata  # noqa: SLF001 - torch has no public name for it
    except (RuntimeError, ValueError):  # sparse, nested and uninitialised tensors have none
        return None
