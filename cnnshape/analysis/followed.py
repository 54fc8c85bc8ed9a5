"""The size check of layers without a rule: each axis followed through the operations that made it.

The table says of every operation where the axes of its results come from. Where it says so all the
way from a layer's result to what arrived, the layer is checked by it; where it leaves one size open
(the values decide it, or nobody has told), the layer stays uncovered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.cost import in_plain
from cnnshape.analysis.report import Check
from cnnshape.operations.axes import AxisOf, Joined, Kept, Merged, Origin, Part, Size
from cnnshape.tracing.trace import ModuleCall, Operation, Shape, Trace

_FORMULA = "each axis followed through the operations that made it"
_MOST = 8


def follow(trace: Trace, call: ModuleCall, accounts: Accounts) -> Check | None:
    """The check of a call by what its operations do to axes; None where that is not known.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.LSTM(8, 16), Inputs((torch.zeros(5, 2, 8),))).trace
    >>> check = follow(trace, trace.calls[0], Accounts(trace))
    >>> check.status, check.expected, check.substitution
    ('match', (5, 2, 16), 'zeros: 1 × 2 × 16; lstm: 5 × 2 × 16')
    """
    steps = _steps(trace, call, accounts)
    if not steps:
        return None
    wrong = next((step for step in steps if not step.fits(trace.shape(step.value))), None)
    shown = wrong or steps[-1]
    return Check(
        status="mismatch" if wrong else "match",
        rule=shown.operation.name if wrong or len(steps) == 1 else "operations",
        expected=tuple("?" if n is None else n for n in map(in_plain, shown.sizes)),
        formula=_FORMULA,
        substitution="; ".join(_told(steps, accounts)),
        by="table" if any(step.operation.by_table for step in steps) else "torch",
    )


def retold(trace: Trace, call: ModuleCall, accounts: Accounts) -> str:
    """The substitution of that check by other accounts of the same call: those in letters."""
    return "; ".join(_told(_steps(trace, call, accounts) or [], accounts))


# ---- the way back -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """A value on the way, and what is said of its axes."""

    operation: Operation
    value: int
    origins: tuple[Origin, ...]

    @property
    def sizes(self) -> tuple[Size, ...]:
        return tuple(origin.size for origin in self.origins)

    def fits(self, shape: Shape) -> bool:
        """Whether what is said of the axes is what came out."""
        pairs = zip(self.sizes, shape, strict=False)
        return len(self.origins) == len(shape) and all(n in (None, m) for n, m in pairs)


def _steps(trace: Trace, call: ModuleCall, accounts: Accounts) -> list[_Step]:
    """Everything that the axes of the first result came through, in the order in which it ran."""
    if not call.outputs:
        return []
    way = _Way(trace, accounts, call.operations[0], {item.value for item in call.inputs})
    return way.back(call.outputs[0].value)


@dataclass
class _Way:
    """A walk from a result to what arrived, axis by axis.

    Attributes:
        start: the first operation that belongs to it.
        arrived: the values where it ends.
        steps: what it came through, by value.
    """

    trace: Trace
    accounts: Accounts
    start: int
    arrived: set[int]
    steps: dict[int, _Step | None] = field(default_factory=dict[int, "_Step | None"])

    def back(self, result: int) -> list[_Step]:
        """The steps; none where one of the axes cannot be followed."""
        if self.at(result) is None:
            return []
        wanted = [AxisOf(result, axis) for axis in range(len(self.trace.shape(result)))]
        seen: set[AxisOf] = set()
        while wanted:
            here = wanted.pop()
            if here in seen:
                continue
            seen.add(here)
            further = self.before(here)
            if further is None:
                return []
            wanted += further
        ends = {axis.tensor for axis in seen}
        # Code that nobody can see into makes tensors that come from nowhere, as held ones do.
        if any(self.trace.values[end].origin == "constant" for end in ends) and not (
            ends & self.arrived
        ):
            return []
        steps = (step for step in self.steps.values() if step is not None)
        return sorted(steps, key=lambda step: step.operation.index)

    def before(self, axis: AxisOf) -> tuple[AxisOf, ...] | None:
        """Where an axis comes from: nowhere where it arrived or is given, None if unknown."""
        made_by = self.trace.values[axis.tensor].producer
        if axis.tensor in self.arrived or made_by is None or made_by < self.start:
            return ()
        step = self.at(axis.tensor)
        if step is None or step.origins[axis.axis].size is None:
            return None
        return step.origins[axis.axis].sources

    def at(self, value: int) -> _Step | None:
        if value not in self.steps:
            self.steps[value] = self._made(value)
        return self.steps[value]

    def _made(self, value: int) -> _Step | None:
        recorded = self.trace.values[value]
        if recorded.producer is None:
            return None
        operation = self.trace.operations[recorded.producer]
        account, place = self.accounts.of(operation), operation.outputs.index(value)
        if account is None:
            return None
        if place < len(account.results):
            origins = account.results[place]
        elif operation.inplace and recorded.alias_of is not None:
            # It looks at memory that was written to: its sizes are those that it had.
            origins = self.accounts.operand(recorded.alias_of).all_kept()
        else:
            return None
        return _Step(operation, value, origins) if len(origins) == len(recorded.shape) else None


# ---- words --------------------------------------------------------------------------------


def _told(steps: list[_Step], accounts: Accounts) -> Iterator[str]:
    """Every operation that made other sizes than arrived, and the last one."""
    changing = [step for step in steps if step is steps[-1] or _changes(step, accounts)]
    texts = list(dict.fromkeys(_text(step, accounts) for step in changing))
    yield from texts if len(texts) <= _MOST else ("…", *texts[-_MOST:])


def _changes(step: _Step, accounts: Accounts) -> bool:
    before = [accounts.operand(value).sizes for value in step.operation.inputs]
    return step.sizes not in before


def _text(step: _Step, accounts: Accounts) -> str:
    axes = [_axis(origin, accounts) for origin in step.origins]
    return f"{step.operation.name}: {' × '.join(axes) or 'one number'}"


def _axis(origin: Origin, accounts: Accounts) -> str:
    """One size, with those that it was made of where they are others."""
    size = _number(origin.size)
    if isinstance(origin, Merged):
        parts = [_number(part.size) for part in origin.parts if part.size != 1]
        return f"({'·'.join(parts)} = {size})" if len(parts) > 1 else size
    before = [_number(accounts.operand(tensor).sizes[axis]) for tensor, axis in origin.sources]
    if isinstance(origin, Joined):
        return f"({' + '.join(before)} = {size})"
    if size in before or isinstance(origin, Kept) or not before:
        return size
    return f"({size} of {before[0]})" if isinstance(origin, Part) else f"({before[0]} → {size})"


def _number(size: Size) -> str:
    plain = in_plain(size)
    return "?" if plain is None else str(plain)
