"""The failing call as the rules look at it: function, layer, arguments, shapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cnnshape.analysis.accounts import base_name, bind, entry_of
from cnnshape.messages import say
from cnnshape.operations import Entry
from cnnshape.tracing.trace import (
    Failure,
    Module,
    ModuleCall,
    Operation,
    Plain,
    Ref,
    Trace,
    Unknown,
    Value,
)
from cnnshape.words import ordinal, times

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor that a call was given: the value, its shape in numbers, its place among them."""

    value: Value
    shape: Sizes
    place: int = 0

    @property
    def rank(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def input_name(self) -> str | None:
        """Its name, if it is one of the model's inputs as it came in."""
        return self.value.name if self.value.origin == "input" else None


@dataclass(frozen=True)
class Failing:
    """A failure with everything around it.

    ``call`` is the innermost module call that had begun and ``module`` its module (the root if
    none had); ``operation`` is the torch function that raised, if one did.
    """

    trace: Trace
    failure: Failure
    call: ModuleCall | None
    module: Module
    operation: Operation | None

    @classmethod
    def of(cls, trace: Trace) -> Failing | None:
        """The failure that a recording ends with; None if the model ran."""
        failure = trace.failure
        if failure is None:
            return None
        call = None if failure.call is None else trace.calls[failure.call]
        operation = None if failure.operation is None else trace.operations[failure.operation]
        module = trace.modules[0] if call is None else trace.module(call.path)
        return cls(trace, failure, call, module, operation)

    @cached_property
    def name(self) -> str:
        """The failing function without its dimension: ``conv``, ``max_pool``, ``view``."""
        return base_name(self.operation.name)[0] if self.operation else ""

    @cached_property
    def entry(self) -> Entry | None:
        """What the table of operations knows of the failing function."""
        return None if self.operation is None else entry_of(self.operation)

    @cached_property
    def dims(self) -> int | None:
        """Over how many axes the failing function works: 2 for ``conv2d``."""
        return base_name(self.operation.name)[1] if self.operation else None

    @property
    def path(self) -> str:
        """The path of the innermost module whose call had begun."""
        return self.module.path

    @cached_property
    def bound(self) -> dict[str, Any]:
        """The arguments of the failing function by the names of the table of operations."""
        return (bind(self.operation) if self.operation else None) or {}

    def argument(self, name: str) -> Plain:
        """An argument of the failing function; None where it has none of that name."""
        return self.bound.get(name)

    def given(self, position: int, keyword: str = "", default: Plain = None) -> Plain:
        """An argument of the module call."""
        if self.call is None:
            return default
        if position < len(self.call.args):
            return self.call.args[position]
        return self.call.kwargs.get(keyword, default)

    def place_of(self, name: str) -> int | str:
        """How an argument of the failing function was given: by position, or by its keyword."""
        given = () if self.operation is None else self.operation.args
        names = list(self.bound)[: len(given)]
        return names.index(name) if name in names else name

    def value(self, argument: Plain) -> Value | None:
        """The tensor that an argument stands for."""
        return self.trace.values[argument.value] if isinstance(argument, Ref) else None

    def shape(self, argument: Plain) -> Sizes | None:
        """The shape of a tensor argument; None if it is no tensor or a size is symbolic."""
        value = self.value(argument)
        return None if value is None else sizes(value)

    def operand(self, name: str = "input") -> Operand | None:
        """A tensor among the arguments of the failing function; None if a size is symbolic."""
        value = self.value(self.argument(name))
        shape = None if value is None else sizes(value)
        if value is None or shape is None:
            return None
        return Operand(value, shape, self.tensors.index(value) if value in self.tensors else 0)

    def given_operand(self, position: int, keyword: str = "") -> Operand | None:
        """A tensor among the arguments of the module call; None if a size is symbolic."""
        value = self.value(self.given(position, keyword))
        shape = None if value is None else sizes(value)
        return None if value is None or shape is None else Operand(value, shape)

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """The failing function's tensors, except those with symbolic sizes."""
        return tuple(
            Operand(value, shape, place)
            for place, value in enumerate(self.tensors)
            if (shape := sizes(value)) is not None
        )

    @cached_property
    def tensors(self) -> tuple[Value, ...]:
        """The failing function's tensors, as often as they stand in its arguments."""
        if self.operation is None:
            return ()
        found: list[Value] = []
        for argument in (*self.operation.args, *self.operation.kwargs.values()):
            _gather(self.trace, argument, found)
        return tuple(found)

    def layer(self, kinds: frozenset[str] | set[str], weight: Plain = None) -> Module | None:
        """The layer behind a functional call: the module called, or the one owning the weight."""
        if self.module.kind in kinds and self.module.builtin:
            return self.module
        value = self.value(weight)
        for name in value.parameters if value is not None else ():
            owner = self.owner(name)
            if owner is not None and owner.kind in kinds:
                return owner
        return self.module if self.module.kind in kinds else None

    def owner(self, parameter: str) -> Module | None:
        """The module that registers a parameter first."""
        for item in self.trace.parameters:
            if item.name == parameter:
                return self.trace.module(item.owner)
        return None

    def which_call(self) -> str:
        """`` on its 2nd call (the 1st ran with 1×3×32×32)`` for a module that ran before."""
        earlier = self.earlier_call()
        if earlier is None or self.call is None:
            return ""
        shapes = [self.trace.shape(item.value) for item in earlier.inputs[:1]]
        nth = ordinal(self.call.call + 1)
        if not shapes:
            return say(" on its {nth} call", nth=nth)
        return say(
            " on its {nth} call (the {earlier} ran with {shape})",
            nth=nth,
            earlier=ordinal(earlier.call + 1),
            shape=times(shapes[0]),
        )

    def earlier_call(self) -> ModuleCall | None:
        """An earlier call of the same module that returned."""
        if self.call is None or self.call.call == 0:
            return None
        for call in self.trace.calls[: self.call.index]:
            if call.path == self.call.path and call.finished:
                return call
        return None

    def received(self) -> tuple[str, ...]:
        """What the failing call was given, for a report without a diagnosis.

        >>> import torch
        >>> from cnnshape.tracing.execute import Inputs, record
        >>> trace = record(torch.nn.Linear(100, 10), Inputs((torch.zeros(2, 7200),))).trace
        >>> Failing.of(trace).received()
        ('input 2×7200 float32', 'weight 10×100 float32', 'bias 10 float32')
        """
        called = self.operation or self.call
        given = () if called is None else (*called.args, *called.kwargs.values())
        return tuple(_described(self.trace, item) for item in given[:8] if _holds_data(item))


def _holds_data(argument: Plain) -> bool:
    if isinstance(argument, tuple):
        return any(_holds_data(item) for item in argument)
    return isinstance(argument, Ref | Unknown | dict)


def _described(trace: Trace, argument: Plain) -> str:
    if isinstance(argument, Ref):
        value = trace.values[argument.value]
        name = value.name if value.origin in ("parameter", "buffer", "input") else None
        return " ".join(filter(None, (name, times(value.shape), value.dtype)))
    if isinstance(argument, tuple):
        return f"({', '.join(_described(trace, item) for item in argument[:8])})"
    if isinstance(argument, dict):
        inside = (f"{key}: {_described(trace, item)}" for key, item in list(argument.items())[:8])
        return f"{{{', '.join(inside)}}}"
    return argument.type if isinstance(argument, Unknown) else repr(argument)


def sizes(value: Value) -> Sizes | None:
    """A value's shape if all of it is numbers."""
    found = tuple(size for size in value.shape if isinstance(size, int))
    return found if len(found) == len(value.shape) else None


def _gather(trace: Trace, argument: Plain, found: list[Value]) -> None:
    if isinstance(argument, Ref):
        found.append(trace.values[argument.value])
    elif isinstance(argument, tuple):
        for item in argument:
            _gather(trace, item, found)
    elif isinstance(argument, dict):
        for item in argument.values():
            _gather(trace, item, found)


def per_axis(value: object, axes: int, default: int = 1) -> tuple[int, ...]:
    """An argument given once or per axis, per axis."""
    if isinstance(value, tuple):
        items = tuple(item for item in value if isinstance(item, int))
        if len(items) == axes:
            return items
        return items * axes if len(items) == 1 else (default,) * axes
    return (value if isinstance(value, int) else default,) * axes
