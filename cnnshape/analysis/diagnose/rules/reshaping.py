"""``view``, ``reshape``, ``unflatten``, ``expand``: the numbers must fit what is there."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt, prod
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import (
    other_input_size,
    other_inputs,
    padded_to,
    unbatched_input,
)
from cnnshape.analysis.diagnose.failing import Failing, Operand, Sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.sizes_that_fit import ways
from cnnshape.analysis.diagnose.source_call import CallText, SizeOf
from cnnshape.analysis.diagnose.suggest import new_input, present, set_arguments, unsqueeze_input
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.words import plural, times


def view(failing: Failing) -> Diagnosis | None:
    """``view`` and ``reshape``: too many numbers, too few, or not in one piece."""
    x, wanted = failing.operand(), _wanted_sizes(failing)
    if x is None or wanted is None:
        return None
    total = prod(x.shape)
    known = prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1:
        return None
    fits = known == total if -1 not in wanted else known > 0 and total % known == 0
    if fits:
        return _stride(failing, x, wanted) if failing.name == "view" else None
    call = CallText(failing)
    asked = times("?" if n == -1 else n for n in wanted)
    rule = (
        say("{total} is not divisible by {known}", total=total, known=known)
        if -1 in wanted
        else f"{asked} = {known}"
    )
    sentence = say(
        "{tensor} {shape} has {total} numbers and cannot become {asked}: {rule}",
        tensor=call.operand(0),
        shape=times(x.shape),
        total=total,
        asked=asked,
        rule=rule,
    )
    sentence += _undivided(x.shape, wanted)
    axes = range(1, x.rank) if x.rank > 1 else range(x.rank)
    stories = [story(failing.trace, x.value.id, axis) for axis in axes]
    derivation = (*start_line(failing.trace, stories), *lines(stories))
    return Diagnosis("view.size", sentence, derivation, tuple(_candidates(call, x, wanted)))


def _wanted_sizes(failing: Failing) -> Sizes | None:
    """The sizes asked for, however they are passed; None if one of them is no number."""
    given: Any = failing.argument("size") or failing.argument("repeats")
    return given if given and all(type(n) is int for n in given) else None


def _stride(failing: Failing, x: Operand, wanted: Sizes) -> Diagnosis:
    """The numbers fit, and only their order in memory does not."""
    call = CallText(failing)
    made_by = x.value.producer
    because = (
        ""
        if made_by is None
        else say(" after {operation}", operation=failing.trace.operations[made_by].name)
    )
    asked = times("?" if n == -1 else n for n in wanted)
    sentence = say(
        "{tensor} {shape} is not laid out in one piece{because}, so view cannot make "
        "it {asked} without copying; reshape can",
        tensor=call.operand(0),
        shape=times(x.shape),
        because=because,
        asked=asked,
    )
    found = call.found
    inside = ", ".join(found.arguments) if found else ", ".join(map(str, wanted))
    text = f"{call.operand(0)}.reshape({inside})"
    return Diagnosis("view.stride", sentence, (), (call.candidate(text),))


def _candidates(call: CallText, x: Operand, wanted: Sizes) -> Iterator[Suggestion]:
    batchless = unbatched_input(call.failing)
    if batchless is not None and x.value.origin == "input" and x.rank == 1:
        yield unsqueeze_input(batchless)
    shape, total = x.shape, prod(x.shape)
    if wanted[0] in (-1, shape[0]) and len(wanted) == 2:
        # view(-1, 400): flatten whatever there is. What follows is put right by the next error.
        yield call.flattened()
    elif -1 not in wanted and wanted[0] != shape[0] and len(wanted) > 1:
        rest = prod(wanted[1:])
        if total == shape[0] * rest:
            yield call.shaped((SizeOf(0), *wanted[1:]))
            return
        if len(wanted) == 2:
            yield call.flattened()
        elif rest and total % rest == 0:
            yield call.shaped((-1, *wanted[1:]))
    yield from _as_picture(call, shape, wanted)
    if x.input_name:
        yield from _in_patches(x.input_name, shape, wanted)
    if len(wanted) > 2:
        yield from _one_other(call, shape, wanted)
    yield from for_the_view(call.failing, x, wanted)


def _one_other(call: CallText, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """One of the sizes recomputed; the first and last are kept if possible."""
    total = prod(shape)
    for axis in (*range(1, len(wanted)), 0):
        others = prod(n for a, n in enumerate(wanted) if a != axis and n != -1)
        if -1 in wanted:
            if wanted[axis] == -1:
                continue
            # With -1 elsewhere any divisor would do; the recomputed size is the axis of x.
            if axis < len(shape) and total % (others * shape[axis] or 1) == 0 and others:
                inside: tuple[Any, ...] = tuple(
                    shape[axis] if a == axis else n for a, n in enumerate(wanted)
                )
            else:
                continue
        elif others and total % others == 0:
            inside = tuple(total // others if a == axis else n for a, n in enumerate(wanted))
        else:
            continue
        yield call.shaped(inside)
        return


def for_the_view(failing: Failing, x: Operand, wanted: Sizes) -> Iterator[Suggestion]:
    """Padding or another input, so that the picture that arrives is what view was written for."""
    if x.rank < 3 or len(wanted) != 2 or wanted[1] == -1 or wanted[1] % x.shape[1]:
        return
    found = ways(failing.trace, x.value.id, range(2, x.rank))
    if found:
        area = wanted[1] // x.shape[1]
        yield from other_input_size(failing, found, area)
        yield from padded_to(failing, found, area)


def unflatten(failing: Failing) -> Diagnosis | None:
    """The sizes must multiply to that of the axis."""
    x, dim = failing.operand(), failing.argument("dim")
    wanted: Any = failing.argument("sizes")
    if x is None or not isinstance(dim, int) or not isinstance(wanted, tuple):
        return None
    if not -x.rank <= dim < x.rank or not all(type(n) is int for n in wanted):
        return None
    size = x.shape[dim]
    known = prod(n for n in wanted if n != -1)
    if (-1 in wanted and known and size % known == 0) or (-1 not in wanted and known == size):
        return None
    name = who(failing.path, failing.module.type) if failing.path else "unflatten"
    text = times("?" if n == -1 else n for n in wanted)
    sentence = say(
        "{layer} splits {sizes} = {known} numbers out of dimension {axis}, but {size} {arrive}",
        layer=name,
        sizes=text,
        known=known,
        axis=dim,
        size=size,
        arrive=arrive(size),
    )
    layer = failing.layer({"Unflatten"})
    found: list[Suggestion | None] = []
    for axis in range(len(wanted)):
        others = prod(n for a, n in enumerate(wanted) if a != axis and n != -1)
        if others and size % others == 0 and wanted[axis] != -1:
            better = tuple(size // others if a == axis else n for a, n in enumerate(wanted))
            if layer is not None:
                found.append(set_arguments(layer, {"unflattened_size": better}))
            else:
                found.append(CallText(failing).with_arguments((dim, better)))
            break
    found += other_inputs(failing, x.value, dim % x.rank, known)
    return Diagnosis("unflatten.size", sentence, (), present(found))


# ---- pictures of tokens, pictures in patches ----------------------------------------------


#: Tokens beside the patches of a picture: a class token, a distillation token.
_EXTRA = (1, 2)


def _as_picture(call: CallText, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """``view(b, c, 8, 8)`` of 49 tokens: 7×7; of 65 tokens: without the class token."""
    if len(wanted) != 4 or wanted[2] != wanted[3] or wanted[2] < 1 or wanted[1] < 1:
        return
    batch = shape[0] if wanted[0] == -1 else wanted[0]
    tokens, rest = divmod(prod(shape), batch * wanted[1])
    if rest:
        return
    side = isqrt(tokens)
    if side * side == tokens:
        yield call.shaped((*wanted[:2], side, side))
    area = wanted[2] * wanted[3]
    for extra in _EXTRA:
        if tokens == area + extra and tokens in shape[1:]:
            axis = shape.index(tokens, 1)
            template = f"{{x}}[{':, ' * axis}{extra}:]"
            yield call.on(0, template)


def _in_patches(name: str, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """``view(b, c, h // 8, 8, w // 8, 8)`` of 30×30: the next multiple of 8."""
    after: list[int] = []
    place = 0
    for size in shape:
        if place < len(wanted) and wanted[place] == size:
            after.append(size)
            place += 1
            continue
        first, second = (*wanted[place : place + 2], 0, 0)[:2]
        pairs = ((first, second), (second, first))
        patch = next((p for n, p in pairs if p > 1 and n == size // p), None)
        if patch is None:
            return
        after.append(-(-size // patch) * patch)
        place += 2
    if place == len(wanted) and after != list(shape):
        yield new_input(name, shape, after)


def _undivided(shape: Sizes, wanted: Sizes) -> str:
    """``: its last 192 are not 3×5×12 = 180`` where all but one dimension agree."""
    same = 0
    while same < min(len(shape), len(wanted)) and shape[same] == wanted[same]:
        same += 1
    if same != len(shape) - 1 or -1 in wanted or len(wanted) <= len(shape):
        return ""
    parts = wanted[same:]
    return say(
        ", and the last {size} are not {sizes} = {product}",
        size=shape[-1],
        sizes=times(parts),
        product=prod(parts),
    )


# ---- expand, repeat -----------------------------------------------------------------------


def expand(failing: Failing) -> Diagnosis | None:
    """``expand`` enlarges axes of size 1 only; ``repeat`` needs a number per axis."""
    shape = failing.shape(failing.argument("input"))
    wanted = _wanted_sizes(failing)
    if shape is None or wanted is None:
        return None
    call = CallText(failing)
    operand = call.operand(0)
    if len(wanted) < len(shape):
        sentence = say(
            "{function} of {tensor} {shape} needs at least {rank} numbers, but {given} "
            "given: {sizes}",
            function=failing.name,
            tensor=operand,
            shape=times(shape),
            rank=len(shape),
            given=plural(len(wanted), "is", "are"),
            sizes=times(wanted),
        )
        fill = 1 if failing.name == "repeat" else -1
        inside = (*wanted, *(fill,) * (len(shape) - len(wanted)))
        if failing.name == "expand":
            inside = tuple(n if shape[a] in (1, n) or n == -1 else -1 for a, n in enumerate(inside))
        return Diagnosis(f"{failing.name}.rank", sentence, (), (call.with_arguments(inside),))
    if failing.name != "expand":
        return None
    lead = len(wanted) - len(shape)
    for axis, size in enumerate(shape):
        asked = wanted[lead + axis]
        if asked in (-1, size) or size == 1:
            continue
        sentence = say(
            "expand cannot make {asked} out of {size} in dimension {axis} of {tensor} "
            "{shape}: only a dimension of size 1 can be expanded",
            asked=asked,
            size=size,
            axis=axis,
            tensor=operand,
            shape=times(shape),
        )
        kept = tuple(
            n if a < lead or shape[a - lead] == 1 or n == shape[a - lead] else -1
            for a, n in enumerate(wanted)
        )
        found: list[Suggestion] = []
        if any(n not in (-1, s) for n, s in zip(kept[lead:], shape, strict=True)) or lead:
            found.append(call.with_arguments(kept))
        if asked % size == 0:
            repeats = tuple(
                n if a < lead else (n // shape[a - lead] if n != -1 else 1)
                for a, n in enumerate(wanted)
            )
            found.insert(0, call.with_arguments(repeats, "repeat"))
        return Diagnosis("expand.size", sentence, (), tuple(found))
    return None
