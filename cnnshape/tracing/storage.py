"""The identity of a tensor's memory, which views and ``tensor.data`` share with their tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch

#: A search for a common element is given up after so many steps; real views need a handful.
_STEPS = 2_000


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


def may_overlap(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two views of one memory have an element in common; True also where unsure.

    >>> x = torch.zeros(4, 6)
    >>> left, right = x[:, :3], x[:, 3:]
    >>> may_overlap(left, right), may_overlap(left, x[1]), may_overlap(x[0], x[1])
    (False, True, False)
    """
    sizes = (*one.shape, *other.shape, *one.stride(), *other.stride())
    offsets = (one.storage_offset(), other.storage_offset())
    if any(type(number) is not int for number in (*sizes, *offsets)):
        return True  # sizes that are expressions
    if one.numel() == 0 or other.numel() == 0:
        return False
    # An element of `one` lies at its offset plus Σ index·stride. Both meet where the sums differ
    # by the difference of the offsets, so the terms of `other` count negative.
    terms = [(s, (n - 1) * s) for n, s in zip(one.shape, one.stride(), strict=True) if n > 1]
    terms += [(-s, (n - 1) * -s) for n, s in zip(other.shape, other.stride(), strict=True) if n > 1]
    if one.element_size() != other.element_size():
        return True
    terms.sort(key=lambda term: -abs(term[0]))
    return _reaches(terms, int(offsets[1]) - int(offsets[0]))


def _reaches(terms: Sequence[tuple[int, int]], wanted: int) -> bool:
    """Whether a multiple of every step, each up to its own limit, adds up to ``wanted``."""
    low = [0] * (len(terms) + 1)
    high = [0] * (len(terms) + 1)
    for place in range(len(terms) - 1, -1, -1):
        low[place] = low[place + 1] + min(terms[place][1], 0)
        high[place] = high[place + 1] + max(terms[place][1], 0)
    todo, steps = [(0, wanted)], 0
    while todo:
        place, rest = todo.pop()
        if not low[place] <= rest <= high[place]:
            continue
        if place == len(terms):
            return True
        steps += 1
        if steps > _STEPS:
            return True
        step, limit = terms[place]
        if step == 0:
            todo.append((place + 1, rest))
            continue
        # Only multiples that leave what the smaller steps can still make up for.
        first, last = sorted(((rest - low[place + 1]) // step, (rest - high[place + 1]) // step))
        multiples = range(max(first, 0), min(last + 1, limit // step) + 1)
        todo += [(place + 1, rest - times * step) for times in multiples]
    return False
