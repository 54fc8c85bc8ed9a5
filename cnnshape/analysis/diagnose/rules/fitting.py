"""Making two tensors fit each other: padding, another input, a projection, more dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isqrt

from cnnshape.analysis.arguments import base_name
from cnnshape.analysis.diagnose.earlier_corrections import (
    OUTPUTS,
    with_output_padding,
    with_padding,
    with_stride,
)
from cnnshape.analysis.diagnose.edits import PictureOf, Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.diagnose.sizes_that_fit import (
    Changes,
    Way,
    forks,
    nearest_first,
    start_sizes,
    ways,
)
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input, set_arguments, set_buffer, set_parameter
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value

Operand = tuple[int, Value, Sizes]


#: How far from the given size another one is looked for.
_FARTHEST = 256


def candidates(
    failing: Failing, call: CallText, left: Operand, right: Operand, from_end: int
) -> Iterator[Suggestion]:
    """What may help, most likely first."""
    a_shape, b_shape = left[2], right[2]
    same_rank = len(a_shape) == len(b_shape)
    rank = len(a_shape)
    spatial = same_rank and rank >= 3 and -from_end <= rank - 2
    if spatial:
        yield from same_picture(failing, left[1], right[1], rank)
    if same_rank and rank >= 3:
        yield from projections(failing, call, left, right)
    yield from _channel_vector(call, left, right)
    if spatial:
        yield from _resized(call, left, right)
    if not spatial or rank == 3:
        yield from _made_alike(failing, left, right, from_end)


def same_picture(failing: Failing, one: Value, other: Value, rank: int) -> Iterator[Suggestion]:
    """What makes two pictures equally large: padding on the way of one, or another input."""
    axes = range(2, rank)
    yield from _padded(failing, one, other, axes)
    left, right = ways(failing.trace, one.id, axes), ways(failing.trace, other.id, axes)
    if left is not None and right is not None and left[0].start[0] == right[0].start[0]:
        candidate = agreeing_input(failing, left, right)
        if candidate is not None:
            yield candidate


def _padded(
    failing: Failing, one: Value, other: Value, axes: Iterable[int]
) -> Iterator[Suggestion]:
    forked = forks(failing.trace, one.id, other.id, axes)
    if forked is None:
        return
    left, right = forked
    now = start_sizes(failing.trace, left)
    if now is None:
        return

    def agree(changes: Changes) -> bool:
        got = [way.size(n, changes) for way, n in zip(left, now, strict=True)]
        had = [way.size(n, changes) for way, n in zip(right, now, strict=True)]
        return None not in got and got == had

    both = [*left, *right]
    yield from with_output_padding(failing, both, agree)
    yield from with_padding(failing, both, agree, kernels=True)
    if one.shape[1] == other.shape[1]:
        yield from with_stride(failing, both, agree)


def agreeing_input(failing: Failing, one: Sequence[Way], other: Sequence[Way]) -> Suggestion | None:
    """Another input size with which both ways end in the same size, axis by axis.

    First the next multiple of all strides together, with which every level of a U-Net agrees.
    """
    first = failing.trace.values[one[0].start[0]]
    whole = sizes(first)
    if whole is None or not first.name:
        return None
    after = list(whole)
    for mine, theirs in zip(one, other, strict=True):
        axis = mine.start[1]
        size = _agreeing_size(mine, theirs, whole[axis])
        if size is None:
            return None
        after[axis] = size
    return new_input(first.name, whole, after) if after != list(whole) else None


def _agreeing_size(one: Way, other: Way, now: int) -> int | None:
    def agree(n: int) -> bool:
        return n >= 1 and one.size(n) is not None and one.size(n) == other.size(n)

    stride = max(one.stride, other.stride)
    multiple = -(-now // stride) * stride
    if agree(multiple):
        return multiple
    if agree(now):
        return now
    largest = min(max(now, 64), _FARTHEST)
    near = (now + step for step in nearest_first(largest) if 2 * (now + step) >= now)
    return next((size for size in near if agree(size)), None)


def projections(
    failing: Failing, call: CallText, left: Operand, right: Operand
) -> Iterator[Suggestion]:
    """A 1×1 convolution on the shortcut, as residual networks have it."""
    small, large = (left, right) if right[1].id > left[1].id else (right, left)
    # The operand that was made first is the shortcut.
    before, after = small[2], large[2]
    rank = len(before)
    if rank not in (3, 4, 5) or before[0] != after[0] or small[1].static:
        return
    if not any(base_name(op.name) == ("conv", rank - 2) for op in failing.trace.operations):
        return  # sequences of vectors are no pictures
    strides = {-(-b // a) for b, a in zip(before[2:], after[2:], strict=True) if a}
    channels = before[1] != after[1]
    if not channels and before[2:] == after[2:]:
        return
    if len(strides) != 1:
        return
    stride = strides.pop()
    if any(-(-b // stride) != a for b, a in zip(before[2:], after[2:], strict=True)):
        return
    if not channels and stride == 1:
        return
    size = f"{rank - 2}d"
    settings = f", stride={stride}" if stride > 1 else ""
    layer = f"nn.Conv{size}({before[1]}, {after[1]}, 1{settings})"
    operand = call.operand(small[0])
    new = f"self.shortcut({operand})"
    text = f"{call.with_operand(small[0], new, new)} with self.shortcut = {layer}"
    step = Step("project", (before[1], after[1], stride, rank - 2))
    yield call.candidate(text, operands=((small[0], (step,)),))


def _channel_vector(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """A vector per channel (or per batch) that is to be spread over a picture."""
    small, large = (left, right) if len(left[2]) < len(right[2]) else (right, left)
    vector, picture = small[2], large[2]
    if len(vector) >= len(picture):
        return
    operand = call.operand(small[0])
    missing, length = len(picture) - len(vector), len(vector)
    if length in (1, 2) and vector == picture[:2][-length:] and missing + length > 2:
        ones = len(picture) - 2
        index = ", ".join([":"] * length + ["None"] * ones)
        if length == 1:
            new = f"{operand}.view({', '.join(['-1', *['1'] * ones])})"
        else:
            new = f"{operand}[{index}]"
        steps = tuple(Step("unsqueeze", (-1,)) for _ in range(ones))
    elif length > 1 and vector[0] == picture[0] and not clash([vector[1:], picture]):
        # A mask of batch × length for scores of batch × heads × length × length.
        new = f"{operand}[:, {'None, ' * missing}{', '.join([':'] * (length - 1))}]"
        steps = (Step("unsqueeze", (1,)),) * missing
    elif vector[:1] == picture[:1]:
        index = ", ".join([":"] * length + ["None"] * missing)
        if not clash([(*vector, *[1] * missing), picture]):
            new = f"{operand}[{index}]"
            steps = tuple(Step("unsqueeze", (-1,)) for _ in range(missing))
        else:
            return
    else:
        return
    yield call.candidate(call.with_operand(small[0], new, new), operands=((small[0], steps),))


def _resized(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """The smaller picture brought to the size of the larger, as U-Nets do."""
    a, b = left[2], right[2]
    if len(a) != 4 or a[:2] != b[:2]:
        return
    small, large = (left, right) if a[2] * a[3] < b[2] * b[3] else (right, left)
    operand, other = call.operand(small[0]), call.operand(large[0])
    new = f"F.interpolate({operand}, size={other}.shape[-2:])"
    yield call.candidate(
        call.with_operand(small[0], new, new),
        operands=((small[0], (Step("resize", (PictureOf(large[0]),)),)),),
    )


def _made_alike(
    failing: Failing, left: Operand, right: Operand, from_end: int
) -> Iterator[Suggestion]:
    """The layer that made one of the sizes made to give the other's."""
    both = ((left, right), (right, left))
    for mine, theirs in both:
        yield from _longer_table(failing, mine[1], from_end, theirs[2][from_end])
    for mine, theirs in both:
        value, shape = mine[1], mine[2]
        wanted = theirs[2][from_end]
        item = story(failing.trace, value.id, from_end % len(shape))
        if not item.made or not item.notes:
            if value.origin == "parameter":
                yield from _other_positions(failing, shape, theirs[2], from_end)
                after = list(shape)
                after[from_end] = wanted
                candidate = set_parameter(value, tuple(after))
                if candidate is not None:
                    yield candidate
            if value.origin == "input" and value.name and shape:
                after = list(shape)
                after[from_end] = wanted
                yield new_input(value.name, shape, after)
            continue
        operation = failing.trace.operations[item.notes[0].operation]
        module = failing.trace.module(failing.trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument is not None and module.builtin:
            candidate = set_arguments(module, {argument: wanted})
            if candidate is not None:
                yield candidate


def _longer_table(
    failing: Failing, value: Value, from_end: int, wanted: int
) -> Iterator[Suggestion]:
    """A table of positions that is too short for what it is added to: ``self.pe[:, :n]``."""
    trace = failing.trace
    while value.static and value.producer is not None:
        operation = trace.operations[value.producer]
        if operation.name != "getitem" or len(operation.inputs) != 1:
            return
        value = trace.values[operation.inputs[0]]
    shape = sizes(value)
    if value.origin != "buffer" or shape is None or len(shape) < -from_end:
        return
    if shape[from_end] < wanted:
        candidate = set_buffer(
            value, (*shape[:from_end], wanted, *shape[len(shape) + from_end + 1 :])
        )
        if candidate is not None:
            yield candidate


def _other_positions(
    failing: Failing, positions: Sizes, tokens: Sizes, from_end: int
) -> Iterator[Suggestion]:
    """A picture with as many patches as there are learned positions, class tokens aside."""
    trace = failing.trace
    first = trace.values[trace.inputs[0].value] if trace.inputs else None
    whole = None if first is None else sizes(first)
    if first is None or not first.name or whole is None or len(whole) != 4:
        return
    for extra in (0, 1, 2):
        have, want = tokens[from_end] - extra, positions[from_end] - extra
        side, wanted = isqrt(max(have, 0)), isqrt(max(want, 0))
        square = side * side == have and wanted * wanted == want and side and wanted
        if square and whole[2] == whole[3] and whole[2] * wanted % side == 0:
            size = whole[2] * wanted // side
            yield new_input(first.name, whole, (*whole[:2], size, size))


def clash(shapes: Sequence[Sizes]) -> tuple[int, int, int] | None:
    """Two of the shapes and the axis, from the end, in which they cannot be broadcast."""
    for distance in range(1, max((len(s) for s in shapes), default=0) + 1):
        seen: tuple[int, int] | None = None
        for index, shape in enumerate(shapes):
            if len(shape) < distance or shape[-distance] == 1:
                continue
            if seen is not None and seen[1] != shape[-distance]:
                return seen[0], index, -distance
            seen = seen or (index, shape[-distance])
    return None
