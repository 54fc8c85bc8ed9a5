"""The arguments of a pass in copies of their own, tensors moved to where it runs.

A forward may write into what it is given (``data.x = self.conv(data.x)``, a cache that grows); what
the caller handed in stays as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch

from cnnshape.tracing.structure import attributes_of, named_tensors


def with_tensors(thing: Any, convert: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """``thing`` with every tensor converted; what holds any is copied, the rest is itself.

    >>> from types import SimpleNamespace
    >>> given = SimpleNamespace(x=torch.zeros(1), label="cat")
    >>> with_tensors(given, torch.ones_like)
    namespace(x=tensor([1.]), label='cat')
    >>> given.x
    tensor([0.])
    """
    return _Twins(convert).of(thing)


class _Twins:
    """Copies of what holds tensors; a thing that stands in two places has one copy."""

    def __init__(self, convert: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._convert = convert
        #: By id; the thing itself is kept, so that its id stays its own.
        self._made: dict[int, tuple[Any, Any]] = {}

    def of(self, thing: Any) -> Any:
        """The copy of a thing, containers that torch knows rebuilt."""
        from torch.utils import _pytree as pytree

        return pytree.tree_map(self._leaf, thing)

    def _leaf(self, thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            return self._convert(thing)
        if id(thing) in self._made:
            return self._made[id(thing)][1]
        if not any(True for _ in named_tensors("", thing)):
            return thing
        try:
            return self._copied(thing)
        except Exception:  # noqa: BLE001 - an object of any kind: what cannot be copied stays itself
            return thing

    def _copied(self, thing: Any) -> Any:
        twin = copy.copy(thing)
        self._made[id(thing)] = (thing, twin)
        if isinstance(twin, dict):
            items = cast("dict[Any, Any]", twin)
            items.update({key: self.of(item) for key, item in items.items()})
        elif isinstance(twin, list):
            twin[:] = [self.of(item) for item in cast("list[Any]", twin)]
        for key, value in attributes_of(twin):
            object.__setattr__(twin, key, self.of(value))
        return twin
