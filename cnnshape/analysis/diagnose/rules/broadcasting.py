"""Adding and multiplying tensors that do not fit: ``The size of tensor a (32) must match …``."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.fitting import candidates, clash
from cnnshape.analysis.diagnose.size_history import Story, lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.wording import AXES
from cnnshape.messages import Said, say
from cnnshape.words import listed, times

#: The longest piece of source that a sentence quotes.
_QUOTED = 60
#: How sentences write the operators of Python.
_SIGNS = {"-": "−", "*": "×"}
_AXES = {
    "C": say("channels"),
    "H": say("height"),
    "W": say("width"),
    "N": Said("batch", "the batch"),
    "L": say("length"),
    "D": say("depth"),
}


def broadcast(failing: Failing) -> Diagnosis | None:
    """The first axis, from the right, where two sizes differ and neither is 1."""
    if not _broadcasts(failing):
        return None
    found = clash([operand.shape for operand in failing.operands])
    if found is None:
        return _in_place(failing)
    left, right, from_end = failing.operands[found[0]], failing.operands[found[1]], found[2]
    call = CallText(failing)
    stories = [
        story(failing.trace, operand.value.id, from_end % operand.rank) for operand in (left, right)
    ]
    return Diagnosis(
        "broadcast",
        _sentence(_what(call, left, right), left.shape, right.shape, from_end),
        _both(failing, stories),
        tuple(candidates(call, left, right, from_end)),
    )


def _broadcasts(failing: Failing) -> bool:
    """Whether the failing function lays all its tensors over each other."""
    family = "" if failing.entry is None else failing.entry.family
    return family in ("arithmetic", "elementwise", "distance") or failing.name == "copy"


def _what(call: CallText, left: Operand, right: Operand) -> str:
    """The call as it is written, where that is short enough to be quoted."""
    name = call.failing.name
    operator = "" if call.failing.entry is None else call.failing.entry.operator
    sign = _SIGNS.get(operator, operator)
    if call.found is not None and sign and len(call.found.text) <= _QUOTED:
        return call.found.text
    first, second = call.operand(left.place), call.operand(right.place)
    if len(first) > 30 or len(second) > 30 or first == second:
        first, second = "a", "b"
    if sign:
        return f"{first} {sign} {second}"
    return say("{function} of {first} and {second}", function=name, first=first, second=second)


def _sentence(what: str, a: Sizes, b: Sizes, from_end: int) -> str:
    """Where the two differ, and by which sizes."""
    if len(a) != len(b):
        return say(
            "{what} does not fit: {left} and {right} are compared from the last dimension on, "
            "where {one} and {other} differ",
            what=what,
            left=times(a),
            right=times(b),
            one=a[from_end],
            other=b[from_end],
        )
    differing = _differing(a, b)
    one, other = (times(shape[axis] for axis in differing) for shape in (a, b))
    return say(
        "{what} does not fit: {left} and {right} differ in {axes}, {one} and {other}",
        what=what,
        left=times(a),
        right=times(b),
        axes=listed(_axis_name(a, axis) for axis in differing),
        one=one,
        other=other,
    )


def _differing(a: Sizes, b: Sizes) -> list[int]:
    """The axes, counted from the end, in which two sizes differ and neither is 1."""
    most = min(len(a), len(b))
    axes = range(-most, 0)
    return [axis for axis in axes if a[axis] != b[axis] and 1 not in (a[axis], b[axis])]


def _axis_name(shape: Sizes, from_end: int) -> str:
    axis = from_end % len(shape)
    letters = AXES.get(len(shape) - 2, "").split("×")
    if len(shape) >= 4 and axis < len(letters):
        return _AXES[letters[axis]]
    return say("dimension {axis}", axis=axis)


def _both(failing: Failing, stories: Sequence[Story]) -> tuple[str, ...]:
    """Both ways, without what they share."""
    shared = {n.operation for n in stories[0].notes} & {n.operation for n in stories[1].notes}
    different = [
        Story(s.size, tuple(n for n in s.notes if n.operation not in shared), s.start, s.made)
        for s in stories
    ]
    return (*start_line(failing.trace, stories), *lines(different))


def _in_place(failing: Failing) -> Diagnosis | None:
    """``x += y`` cannot make ``x`` larger."""
    if len(failing.operands) < 2:
        return None
    target, other = (operand.shape for operand in failing.operands[:2])
    width = max(len(target), len(other))
    result = tuple(
        max(a, b)
        for a, b in zip(
            (1,) * (width - len(target)) + target, (1,) * (width - len(other)) + other, strict=True
        )
    )
    if result == target:
        return None
    call = CallText(failing)
    sentence = say(
        "the result of {target} and {other} is {result}, and an in-place operation cannot enlarge "
        "{name}, which is {target}",
        target=times(target),
        other=times(other),
        result=times(result),
        name=call.operand(0),
    )
    a, b = call.operand(0), call.operand(1)
    sign = "" if failing.entry is None else failing.entry.operator
    if not sign:
        return Diagnosis("broadcast.in_place", sentence)
    candidate = call.candidate(f"{a} = {a} {sign} {b}")
    return Diagnosis("broadcast.in_place", sentence, (), (candidate,))
