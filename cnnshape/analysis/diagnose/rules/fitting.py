"""Making two tensors fit each other: padding, another input, a projection, more dimensions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isqrt

from cnnshape.analysis.accounts import base_name
from cnnshape.analysis.diagnose.earlier_corrections import (
    OUTPUTS,
    with_output_padding,
    with_padding,
    with_stride,
)
from cnnshape.analysis.diagnose.edits import AddLayer
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes, sizes
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
from cnnshape.analysis.diagnose.suggest import (
    new_input,
    present,
    set_arguments,
    set_buffer,
    set_parameter,
)
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value

#: Pictures are brought to one size where one is larger by so many halves of the other.
_HALF_AGAIN = 3
#: How far from the given size another one is looked for.
_FARTHEST = 256


def candidates(
    call: CallText, left: Operand, right: Operand, from_end: int
) -> Iterator[Suggestion]:
    """What may help, most likely first."""
    failing = call.failing
    same_rank = left.rank == right.rank
    spatial = same_rank and left.rank >= 3 and -from_end <= left.rank - 2
    if spatial:
        yield from same_picture(failing, left, right)
    if same_rank and left.rank >= 3:
        yield from projections(call, left, right)
    yield from _channel_vector(call, left, right)
    if spatial:
        yield from _resized(call, left, right)
    if not spatial or left.rank == 3:
        yield from _made_alike(failing, left, right, from_end)


def same_picture(failing: Failing, one: Operand, other: Operand) -> Iterator[Suggestion]:
    """What makes two pictures equally large: padding on the way of one, or another input."""
    axes = range(2, one.rank)
    yield from _padded(failing, one, other, axes)
    left, right = (ways(failing.trace, it.value.id, axes) for it in (one, other))
    if left is not None and right is not None and left[0].start[0] == right[0].start[0]:
        candidate = agreeing_input(failing, left, right)
        if candidate is not None:
            yield candidate


def _padded(
    failing: Failing, one: Operand, other: Operand, axes: Iterable[int]
) -> Iterator[Suggestion]:
    forked = forks(failing.trace, one.value.id, other.value.id, axes)
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


def projections(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """A 1×1 convolution on the shortcut, as residual networks have it."""
    small, large = (left, right) if right.value.id > left.value.id else (right, left)
    # The operand that was made first is the shortcut.
    before, after, rank = small.shape, large.shape, small.rank
    if rank not in (3, 4, 5) or before[0] != after[0] or small.value.static:
        return
    if not any(base_name(op.name) == ("conv", rank - 2) for op in call.failing.trace.operations):
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
    settings = f", stride={stride}" if stride > 1 else ""
    kind = f"Conv{rank - 2}d"
    text = f"nn.{kind}({before[1]}, {after[1]}, 1{settings})"
    arguments = {"in_channels": before[1], "out_channels": after[1], "kernel_size": 1}
    made = {**arguments, "stride": stride}
    layer = AddLayer(call.failing.path, "shortcut", kind, tuple(made.items()))
    yield call.with_layer(small.place, "shortcut", layer, text)


def _channel_vector(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """A vector per channel (or per batch) that is to be spread over a picture."""
    small, large = (left, right) if left.rank < right.rank else (right, left)
    vector, picture = small.shape, large.shape
    missing, length = large.rank - small.rank, small.rank
    if missing <= 0:
        return
    kept, new = ", ".join([":"] * length), "None, " * missing
    if length in (1, 2) and vector == picture[:2][-length:] and large.rank > 2:
        ones = large.rank - 2
        spread = f"{{x}}.view({', '.join(['-1', *['1'] * ones])})"
        if length == 2:
            spread = f"{{x}}[{kept}, {', '.join(['None'] * ones)}]"
        yield call.on(small.place, spread)
    elif length > 1 and vector[0] == picture[0] and not clash([vector[1:], picture]):
        # A mask of batch × length for scores of batch × heads × length × length.
        template = f"{{x}}[:, {new}{', '.join([':'] * (length - 1))}]"
        yield call.on(small.place, template)
    elif vector[:1] == picture[:1] and not clash([(*vector, *[1] * missing), picture]):
        yield call.on(small.place, f"{{x}}[{kept}, {new.removesuffix(', ')}]")


def _resized(call: CallText, left: Operand, right: Operand) -> Iterator[Suggestion]:
    """The smaller picture brought to the size of the larger, as U-Nets do."""
    a, b = left.shape, right.shape
    if len(a) != 4 or a[:2] != b[:2]:
        return
    small, large = (left, right) if a[2] * a[3] < b[2] * b[3] else (right, left)
    if any(2 * n < _HALF_AGAIN * m for n, m in zip(large.shape[2:], small.shape[2:], strict=True)):
        return  # a border that a convolution took away is padded, not stretched
    template = f"F.interpolate({{x}}, size={call.operand(large.place)}.shape[-2:])"
    yield call.on(small.place, template)


def _made_alike(
    failing: Failing, left: Operand, right: Operand, from_end: int
) -> Iterator[Suggestion]:
    """The layer that made one of the sizes made to give the other's."""
    both = ((left, right), (right, left))
    for mine, theirs in both:
        yield from _longer_table(failing, mine.value, from_end, theirs.shape[from_end])
    for mine, theirs in both:
        yield from _made_as(failing, mine, theirs.shape, from_end)


def _made_as(failing: Failing, mine: Operand, like: Sizes, from_end: int) -> Iterator[Suggestion]:
    wanted = like[from_end]
    item = story(failing.trace, mine.value.id, from_end % mine.rank)
    if item.made and item.notes:
        operation = failing.trace.operations[item.notes[0].operation]
        module = failing.trace.module(failing.trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument is not None and module.builtin:
            yield from present([set_arguments(module, {argument: wanted})])
        return
    after = list(mine.shape)
    after[from_end] = wanted
    if mine.value.origin == "parameter":
        yield from _other_positions(failing, mine.shape, like, from_end)
        yield from present([set_parameter(mine.value, tuple(after))])
    if mine.input_name:
        yield new_input(mine.input_name, mine.shape, after)


def _longer_table(
    failing: Failing, value: Value, from_end: int, wanted: int
) -> Iterator[Suggestion]:
    """A table of positions that is too short for what it is added to: ``self.pe[:, :n]``."""
    trace, cut = failing.trace, False
    while value.static and value.producer is not None:
        cut = True
        operation = trace.operations[value.producer]
        if operation.name != "getitem" or len(operation.inputs) != 1:
            return
        value = trace.values[operation.inputs[0]]
    shape = sizes(value)
    if shape is None or len(shape) < -from_end or shape[from_end] >= wanted:
        return
    longer = (*shape[:from_end], wanted, *shape[len(shape) + from_end + 1 :])
    if value.origin == "buffer":
        yield from present([set_buffer(value, longer)])
    elif value.origin == "parameter" and cut:
        yield from present([set_parameter(value, longer)])


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
