"""Where a size comes from: one axis of a tensor followed back to what decided it.

``32 − 3 + 1 = 30`` is a :class:`Note` of a layer on the way. The way ends at the model's input, or
at whatever fixes the size by itself: a convolution for its channels, a linear layer for its
features, an adaptive pooling for its output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from cnnshape import formulas
from cnnshape.analysis.applications import application
from cnnshape.analysis.arguments import base_name, bind
from cnnshape.analysis.diagnose.failing import Sizes, sizes
from cnnshape.analysis.diagnose.substitution import short_substitution
from cnnshape.analysis.diagnose.wording import ordinal
from cnnshape.errors import CnnshapeError
from cnnshape.tracing.trace import Operation, Ref, Trace, Value

#: Rules whose derivation is per spatial axis.
SPATIAL = frozenset(
    "conv conv_transpose max_pool avg_pool lp_pool adaptive_pool fractional_pool upsample".split()
)
#: Rules that choose the size themselves, whatever arrives.
_FIXING = frozenset({"adaptive_pool", "fractional_pool"})
_LAST_DECIDED = frozenset("linear bilinear embedding lstm gru rnn_tanh rnn_relu".split())
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


@dataclass(frozen=True, slots=True)
class _Hop:
    """One step back: the axis before the operation, or None where it begins; with a note."""

    before: tuple[int, int] | None
    text: str = ""


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
        hop = _back(trace, operation, now, at[1])
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
        return f"{name} ({ordinal(call.call + 1)} call)" if call.call else name
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
        source = None if operation is None else main_input(trace, operation)
        if operation is None or source is None:
            return whole, None
        before, after = sizes(source), sizes(at)
        if before is None or after is None:
            return whole, None
        if operation.name in _RESHAPES:
            group = _groups(before, after).get(axis)
            if group is None:
                return whole, None
            first, *others = group
            if others:
                return _named(source, before, group), operation
            axis, at = first, source
            continue
        if before != after or base_name(operation.name)[0] in _LAST_DECIDED:
            return whole, None
        at = source
    return whole, None


def _named(source: Value, before: Sizes, group: Sequence[int]) -> tuple[Factor, ...]:
    channel = 1 if len(before) >= 3 else None
    if len(before) == 3 and 0 in group:
        channel = 0  # unbatched: channels come first
    return tuple(Factor(before[a], "channels" if a == channel else "", source.id, a) for a in group)


def main_input(trace: Trace, operation: Operation) -> Value | None:
    """The data that an operation works on: its first tensor that is no parameter or buffer."""
    for value in operation.inputs:
        candidate = trace.values[value]
        if not candidate.parameters and candidate.origin not in ("parameter", "buffer"):
            return candidate
    return None


# ---- one step back ------------------------------------------------------------------------


def step_back(
    trace: Trace, value: int, axis: int
) -> tuple[Operation | None, tuple[int, int] | None]:
    """The operation that made the value, and the axis before it that this axis comes from."""
    now = trace.values[value]
    if now.producer is None:
        return None, None
    operation = trace.operations[now.producer]
    return operation, _back(trace, operation, now, axis).before


def _back(trace: Trace, operation: Operation, value: Value, axis: int) -> _Hop:
    source = main_input(trace, operation)
    after = sizes(value)
    before = None if source is None else sizes(source)
    if source is None or before is None or after is None:
        return _Hop(None)
    base, _ = base_name(operation.name)
    special = _SPECIAL.get(base)
    if special is not None:
        found = special(trace, operation, source, before, after, axis)
        if found is not None:
            return found
    spatial = _spatial(trace, operation, source, before, after, axis)
    if spatial is not None:
        return spatial
    return _elementwise(trace, operation, before, after, source, axis)


def _spatial(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    rule = application(trace, operation)
    if rule is None or rule.kind not in SPATIAL:
        return None
    try:
        derived = formulas.derive(rule.kind, rule.input_shape, **rule.arguments)
    except CnnshapeError:
        return None
    lead = len(after) - len(derived.axes)
    if derived.output != after or len(before) != len(after):
        return None
    if axis < lead:
        channel = axis == lead - 1
        if channel and rule.kind in ("conv", "conv_transpose"):
            return _Hop(None, f"{after[axis]} channels")
        return _Hop((source.id, axis))
    derivation = derived.axes[axis - lead]
    fixed = rule.kind in _FIXING or (rule.kind == "upsample" and rule.arguments.get("size"))
    if fixed:
        return _Hop(None, f"output size {derivation.output}")
    if derivation.input == derivation.output:
        return _Hop((source.id, axis))
    return _Hop((source.id, axis), short_substitution(rule.kind, derivation))


def _elementwise(
    trace: Trace, operation: Operation, before: Sizes, after: Sizes, source: Value, axis: int
) -> _Hop:
    """Broadcasting operations, and everything unknown that keeps the size of the axis."""
    from_end = axis - len(after)
    for index in operation.inputs:
        candidate = trace.values[index]
        shape = sizes(candidate)
        if candidate.parameters or shape is None or len(shape) + from_end < 0:
            continue
        if shape[from_end] == after[axis] and (len(shape) == len(after) or len(shape) > 1):
            return _Hop((index, len(shape) + from_end))
    if len(before) == len(after):
        return _Hop((source.id, axis), f"{before[axis]} → {after[axis]}")
    return _Hop(None, f"{_times(before)} → {_times(after)}")


def _flatten(
    _trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    group = _groups(before, after).get(axis)
    if group is None:
        return _Hop(None, f"{_times(before)} → {_times(after)}")
    if len(group) == 1:
        return _Hop((source.id, group[0]))
    product = "·".join(str(before[a]) for a in group)
    del operation
    # The first spatial axis decides how the product changes with the input.
    return _Hop((source.id, group[-1]), f"{product} = {after[axis]}")


def _groups(before: Sizes, after: Sizes) -> dict[int, tuple[int, ...]]:
    """Which axes of ``before`` each axis of ``after`` is the product of, where that is so."""
    groups: dict[int, tuple[int, ...]] = {}
    start = 0
    for axis, size in enumerate(after):
        stop, product = start, 1
        while stop < len(before) and product < size:
            product *= before[stop]
            stop += 1
        if size == 1:
            stop = start + 1 if start < len(before) and before[start] == 1 else start
            product = 1
        if product != size:
            break
        groups[axis] = tuple(range(start, stop))
        # Sizes of one that follow belong to the group unless the next axis is one itself.
        start = stop
        if axis + 1 == len(after) or after[axis + 1] != 1:
            while start < len(before) and before[start] == 1 and groups[axis]:
                groups[axis] = (*groups[axis], start)
                start += 1
    return {axis: group for axis, group in groups.items() if group}


def _permute(
    _trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    order = permutation(operation, len(before))
    if order is None or len(order) != len(after):
        return None
    return _Hop((source.id, order[axis]))


def permutation(operation: Operation, rank: int) -> tuple[int, ...] | None:
    """For each axis after a permute or transpose, which axis it was before."""
    numbers = [a for a in operation.args[1:] if isinstance(a, int | tuple)]
    if operation.name == "permute":
        flat = numbers[0] if numbers and isinstance(numbers[0], tuple) else tuple(numbers)
        flat = flat or operation.kwargs.get("dims", ())
        if not isinstance(flat, tuple) or len(flat) != rank:
            return None
        return tuple(int(a) % rank for a in flat if isinstance(a, int))
    order = list(range(rank))
    if operation.name in ("T", "t", "mT", "H", "mH"):
        one, other = rank - 2, rank - 1
        if operation.name in ("T", "H"):
            return tuple(reversed(order))
    elif len(numbers) == 2 and all(isinstance(n, int) for n in numbers):
        one, other = (int(n) % rank for n in numbers if isinstance(n, int))
    else:
        return None
    if rank < 2:
        return tuple(order)
    order[one], order[other] = order[other], order[one]
    return tuple(order)


def _cat(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    if len(before) != len(after) or before[axis] == after[axis]:
        return None
    parts = [(sizes(trace.values[v]) or after)[axis] for v in operation.inputs]
    if sum(parts) != after[axis]:
        return _Hop((source.id, axis))
    return _Hop(None, f"{' + '.join(map(str, parts))} = {after[axis]}")


def _decided(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    del trace, operation
    if axis == len(after) - 1:
        return _Hop(None, f"{after[axis]} features")
    return _Hop((source.id, axis)) if axis < len(before) and before[axis] == after[axis] else None


def _product(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    del before
    if axis != len(after) - 1 or len(operation.inputs) < 2:
        return _Hop((source.id, axis)) if axis < len(sizes(source) or ()) else None
    other = trace.values[operation.inputs[-1]]
    shape = sizes(other)
    if shape is None or shape[-1] != after[axis]:
        return None
    return _Hop((other.id, len(shape) - 1))


def _squeezed(
    _trace: Trace, _operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    """Axes of size one came or went; the others kept their order."""
    kept_before = [a for a, size in enumerate(before) if size != 1]
    kept_after = [a for a, size in enumerate(after) if size != 1]
    if [before[a] for a in kept_before] != [after[a] for a in kept_after]:
        return None
    if axis not in kept_after:
        return _Hop(None, "")
    return _Hop((source.id, kept_before[kept_after.index(axis)]))


def _shuffle(
    trace: Trace, operation: Operation, source: Value, before: Sizes, after: Sizes, axis: int
) -> _Hop | None:
    bound = bind(operation)
    factor = None if bound is None else bound.get("upscale_factor")
    if not isinstance(factor, int) or len(before) != len(after):
        return None
    del trace
    if axis >= len(after) - 2:
        return _Hop((source.id, axis), f"{before[axis]}·{factor} = {after[axis]}")
    if axis == len(after) - 3:
        return _Hop((source.id, axis), f"{before[axis]}/{factor}² = {after[axis]}")
    return _Hop((source.id, axis))


_Special = Callable[[Trace, Operation, Value, Sizes, Sizes, int], "_Hop | None"]
_RESHAPES = frozenset("view reshape flatten unflatten view_as reshape_as".split())
_SPECIAL: dict[str, _Special] = {
    **dict.fromkeys(_RESHAPES, _flatten),
    **dict.fromkeys(("permute", "transpose", "swapaxes", "T", "t", "mT"), _permute),
    **dict.fromkeys(_LAST_DECIDED, _decided),
    **dict.fromkeys(("matmul", "bmm", "mm"), _product),
    **dict.fromkeys(("squeeze", "unsqueeze", "getitem"), _squeezed),
    "cat": _cat,
    "pixel_shuffle": _shuffle,
}


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
    verb = "gives " if all(_last(text) for text in texts) else ""
    return f"{notes[0].name} {verb}{', '.join(texts)}"


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
            return (f"{value.name} {_times(sizes(value) or ())}",)
    return ()


def product_text(parts: Sequence[Factor]) -> str:
    """``16 channels × 4 × 4``."""
    return " × ".join(f"{p.size} {p.word}".rstrip() for p in parts)


def product_of(parts: Sequence[Factor]) -> int:
    """What the factors multiply to."""
    return prod(part.size for part in parts)


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "()"


def tensor_of(argument: object) -> int | None:
    """The value id behind an argument."""
    return argument.value if isinstance(argument, Ref) else None
