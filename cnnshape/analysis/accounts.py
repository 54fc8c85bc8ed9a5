"""The table of operations, asked about a recording: the one door that every reader goes through.

The arguments are those that reached torch, so that a subclass with a forward of its own, a
functional call and an ``nn.Conv2d`` are all judged by what they really did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnshape.operations import TABLE, Account, Call, Entry, Operand
from cnnshape.operations.axes import AxisOf, Kept, Size
from cnnshape.operations.table import without_dimension
from cnnshape.tracing.trace import Operation, Ref, Shape, Trace

_ATOMS = frozenset((int, float, bool, str, type(None)))
#: The families whose results hold the very numbers of an input.
_OF_THE_SAME_NUMBERS = ("copying", "moving", "slicing", "padding")


@dataclass(frozen=True, slots=True)
class Application:
    """A size rule of :mod:`cnnshape.formulas` with everything that it needs to be evaluated.

    ``input_shape`` and the arguments have expressions in them where the accounts are in letters.
    """

    kind: str
    input_shape: tuple[Any, ...]
    arguments: dict[str, Any]


class Accounts:
    """What each operation of a trace does, looked up once.

    Args:
        trace: the recording.
        sizes: the shape of a value, where it is known in letters; the recorded numbers if None.
        written: what a size among the arguments is in letters, where it followed from them.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> trace = record(torch.nn.Flatten(), Inputs((torch.zeros(2, 16, 5, 5),))).trace
    >>> Accounts(trace).of(trace.operations[0]).sizes
    ((2, 400),)
    """

    def __init__(
        self,
        trace: Trace,
        sizes: Callable[[int], tuple[Size, ...]] | None = None,
        written: Callable[[int], Any] | None = None,
    ) -> None:
        self.trace = trace
        self._sizes = sizes
        self._written = written
        self._operands: dict[int, Operand] = {}
        self._calls: dict[int, Call | None] = {}
        self._accounts: dict[int, Account | None] = {}

    def entry(self, operation: Operation) -> Entry | None:
        """What the table knows of the operation; None where it does not know it."""
        return entry_of(operation)

    def call(self, operation: Operation) -> Call | None:
        """The operation's arguments by name, its tensors as operands named by their values."""
        if operation.failed:
            return self._bound(operation)
        if operation.index not in self._calls:
            self._calls[operation.index] = self._bound(operation)
        return self._calls[operation.index]

    def _bound(self, operation: Operation) -> Call | None:
        entry = self.entry(operation)
        if entry is None:
            return None
        kwargs = self._named(operation.kwargs) if operation.kwargs else {}
        letters = self._written is not None
        return entry.call(self._each(operation.args), kwargs, operation.name, letters=letters)

    def of(self, operation: Operation) -> Account | None:
        """Where the axes of the operation's results come from; None where that is not known."""
        if operation.index not in self._accounts or operation.failed:
            entry, call = self.entry(operation), self.call(operation)
            self._accounts[operation.index] = entry and call and entry.account(call)
        return self._accounts[operation.index]

    def macs(self, operation: Operation) -> Size:
        """The operation's multiply-accumulates; None where they are not known."""
        entry = self.entry(operation)
        if entry is None:
            return None
        if entry.macs is None or isinstance(entry.macs, int):
            return entry.macs  # without looking at the arguments
        call = self.call(operation)
        if call is None:
            return None
        return entry.count(call, self.of(operation) if isinstance(entry.macs, str) else None)

    def rule(self, operation: Operation) -> Application | None:
        """The size rule that judges the operation; None if there is none, or a size is unknown.

        >>> import torch
        >>> from cnnshape.tracing.execute import Inputs, record
        >>> trace = record(torch.nn.MaxPool2d(2), Inputs((torch.zeros(1, 6, 28, 28),))).trace
        >>> Accounts(trace).rule(trace.operations[0]).kind
        'max_pool'
        """
        entry = self.entry(operation)
        if entry is None or entry.rule is None:
            return None
        call = self.call(operation)
        found = call and entry.sized(call)
        if call is None or found is None:
            return None
        kind, arguments = found
        given = call.optional("input")
        if given is None or None in given.sizes or not all(map(_known, arguments.values())):
            return None
        return Application(kind, given.sizes, arguments)

    def keeps(self, operation: Operation) -> bool:
        """Whether every number stays where it is, perhaps in another dtype or on another device.

        A copy, a reshape to the shape that is there already, a slice of everything.

        >>> import torch
        >>> from cnnshape.tracing.execute import Inputs, record
        >>> trace = record(torch.nn.Flatten(), Inputs((torch.zeros(2, 16),))).trace
        >>> Accounts(trace).keeps(trace.operations[0])
        True
        """
        entry, account = self.entry(operation), self.of(operation)
        if entry is None or account is None or entry.family not in _OF_THE_SAME_NUMBERS:
            return False
        source = operation.inputs[0]
        stays = tuple(AxisOf(source, axis) for axis in range(len(self.trace.shape(source))))
        return len(account.results) == 1 and stays == tuple(
            origin.source if isinstance(origin, Kept) else None for origin in account.results[0]
        )

    def makes(self, operation: Operation) -> bool:
        """Whether it makes a tensor of another's shape or dtype, and reads no number of it."""
        entry, call, account = self.entry(operation), self.call(operation), self.of(operation)
        if entry is None or call is None or account is None or entry.family != "making":
            return False
        unread = {axis for end in account.ended if end.how == "unread" for axis in end.axes}
        return all(axis in unread for tensor in call.tensors for axis in tensor.axes)

    def operand(self, value: int) -> Operand:
        """A recorded value as an operand."""
        if value in self._operands:
            return self._operands[value]
        recorded = self.trace.values[value]
        shape = tuple([int(n) if isinstance(n, int) else -1 for n in recorded.shape])
        sizes = self._sizes(value) if self._sizes else _recorded(recorded.shape)
        made = Operand(value, sizes, shape, recorded.dtype, recorded.static, recorded.sparse)
        if self._sizes is None:  # what is known in letters grows while they are worked out
            self._operands[value] = made
        return made

    # ---- arguments ----------------------------------------------------------------------

    def _each(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        return tuple([self._plain(argument) for argument in arguments])

    def _named(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._plain(argument) for name, argument in arguments.items()}

    def _plain(self, argument: Any) -> Any:
        if type(argument) in _ATOMS and self._written is None:
            return argument
        if isinstance(argument, Ref):
            return self.operand(argument.value)
        if isinstance(argument, tuple):
            items: tuple[Any, ...] = argument
            return self._each(items)
        if isinstance(argument, dict):
            pairs: dict[str, Any] = argument
            return self._named(pairs)
        if self._written is not None:
            if isinstance(argument, slice):
                return slice(*self._each((argument.start, argument.stop, argument.step)))
            if isinstance(argument, int) and not isinstance(argument, bool):
                return self._written(argument)
        return argument


def _recorded(shape: Shape) -> tuple[Size, ...]:
    return tuple([n if isinstance(n, int) else None for n in shape])


def _known(value: Any) -> bool:
    """A size that is itself a tensor cannot be checked."""
    if isinstance(value, tuple):
        items: tuple[Any, ...] = value
        return all(_known(item) for item in items)
    return not isinstance(value, Operand)


def entry_of(operation: Operation) -> Entry | None:
    """What the table knows of an operation; None where it does not know it."""
    return None if operation.opaque else TABLE.find(operation.name)


def application(trace: Trace, operation: Operation) -> Application | None:
    """The size rule that judges one operation; see :meth:`Accounts.rule`."""
    return Accounts(trace).rule(operation)


def bind(operation: Operation) -> dict[str, Any] | None:
    """The operation's arguments by name, tensors as they were recorded; None if not understood."""
    entry = TABLE.find(operation.name)
    if entry is None or entry.signature is None:
        return None
    return entry.signature.bind(operation.args, operation.kwargs)


def shown_name(name: str) -> str:
    """An operation's name without the overload that ran, which no reader asked for.

    >>> shown_name("mean.dim"), shown_name("relu_.default"), shown_name("mylib.scale")
    ('mean', 'relu_', 'mylib.scale')
    """
    bare = name.removesuffix(".default")
    packet = bare.partition(".")[0]
    return bare if TABLE.find(packet) is None else packet


def base_name(name: str) -> tuple[str, int | None]:
    """The function without its dimension: ``conv2d`` is ``conv`` over 2 axes.

    >>> base_name("adaptive_avg_pool2d"), base_name("linear")
    (('adaptive_avg_pool', 2), ('linear', None))
    """
    if name == "upsample":
        return "interpolate", None
    base, dims = without_dimension(name)
    return (base, dims) if dims and TABLE.find(base) else (name, None)
