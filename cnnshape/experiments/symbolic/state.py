"""What is known of the sizes while the recorded graph is walked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from cnnshape.analysis.accounts import Accounts
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.traced_size import TracedSize
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.operations.call import Sized
from cnnshape.tracing.trace import Operation, Trace

#: The sizes of one tensor; None where unknown.
Dims: TypeAlias = "tuple[Whole | None, ...]"


@dataclass
class Sizes:
    """Every value's sizes so far, and what the operations demanded of them."""

    trace: Trace
    dims: dict[int, Dims] = field(default_factory=dict[int, Dims])
    letters: dict[str, Whole] = field(default_factory=dict[str, Whole])
    demands: list[Demand] = field(default_factory=list[Demand])
    accounts: Accounts = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.trace, self.of_value, self.written)

    def of_value(self, value: int) -> Dims:
        """The sizes of a value; recorded numbers where it depends on no letter."""
        found = self.dims.get(value)
        return self.numbers(value) if found is None else found

    def numbers(self, value: int) -> tuple[int, ...]:
        """The sizes of a value as the recorded numbers."""
        return tuple(int(n) for n in self.trace.shape(value))

    def written(self, number: int) -> int | Sized:
        """A number among the arguments, with its expression where it followed from a letter."""
        if not isinstance(number, TracedSize):
            return number
        size = self.settled(number.size)
        return Sized(int(number), size) if size.constant is None else int(number)

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
