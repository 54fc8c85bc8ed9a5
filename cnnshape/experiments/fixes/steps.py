"""What is done to one tensor: every :class:`~cnnshape.analysis.diagnose.edits.Step` by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from cnnshape.analysis.diagnose.edits import Step

#: Methods of a tensor that a step may name; anything else has a function below.
_METHODS = frozenset(
    "unsqueeze squeeze flatten reshape permute transpose expand contiguous narrow argmax clamp "
    "repeat movedim mean".split()
)


def take(thing: Any, steps: Sequence[Step]) -> Any:
    """``thing`` after the steps.

    >>> take(torch.zeros(6, 28, 28), [Step("unsqueeze", (0,))]).shape
    torch.Size([1, 6, 28, 28])
    """
    for step in steps:
        own = _STEPS.get(step.name)
        if own is not None:
            thing = own(thing, *step.args)
        elif step.name in _METHODS:
            thing = getattr(thing, step.name)(*step.args)
        else:
            raise ValueError(f"no step is called {step.name!r}")
    return thing


def _to(thing: torch.Tensor, dtype: str) -> torch.Tensor:
    return thing.to(getattr(torch, dtype))


def _whole(thing: torch.Tensor) -> torch.Tensor:
    """Zeros in the place of numbers that stand for no indices; others as they are."""
    if thing.is_meta or (bool((thing == thing.round()).all()) and bool((thing >= 0).all())):
        return thing
    return torch.zeros_like(thing)


def _pad(thing: torch.Tensor, amounts: Sequence[int]) -> torch.Tensor:
    return F.pad(thing, tuple(amounts))


def _pooled(thing: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """The mean over windows, as many as there are to be along the last axes."""
    pools: dict[int, Callable[..., torch.Tensor]] = {
        1: F.adaptive_avg_pool1d,
        2: F.adaptive_avg_pool2d,
        3: F.adaptive_avg_pool3d,
    }
    return pools[len(sizes)](thing, tuple(sizes))


def _item(thing: Any, key: Any) -> Any:
    if isinstance(key, int) or isinstance(thing, Mapping):
        return thing[key]
    return getattr(thing, key)


def _as_tensor(thing: Any, floating: str | None = None) -> torch.Tensor:
    tensor = torch.as_tensor(thing)
    if floating is not None and not tensor.is_complex() and tensor.dtype != torch.bool:
        tensor = tensor.to(getattr(torch, floating))
    return tensor


def _picture(thing: Any) -> torch.Tensor:
    """What ``to_tensor`` makes of a PIL picture, with a batch dimension."""
    import numpy as np

    array = torch.as_tensor(np.array(thing, copy=True))
    array = array.unsqueeze(-1) if array.dim() == 2 else array
    return array.permute(2, 0, 1).unsqueeze(0).to(torch.float32) / 255


def _stack(thing: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack(list(thing))


def _shift(thing: torch.Tensor, by: int) -> torch.Tensor:
    return thing + by


def _with_zeros(thing: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return thing, torch.zeros_like(thing)


def _constant(_thing: Any, value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


_STEPS: dict[str, Callable[..., Any]] = {
    "to": _to,
    "whole": _whole,
    "pad": _pad,
    "adaptive_avg_pool": _pooled,
    "item": _item,
    "as_tensor": _as_tensor,
    "picture": _picture,
    "stack": _stack,
    "shift": _shift,
    "with_zeros": _with_zeros,
    "constant": _constant,
}
