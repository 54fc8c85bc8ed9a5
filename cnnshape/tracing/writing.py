"""What a call writes into, and whether torch takes that where several elements are one number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from torch import Tensor

from cnnshape.tracing.names import writes
from cnnshape.tracing.real_call import real_message


def out_tensors(kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """What stands behind ``out=``."""
    out = kwargs.get("out")
    if isinstance(out, Tensor):
        return (out,)
    if isinstance(out, list | tuple):
        return tuple(t for t in cast("list[Any]", out) if isinstance(t, Tensor))
    return ()


def written(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Iterator[Tensor]:
    """The tensors that a call of a function of this name may have written into."""
    first = args[0] if args else kwargs.get("input")
    if isinstance(first, Tensor) and (result is first or writes(name)):
        yield first
    if "out" in kwargs:
        yield from out_tensors(kwargs)


def shares_elements(tensors: Iterable[Tensor]) -> bool:
    """Whether several elements of one of these tensors are one number, as after ``expand``.

    >>> import torch
    >>> [shares_elements([torch.zeros(1, 3).expand(n, 3)]) for n in (1, 2)]
    [False, True]
    """
    return any(
        n > 1 and not step
        for tensor in tensors
        for n, step in zip(tensor.shape, tensor.stride(), strict=True)
    )


def refused_write(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    tensors: Iterable[Tensor],
) -> str | None:
    """What torch says on the CPU of a write to where several elements are one number.

    Meta has no numbers, and lets it pass. None where torch writes there as well.

    >>> import torch
    >>> x = torch.zeros(1, 3, device="meta").expand(2, 3)
    >>> refused_write(torch.Tensor.fill_, (x, 1.0), {}, [x]) is None
    True
    >>> (refused_write(torch.Tensor.add_, (x, 1.0), {}, [x]) or "").partition(":")[0]
    'unsupported operation'
    """
    if not shares_elements(tensor for tensor in tensors if tensor.is_meta):
        return None
    said = real_message(func, args, kwargs)
    return said if said and "single memory location" in said else None
