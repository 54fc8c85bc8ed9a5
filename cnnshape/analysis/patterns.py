"""What each reshape, join, cut, sum and product of a recording does, in einops' notation.

The axes have the letters of the network's convention where it is known: a tensor that reaches a
convolution or a pooling over two axes is ``n c h w``, the features that a linear layer or an
embedding makes are ``d``; they keep their letters on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cnnshape.analysis.accounts import Accounts, shown_name
from cnnshape.operations import Account, Call, Entry
from cnnshape.operations.axes import Kept, Written
from cnnshape.operations.patterns import Names, Pattern, pattern_of, spread
from cnnshape.tracing.trace import Operation, Shape, Source, Trace

_SPACE = {1: ("l",), 2: ("h", "w"), 3: ("d", "h", "w")}
_SPATIAL = frozenset({"convolution", "pooling", "shuffling", "resizing"})


@dataclass(frozen=True, slots=True)
class PatternRow:
    """One operation and its pattern.

    Attributes:
        op: the operation's name.
        path: the module whose forward ran it.
        input_shapes, output_shapes: the tensors among its arguments and results.
        source: the line that called it.
        index: its place in the trace.
    """

    op: str
    path: str
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    pattern: Pattern
    source: Source | None = None
    index: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The row as the JSON report has it."""
        return {
            "op": self.op,
            "path": self.path,
            **self.pattern.to_dict(),
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "output_shapes": [list(shape) for shape in self.output_shapes],
            "source": str(self.source) if self.source else None,
        }


def pattern_rows(trace: Trace) -> tuple[PatternRow, ...]:
    """The pattern of every operation that has one, in the order in which they ran.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten())
    >>> trace = record(net, Inputs((torch.zeros(1, 1, 8, 8),))).trace
    >>> [row.pattern.einops for row in pattern_rows(trace)]
    ['rearrange(x, "n c h w -> n (c h w)")']
    """
    return tuple(_Reader(trace).rows())


def turned_before(trace: Trace, operation: Operation) -> tuple[str, ...]:
    """The reshapes that made what an operation was given, where they are more than a flatten.

    ``permute n l h d -> n h l d`` and ``reshape n h l d -> n h (l d)``, the oldest first, show at a
    glance that heads were never put back behind the positions. A flatten of all axes but
    the first shows nothing that the sizes do not, and is not told alone.
    """
    makers = list(_moved_before(trace, operation))
    if not makers:
        return ()
    rows = {row.index: row for row in pattern_rows(trace)}
    found = [rows[maker] for maker in reversed(makers) if maker in rows]
    if all(_flattens(row.pattern.pattern) for row in found):
        return ()
    return tuple(f"{row.op} {row.pattern.pattern}" for row in found[-_MOST_TOLD:])


def _moved_before(trace: Trace, operation: Operation) -> Iterator[int]:
    """The operations that moved axes, from the failing one back to where numbers were made."""
    accounts = Accounts(trace)
    value = operation.inputs[0] if operation.inputs else None
    while value is not None and (producer := trace.values[value].producer) is not None:
        maker = trace.operations[producer]
        entry, account = accounts.entry(maker), accounts.of(maker)
        if entry is None or account is None or not maker.inputs:
            return
        if entry.family == "moving":
            yield producer
        elif not _in_place(account):
            return
        value = maker.inputs[0]


#: So many reshapes before a failure are told.
_MOST_TOLD = 4


def _flattens(pattern: str) -> bool:
    """Whether all axes but the first become one, in their order.

    >>> _flattens("n c h w -> n (c h w)"), _flattens("n h l d -> n h (l d)")
    (True, False)
    """
    left, right = pattern.split(" -> ")
    first, _, rest = left.partition(" ")
    return right == f"{first} ({rest})"


class _Reader:
    """One pass over the operations, which carries the names of axes along."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.accounts = Accounts(trace)
        self.names: dict[int, Names] = {}
        self.inner = _inside_of_layers(trace)

    def rows(self) -> Iterator[PatternRow]:
        """The rows in order."""
        self._expect()
        for operation in self.trace.operations:
            known = self._known(operation)
            if known is None:
                continue
            entry, call, account = known
            if operation.call not in self.inner:
                found = pattern_of(entry, call, account, self.names)
                if found is not None:
                    yield self._row(operation, found)
            self._carry(operation, known)

    def _known(self, operation: Operation) -> tuple[Entry, Call, Account] | None:
        if operation.failed:
            return None
        entry, call = self.accounts.entry(operation), self.accounts.call(operation)
        account = self.accounts.of(operation)
        if entry is None or call is None or account is None:
            return None
        return entry, call, account

    def _row(self, operation: Operation, pattern: Pattern) -> PatternRow:
        shape = self.trace.shape
        return PatternRow(
            shown_name(operation.name),
            self.trace.calls[operation.call].path,
            tuple(shape(value) for value in operation.inputs),
            tuple(shape(value) for value in operation.outputs),
            pattern,
            operation.source,
            operation.index,
        )

    def _expect(self) -> None:
        """Names by what a tensor is made for, told back along what leaves its axes in place."""
        for operation in reversed(self.trace.operations):
            known = self._known(operation)
            if known is None or not operation.inputs:
                continue
            entry, call, account = known
            first = operation.inputs[0]
            rank = len(self.trace.shape(first))
            if entry.family in _SPATIAL and call.spatial in _SPACE:
                space = _SPACE[call.spatial]
                if rank in (len(space) + 1, len(space) + 2):
                    self.names[first] = ("n", "c", *space)[len(space) + 2 - rank :]
            elif entry.name in ("pixel_shuffle", "pixel_unshuffle"):
                self.names.setdefault(first, ("n", "c", "h", "w")[4 - rank :] if rank <= 4 else ())
            elif operation.outputs and _in_place(account):
                given = self.names.get(operation.outputs[0])
                if given is not None and len(given) == rank:
                    self.names.setdefault(first, given)

    def _carry(self, operation: Operation, known: tuple[Entry, Call, Account]) -> None:
        """The names of the results; a tensor that is to be one of a convolution has those."""
        entry, call, account = known
        for value, names, origins in zip(
            operation.outputs, spread(call, account, self.names), account.results, strict=False
        ):
            made = tuple(
                _made(entry, axis, len(names)) if isinstance(origin, Written) else name
                for axis, (name, origin) in enumerate(zip(names, origins, strict=True))
            )
            if any(made):
                self.names.setdefault(value, made)


def _made(entry: Entry, axis: int, rank: int) -> str | None:
    """The letter of an axis that a layer makes: channels or features."""
    if entry.family == "convolution":
        return "c"
    if entry.family in ("linear", "lookup") and axis == rank - 1:
        return "d"
    return None


def _in_place(account: Account) -> bool:
    """Whether each axis of the result is the same one of the first input."""
    return all(
        isinstance(origin, Kept) and origin.source.axis == axis
        for axis, origin in enumerate(account.results[0])
    )


def _inside_of_layers(trace: Trace) -> set[int]:
    """The calls of torch's own layers that do more than one thing, as an attention does."""
    modules: Mapping[str, Any] = {module.path: module for module in trace.modules}
    found: set[int] = set()
    count: dict[int, int] = {}
    for operation in trace.operations:
        count[operation.call] = count.get(operation.call, 0) + 1
    for index, call in enumerate(trace.calls):
        module = modules.get(call.path)
        if module is not None and module.builtin and count.get(index, 0) > 1:
            found.add(index)
    return found
