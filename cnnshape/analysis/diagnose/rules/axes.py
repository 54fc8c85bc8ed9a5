"""Dimensions that are not there: ``Dimension out of range (expected to be in range of …)``."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import set_arguments
from cnnshape.analysis.diagnose.wording import dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Plain, Value
from cnnshape.words import times

#: Functions with dimensions among their arguments: where they stand, and how many more than the
#: tensor's own are allowed (``unsqueeze`` makes one).
_PLACES: dict[str, tuple[tuple[int, str], ...]] = {
    "squeeze": ((1, "dim"),),
    "unsqueeze": ((1, "dim"),),
    "transpose": ((1, "dim0"), (2, "dim1")),
    "swapaxes": ((1, "axis0"), (2, "axis1")),
    "softmax": ((1, "dim"),),
    "log_softmax": ((1, "dim"),),
    "movedim": ((1, "source"), (2, "destination")),
    "select": ((1, "dim"),),
    "narrow": ((1, "dim"),),
    "chunk": ((2, "dim"),),
    "split": ((2, "dim"),),
    "unbind": ((1, "dim"),),
    "flatten": ((1, "start_dim"), (2, "end_dim")),
    "unflatten": ((1, "dim"),),
    "flip": ((1, "dims"),),
    "roll": ((2, "dims"),),
    "cumsum": ((1, "dim"),),
    "index_select": ((1, "dim"),),
    "gather": ((1, "dim"),),
    "glu": ((1, "dim"),),
    "cat": ((1, "dim"),),
    "stack": ((1, "dim"),),
    "argmax": ((1, "dim"),),
    "topk": ((2, "dim"),),
    "sort": ((1, "dim"),),
    "norm": ((2, "dim"),),
    "normalize": ((2, "dim"),),
    **dict.fromkeys(
        (
            "mean",
            "sum",
            "max",
            "min",
            "amax",
            "amin",
            "std",
            "var",
            "prod",
            "logsumexp",
            "any",
            "all",
        ),
        ((1, "dim"),),
    ),
}
FUNCTIONS = frozenset(_PLACES)
_DEFAULTS = {"softmax": None, "glu": -1, "normalize": 1}


def axes(failing: Failing) -> Diagnosis | None:
    """A dimension beyond those of the tensor."""
    first = failing.tensors[0] if failing.tensors else None
    shape = None if first is None else sizes(first)
    if first is None or shape is None:
        return None
    rank = len(shape)
    room = rank + 1 if failing.name in ("unsqueeze", "stack") else max(rank, 1)
    for position, keyword in _PLACES.get(failing.name, ()):
        argument = failing.argument(position, keyword, _DEFAULTS.get(failing.name))
        numbers = argument if isinstance(argument, tuple) else (argument,)
        for number in numbers:
            if type(number) is int and not -room <= number < room:
                return _diagnosis(failing, first, shape, number, room, (position, keyword))
    return None


def _diagnosis(
    failing: Failing, value: Value, shape: Sizes, number: int, room: int, place: tuple[int, str]
) -> Diagnosis:
    call = CallText(failing)
    layer = failing.module.path if failing.module.builtin and failing.path else ""
    name = who(layer) if layer else failing.name
    subject = "its input" if layer else call.operand(0)
    sentence = (
        f"{name} works on dimension {number}, but {subject} {times(shape)} has "
        f"{dims(len(shape))} ({-room} to {room - 1})"
    )
    return Diagnosis(
        "dim.out_of_range",
        sentence,
        (),
        tuple(_candidates(failing, call, value, shape, number, place)),
    )


def _candidates(
    failing: Failing,
    call: CallText,
    value: Value,
    shape: Sizes,
    number: int,
    place: tuple[int, str],
) -> Iterator[Suggestion]:
    rank = len(shape)
    if value.origin == "input" and (number == rank or (number >= 0 and rank < 3)):
        yield unsqueeze_input(value)
    last = _last(rank, number)
    if failing.module.builtin and failing.module.config.get(place[1]) == number:
        candidate = set_arguments(failing.module, {place[1]: last})
        if candidate is not None:
            yield candidate
        return
    if failing.module.builtin and failing.path:
        return
    if failing.name in ("transpose", "swapaxes") and rank >= 2:
        inside = (rank - 2, rank - 1)
        yield call.candidate(call.method(failing.name, inside), arguments=inside)
        return
    positional = failing.operation is not None and place[0] < len(failing.operation.args)
    which: int | str = place[0] if positional else place[1]
    found = call.found
    if found is None:
        text = f"{failing.name} along dimension {last}"
    elif found.receiver is None and found.function[:1].isalpha():
        text = f"{found.function}({call.operand(0)}, {place[1]}={last})"
    else:
        text = f"{call.operand(0)}.{failing.name}({place[1]}={last})"
    if not shape or (failing.name == "squeeze" and shape[last] != 1):
        return
    if place[1] in ("dim", "dims", "start_dim"):
        yield call.candidate(text, overrides=((which, last),))


def _last(rank: int, number: int) -> int:
    """The dimension nearest to the one that is not there."""
    if rank == number == 1:
        return -1  # right with a batch as well
    return rank - 1 if number >= 0 else 0


def permute(failing: Failing) -> Diagnosis | None:
    """``permute`` names every dimension once."""
    value = failing.value(failing.argument(0))
    shape = None if value is None else sizes(value)
    order = _order(failing.operation.args[1:] if failing.operation else ())
    if value is None or shape is None or order is None:
        return None
    rank = len(shape)
    if sorted(a % rank if -rank <= a < rank else a for a in order) == list(range(rank)):
        return None
    call = CallText(failing)
    sentence = (
        f"permute{order} names {dims(len(order))}, but {call.operand(0)} {times(shape)} has "
        f"{dims(rank)}"
    )
    found: list[Suggestion] = []
    if len(order) == rank + 1 and value.origin == "input":
        found.append(unsqueeze_input(value))
    if len(order) == rank + 1 and order[0] == 0:
        # Written for a batch: the same order without it.
        inside = tuple(a - 1 for a in order[1:])
        found.append(call.candidate(call.method("permute", inside), arguments=inside))
    if len(order) == rank - 1 and rank >= 2:
        inside = (0, *(a + 1 for a in order))
        found.append(call.candidate(call.method("permute", inside), arguments=inside))
    if len(order) > rank and not (len(order) == rank + 1 and order[0] == 0):
        kept = tuple(a for a in order if a < rank)
        if sorted(kept) == list(range(rank)) and kept != tuple(range(rank)):
            found.append(call.candidate(call.method("permute", kept), arguments=kept))
    return Diagnosis("permute.rank", sentence, (), tuple(found))


def _order(given: tuple[Plain, ...]) -> tuple[int, ...] | None:
    items = given[0] if len(given) == 1 and isinstance(given[0], tuple) else given
    numbers = tuple(item for item in items if isinstance(item, int))
    return numbers if numbers and len(numbers) == len(items) else None
