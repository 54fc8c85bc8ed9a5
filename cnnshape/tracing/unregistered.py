"""Layers that a model keeps in a plain list or dict, of which torch knows nothing."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from torch import nn


def unregistered(
    attributes: Mapping[str, Any], known: Container[int]
) -> Iterator[tuple[str, nn.Module]]:
    """Attributes of a module that hold layers which are registered nowhere, with the first one.

    Args:
        attributes: of the module, by name.
        known: the identities of all modules of the model; a list of these is only another way to
            reach them.

    >>> net = nn.Module()
    >>> net.fc = nn.Linear(2, 2)
    >>> net.layers, net.again = [nn.Linear(2, 2)], [net.fc]
    >>> [name for name, _ in unregistered(vars(net), {id(m) for m in net.modules()})]
    ['layers']
    """
    for name, value in attributes.items():
        if not isinstance(value, (list, tuple, dict)) or name.startswith("_"):
            continue
        for item in _items(value):
            if isinstance(item, nn.Module) and id(item) not in known and _learns(item):
                yield name, item
                break


def _items(value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> list[Any]:
    return list(value.values() if isinstance(value, dict) else value)


def _learns(module: nn.Module) -> bool:
    """Whether anything is lost: a list of activations needs no registering."""
    return next(module.parameters(), None) is not None or next(module.buffers(), None) is not None
