"""Skips: tensors that go around what computes and are joined with what came out of it.

A sum or a concatenation ends a skip if one of its tensors went into what the others were computed
from. Norms, activations, crops and copies on the way of a skip do not make it another one; a skip
that ends in a sum may have one layer on its way as well (a projection).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.rendering.diagram.operation_words import CONCAT, sign_of
from cnnshape.tracing.trace import ModuleCall, Operation

_COMPUTING = frozenset("convolution linear attention recurrent".split())
#: What does not make a tensor another one on the way of a skip.
_QUIET = frozenset("norm activation elementwise copying moving padding".split())


@dataclass(frozen=True, slots=True)
class Skip:
    """One tensor that goes around others.

    Attributes:
        source: the value that is used again.
        join: index of the operation that it ends at.
        sign: of that operation: ``+`` or ``concat``.
        projected: there is one layer on its way.
    """

    source: int
    join: int
    sign: str
    projected: bool = False


def skips(accounts: Accounts) -> tuple[Skip, ...]:
    """Every skip of a recording, in the order they end.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> class Block(torch.nn.Linear):
    ...     def forward(self, x): return x + super().forward(x)
    >>> trace = record(Block(4, 4), Inputs((torch.zeros(1, 4),))).trace
    >>> [(skip.sign, skip.projected) for skip in skips(Accounts(trace))]
    [('+', False)]
    """
    operations = accounts.trace.operations
    # Nested hundreds deep, every skip goes around all the others, and to follow each would take the
    # square of their number. Nothing is said then.
    steps = iter(range(_STEPS * (len(operations) + _STEPS)))
    try:
        found = [_ending_at(accounts, op, steps) for op in operations]
    except _TooFarError:
        return ()
    return tuple(skip for skip in found if skip is not None)


#: So many steps are taken for an operation, on the average.
_STEPS = 100


class _TooFarError(Exception):
    """More steps than all skips together are worth."""


def _ending_at(accounts: Accounts, op: Operation, steps: Iterator[int]) -> Skip | None:
    values = accounts.trace.values
    joined = list(dict.fromkeys(value for value in op.inputs if not values[value].static))
    if len(joined) < 2 or not op.outputs:
        return None
    sign = sign_of(accounts, op)
    if sign not in ("+", CONCAT):
        return None
    ways = {value: list(quiet_way(accounts, value)) for value in joined}
    beyond = {value: _projected(accounts, way[-1]) for value, way in ways.items() if sign == "+"}
    far = [value for way in (*ways.values(), *beyond.values()) for value in way]
    since = min(_made(accounts, value) for value in far)
    before = computed_from(accounts, joined, since, steps)
    for value in joined:
        for source in ways[value]:
            if before.get(source, 0) > 0:
                return Skip(source, op.index, sign)
    for value, way in beyond.items():
        others = [other for other in joined if other != value]
        for source in way:
            made = _made(accounts, source)
            if computed_from(accounts, others, made, steps).get(source, 0) > 1:
                return Skip(source, op.index, sign, projected=True)
    return None


def _made(accounts: Accounts, value: int) -> int:
    producer = accounts.trace.values[value].producer
    return -1 if producer is None else producer


def quiet_way(accounts: Accounts, value: int) -> Iterator[int]:
    """A value, and what it was before norms, activations, crops and copies."""
    trace = accounts.trace
    yield value
    while (maker := trace.values[value].producer) is not None:
        op = trace.operations[maker]
        entry = accounts.entry(op)
        held = [one for one in op.inputs if not trace.values[one].static]
        if entry is None or len(held) != 1:
            return
        cropped = entry.family == "slicing" and _rank(accounts, held[0]) == _rank(accounts, value)
        if entry.family not in _QUIET and not cropped:
            return
        value = held[0]
        yield value


def _rank(accounts: Accounts, value: int) -> int:
    return len(accounts.trace.shape(value))


def _projected(accounts: Accounts, value: int) -> list[int]:
    """What a value was before one layer (and a pooling) that made it: where a projection begins."""
    trace, layers, way = accounts.trace, 0, list[int]()
    while (maker := trace.values[value].producer) is not None:
        op = trace.operations[maker]
        entry = accounts.entry(op)
        held = [one for one in op.inputs if not trace.values[one].static]
        if entry is None or len(held) != 1 or entry.family not in (*_COMPUTING, *_QUIET, "pooling"):
            break
        layers += entry.family in _COMPUTING
        if layers > 1:
            break
        value = held[0]
        if layers:
            way.append(value)
    return way


def computed_from(
    accounts: Accounts, values: Sequence[int], since: int, steps: Iterator[int] | None = None
) -> dict[int, int]:
    """What values were made of, and how many layers lie between at most: 0, 1, or 2 for more.

    Nothing is looked for that was made before the operation ``since``. ``steps`` are those that may
    be taken.
    """
    trace = accounts.trace
    found: dict[int, int] = {}
    todo = [(value, 0) for value in values]
    while todo:
        value, layers = todo.pop()
        if steps is not None and next(steps, None) is None:
            raise _TooFarError
        maker = trace.values[value].producer
        if maker is None or maker < since:
            continue
        op = trace.operations[maker]
        entry = accounts.entry(op)
        computes = entry is None or entry.family in _COMPUTING
        for one in op.inputs:
            reached = min(layers + computes, 2)
            if not trace.values[one].static and found.get(one, -1) < reached:
                found[one] = reached
                todo.append((one, reached))
    return found


# ---- as seen from a module --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Around:
    """The skips of one module: inside it, out of it to what runs later, into it from before.

    What a module gives last is the way that goes on, and no skip out of it.
    """

    inside: tuple[Skip, ...]
    leaving: tuple[Skip, ...]
    entering: tuple[Skip, ...]


def around(accounts: Accounts, every: Sequence[Skip], call: ModuleCall) -> Around:
    """The skips among ``every`` that begin or end in a call."""
    start, stop = call.operations
    given = {named.value for named in call.inputs}
    last = max((_made(accounts, named.value) for named in call.outputs), default=stop)
    inside, leaving, entering = list[Skip](), list[Skip](), list[Skip]()
    for skip in every:
        begins = start <= _made(accounts, skip.source) < stop
        if not start <= skip.join < stop:
            if begins and skip.join >= stop and _made(accounts, skip.source) != last:
                leaving.append(skip)
        elif begins or (skip.source in given and _stays(accounts, skip, start)):
            inside.append(skip)
        else:
            entering.append(skip)
    return Around(tuple(inside), tuple(leaving), tuple(entering))


def _stays(accounts: Accounts, skip: Skip, start: int) -> bool:
    """Whether what a skip is joined with was computed from its source after an operation."""
    joined = accounts.trace.operations[skip.join].inputs
    return computed_from(accounts, joined, start).get(skip.source, 0) > skip.projected


def ends_with(accounts: Accounts, call: ModuleCall, skip: Skip) -> bool:
    """Whether a call's only result is what a skip ends in, but for norms and activations."""
    results = {named.value for named in call.outputs}
    outputs = set(accounts.trace.operations[skip.join].outputs)
    return len(results) == 1 and not outputs.isdisjoint(quiet_way(accounts, *results))


def is_dense(accounts: Accounts, call: ModuleCall, children: Sequence[ModuleCall]) -> bool:
    """Whether each of a call's layers (at least three) is given what all before it made."""
    layers = [child for child in children if _computes(accounts, child)]
    made = [{named.value for named in layer.outputs} for layer in layers]
    if len(layers) < 3:
        return False
    for place, layer in enumerate(layers):
        given = _gathered(accounts, [named.value for named in layer.inputs], call.operations[0])
        if any(given.isdisjoint(values) for values in made[:place]):
            return False
    return True


def _computes(accounts: Accounts, call: ModuleCall) -> bool:
    for op in accounts.trace.operations[slice(*call.operations)]:
        entry = accounts.entry(op)
        if entry is not None and entry.family in _COMPUTING:
            return True
    return False


def _gathered(accounts: Accounts, values: Sequence[int], since: int) -> set[int]:
    """The values themselves and what they were concatenated of."""
    trace, found, todo = accounts.trace, set[int](), list(values)
    while todo:
        value = todo.pop()
        if value in found:
            continue
        found.update(quiet_way(accounts, value))
        for one in quiet_way(accounts, value):
            maker = _made(accounts, one)
            if maker >= since and sign_of(accounts, trace.operations[maker]) == CONCAT:
                todo += trace.operations[maker].inputs
    return found
