"""Every other operation of the table: what it takes, and what arrives, argument by argument."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import shorten
from typing import Any

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.diagnose.argument_text import Arguments
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.wording import dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import joined, say
from cnnshape.operations.axes import AxisOf, Need
from cnnshape.operations.expected import Misfit, form_text, misfit
from cnnshape.tracing.trace import Plain, Ref
from cnnshape.words import listed, times

_LEAST = {"kernel_size": 1, "stride": 1, "dilation": 1, "groups": 1, "padding": 0}
#: How much of torch's message a sentence repeats.
_LONGEST = 160


def expected_shapes(failing: Failing) -> Diagnosis | None:
    """The shapes of its arguments are not those that the operation takes."""
    shapes = {
        name: shape
        for name, argument in failing.bound.items()
        if (shape := failing.shape(argument)) is not None
    }
    operation = "" if failing.entry is None else failing.entry.name
    found = misfit(operation, shapes)
    if found is None:
        return None
    what = _what(failing, Arguments(failing), found)
    sentence = say(
        "{function} takes {forms}, but {found}",
        function=_function(failing),
        forms=_forms(found, shapes),
        found=what,
    )
    return Diagnosis("operation.shapes", sentence, (), tuple(_alike(failing, found)))


def _function(failing: Failing) -> str:
    """The failing function as torch's documentation calls it."""
    name = "" if failing.operation is None else failing.operation.name
    for home in ("fft", "linalg", "special"):
        name = re.sub(f"^{home}_", f"{home}.", name)
    return "unfold" if name == "sliding_window" else name


def _forms(found: Misfit, shapes: Mapping[str, Sequence[int]]) -> str:
    """What the arguments have to look like, with their names where these say something."""
    if not found.letter:
        own = listed((form_text(form) for form in found.choices), "or")
        return own if found.first == "input" else joined(" ", (found.first, own))
    given = {name: form_text(form) for name, form in found.forms.items() if name in shapes}
    plain = given.keys() <= {"input", "other"}
    return listed(form if plain else joined(" ", (name, form)) for name, form in given.items())


def _what(failing: Failing, call: Arguments, found: Misfit) -> str:
    if not found.letter:
        shape = failing.shape(failing.argument(found.first)) or ()
        return say("{tensor} has {dims}", tensor=call.sized(found.first), dims=dims(len(shape)))
    if found.second is None:
        return say(
            "{tensor} has {size} instead of {letter}",
            tensor=call.sized(found.first),
            size=found.sizes[0],
            letter=found.letter,
        )
    if found.second == found.first:
        sizes = listed(map(str, found.sizes))
        return say(
            "{tensor} has {sizes} for {letter}",
            tensor=call.sized(found.first),
            sizes=sizes,
            letter=found.letter,
        )
    one, other = found.sizes
    return say(
        "{letter} is {size} in {first} and {other_size} in {second}",
        letter=found.letter,
        size=one,
        first=call.sized(found.first),
        other_size=other,
        second=call.sized(found.second),
    )


def _alike(failing: Failing, found: Misfit) -> Iterator[Suggestion]:
    """The layer that made one of two sizes made to give the other."""
    if found.second is None or found.second == found.first:
        return
    one, other = (failing.operand(name) for name in (found.first, found.second))
    if one is not None and other is not None:
        yield from other_inputs(failing, other.value, found.axes[1], found.sizes[0])
        yield from other_inputs(failing, one.value, found.axes[0], found.sizes[1])


# ---- what the axes of the result need ------------------------------------------------------


def broken_need(failing: Failing) -> Diagnosis | None:
    """A condition on the sizes, which the operation's account has, does not hold."""
    operation = failing.operation
    account = None if operation is None else Accounts(failing.trace).of(operation)
    for need in () if account is None else account.needs:
        left, right = need.left, need.right
        if not isinstance(left, int) or not isinstance(right, int):
            continue
        if left != right if need.relation == "==" else left < right:
            changes = tuple(_agreeing(failing, need, left, right))
            return Diagnosis("operation.shapes", _needed(failing, need), (), changes)
    return None


def _needed(failing: Failing, need: Need) -> str:
    left, right, equal = need.left_axis, need.right_axis, need.relation == "=="
    if left is not None and right is not None:
        sizes = {
            "function": _function(failing),
            "first": _axis(failing, left),
            "second": _axis(failing, right),
            "size": need.left,
            "other_size": need.right,
        }
        if equal:
            return say(
                "{function} needs {first} and {second} to be equal, but they are {size} and "
                "{other_size}",
                **sizes,
            )
        return say(
            "{function} needs {first} to be at least {second}, but they are {size} and "
            "{other_size}",
            **sizes,
        )
    wanted = f"{need.name} = {need.right}" if need.name.isidentifier() else f"{need.right}"
    if need.name == "elements":
        return say(
            "{function} needs {wanted} numbers, but {number} arrive",
            function=_function(failing),
            wanted=need.right,
            number=need.left,
        )
    if left is not None:
        place = _axis(failing, left)
        if equal:
            wanted = say("{size} in {dimension}", size=wanted, dimension=place)
        else:
            wanted = say("at least {size} in {dimension}", size=wanted, dimension=place)
    elif not equal:
        wanted = say("at least {size}", size=wanted)
    return say(
        "{function} needs {wanted}, but {number} arrive",
        function=_function(failing),
        wanted=wanted,
        number=need.left,
    )


def _axis(failing: Failing, axis: AxisOf) -> str:
    names = [
        name
        for name, argument in failing.bound.items()
        if isinstance(argument, Ref) and argument.value == axis.tensor
    ]
    value = failing.trace.values[axis.tensor]
    named = Arguments(failing).sized(names[0]) if names else times(value.shape)
    return say("dimension {axis} of {tensor}", axis=axis.axis, tensor=named)


def _agreeing(failing: Failing, need: Need, left: int, right: int) -> Iterator[Suggestion]:
    one, other, values = need.left_axis, need.right_axis, failing.trace.values
    if need.name == "k" and one is not None and left == 1:
        yield from _along(failing, one, right)
    if need.relation != "==" or one is None or other is None or one.tensor == other.tensor:
        return
    yield from other_inputs(failing, values[other.tensor], other.axis, left)
    yield from other_inputs(failing, values[one.tensor], one.axis, right)


def _along(failing: Failing, axis: AxisOf, wanted: int) -> Iterator[Suggestion]:
    """The one other dimension, the batch aside, that has as many numbers."""
    call, shape = CallText(failing), failing.trace.shape(axis.tensor)
    large = [a for a, n in enumerate(shape) if a and isinstance(n, int) and n >= wanted]
    if len(large) == 1 and call.found is not None:
        given = [a for a in call.found.arguments if not a.startswith("dim=")]
        given = given[: 1 if call.found.receiver is not None else 2]
        yield call.candidate(f"{call.found.function}({', '.join(given)}, dim={large[0]})")


# ---- settings that no size fits --------------------------------------------------------------


def too_small(failing: Failing) -> Diagnosis | None:
    """A kernel, stride or dilation of 0, or a padding below 0, which torch finds out late."""
    for name, least in _LEAST.items():
        given = failing.argument(name)
        numbers = given if isinstance(given, tuple) else (given,)
        low = [n for n in numbers if type(n) is int and n < least]
        if low:
            layered = failing.module.builtin
            subject = who(failing.path, failing.module.type) if layered else _function(failing)
            sentence = say(
                "{module} has a {name} of {value}, and it has to be at least {least}",
                module=subject,
                name=name,
                value=low[0],
                least=least,
            )
            return Diagnosis("init.size", sentence)
    return None


# ---- what was given -------------------------------------------------------------------------


def refused(failing: Failing) -> Diagnosis | None:
    """An operation of the table with what it was given, and torch's own reason."""
    lines = failing.failure.message.strip().splitlines()
    given = list(_given(failing)) or [*failing.received()]
    if failing.entry is None or not lines or not given:
        return None
    said = shorten(lines[0].rstrip("."), _LONGEST, placeholder=" …")
    sentence = say(
        "{function} refuses {given}: {message}",
        function=_function(failing),
        given=listed(given),
        message=said[:1].lower() + said[1:],
    )
    return Diagnosis("operation.arguments", sentence)


def _given(failing: Failing) -> Iterator[str]:
    """Its arguments by name: tensors with their sizes, settings with their values."""
    call, operation = Arguments(failing), failing.operation
    dtypes = {value.dtype for value in failing.tensors}
    for name, argument in failing.bound.items():
        value = failing.value(argument)
        if value is not None:
            yield call.sized(name) + (f" {value.dtype}" if dtypes != {"float32"} else "")
        elif operation is not None and _written(argument) and _was_given(failing, name):
            yield f"{name}={argument!r}"


def _was_given(failing: Failing, name: str) -> bool:
    operation = failing.operation
    assert operation is not None
    place = failing.place_of(name)
    return place in operation.kwargs if isinstance(place, str) else place < len(operation.args)


def _written(argument: Plain) -> bool:
    items: tuple[Any, ...] = argument if isinstance(argument, tuple) else (argument,)
    return all(isinstance(item, int | float | str) for item in items)
