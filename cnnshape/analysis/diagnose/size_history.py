"""Where a size comes from: one axis of a tensor followed back to what decided it.

``32 − 3 + 1 = 30`` is a :class:`Note` of a layer on the way. The way ends at the model's input, or
at whatever fixes the size by itself: a convolution for its channels, a linear layer for its
features, an adaptive pooling for its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from cnnshape.analysis.accounts import base_name
from cnnshape.analysis.diagnose.axis_origin import back, origin_of
from cnnshape.analysis.diagnose.failing import sizes
from cnnshape.messages import joined, say
from cnnshape.operations.axes import AxisOf, Kept, Merged
from cnnshape.tracing.trace import Operation, Trace
from cnnshape.words import ordinal, plural, times

_LIMIT = 4000  # operations followed back; the deepest real networks have a few thousand


@dataclass(frozen=True, slots=True)
class Note:
    """What one operation did to one axis: ``conv1 28 − 5 + 1 = 24``."""

    operation: int
    name: str
    text: str
    size: int


@dataclass(frozen=True, slots=True)
class Story:
    """One axis of one tensor: its size, the notes on the way (oldest first), and the start.

    ``made`` says that the last operation followed decides the size by itself; otherwise
    ``start`` is the axis of the value where the way ends (the model's input, most often).
    """

    size: int
    notes: tuple[Note, ...]
    start: tuple[int, int] | None
    made: bool


@dataclass(frozen=True, slots=True)
class Factor:
    """One of the sizes that were multiplied: ``16 channels``."""

    size: int
    word: str
    value: int
    axis: int


def story(trace: Trace, value: int, axis: int) -> Story:
    """Follow one axis of a value back."""
    shape = sizes(trace.values[value]) or ()
    axis %= max(len(shape), 1)
    notes: list[Note] = []
    at: tuple[int, int] | None = (value, axis)
    size = shape[axis] if shape else 1
    for _ in range(_LIMIT):
        assert at is not None
        now = trace.values[at[0]]
        operation = None if now.producer is None else trace.operations[now.producer]
        if operation is None:
            return Story(size, tuple(reversed(notes)), at, made=False)
        hop = back(trace, operation, now, at[1])
        if hop.text:
            here = (sizes(now) or (size,))[at[1]]
            notes.append(Note(operation.index, maker(trace, operation), hop.text, here))
        if hop.before is None:
            return Story(size, tuple(reversed(notes)), None, made=True)
        at = hop.before
    return Story(size, tuple(reversed(notes)), at, made=False)


def maker(trace: Trace, operation: Operation) -> str:
    """What to call an operation: the layer that ran it, or the function."""
    call = trace.calls[operation.call]
    module = trace.module(call.path)
    if module.builtin and call.path:
        name = f"{call.path} ({module.type})" if call.path.isdigit() else call.path
        if not call.call:
            return name
        return say("{name} ({nth} call)", name=name, nth=ordinal(call.call + 1))
    return base_name(operation.name)[0]


def factors(
    trace: Trace, value: int, axis: int = -1
) -> tuple[tuple[Factor, ...], Operation | None]:
    """The axes that were merged into one by flatten or view, and the operation that did it.

    A single factor, without an operation, where nothing was merged.
    """
    at = trace.values[value]
    shape = sizes(at)
    if not shape:
        return (), None
    axis %= len(shape)
    whole = (Factor(shape[axis], "", value, axis),)
    for _ in range(64):
        operation = None if at.producer is None else trace.operations[at.producer]
        if operation is None:
            return whole, None
        origin = origin_of(trace, operation, at, axis)
        if isinstance(origin, Merged) and all(isinstance(part, Kept) for part in origin.parts):
            return _named(trace, origin.sources), operation
        hop = back(trace, operation, at, axis)
        if hop.before is None or hop.text:
            return whole, None
        at, axis = trace.values[hop.before[0]], hop.before[1]
    return whole, None


def _named(trace: Trace, merged: Sequence[AxisOf]) -> tuple[Factor, ...]:
    source = trace.values[merged[0].tensor]
    before, group = sizes(source) or (), [axis for _, axis in merged]
    channel = 1 if len(before) >= 3 else None
    if len(before) == 3 and 0 in group:
        channel = 0  # unbatched: channels come first
    return tuple(Factor(before[a], "channels" if a == channel else "", source.id, a) for a in group)


# ---- as text ------------------------------------------------------------------------------


def lines(stories: Sequence[Story]) -> tuple[str, ...]:
    """The notes of several axes as lines, oldest first: ``conv1 28 − 5 + 1 = 24``.

    Axes that went the same way with the same numbers share a line.
    """
    merged: dict[int, list[Note]] = {}
    for item in stories:
        for note in item.notes:
            notes = merged.setdefault(note.operation, [])
            if all(note.text != other.text for other in notes):
                notes.append(note)
    return tuple(_line(notes) for _, notes in sorted(merged.items()))


def _line(notes: Sequence[Note]) -> str:
    texts = sorted((note.text for note in notes), key=_last)
    name, made = notes[0].name, joined(say(", "), texts)
    if all(_last(text) for text in texts):
        return say("{name} gives {made}", name=name, made=made)
    return joined(" ", (name, made))


def _last(text: str) -> bool:
    """Channels come after what happened to height and width."""
    return "=" not in text


def start_line(trace: Trace, stories: Sequence[Story]) -> tuple[str, ...]:
    """``x: 1×28×28``, if the stories begin at one of the model's inputs."""
    for item in stories:
        if item.start is None:
            continue
        value = trace.values[item.start[0]]
        if value.origin == "input":
            return (f"{value.name} {times(sizes(value) or ())}",)
    return ()


def product_text(parts: Sequence[Factor]) -> str:
    """``16 channels × 4 × 4``."""
    return joined(" × ", (plural(p.size, "channel") if p.word else str(p.size) for p in parts))


def product_of(parts: Sequence[Factor]) -> int:
    """What the factors multiply to."""
    return prod(part.size for part in parts)
