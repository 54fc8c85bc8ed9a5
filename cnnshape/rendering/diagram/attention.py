"""How a recorded attention is parted: into heads, into windows, and how far these were shifted.

An attention that is written out (two products with a softmax between them) counts as one that torch
has a function for. What cannot be followed back to where an axis was split is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.operations.axes import (
    Account,
    AxisOf,
    Broadcast,
    Chosen,
    Kept,
    Merged,
    Origin,
    Part,
    Windowed,
)
from cnnshape.tracing.trace import Operation

#: What may lie between the scores of an attention and its softmax: a scale, a mask, a reshape.
_BETWEEN = frozenset("arithmetic elementwise copying moving".split())
#: So many operations are followed back at most.
_FAR = 80


@dataclass(frozen=True, slots=True)
class Attention:
    """One attention.

    Attributes:
        heads: how many there are; None where that is not known.
        width: how many numbers a head has.
        shared: how many heads the keys and values have, where several heads share them.
        windows: the extent of the windows that the tokens are of; empty without windows.
        shift: how far the windows were moved, per axis of theirs; 0 for not at all.
    """

    heads: int | None = None
    width: int | None = None
    shared: int | None = None
    windows: tuple[int, ...] = ()
    shift: tuple[int, ...] = ()


def attentions(accounts: Accounts, operations: Iterable[Operation]) -> list[Attention]:
    """Every attention among the operations, in the order they ran.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> net = torch.nn.MultiheadAttention(8, 2)
    >>> trace = record(net, Inputs((torch.zeros(5, 1, 8),) * 3)).trace
    >>> [(one.heads, one.width) for one in attentions(Accounts(trace), trace.operations)]
    [(2, 4)]
    """
    return [one for op in operations if (one := _attention(accounts, op)) is not None]


def _attention(accounts: Accounts, op: Operation) -> Attention | None:
    entry, call, account = accounts.entry(op), accounts.call(op), accounts.of(op)
    if entry is None or call is None or account is None:
        return None
    if entry.family == "attention":
        heads, query = call.arguments.get("num_heads"), call.optional("query")
        key = call.optional("key")
        if query is None or key is None:
            return Attention()
        if isinstance(heads, int):
            features = accounts.trace.shape(query.tensor)[-1]
            width = features // heads if isinstance(features, int) else None
            return Attention(heads, width)
        rank = query.rank
        axes = [AxisOf(query.tensor, rank - back) for back in (3, 2, 1)]
        return _parted(accounts, *axes, key=AxisOf(key.tensor, key.rank - 3)) if rank > 3 else None
    if entry.family == "activation" and _mixes_last(account, accounts, op):
        return _written_out(accounts, op)
    return None


def _mixes_last(account: Account, accounts: Accounts, op: Operation) -> bool:
    last = len(accounts.trace.shape(op.inputs[0])) - 1
    mixed = [axis.axis for end in account.ended if end.how == "mixed" for axis in end.axes]
    return mixed == [last]


def _written_out(accounts: Accounts, softmax: Operation) -> Attention | None:
    """The attention whose weights a softmax makes; None where it makes something else."""
    product = _scores(accounts, softmax.inputs[0])
    account = None if product is None else accounts.of(product)
    if account is None or len(account.results[0]) < 3:
        return None
    rows = [one for one in account.results[0][-2].sources if _is_of_data(accounts, one)]
    summed = [axis for end in account.ended if end.how == "contracted" for axis in end.axes]
    if not rows or len(summed) != 2:
        return None
    width = [axis for axis in summed if axis.tensor == rows[0].tensor]
    if len(account.results[0]) < 4 or not width:
        return Attention()
    lead = account.results[0][-3].sources
    heads = [one for one in lead if one.tensor == rows[0].tensor]
    keys = [one for one in lead if one.tensor != rows[0].tensor]
    if not heads:
        return Attention()
    return _parted(accounts, heads[0], rows[0], width[0], key=keys[0] if keys else None)


def _scores(accounts: Accounts, value: int) -> Operation | None:
    """The product that the softmax of an attention is taken of."""
    for op in _back(accounts, value):
        entry, account = accounts.entry(op), accounts.of(op)
        if entry is None or account is None:
            return None
        if any(end.how == "contracted" for end in account.ended):
            held = [one for one in op.inputs if not accounts.trace.values[one].static]
            return op if len(held) == 2 and not op.parameters else None
        if entry.family not in _BETWEEN:
            return None
    return None


def _back(accounts: Accounts, value: int) -> Iterator[Operation]:
    """What made a value, what made the first tensor it was made of, and so on."""
    trace = accounts.trace
    for _ in range(_FAR):
        maker = trace.values[value].producer
        if maker is None:
            return
        op = trace.operations[maker]
        yield op
        held = [one for one in op.inputs if not trace.values[one].static]
        if not held:
            return
        value = held[0]


def _is_of_data(accounts: Accounts, axis: AxisOf) -> bool:
    return not accounts.trace.values[axis.tensor].static


def _parted(
    accounts: Accounts, heads: AxisOf, tokens: AxisOf, width: AxisOf, key: AxisOf | None = None
) -> Attention:
    """The attention whose query has such axes, if heads and width once were one axis."""
    one, other = _made(accounts, heads), _made(accounts, width)
    windows, shift = _windows(accounts, _made(accounts, tokens))
    split = isinstance(one, Part) and isinstance(other, Part) and one.source == other.source
    if not split:
        return Attention(windows=windows, shift=shift)
    shape = accounts.trace.shape
    numbers = [shape(axis.tensor)[axis.axis] for axis in (heads, width)]
    count, each = (number if isinstance(number, int) else None for number in numbers)
    shared = _shared(accounts, key) if key is not None else None
    return Attention(count, each, shared if shared != count else None, windows, shift)


def _shared(accounts: Accounts, key: AxisOf) -> int | None:
    """How many heads the keys had before each was handed to several heads of the query."""
    made = _made(accounts, key)
    if isinstance(made, Merged):
        (first, *_) = made.parts
        made = _made(accounts, first.source) if isinstance(first, Kept) else first
    size = made.size if isinstance(made, Part) else None
    return size if isinstance(size, int) else None


# ---- windows ----------------------------------------------------------------------------


def _windows(accounts: Accounts, tokens: Origin | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Extent and shift of the windows, if the tokens are the positions inside of windows."""
    if not isinstance(tokens, Merged):
        return (), ()
    found: list[tuple[int, int]] = []
    for part in tokens.parts:
        made = _made(accounts, part.source) if isinstance(part, Kept) else part
        if not isinstance(made, Part) or made.inner != 1 or not isinstance(made.size, int):
            return (), ()
        found.append((made.size, _shift(accounts, made.source)))
    if len(found) < 2:
        return (), ()
    return tuple(size for size, _ in found), tuple(far for _, far in found)


def _shift(accounts: Accounts, axis: AxisOf) -> int:
    """How far the positions of an axis were rolled on before; 0 for not at all."""
    for op, origin, at in _steps(accounts, axis):
        call = accounts.call(op)
        if isinstance(origin, Chosen) and origin.by is None and call is not None:
            shifts, dims = call.arguments.get("shifts"), call.arguments.get("dims")
            each = shifts if isinstance(shifts, tuple) else (shifts,)
            axes = dims if isinstance(dims, tuple) else (dims,)
            rank = len(accounts.trace.shape(at.tensor))
            for shift, dim in zip(each, axes, strict=False):
                if isinstance(shift, int) and isinstance(dim, int) and dim % rank == at.axis:
                    return abs(shift)
            return 0
        if not isinstance(origin, Kept | Windowed):
            return 0
    return 0


# ---- following an axis back --------------------------------------------------------------


def _made(accounts: Accounts, axis: AxisOf) -> Origin | None:
    """Where an axis was made: the first step back that did more than keep it."""
    for _, origin, _ in _steps(accounts, axis):
        if not isinstance(origin, Kept | Broadcast):
            return origin
    return None


def _steps(accounts: Accounts, axis: AxisOf) -> Iterator[tuple[Operation, Origin, AxisOf]]:
    """Operation after operation that an axis came through: with its origin, and where it stood."""
    trace = accounts.trace
    for _ in range(_FAR):
        maker = trace.values[axis.tensor].producer
        op = None if maker is None else trace.operations[maker]
        account = None if op is None else accounts.of(op)
        if op is None or account is None:
            return
        place = op.outputs.index(axis.tensor)
        if place >= len(account.results) or axis.axis >= len(account.results[place]):
            return
        origin = account.results[place][axis.axis]
        sources = [one for one in origin.sources if _is_of_data(accounts, one)]
        if not sources:
            yield op, origin, axis
            return
        yield op, origin, sources[0]
        axis = sources[0]
