"""What is known of the sizes while the recorded graph is walked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.traced_size import TracedSize
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.tracing.trace import Operation, Ref, Trace

#: The sizes of one tensor; None where unknown.
Dims: TypeAlias = "tuple[Whole | None, ...]"


@dataclass
class Sizes:
    """Every value's sizes so far, and what the operations demanded of them."""

    trace: Trace
    dims: dict[int, Dims] = field(default_factory=dict[int, Dims])
    letters: dict[str, Whole] = field(default_factory=dict[str, Whole])
    demands: list[Demand] = field(default_factory=list[Demand])

    def of(self, argument: Any) -> Dims | None:
        """The sizes of a tensor argument; None if it is no tensor."""
        return self.of_value(argument.value) if isinstance(argument, Ref) else None

    def of_value(self, value: int) -> Dims:
        """The sizes of a value; recorded numbers where it depends on no letter."""
        found = self.dims.get(value)
        return self.numbers(value) if found is None else found

    def numbers(self, value: int) -> tuple[int, ...]:
        """The sizes of a value as the recorded numbers."""
        return tuple(int(n) for n in self.trace.shape(value))

    def known(self, argument: Any) -> Any:
        """An argument with traced sizes replaced by what they are; containers are walked."""
        if isinstance(argument, TracedSize):
            size = self.settled(argument.size)
            return size if size.constant is None else int(argument)
        if isinstance(argument, tuple):
            items: list[Any] = list(argument)  # pyright: ignore[reportUnknownArgumentType]
            return tuple(self.known(item) for item in items)
        if isinstance(argument, slice):
            parts: tuple[Any, ...] = (argument.start, argument.stop, argument.step)
            return slice(*(self.known(part) for part in parts))
        return argument

    def settled(self, size: Sum) -> Sum:
        """An expression over the sizes that were read, in the letters of the input."""
        return size.replace(self.letters)

    def demand(self, op: Operation, left: Whole | None, relation: str, right: Whole | None) -> None:
        """Note that the operation needs ``left relation right``."""
        if left is None or right is None:
            return
        parameter = op.parameters[0] if len(op.parameters) == 1 else None
        demand = Demand.of(left, relation, right, op.index, parameter)
        if demand is not None:
            self.demands.append(demand)


def times(*sizes: Whole | None) -> Whole | None:
    """The product; None if a factor is unknown."""
    result: Whole = 1
    for size in sizes:
        if size is None:
            return None
        result = result * size
    return result


def over(size: Whole | None, divisor: Whole | None) -> Whole | None:
    """``size // divisor``; None if one is unknown."""
    return None if size is None or divisor is None else size // divisor
