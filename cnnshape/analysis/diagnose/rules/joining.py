"""Putting tensors together: ``torch.cat`` and ``torch.stack``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.rules.fitting import same_picture
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import listed, times


def cat(failing: Failing) -> Diagnosis | None:
    """All sizes but that of the joined dimension must agree."""
    joined = _joined(failing)
    if len(joined) < 2:
        return None
    first = joined[0]
    if any(operand.rank != first.rank for operand in joined):
        return _ranks(failing, joined)
    dim = failing.argument("dim")
    if not isinstance(dim, int) or not -first.rank <= dim < first.rank:
        return None  # the rule for dimensions says it
    dim %= first.rank
    for other in joined[1:]:
        if _axes(first, other, dim):
            return _differing(failing, first, other, dim)
    return None


def _joined(failing: Failing) -> tuple[Operand, ...]:
    """The tensors that are joined; none if a size of one is symbolic."""
    return failing.operands if len(failing.operands) == len(failing.tensors) else ()


def _axes(first: Operand, other: Operand, dim: int) -> list[int]:
    """The axes in which two tensors must agree and do not."""
    return [a for a in range(first.rank) if a != dim and first.shape[a] != other.shape[a]]


def _differing(failing: Failing, first: Operand, other: Operand, dim: int) -> Diagnosis:
    call, axes = CallText(failing), _axes(first, other, dim)
    left, right = (times(operand.shape[axis] for axis in axes) for operand in (first, other))
    where = say("dimension {axes}", axes=axes[0])
    if len(axes) > 1:
        where = say("dimensions {axes}", axes=listed(map(str, axes)))
    sentence = say(
        "cat joins along dimension {dim}, so all else must agree, but {first} {shape} "
        "and {second} {other_shape} differ in {where}: {size} and {other_size}",
        dim=dim,
        first=call.operand(0),
        shape=times(first.shape),
        second=call.operand(other.place),
        other_shape=times(other.shape),
        where=where,
        size=left,
        other_size=right,
    )
    stories = [
        story(failing.trace, operand.value.id, axis) for operand in (first, other) for axis in axes
    ]
    shared = {n.operation for n in stories[0].notes} & {n.operation for n in stories[-1].notes}
    distinct = [
        replace(item, notes=tuple(n for n in item.notes if n.operation not in shared))
        for item in stories
    ]
    derivation = (*start_line(failing.trace, stories), *lines(distinct))
    found = tuple(_cat_candidates(call, first, other, dim))
    return Diagnosis("cat.sizes", sentence, derivation, found)


def _cat_candidates(
    call: CallText, first: Operand, other: Operand, dim: int
) -> Iterator[Suggestion]:
    axes = _axes(first, other, dim)
    spatial = first.rank >= 3 and min(axes) >= 2
    if spatial:
        # A U-Net's pictures are to be divisible; padding is the cure where branches meet.
        pictures = same_picture(call.failing, first, other)
        yield from sorted(pictures, key=lambda c: c.action != "set_input")
        yield from _fitted(call, first, other)
    # Pictures of different size are meant to be fitted; vectors to be joined the other way.
    yield from _other_dims(call, dim)
    for mine, theirs in ((first, other), (other, first)):
        if mine.input_name:
            after = [mine.shape[a] if a == dim else n for a, n in enumerate(theirs.shape)]
            yield new_input(mine.input_name, mine.shape, after)
    a, b = axes[0], axes[-1]
    for mine, theirs in ((other, first), (first, other)):
        if len(axes) == 2 and (mine.shape[a], mine.shape[b]) == (theirs.shape[b], theirs.shape[a]):
            yield call.on(mine.place, f"{{x}}.transpose({a}, {b})")


def _other_dims(call: CallText, dim: int) -> Iterator[Suggestion]:
    """The dimensions along which they could be joined."""
    found = call.found
    inside = "[…]" if found is None or not found.arguments else found.arguments[0]
    for better in _dims(call.failing.operands):
        if better != dim:
            yield call.candidate(f"torch.cat({inside}, dim={better})")


def _dims(operands: Sequence[Operand]) -> Iterator[int]:
    """The dimensions without which all shapes are the same."""
    first = operands[0]
    for dim in range(first.rank):
        if all(one.rank == first.rank and not _axes(first, one, dim) for one in operands):
            yield dim


def _fitted(call: CallText, first: Operand, other: Operand) -> Iterator[Suggestion]:
    """One picture padded or cropped to the other's size: the usual cure in a U-Net."""
    small, large = (first, other) if _pixels(first) < _pixels(other) else (other, first)
    if first.rank == 4:
        template = f"F.interpolate({{x}}, size={call.operand(large.place)}.shape[-2:])"
        yield call.on(small.place, template)
    sizes = small.shape[2:]
    crop = ", ".join([":", ":", *(f":{n}" for n in sizes)])
    yield call.on(large.place, f"{{x}}[{crop}]")


def _pixels(picture: Operand) -> int:
    return prod(picture.shape[2:])


def _ranks(failing: Failing, joined: Sequence[Operand]) -> Diagnosis:
    call = CallText(failing)
    lacking = min(joined, key=lambda operand: operand.rank)
    full = max(joined, key=lambda operand: operand.rank)
    sentence = say(
        "cat needs tensors with equally many dimensions, but {lacking} {lacking_shape} "
        "has {lacking_dims} and {full} {full_shape} has {full_dims}",
        lacking=call.operand(lacking.place),
        lacking_shape=times(lacking.shape),
        lacking_dims=dims(lacking.rank),
        full=call.operand(full.place),
        full_shape=times(full.shape),
        full_dims=dims(full.rank),
    )
    return Diagnosis("cat.rank", sentence, (), tuple(_rank_candidates(call, lacking, full)))


def _rank_candidates(call: CallText, lacking: Operand, full: Operand) -> Iterator[Suggestion]:
    dim = call.failing.argument("dim")
    if full.rank - lacking.rank == 1 and isinstance(dim, int):
        axis = _missing_axis(lacking.shape, full.shape, dim % full.rank)
        if axis is not None:
            yield call.on(lacking.place, f"{{x}}.unsqueeze({axis})")
    if lacking.rank != 2 or lacking.shape[0] != full.shape[0]:
        return
    if full.rank == 4:
        picture = full.shape[2:]
        template = f"{{x}}[:, :, None, None].expand(-1, -1, {', '.join(map(str, picture))})"
        yield call.on(lacking.place, template)
    yield call.on(full.place, "{x}.flatten(1)")


def _missing_axis(lacking: Sizes, full: Sizes, dim: int) -> int | None:
    """Where a dimension of one lets two shapes agree but in ``dim``."""
    rank = len(full)
    for axis in dict.fromkeys((dim, 0, rank - 1, *range(rank))):
        after = (*lacking[:axis], 1, *lacking[axis:])
        if all(after[a] == full[a] for a in range(rank) if a != dim):
            return axis
    return None


def stack(failing: Failing) -> Diagnosis | None:
    """All sizes must agree."""
    stacked = _joined(failing)
    first = stacked[0] if stacked else None
    other = next((one for one in stacked if first and one.shape != first.shape), None)
    if first is None or other is None:
        return None
    call = CallText(failing)
    a, b = call.operand(0), call.operand(other.place)
    if a == b or call.found is None or len(call.found.operands) < len(stacked):
        a, b = (
            say("tensor 1"),
            say("tensor {number}", number=other.place + 1),
        )
    sentence = say(
        "stack needs tensors of one size, but {first} is {shape} and {second} is {other_shape}",
        first=a,
        shape=times(first.shape),
        second=b,
        other_shape=times(other.shape),
    )
    return Diagnosis("stack.sizes", sentence, (), tuple(_stack_candidates(call, first, other)))


def _stack_candidates(call: CallText, first: Operand, other: Operand) -> Iterator[Suggestion]:
    inside = call.found.arguments[0] if call.found and call.found.arguments else "[…]"
    for axis in _dims(call.failing.operands):
        yield call.candidate(f"torch.cat({inside}, dim={axis})")
    if first.rank == other.rank == 4 and first.shape[:2] == other.shape[:2]:
        small, large = (first, other) if _pixels(first) < _pixels(other) else (other, first)
        template = f"F.interpolate({{x}}, size={large.shape[-2:]})"
        yield call.on(small.place, template)
