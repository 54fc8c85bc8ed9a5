"""Reading and writing where a tensor of indices says: ``gather``, ``scatter``, ``index_add``."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.accounts import base_name
from cnnshape.analysis.diagnose.argument_text import Arguments
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes, sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import change_input
from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Trace, Value
from cnnshape.words import times

#: Operations that only give a tensor another shape of the same numbers.
_RESHAPING = frozenset("getitem unsqueeze view reshape to long".split())


def beside(failing: Failing) -> Diagnosis | None:
    """``gather``, ``scatter``: index (and source) lie beside the tensor, and reach no further."""
    x, index, dim = failing.operand(), failing.operand(_index(failing)), failing.argument("dim")
    if x is None or index is None or not isinstance(dim, int) or not x.rank:
        return None
    for name in (_index(failing), "src"):
        other = failing.operand(name)
        if other is not None and other.rank and other.rank != x.rank:
            found = tuple(_other_rank(failing, x, other, dim)) if name != "src" else ()
            return Diagnosis("index.shape", _rank_sentence(failing, x, name, other), (), found)
    if not -x.rank <= dim < x.rank:
        return None
    return _too_far(failing, x, index, dim % x.rank)


def _index(failing: Failing) -> str:
    return "indices" if failing.name == "take_along_dim" else "index"


def _rank_sentence(failing: Failing, x: Operand, name: str, other: Operand) -> str:
    call = Arguments(failing)
    return say(
        "{function} needs as many dimensions in {index} as in {tensor}: {sized_index} "
        "has {dims}, {sized_tensor} has {rank}",
        function=failing.name,
        index=call.name(name),
        tensor=call.name("input"),
        sized_index=call.sized(name),
        dims=dims(other.rank),
        sized_tensor=call.sized("input"),
        rank=x.rank,
    )


def _too_far(failing: Failing, x: Operand, index: Operand, dim: int) -> Diagnosis | None:
    """The index may be smaller than the tensor, and than what is put there, but not larger."""
    call, name = Arguments(failing), _index(failing)
    if name == "indices":
        for axis, (a, b) in enumerate(zip(x.shape, index.shape, strict=True)):
            if axis != dim and a != b and 1 not in (a, b):
                sentence = say(
                    "take_along_dim needs {index} and {tensor} to agree everywhere but in "
                    "dimension {dim}: dimension {axis} is {size} and {other_size}",
                    index=call.sized(name),
                    tensor=call.sized("input"),
                    dim=dim,
                    axis=axis,
                    size=b,
                    other_size=a,
                )
                return Diagnosis("index.shape", sentence)
        return None
    source = failing.operand("src")
    limits = [("input", x.shape, dim)] + ([("src", source.shape, None)] if source else [])
    for owner, shape, free in limits:
        for axis, (most, size) in enumerate(zip(shape, index.shape, strict=True)):
            if axis != free and size > most:
                sentence = say(
                    "{function} goes through every place of {index}, but in dimension {axis} "
                    "{tensor} has only {most} of the {size}",
                    function=failing.name,
                    index=call.sized(name),
                    axis=axis,
                    tensor=call.sized(owner),
                    most=most,
                    size=size,
                )
                return Diagnosis("index.shape", sentence)
    return None


def along(failing: Failing) -> Diagnosis | None:
    """``index_select``, ``index_add``: a vector of positions along one dimension."""
    x, index, dim = failing.operand(), failing.operand("index"), failing.argument("dim")
    if x is None or index is None or not isinstance(dim, int) or not -x.rank <= dim < x.rank:
        return None
    call, axis = Arguments(failing), dim % x.rank
    if index.rank > 1:
        sentence = say(
            "{function} takes a vector of positions, but {index} has {dims}",
            function=failing.name,
            index=call.sized("index"),
            dims=dims(index.rank),
        )
        superfluous = [d for d, size in enumerate(index.shape) if size == 1]
        found = (
            _squeezed(failing, index, superfluous[-1]) if index.rank == 2 and superfluous else ()
        )
        return Diagnosis("index.shape", sentence, (), tuple(found))
    source, count = failing.operand("source"), index.shape[0] if index.rank else 1
    if source is None:
        return None
    wanted = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    if source.shape == wanted or not source.rank:
        return None
    sentence = say(
        "{function} puts {count} of {tensor} along dimension {axis}, so {source} "
        "should be {wanted}, but it is {given}",
        function=failing.name,
        count=count,
        tensor=call.sized("input"),
        axis=axis,
        source=call.name("source"),
        wanted=times(wanted),
        given=times(source.shape),
    )
    return Diagnosis("index.shape", sentence)


# ---- what may help ------------------------------------------------------------------------


def _other_rank(failing: Failing, x: Operand, index: Operand, dim: int) -> Iterator[Suggestion]:
    """An axis too many taken away, at the model's input first; a missing one put at ``dim``."""
    if index.rank == x.rank + 1:
        for axis in reversed(range(index.rank)):
            kept = (*index.shape[:axis], *index.shape[axis + 1 :])
            if index.shape[axis] == 1 and _reaches(kept, x.shape, dim):
                yield from _squeezed(failing, index, axis)
                return
    if index.rank == x.rank - 1 and -x.rank <= dim < x.rank:
        at = dim % x.rank
        source = failing.operand("src")
        # One position for each row; rows put at positions are another operation.
        if source is None and index.shape == (*x.shape[:at], *x.shape[at + 1 :]):
            yield Arguments(failing).on(_index(failing), f"{{x}}.unsqueeze({at})")
        elif source is None and failing.name == "gather" and _of_rows(x, index, at):
            yield _of_whole_rows(failing, x)
        elif source is not None and failing.name == "scatter_add" and index.rank == 1:
            yield from _as_index_add(failing)


def _of_rows(x: Operand, index: Operand, at: int) -> bool:
    """Whether the index says which rows are to be picked: batch × picks of batch × length × n."""
    return at == index.rank - 1 and index.shape[:at] == x.shape[:at]


def _of_whole_rows(failing: Failing, x: Operand) -> Suggestion:
    """One index for every number of the row."""
    kept = ", ".join(["-1"] * (x.rank - 1))
    name = Arguments(failing).name("input")
    template = f"{{x}}.unsqueeze(-1).expand({kept}, {name}.size(-1))"
    return Arguments(failing).on("index", template)


def _as_index_add(failing: Failing) -> Iterator[Suggestion]:
    """The operation that adds rows at positions, with the same arguments."""
    call = CallText(failing)
    if call.found is not None:
        function = call.found.function.replace("scatter_add", "index_add")
        yield call.candidate(f"{function}({', '.join(call.found.arguments)})")


def _reaches(index: Sizes, shape: Sizes, dim: int) -> bool:
    free = dim % len(shape)
    return all(a <= b for d, (a, b) in enumerate(zip(index, shape, strict=True)) if d != free)


def _squeezed(failing: Failing, index: Operand, axis: int) -> Iterator[Suggestion]:
    """The superfluous axis taken away where it comes from: at the model's input, or in the line."""
    given = _input_behind(failing.trace, index.value)
    shape = None if given is None else sizes(given)
    if given is not None and given.name and shape and 1 in shape[1:]:
        at = len(shape) - 1 - shape[::-1].index(1)
        after = [*shape[:at], *shape[at + 1 :]]
        steps = (Step("squeeze", (at,)),)
        yield change_input(given.name, f"{{x}}.squeeze({at})", steps, (list(shape), after))
        if given is index.value:
            return
    yield Arguments(failing).on(_index(failing), f"{{x}}.squeeze({axis})")


def _input_behind(trace: Trace, value: Value) -> Value | None:
    """The model's input that an index is, once it has been given other axes."""
    while value.origin != "input":
        operation = None if value.producer is None else trace.operations[value.producer]
        if operation is None or base_name(operation.name)[0] not in _RESHAPING:
            return None
        if len(operation.inputs) != 1:
            return None
        value = trace.values[operation.inputs[0]]
    return value
