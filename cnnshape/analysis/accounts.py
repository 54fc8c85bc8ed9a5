"""The table of operations, asked about a recording: the one door that every reader goes through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnshape.operations import TABLE, Account, Call, Entry, Operand
from cnnshape.operations.axes import Size
from cnnshape.tracing.trace import Operation, Ref, Trace


class Accounts:
    """What each operation of a trace does, looked up once.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.Flatten(), Inputs((torch.zeros(2, 16, 5, 5),))).trace
    >>> Accounts(trace).of(trace.operations[0]).sizes
    ((2, 400),)
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._calls: dict[int, Call | None] = {}
        self._accounts: dict[int, Account | None] = {}

    def entry(self, operation: Operation) -> Entry | None:
        """What the table knows of the operation; None where it does not know it."""
        return None if operation.opaque else TABLE.find(operation.name)

    def call(self, operation: Operation) -> Call | None:
        """The operation's arguments by name, its tensors as operands named by their values."""
        if operation.index not in self._calls or operation.failed:
            entry = self.entry(operation)
            self._calls[operation.index] = entry and entry.call(
                self._plain(operation.args), self._plain(operation.kwargs), operation.name
            )
        return self._calls[operation.index]

    def of(self, operation: Operation) -> Account | None:
        """Where the axes of the operation's results come from; None where that is not known."""
        if operation.index not in self._accounts or operation.failed:
            entry, call = self.entry(operation), self.call(operation)
            self._accounts[operation.index] = entry and call and entry.account(call)
        return self._accounts[operation.index]

    def macs(self, operation: Operation) -> Size:
        """The operation's multiply-accumulates; None where they are not known."""
        entry, call = self.entry(operation), self.call(operation)
        return None if entry is None or call is None else entry.count(call)

    def rule(self, operation: Operation) -> tuple[str, dict[str, Any]] | None:
        """The size rule that judges the operation, and its arguments; None if none does."""
        entry, call = self.entry(operation), self.call(operation)
        return None if entry is None or call is None else entry.sized(call)

    def operand(self, value: int) -> Operand:
        """A recorded value as an operand."""
        recorded = self.trace.values[value]
        shape = tuple(n if isinstance(n, int) else -1 for n in recorded.shape)
        sizes = tuple(n if isinstance(n, int) else None for n in recorded.shape)
        return Operand(value, sizes, shape, recorded.dtype, recorded.static)

    def _plain(self, argument: Any) -> Any:
        if isinstance(argument, Ref):
            return self.operand(argument.value)
        if isinstance(argument, tuple):
            items: tuple[Any, ...] = argument
            return tuple(self._plain(item) for item in items)
        if isinstance(argument, Mapping):
            pairs: Mapping[str, Any] = argument
            return {key: self._plain(item) for key, item in pairs.items()}
        return argument
