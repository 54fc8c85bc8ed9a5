"""Finding the tensors inside whatever a model takes and returns.

Models pass nested tuples, dicts, dataclasses, NamedTuples, packed sequences, distributions
and objects of their own. Everything that holds a tensor is walked; what cannot be walked is
named by its type and never crashes the pass.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, cast

import torch

from cnnshape.tracing.packed import packed_weights
from cnnshape.tracing.trace import Ref, Unknown

#: How deep containers are followed, and how many items of one are looked at. Real models stay
#: far below both; an object that contains itself ends here.
DEPTH_LIMIT = 12
_ITEM_LIMIT = 100_000

ATOMS = (bool, int, float, complex, str, bytes, type(None))
#: What a recording keeps as it is; of these very classes, since a subclass knows more.
_PLAIN = frozenset((bool, int, float, complex, str, type(None)))
#: What may keep tensors and is no container of them. An object that can be called may be one.
_CLOSED = (
    torch.nn.Module,
    type,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    functools.partial,
)


class KeptSize(int):
    """A size that knows more than its number; recorded as it is, where others become plain ints."""


def named_tensors(name: str, thing: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor inside ``thing`` with the path that leads to it.

    >>> pair = {"image": torch.zeros(1, 3), "boxes": [torch.zeros(4), torch.zeros(4)]}
    >>> [label for label, _ in named_tensors("x", pair)]
    ['x.image', 'x.boxes[0]', 'x.boxes[1]']
    """
    if isinstance(thing, torch.Tensor):  # as nearly always: without a walk
        yield name, thing
    else:
        yield from _walk(name, thing, DEPTH_LIMIT, set())


def _walk(name: str, thing: Any, depth: int, seen: set[int]) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(thing, torch.Tensor):
        yield name, thing
        return
    if isinstance(thing, ATOMS) or depth == 0 or id(thing) in seen:
        return
    seen.add(id(thing))
    for key, item in items_of(thing):
        yield from _walk(join_path(name, key), item, depth - 1, seen)
    seen.discard(id(thing))


def join_path(name: str, key: str) -> str:
    """The path of a part: ``x`` and ``.image`` are ``x.image``."""
    if not name:
        return key.strip("[].") if key.startswith(".") else key
    return name + key


def items_of(thing: Any) -> list[tuple[str, Any]]:
    """The parts of one container with the text that reaches each: ``.image``, ``[0]``."""
    if isinstance(thing, Mapping):
        mapping = cast("Mapping[Any, Any]", thing)
        return [(_key(key), value) for key, value in mapping.items()]
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        fields = cast("tuple[str, ...]", thing._fields)  # pyright: ignore[reportAttributeAccessIssue]
        return [(f".{field}", item) for field, item in zip(fields, thing, strict=False)]
    if isinstance(thing, list | tuple):
        sequence = cast("list[Any] | tuple[Any, ...]", thing)
        return [(f"[{i}]", item) for i, item in enumerate(sequence[:_ITEM_LIMIT])]
    if isinstance(thing, set | frozenset):
        return [(f"[{i}]", item) for i, item in enumerate(cast("set[Any]", thing))]
    if isinstance(thing, _CLOSED):
        return []
    if dataclasses.is_dataclass(thing):
        return [(f".{name}", value) for name, value in attributes_of(thing)]
    if isinstance(thing, torch.distributions.Distribution):
        return [
            (f".{name}", value)
            for name, value in vars(thing).items()
            if isinstance(value, torch.Tensor | torch.distributions.Distribution)
        ]
    found: list[tuple[str, Any]] = []
    for key, value in attributes_of(thing):
        # A graph keeps in a store of its own what it is asked for: `data.x` is `data._store.x`.
        hidden = key.startswith("_") and isinstance(value, Mapping)
        found += items_of(value) if hidden else [(f".{key}", value)]
    return found


def _is_record(thing: Any) -> bool:
    """Whether this is plain data with names: no object that refers to the world around it."""
    return isinstance(thing, types.SimpleNamespace) or (
        dataclasses.is_dataclass(thing) and not isinstance(thing, type)
    )


def _key(key: Any) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"


def attributes_of(thing: Any) -> list[tuple[str, Any]]:
    """What an object keeps by name, as far as tensors in it are looked for."""
    if dataclasses.is_dataclass(thing):
        return [(f.name, getattr(thing, f.name, None)) for f in dataclasses.fields(thing)]
    return [
        (key, value)
        for key, value in cast("dict[str, Any]", getattr(thing, "__dict__", {})).items()
        if isinstance(value, torch.Tensor | list | tuple | Mapping) or _is_record(value)
    ]


def to_plain(thing: Any, ref: Callable[[torch.Tensor], int], depth: int = 6) -> Any:
    """``thing`` as plain data: tensors as :class:`Ref`, lists as tuples, odd things by type."""
    kind = type(thing)
    if kind in _PLAIN:
        return thing
    if isinstance(thing, torch.Tensor):
        return Ref(ref(thing))
    if depth == 0:
        return Unknown(kind.__name__)
    if isinstance(thing, (list, tuple)):
        sequence = cast("list[Any] | tuple[Any, ...]", thing)
        return tuple([to_plain(item, ref, depth - 1) for item in sequence])
    if kind is dict or isinstance(thing, Mapping):
        mapping = cast("Mapping[Any, Any]", thing)
        return {str(key): to_plain(item, ref, depth - 1) for key, item in mapping.items()}
    if isinstance(thing, slice):
        parts = (thing.start, thing.stop, thing.step)
        return slice(*(to_plain(part, ref, depth - 1) for part in parts))
    return _scalar(thing)


def _scalar(thing: Any) -> Any:
    """A number-like or name-like object as its plain self."""
    if isinstance(thing, KeptSize):
        return thing
    if isinstance(thing, torch.SymInt):
        return str(thing)
    if isinstance(thing, torch.dtype | torch.device | torch.memory_format | torch.layout):
        return str(thing).removeprefix("torch.")
    if isinstance(thing, Enum):
        return str(thing.value)
    if thing is Ellipsis:
        return "..."
    for base in (bool, int, float, complex, str):
        if isinstance(thing, base):
            # A subclass (IntEnum, numpy's float64): keep the value, drop the class.
            return base(thing)  # pyright: ignore[reportArgumentType]
    packed = packed_weights(thing) if isinstance(thing, torch.ScriptObject) else None
    return Unknown(type(thing).__name__) if packed is None else packed
