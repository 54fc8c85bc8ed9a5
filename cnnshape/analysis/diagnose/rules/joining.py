"""Putting tensors together: ``torch.cat`` and ``torch.stack``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.edits import PictureOf, Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.fitting import same_picture
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value
from cnnshape.words import listed, times

Tensor = tuple[Value, Sizes]


def cat(failing: Failing) -> Diagnosis | None:
    """All sizes but that of the joined dimension must agree."""
    shaped = _tensors(failing)
    if len(shaped) < 2:
        return None
    ranks = [len(shape) for _, shape in shaped]
    if len(set(ranks)) > 1:
        return _ranks(failing, shaped)
    dim = failing.argument(1, "dim", failing.argument(1, "axis", 0))
    if not isinstance(dim, int):
        return None
    rank = ranks[0]
    if not -rank <= dim < rank:
        return None  # the rules for axes say it
    dim %= rank
    first = shaped[0][1]
    for index, (_, shape) in enumerate(shaped[1:], start=1):
        axes = [a for a in range(rank) if a != dim and shape[a] != first[a]]
        if axes:
            return _differing(failing, shaped, dim, index, axes)
    return None


def _tensors(failing: Failing) -> list[Tensor]:
    shaped = [(v, s) for v in failing.tensors if (s := sizes(v)) is not None]
    return shaped if len(shaped) == len(failing.tensors) else []


def _differing(
    failing: Failing, shaped: Sequence[Tensor], dim: int, index: int, axes: Sequence[int]
) -> Diagnosis:
    (a, first), (b, other) = shaped[0], shaped[index]
    call = CallText(failing)
    names = [call.operand(0), call.operand(index)]
    left = times(first[axis] for axis in axes)
    right = times(other[axis] for axis in axes)
    where = f"dimension{'s' if len(axes) > 1 else ''} {listed(str(axis) for axis in axes)}"
    sentence = (
        f"cat joins along dimension {dim}, so all else must agree, but {names[0]} {times(first)} "
        f"and {names[1]} {times(other)} differ in {where}: {left} and {right}"
    )
    stories = [story(failing.trace, v.id, axis) for v in (a, b) for axis in axes]
    shared = {n.operation for n in stories[0].notes} & {n.operation for n in stories[-1].notes}
    distinct = [
        type(s)(s.size, tuple(n for n in s.notes if n.operation not in shared), s.start, s.made)
        for s in stories
    ]
    derivation = (*start_line(failing.trace, stories), *lines(distinct))
    found = tuple(_cat_candidates(failing, call, shaped, dim, index, axes))
    return Diagnosis("cat.sizes", sentence, derivation, found)


def _cat_candidates(
    failing: Failing,
    call: CallText,
    shaped: Sequence[Tensor],
    dim: int,
    index: int,
    axes: Sequence[int],
) -> Iterator[Suggestion]:
    first, other = shaped[0][1], shaped[index][1]
    rank = len(first)
    spatial = rank >= 3 and min(axes) >= 2
    other_dims = [
        better
        for better in range(rank)
        if better != dim
        and all(s[a] == first[a] for _, s in shaped for a in range(rank) if a != better)
    ]
    # Pictures of different size are meant to be fitted; vectors to be joined the other way.
    if not spatial:
        yield from (_other_dim(call, better) for better in other_dims)
    if spatial:
        # A U-Net's pictures are to be divisible; padding is the cure where branches meet.
        a, b = shaped[0][0], shaped[index][0]
        yield from sorted(same_picture(failing, a, b, rank), key=lambda c: c.action != "set_input")
        yield from _fitted(call, shaped, index)
        yield from (_other_dim(call, better) for better in other_dims)
    for which, wanted in ((0, other), (index, first)):
        value, shape = shaped[which]
        if value.origin == "input" and value.name:
            after = [shape[a] if a == dim else wanted[a] for a in range(rank)]
            yield new_input(value.name, shape, after)
    for which, wanted in ((index, first), (0, other)):
        if _transposed(shaped[which][1], wanted, dim):
            a, b = axes[0], axes[-1]
            operand = call.operand(which)
            new = f"{operand}.transpose({a}, {b})"
            yield call.candidate(
                call.with_operand(which, new, new),
                operands=((which, (Step("transpose", (a, b)),)),),
            )


def _other_dim(call: CallText, better: int) -> Suggestion:
    positional = len(call.operation.args) > 1
    place: int | str = 1 if positional else "dim"
    found = call.found
    inside = "[…]" if found is None or not found.arguments else found.arguments[0]
    return call.candidate(f"torch.cat({inside}, dim={better})", overrides=((place, better),))


def _fitted(call: CallText, shaped: Sequence[Tensor], index: int) -> Iterator[Suggestion]:
    """One picture padded or cropped to the other's size: the usual cure in a U-Net."""
    first, other = shaped[0][1], shaped[index][1]
    which = 0 if _pixels(first) < _pixels(other) else index
    operand = call.operand(which)
    like = call.operand(index if which == 0 else 0)
    if len(first) == 4:
        new = f"F.interpolate({operand}, size={like}.shape[-2:])"
        yield call.candidate(
            call.with_operand(which, new, new),
            operands=((which, (Step("resize", (PictureOf(index if which == 0 else 0),)),)),),
        )
    large = index if which == 0 else 0
    smaller = first if which == 0 else other
    crop = ", ".join([":", ":", *(f":{n}" for n in smaller[2:])])
    operand = call.operand(large)
    new = f"{operand}[{crop}]"
    yield call.candidate(
        call.with_operand(large, new, new),
        operands=((large, (Step("crop", (smaller[2:],)),)),),
    )


def _pixels(shape: Sizes) -> int:
    total = 1
    for size in shape[2:]:
        total *= size
    return total


def _transposed(shape: Sizes, wanted: Sizes, dim: int) -> bool:
    axes = [a for a in range(len(shape)) if shape[a] != wanted[a] and a != dim]
    return (
        len(axes) == 2 and shape[axes[0]] == wanted[axes[1]] and shape[axes[1]] == wanted[axes[0]]
    )


def _ranks(failing: Failing, shaped: Sequence[Tensor]) -> Diagnosis:
    call = CallText(failing)
    ranks = [len(shape) for _, shape in shaped]
    most = max(ranks)
    which = ranks.index(min(ranks))
    other = ranks.index(most)
    a, b = call.operand(which), call.operand(other)
    lacking, full = shaped[which][1], shaped[other][1]
    sentence = (
        f"cat needs tensors with equally many dimensions, but {a} {times(lacking)} has "
        f"{dims(len(lacking))} and {b} {times(full)} has {dims(most)}"
    )
    found: list[Suggestion] = []
    dim = failing.argument(1, "dim", 0)
    if most - len(lacking) == 1 and isinstance(dim, int):
        for axis in dict.fromkeys((dim % most, 0, most - 1, *range(most))):
            after = (*lacking[:axis], 1, *lacking[axis:])
            if all(after[x] == full[x] for x in range(most) if x != dim % most):
                new = f"{a}.unsqueeze({axis})"
                found.append(
                    call.candidate(
                        call.with_operand(which, new, new),
                        operands=((which, (Step("unsqueeze", (axis,)),)),),
                    )
                )
                break
    if most == 4 and len(lacking) == 2 and lacking[0] == full[0]:
        shape = ", ".join(["-1", "-1", *map(str, full[2:])])
        new = f"{a}[:, :, None, None].expand({shape})"
        steps = (
            Step("unsqueeze", (-1,)),
            Step("unsqueeze", (-1,)),
            Step("expand", (-1, -1, *full[2:])),
        )
        found.append(call.candidate(call.with_operand(which, new, new), operands=((which, steps),)))
    if len(lacking) == 2 and most > 2 and full[0] == lacking[0] and most != 4:
        new = f"{b}.flatten(1)"
        found.append(
            call.candidate(
                call.with_operand(other, new, new), operands=((other, (Step("flatten", (1,)),)),)
            )
        )
    if most == 4 and len(lacking) == 2 and lacking[0] == full[0]:
        new = f"{b}.flatten(1)"
        found.append(
            call.candidate(
                call.with_operand(other, new, new), operands=((other, (Step("flatten", (1,)),)),)
            )
        )
    return Diagnosis("cat.rank", sentence, (), tuple(found))


def stack(failing: Failing) -> Diagnosis | None:
    """All sizes must agree."""
    shaped = _tensors(failing)
    if len(shaped) < 2:
        return None
    first = shaped[0][1]
    for index, (_, shape) in enumerate(shaped):
        if shape == first:
            continue
        call = CallText(failing)
        a, b = call.operand(0), call.operand(index)
        if a == b or call.found is None or len(call.found.operands) < len(shaped):
            a, b = "tensor 1", f"tensor {index + 1}"
        sentence = (
            f"stack needs tensors of one size, but {a} is {times(first)} and {b} is {times(shape)}"
        )
        return Diagnosis("stack.sizes", sentence, (), tuple(_stack_candidates(call, shaped, index)))
    return None


def _stack_candidates(call: CallText, shaped: Sequence[Tensor], index: int) -> Iterator[Suggestion]:
    first, other = shaped[0][1], shaped[index][1]
    rank = len(first)
    for axis in range(rank):
        agree = all(
            len(s) == rank and all(s[a] == first[a] for a in range(rank) if a != axis)
            for _, s in shaped
        )
        if agree:
            inside = call.found.arguments[0] if call.found and call.found.arguments else "[…]"
            yield call.candidate(
                f"torch.cat({inside}, dim={axis})",
                function="cat",
                overrides=((1, axis) if len(call.operation.args) > 1 else ("dim", axis),),
            )
    if len(other) == rank and rank >= 3 and first[:-2] == other[:-2]:
        which, wanted = (0, other) if _pixels(first) < _pixels(other) else (index, first)
        operand = call.operand(which)
        new = f"F.interpolate({operand}, size={tuple(wanted[-2:])})"
        if rank == 4:
            yield call.candidate(
                call.with_operand(which, new, new),
                operands=((which, (Step("resize", (PictureOf(index if which == 0 else 0),)),)),),
            )
