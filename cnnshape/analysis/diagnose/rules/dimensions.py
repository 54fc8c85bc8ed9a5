"""Dimensions that are not there: ``Dimension out of range (expected to be in range of …)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Operand, sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import present, set_arguments, unsqueeze_input
from cnnshape.analysis.diagnose.wording import dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Value
from cnnshape.words import listed, times

#: What dimensions are called among the arguments.
_ARGUMENTS = "dim dims dim0 dim1 dim2 source destination start_dim end_dim".split()


def out_of_range(failing: Failing) -> Diagnosis | None:
    """A dimension beyond those of the tensor."""
    x = failing.operands[0] if failing.operands else None
    if x is None or x.place or failing.name == "permute":  # which has a rule of its own
        return None
    room = x.rank + 1 if failing.name in ("unsqueeze", "stack") else max(x.rank, 1)
    for name in _ARGUMENTS:
        argument = failing.argument(name)
        numbers = argument if isinstance(argument, tuple) else (argument,)
        for number in numbers:
            if type(number) is int and not -room <= number < room:
                sentence = _sentence(failing, x, number, room)
                found = tuple(_candidates(failing, x, number, name))
                return Diagnosis("dim.out_of_range", sentence, (), found)
    return None


def _sentence(failing: Failing, x: Operand, number: int, room: int) -> str:
    layer = failing.module.path if failing.module.builtin and failing.path else ""
    return say(
        "{function} works on dimension {axis}, but {tensor} {shape} has {dims} ({first} to {last})",
        function=who(layer) if layer else failing.name,
        axis=number,
        tensor=say("its input") if layer else CallText(failing).operand(0),
        shape=times(x.shape),
        dims=dims(x.rank),
        first=-room,
        last=room - 1,
    )


def _candidates(failing: Failing, x: Operand, number: int, keyword: str) -> Iterator[Suggestion]:
    origin = _same_as_input(failing, x)
    if origin is not None and (number == x.rank or (number >= 0 and x.rank < 3)):
        yield unsqueeze_input(origin)
    last = _last(x.rank, number)
    if failing.module.builtin and failing.module.config.get(keyword) == number:
        yield from present([set_arguments(failing.module, {keyword: last})])
        return
    if failing.module.builtin and failing.path:
        return
    call = CallText(failing)
    if failing.name in ("transpose", "swapaxes") and x.rank >= 2:
        if x.rank > 2:  # of two dimensions the first is the batch, which nobody exchanges
            yield call.with_arguments((x.rank - 2, x.rank - 1))
        return
    found = call.found
    if found is None:
        text = say("{function} along dimension {axis}", function=failing.name, axis=last)
    elif found.receiver is None and found.function[:1].isalpha():
        text = f"{found.function}({call.operand(0)}, {keyword}={last})"
    else:
        text = f"{call.operand(0)}.{failing.name}({keyword}={last})"
    if not x.shape or (failing.name == "squeeze" and x.shape[last] != 1):
        return
    if keyword in ("dim", "dims", "start_dim"):
        yield call.candidate(text)


def _same_as_input(failing: Failing, x: Operand) -> Value | None:
    """The model's input, if nothing has changed its shape since."""
    value: Value | None = x.value
    while value is not None and sizes(value) == x.shape:
        if value.origin == "input":
            return value
        made_by = None if value.producer is None else failing.trace.operations[value.producer]
        value = None if made_by is None else main_input(failing.trace, made_by)
    return None


def _last(rank: int, number: int) -> int:
    """The dimension nearest to the one that is not there."""
    if rank == number == 1:
        return -1  # right with a batch as well
    return rank - 1 if number >= 0 else 0


def _left_out(order: Sequence[int], rank: int) -> list[int]:
    named = {axis % rank for axis in order if -rank <= axis < rank}
    return [axis for axis in range(rank) if axis not in named]


def _each_once(order: Sequence[int], rank: int) -> Iterator[tuple[int, ...]]:
    """One number of the order is there twice or too large: each way to put it right."""
    missing = _left_out(order, rank)
    for place in range(rank if len(missing) == 1 else 0):
        better = tuple(missing[0] if i == place else axis for i, axis in enumerate(order))
        if not _left_out(better, rank):
            yield better


def permute(failing: Failing) -> Diagnosis | None:
    """``permute`` names every dimension once."""
    x = failing.operand()
    order: Any = failing.argument("dims")
    if x is None or not order or not all(isinstance(axis, int) for axis in order):
        return None
    rank = x.rank
    if sorted(a % rank if -rank <= a < rank else a for a in order) == list(range(rank)):
        return None
    call = CallText(failing)
    sentence = say(
        "permute{order} names {named}, but {tensor} {shape} has {dims}",
        order=order,
        named=dims(len(order)),
        tensor=call.operand(0),
        shape=times(x.shape),
        dims=dims(rank),
    )
    found: list[Suggestion] = []
    if len(order) == rank:
        sentence = say(
            "permute{order} leaves out {axes} of {tensor} {shape}",
            order=order,
            axes=listed(str(axis) for axis in _left_out(order, rank)),
            tensor=call.operand(0),
            shape=times(x.shape),
        )
        found += [call.with_arguments(better) for better in _each_once(order, rank)]
    if len(order) == rank + 1 and x.value.origin == "input":
        found.append(unsqueeze_input(x.value))
    if len(order) == rank + 1 and order[0] == 0:
        # Written for a batch: the same order without it.
        found.append(call.with_arguments(tuple(a - 1 for a in order[1:])))
    ones = [axis for axis in range(1, rank) if x.shape[axis] == 1]
    if len(order) == rank - 1 and ones:
        # The order is as it was meant to be, and a dimension of one too many.
        found.append(call.on(0, f"{{x}}.squeeze({ones[0]})"))
    elif len(order) == rank - 1 and rank >= 2:
        found.append(call.with_arguments((0, *(a + 1 for a in order))))
    if len(order) > rank and not (len(order) == rank + 1 and order[0] == 0):
        kept = tuple(a for a in order if a < rank)
        if sorted(kept) == list(range(rank)) and kept != tuple(range(rank)):
            found.append(call.with_arguments(kept))
    return Diagnosis("permute.rank", sentence, (), tuple(found))
