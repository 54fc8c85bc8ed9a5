"""The failing call as the rules look at it: function, layer, arguments, shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cnnshape.analysis.arguments import base_name
from cnnshape.tracing.trace import (
    Failure,
    Module,
    ModuleCall,
    Operation,
    Plain,
    Ref,
    Trace,
    Value,
)
from cnnshape.words import ordinal, times

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a ``forward``, without ``self``."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    any_positional: bool = False
    any_keyword: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a trace does not hold and a rule may want to know.

    Attributes:
        signature: of the ``forward`` of the innermost module whose call had begun.
        ranges: smallest and largest value of integer tensors, by value id.
    """

    signature: Signature | None = None
    ranges: Mapping[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])


NO_FACTS = Facts()


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
    facts: Facts = NO_FACTS

    @cached_property
    def name(self) -> str:
        """The failing function without its dimension: ``conv``, ``max_pool``, ``view``."""
        return base_name(self.operation.name)[0] if self.operation else ""

    @cached_property
    def dims(self) -> int | None:
        """Over how many axes the failing function works: 2 for ``conv2d``."""
        return base_name(self.operation.name)[1] if self.operation else None

    @property
    def path(self) -> str:
        """The path of the innermost module whose call had begun."""
        return self.module.path

    def argument(self, position: int, keyword: str = "", default: Plain = None) -> Plain:
        """An argument of the failing function."""
        if self.operation is None:
            return default
        if position < len(self.operation.args):
            return self.operation.args[position]
        return self.operation.kwargs.get(keyword, default)

    def given(self, position: int, keyword: str = "", default: Plain = None) -> Plain:
        """An argument of the module call."""
        if self.call is None:
            return default
        if position < len(self.call.args):
            return self.call.args[position]
        return self.call.kwargs.get(keyword, default)

    def value(self, argument: Plain) -> Value | None:
        """The tensor that an argument stands for."""
        return self.trace.values[argument.value] if isinstance(argument, Ref) else None

    def shape(self, argument: Plain) -> Sizes | None:
        """The shape of a tensor argument; None if it is no tensor or a size is symbolic."""
        value = self.value(argument)
        return None if value is None else sizes(value)

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
        ran = f" (the {ordinal(earlier.call + 1)} ran with {times(shapes[0])})" if shapes else ""
        return f" on its {ordinal(self.call.call + 1)} call{ran}"

    def earlier_call(self) -> ModuleCall | None:
        """An earlier call of the same module that returned."""
        if self.call is None or self.call.call == 0:
            return None
        for call in self.trace.calls[: self.call.index]:
            if call.path == self.call.path and call.finished:
                return call
        return None


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
