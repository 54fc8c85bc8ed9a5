"""What is known of the sizes while the recorded graph is walked, operation by operation.

The table of operations proposes the sizes of every result as expressions and says what the
operation needs; whoever walks decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from cnnshape.analysis.accounts import Accounts
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.traced_size import TracedSize
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.operations import Account
from cnnshape.operations.axes import AxisOf, Chosen
from cnnshape.operations.call import Call, Sized
from cnnshape.operations.making import counted
from cnnshape.tracing.trace import Operation, Trace

#: The sizes of one tensor; None where unknown.
Dims: TypeAlias = "tuple[Whole | None, ...]"


@dataclass
class Sizes:
    """Every value's sizes so far, and what the operations demanded of them."""

    trace: Trace
    #: How long an axis must be for the indices in a value, where they are known.
    reach: Mapping[int, int] = field(default_factory=dict[int, int])
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

    def demand(
        self,
        op: Operation,
        left: Whole | None,
        relation: str,
        right: Whole | None,
        *,
        unseen: bool = False,
    ) -> None:
        """Note that the operation needs ``left relation right``; see :class:`Demand`."""
        if left is None or right is None:
            return
        parameter = op.parameters[0] if len(op.parameters) == 1 else None
        demand = Demand.of(left, relation, right, op.index, parameter, unseen=unseen)
        if demand is not None:
            self.demands.append(demand)


def result_sizes(op: Operation, sizes: Sizes) -> list[Dims]:
    """The sizes of every result of one operation, None where nobody tells.

    What the operation needs of its inputs is noted in ``sizes``.
    """
    shapes = [sizes.numbers(value) for value in op.outputs]
    if not shapes:
        return []
    account = sizes.accounts.of(op)
    if account is None:
        found: Sequence[Dims] = [by_position(op, sizes)]
    else:
        found = account.sizes
        _note_needs(op, sizes, account)
    results: list[Dims] = []
    for position, shape in enumerate(shapes):
        dims = found[position] if position < len(found) else None
        if dims is None and results and shape == shapes[0]:
            dims = results[0]
        results.append(dims if dims is not None and len(dims) == len(shape) else _unknown(shape))
    return results


def _unknown(shape: Sequence[int]) -> Dims:
    return (None,) * len(shape)


def _note_needs(op: Operation, sizes: Sizes, account: Account) -> None:
    for need in account.needs:
        sizes.demand(op, need.left, need.relation, need.right, unseen=need.of_values)
    for (table, axis), index in _picked_by(account, sizes.accounts.call(op)):
        reach = counted_to(index, sizes)
        sizes.demand(op, sizes.of_value(table)[axis], ">=", reach, unseen=True)


def _picked_by(account: Account, call: Call | None) -> set[tuple[AxisOf, int]]:
    """The axes that positions are picked from, each with the tensor of indices that picks."""
    picked = {
        (origin.source, origin.by.tensor)
        for origin in account.results[0]
        if isinstance(origin, Chosen) and origin.by is not None
    }
    indices = [t.tensor for t in call.tensors if t.dtype.startswith("int")] if call else []
    for end in account.ended:
        if end.how == "picked" and end.position is None and len(indices) == 1:
            picked |= {(axis, indices[0]) for axis in end.axes if axis.tensor != indices[0]}
    return picked


def by_position(op: Operation, sizes: Sizes) -> Dims:
    """What an operation that the table does not know makes, if it works position by position.

    A guess, to be held against other runs.
    """
    shape = sizes.numbers(op.outputs[0])
    operands = [(sizes.of_value(v), sizes.numbers(v)) for v in op.inputs]
    operands = [(dims, numbers) for dims, numbers in operands if len(numbers) <= len(shape)]
    result: list[Whole | None] = []
    for axis in range(-len(shape), 0):
        known = [
            dims[axis]
            for dims, numbers in operands
            if len(numbers) >= -axis and numbers[axis] == shape[axis] and dims[axis] is not None
        ]
        # A size of 1 may be broadcast elsewhere; what has a letter says more.
        result.append(next((size for size in known if isinstance(size, Sum)), None))
        if result[-1] is None and known:
            result[-1] = known[0]
    return tuple(result)


def counted_to(value: int, sizes: Sizes) -> Whole | None:
    """How long an axis must be for a tensor of indices; None if they are not known.

    They are known where they were handed over, are a buffer, stand in ``torch.tensor([0, 5])``, or
    were counted by ``arange``.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> class Count(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.arange(x.shape[1]).unsqueeze(0) + 2
    >>> trace = record(Count(), Inputs((torch.zeros(1, 9),))).trace
    >>> counted_to(trace.outputs[0].value, Sizes(trace))
    11
    """
    producers = {out: op for op in sizes.trace.operations for out in op.outputs}
    shift: Whole = 0
    while True:
        if value in sizes.reach:
            return sizes.reach[value] + shift
        op = producers.get(value)
        call = None if op is None else sizes.accounts.call(op)
        if op is None or call is None:
            return None
        if call.name == "arange":
            bounds = counted(call)
            return None if bounds is None or bounds[2] != 1 else bounds[1] + shift
        if call.name == "tensor":
            written = list(_numbers(call["data"]))
            return max(written) + 1 + shift if written and min(written) >= 0 else None
        if call.name == "add":
            added = call["other"]
            if not isinstance(added, int | Sum):
                return None
            shift = shift + added
        elif not _keeps_values(op, sizes):
            return None
        value = op.inputs[0]


def _numbers(data: object) -> Iterator[int]:
    """The whole numbers in lists of lists."""
    if isinstance(data, tuple):
        for item in cast("tuple[object, ...]", data):
            yield from _numbers(item)
    elif isinstance(data, int) and not isinstance(data, bool):
        yield data


def _keeps_values(op: Operation, sizes: Sizes) -> bool:
    entry = sizes.accounts.entry(op)
    return entry is not None and entry.family in ("moving", "copying")
