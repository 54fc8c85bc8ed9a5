"""One call of a pass without memory, for real: meta accepts more, and says it in other words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree as pytree

from cnnshape.tracing.exceptions import message_of

#: Tensors up to this size together are filled with zeros.
SMALL = 64 * 2**20
#: Larger ones are only reserved, which takes no memory before somebody reads them; up to this size.
_RESERVED = 4 * 2**30


def bytes_of(everything: Any) -> int:
    """How much memory the tensors in some arguments take, or would take."""
    leaves = pytree.tree_leaves(everything)
    return sum(t.numel() * t.element_size() for t in leaves if isinstance(t, torch.Tensor))


def run_for_real(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, fill: bool = True
) -> Any:
    """The same call with tensors of the same sizes and strides on the CPU.

    With zeros, or with whatever the memory holds where not ``fill``; whole numbers may be indices,
    and are always zeros.
    """

    def real(thing: Any) -> Any:
        if not isinstance(thing, torch.Tensor):
            return thing
        made = torch.empty_strided(thing.shape, thing.stride(), dtype=thing.dtype, device="cpu")
        return made.zero_() if fill or not made.is_floating_point() else made

    with torch.device("cpu"):
        return func(*pytree.tree_map(real, args), **pytree.tree_map(real, kwargs))


def real_message(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """What torch says on the CPU of a call that failed without memory; None if it says nothing.

    >>> x, weight = torch.zeros(2, 6, device="meta"), torch.zeros(4, 5, device="meta")
    >>> real_message(torch.nn.functional.linear, (x, weight), {})
    'mat1 and mat2 shapes cannot be multiplied (2x6 and 5x4)'
    """
    tensors = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    size = bytes_of(tensors)
    if not tensors or not all(t.is_meta for t in tensors) or size > _RESERVED:
        return None
    try:
        run_for_real(func, args, kwargs, fill=size <= SMALL)
    except Exception as error:  # noqa: BLE001 - it is what was asked for
        return message_of(error)
    return None
