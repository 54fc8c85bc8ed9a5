"""The tensors of a pass, each with the number under which the trace knows it."""

from __future__ import annotations

import weakref
from typing import Literal

import torch
from torch.nn.parameter import is_lazy

from cnnshape.tracing.describe import Described
from cnnshape.tracing.names import dtype_name
from cnnshape.tracing.storage import may_overlap, storage_of
from cnnshape.tracing.trace import Dim, Shape, Value

Origin = Literal["input", "parameter", "buffer", "constant", "operation"]


class ValueTable:
    """Gives every tensor a :class:`Value`, and a new one whenever it has been written into.

    Starts with the parameters and buffers of the model; what appears without having been made
    by a recorded operation is a constant of the model.
    """

    def __init__(self, described: Described) -> None:
        self.values: list[Value] = []
        # id of a tensor → (weak reference, value). The reference tells a new tensor at an old
        # address from the old one, and does not keep activations alive.
        self._known: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        # memory → the tensors that were seen in it, by id.
        self._within: dict[int, dict[int, weakref.ref[torch.Tensor]]] = {}
        records = (*described.parameters, *described.buffers)
        for record, (origin, tensor) in zip(records, described.tensors, strict=True):
            held = Value(
                id=len(self.values),
                shape=record.shape or (),
                dtype=record.dtype,
                bytes=record.bytes or 0,
                origin=origin,
                name=record.name,
                static=True,
                parameters=(record.name,) if origin == "parameter" else (),
                sparse=tensor.layout is not torch.strided,
            )
            self._note(tensor, held)

    def lookup(self, tensor: torch.Tensor) -> int | None:
        """The value that ``tensor`` holds now; None if it was never seen."""
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def of(self, tensor: torch.Tensor) -> int:
        """The value that ``tensor`` holds now; a new constant if it was never seen."""
        known = self.lookup(tensor)
        return self.add(tensor, "constant") if known is None else known

    def add(
        self,
        tensor: torch.Tensor,
        origin: Origin,
        *,
        producer: int | None = None,
        name: str | None = None,
        alias_of: int | None = None,
        static: bool = False,
        parameters: tuple[str, ...] = (),
    ) -> int:
        """A new value for what ``tensor`` holds from now on."""
        shape = _shape(tensor)
        value = Value(
            id=len(self.values),
            shape=shape,
            dtype=dtype_name(tensor.dtype),
            bytes=_bytes(tensor, shape),
            origin=origin,
            producer=producer,
            name=name,
            alias_of=alias_of,
            static=static or origin in ("parameter", "buffer", "constant"),
            parameters=parameters,
            sparse=tensor.layout is not torch.strided,
        )
        self._note(tensor, value)
        return value.id

    def _note(self, tensor: torch.Tensor, value: Value) -> None:
        self.values.append(value)
        reference = weakref.ref(tensor)
        self._known[id(tensor)] = (reference, value.id)
        memory = storage_of(tensor)
        if memory is not None:
            self._within.setdefault(memory, {})[id(tensor)] = reference

    def touched_by(self, written: torch.Tensor) -> list[torch.Tensor]:
        """The other living tensors that see what was written: views, bases, views of bases."""
        memory = storage_of(written)
        if memory is None:
            return []
        living = [reference() for reference in self._within.get(memory, {}).values()]
        return [
            tensor
            for tensor in living
            if tensor is not None
            and tensor is not written
            and self.lookup(tensor) is not None
            and storage_of(tensor) == memory  # an address may be used again
            and may_overlap(tensor, written)
        ]

    def alias(self, tensor: torch.Tensor, source: object) -> int | None:
        """The value of ``source`` if ``tensor`` shares its memory (a view of it)."""
        if not isinstance(source, torch.Tensor):
            return None
        memory = storage_of(tensor)
        return self.lookup(source) if memory is not None and memory == storage_of(source) else None

    def parameters_of(self, values: list[int]) -> tuple[str, ...]:
        """The names of all parameters that went into these values."""
        names = [name for value in values for name in self.values[value].parameters]
        return tuple(dict.fromkeys(names)) if names else ()

    def all_static(self, values: tuple[int, ...]) -> bool:
        """Whether no input of the model went into any of these values."""
        return all(self.values[value].static for value in values)


def _shape(tensor: torch.Tensor) -> Shape:
    if is_lazy(tensor):
        return ()
    try:
        shape = tuple(tensor.shape)
    except (RuntimeError, NotImplementedError):
        return tuple(_ragged(tensor, axis) for axis in range(tensor.dim()))
    for size in shape:
        if type(size) is not int:
            return tuple(map(_dim, shape))
    return shape


def _ragged(tensor: torch.Tensor, axis: int) -> Dim:
    """One size of a nested tensor; ``"?"`` where its parts differ."""
    try:
        return int(tensor.size(axis))
    except (RuntimeError, NotImplementedError):
        return "?"


def _dim(size: object) -> Dim:
    """A symbolic size that is settled is a number; one that is not is its expression."""
    node = getattr(size, "node", None)
    if node is None:
        return int(size)  # type: ignore[call-overload]
    known = node.maybe_as_int() if hasattr(node, "maybe_as_int") else None
    return str(size) if known is None else int(known)


def _bytes(tensor: torch.Tensor, shape: Shape) -> int:
    if is_lazy(tensor):
        return 0
    count = 1
    for size in shape:
        if isinstance(size, str):
            return 0
        count *= size
    return count * tensor.dtype.itemsize
