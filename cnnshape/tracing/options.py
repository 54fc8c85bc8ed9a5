"""The arguments of a pass that are no tensors, told in short: ``mode 'train'``."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator
from typing import Any

import torch

from cnnshape.tracing.structure import ATOMS, DEPTH_LIMIT, items_of, join_path
from cnnshape.tracing.trace import Option

#: Characters of an option that are shown.
_SHORT = 60


def options_in(name: str, thing: Any) -> Iterator[Option]:
    """Everything inside ``thing`` that is no tensor, told in short.

    >>> list(options_in("x", {"image": torch.zeros(1), "label": "cat"}))
    [Option(name='x.label', text="'cat'", shape=None, dtype=None)]
    >>> [option.text for option in options_in("size", (16, 16))]
    ['(16, 16)']
    """
    yield from _options(name, thing, DEPTH_LIMIT)


def _options(name: str, thing: Any, depth: int) -> Iterator[Option]:
    if isinstance(thing, torch.Tensor):
        return
    if _is_array(thing):
        shape = tuple(int(size) for size in thing.shape)
        yield Option(name, type(thing).__name__, shape, str(thing.dtype))
    elif depth and _holds_arrays(thing, set()):
        for key, item in items_of(thing):
            yield from _options(join_path(name, key), item, depth - 1)
    else:
        yield Option(name, in_short(thing))


def _holds_arrays(thing: Any, seen: set[int]) -> bool:
    if isinstance(thing, torch.Tensor) or _is_array(thing):
        return True
    if isinstance(thing, ATOMS) or id(thing) in seen:
        return False
    seen.add(id(thing))
    return any(_holds_arrays(item, seen) for _, item in items_of(thing))


def _is_array(thing: Any) -> bool:
    """An array of another library, told by its class: none of them is imported."""
    return all(hasattr(type(thing), name) for name in ("shape", "dtype", "__len__"))


def in_short(thing: Any) -> str:
    """One line for any object, safe to print and the same in every run.

    >>> in_short("cat"), in_short([0.5] * 100), in_short(object())
    ("'cat'", '[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, ...]', 'object object')
    """
    kind = type(thing)
    if kind.__repr__ is object.__repr__:
        return f"{kind.__name__} object"
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = _SHORT
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(short.repr(thing).split()))
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
