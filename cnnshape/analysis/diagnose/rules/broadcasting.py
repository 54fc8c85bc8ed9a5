"""Adding and multiplying tensors that do not fit: ``The size of tensor a (32) must match …``."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.fitting import candidates, clash
from cnnshape.analysis.diagnose.size_history import Story, lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.wording import AXES
from cnnshape.tracing.trace import Value
from cnnshape.words import listed, times

#: Functions whose tensors are broadcast against each other.
BROADCASTING = frozenset(
    "add sub mul div pow true_divide floor_divide maximum minimum where lerp addcmul addcdiv "
    "atan2 fmod remainder eq ne lt le gt ge logical_and logical_or masked_fill copy "
    "pairwise_distance cosine_similarity rsub".split()
)
#: The longest piece of source that a sentence quotes.
_QUOTED = 60
_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "/"}


def broadcast(failing: Failing) -> Diagnosis | None:
    """The first axis, from the right, where two sizes differ and neither is 1."""
    shaped = [(v, s) for v in failing.tensors if (s := sizes(v)) is not None]
    found = clash([shape for _, shape in shaped])
    if found is None:
        return _in_place(failing, shaped)
    one, other, from_end = found
    (a, a_shape), (b, b_shape) = shaped[one], shaped[other]
    call = CallText(failing)
    first, second = _labels(failing, call, one, other)
    sign = _SIGNS.get(failing.name)
    what = f"{first} {sign} {second}" if sign else f"{failing.name} of {first} and {second}"
    if call.found is not None and sign and len(call.found.text) <= _QUOTED:
        what = call.found.text
    differing = _differing(a_shape, b_shape)
    longer = a_shape if len(a_shape) >= len(b_shape) else b_shape
    named = listed(_axis_name(longer, axis) for axis in differing)
    left, right = (times(shape[axis] for axis in differing) for shape in (a_shape, b_shape))
    if len(a_shape) == len(b_shape):
        how = f"differ in {named}, {left} and {right}"
    else:
        how = (
            f"are compared from the last dimension on, where {a_shape[from_end]} and "
            f"{b_shape[from_end]} differ"
        )
    sentence = f"{what} does not fit: {times(a_shape)} and {times(b_shape)} {how}"
    stories = [story(failing.trace, a.id, from_end % len(a_shape))]
    stories.append(story(failing.trace, b.id, from_end % len(b_shape)))
    return Diagnosis(
        "broadcast",
        sentence,
        _both(failing, stories),
        tuple(candidates(failing, call, (one, a, a_shape), (other, b, b_shape), from_end)),
    )


def _labels(failing: Failing, call: CallText, one: int, other: int) -> tuple[str, str]:
    """What the two tensors are called in the source, where it is short enough to be quoted."""
    del failing
    names = [call.operand(one), call.operand(other)]
    if any(len(name) > 30 for name in names) or names[0] == names[1]:
        return "a", "b"
    return names[0], names[1]


def _differing(a: Sizes, b: Sizes) -> list[int]:
    """The axes, counted from the end, in which two sizes differ and neither is 1."""
    most = min(len(a), len(b))
    axes = range(-most, 0)
    return [axis for axis in axes if a[axis] != b[axis] and 1 not in (a[axis], b[axis])]


def _axis_name(shape: Sizes, from_end: int) -> str:
    axis = from_end % len(shape)
    letters = AXES.get(len(shape) - 2, "").split("×")
    words = {
        "C": "channels",
        "H": "height",
        "W": "width",
        "N": "batch",
        "L": "length",
        "D": "depth",
    }
    if len(shape) >= 4 and axis < len(letters):
        return words[letters[axis]]
    return f"dimension {axis}"


def _both(failing: Failing, stories: Sequence[Story]) -> tuple[str, ...]:
    """Both ways, without what they share."""
    shared = {n.operation for n in stories[0].notes} & {n.operation for n in stories[1].notes}
    different = [
        Story(s.size, tuple(n for n in s.notes if n.operation not in shared), s.start, s.made)
        for s in stories
    ]
    return (*start_line(failing.trace, stories), *lines(different))


def _in_place(failing: Failing, shaped: list[tuple[Value, Sizes]]) -> Diagnosis | None:
    """``x += y`` cannot make ``x`` larger."""
    if len(shaped) < 2:
        return None
    target, other = shaped[0][1], shaped[1][1]
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
    sentence = (
        f"the result of {times(target)} and {times(other)} is {times(result)}, and an in-place "
        f"operation cannot enlarge {call.operand(0)}, which is {times(target)}"
    )
    a, b = call.operand(0), call.operand(1)
    sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}.get(failing.name)
    if sign is None:
        return Diagnosis("broadcast.in_place", sentence)
    candidate = call.candidate(f"{a} = {a} {sign} {b}", function=failing.name)
    return Diagnosis("broadcast.in_place", sentence, (), (candidate,))
