"""``view``, ``reshape``, ``unflatten``, ``expand``: the numbers must fit what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt, prod
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs, with_padding
from cnnshape.analysis.diagnose.edits import SizeOf, Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.missing_batch import unbatched_input, unsqueeze_input
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.sizes_that_fit import input_sizes, ways
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import new_input, set_arguments
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value
from cnnshape.words import plural, times


def view(failing: Failing) -> Diagnosis | None:
    """``view`` and ``reshape``: too many numbers, too few, or not in one piece."""
    value = failing.value(failing.argument(0))
    shape = None if value is None else sizes(value)
    wanted = wanted_sizes(failing)
    if value is None or shape is None or wanted is None:
        return None
    total = prod(shape)
    known = prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1:
        return None
    fits = known == total if -1 not in wanted else known > 0 and total % known == 0
    if fits:
        return _stride(failing, shape, wanted) if failing.name == "view" else None
    call = CallText(failing)
    asked = times("?" if n == -1 else n for n in wanted)
    rule = f"{total} is not divisible by {known}" if -1 in wanted else f"{asked} = {known}"
    sentence = (
        f"{call.operand(0)} {times(shape)} has {total} numbers and cannot become {asked}: {rule}"
        f"{undivided(shape, wanted)}"
    )
    axes = range(1, len(shape)) if len(shape) > 1 else range(len(shape))
    stories = [story(failing.trace, value.id, axis) for axis in axes]
    derivation = (*start_line(failing.trace, stories), *lines(stories))
    found = tuple(_candidates(failing, call, value, shape, wanted))
    return Diagnosis("view.size", sentence, derivation, found)


def wanted_sizes(failing: Failing) -> Sizes | None:
    """The sizes asked for, however they are passed; None if one of them is no number."""
    given: Any = failing.operation.args[1:] if failing.operation else ()
    if len(given) == 1 and isinstance(given[0], tuple):
        given = given[0]
    if not given and failing.operation is not None:
        given = failing.operation.kwargs.get("shape", failing.operation.kwargs.get("size", ()))
    if not isinstance(given, tuple) or not given:
        return None
    items: tuple[Any, ...] = given
    return items if all(type(n) is int for n in items) else None


def _stride(failing: Failing, shape: Sizes, wanted: Sizes) -> Diagnosis | None:
    """The numbers fit, and only their order in memory does not."""
    call = CallText(failing)
    operation = None
    value = failing.value(failing.argument(0))
    if value is not None and value.producer is not None:
        operation = failing.trace.operations[value.producer]
    because = f" after {operation.name}" if operation is not None else ""
    asked = times("?" if n == -1 else n for n in wanted)
    sentence = (
        f"{call.operand(0)} {times(shape)} is not laid out in one piece{because}, so view cannot "
        f"make it {asked} without copying; reshape can"
    )
    found = call.found
    inside = ", ".join(found.arguments) if found else ", ".join(map(str, wanted))
    text = f"{call.operand(0)}.reshape({inside})"
    return Diagnosis("view.stride", sentence, (), (call.candidate(text, function="reshape"),))


def _candidates(
    failing: Failing, call: CallText, value: Value, shape: Sizes, wanted: Sizes
) -> Iterator[Suggestion]:
    batchless = unbatched_input(failing)
    if batchless is not None and value.origin == "input" and len(shape) == 1:
        yield unsqueeze_input(batchless)
    total = prod(shape)
    if wanted[0] in (-1, shape[0]) and len(wanted) == 2:
        # view(-1, 400): flatten whatever there is. What follows is put right by the next error.
        yield call.flattened()
    elif -1 not in wanted and wanted[0] != shape[0] and len(wanted) > 1:
        rest = prod(wanted[1:])
        if total == shape[0] * rest:
            inside = (SizeOf(0), *wanted[1:])
            yield call.shaped(inside)
            return
        elif len(wanted) == 2:
            yield call.flattened()
        elif rest and total % rest == 0:
            inside = (-1, *wanted[1:])
            yield call.shaped(inside)
    yield from as_picture(call, shape, wanted)
    yield from in_patches(value, shape, wanted)
    if len(wanted) > 2:
        yield from _one_other(call, shape, wanted)
    yield from for_the_view(failing, value, shape, wanted)


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


def for_the_view(
    failing: Failing, value: Value, shape: Sizes, wanted: Sizes
) -> Iterator[Suggestion]:
    """Padding or another input, so that the picture that arrives is what view was written for."""
    if len(shape) < 3:
        return
    found = ways(failing.trace, value.id, range(2, len(shape)))
    if not found or len(wanted) != 2:
        return
    rest = wanted[1] if wanted[1] != -1 else None
    if rest is None or rest % shape[1]:
        return
    area = rest // shape[1]
    whole = sizes(failing.trace.values[found[0].start[0]])
    if whole is None:
        return
    now = [whole[one.start[1]] for one in found]

    def fits(n: Sequence[int], changes: dict[str, dict[str, int]] | None = None) -> bool:
        got = [one.size(size, changes) for one, size in zip(found, n, strict=True)]
        known = [g for g in got if g is not None]
        return len(known) == len(got) and prod(known) == area

    moved = input_sizes(fits, now)
    first = failing.trace.values[found[0].start[0]]
    if moved is not None and first.name:
        after = list(whole)
        for one, n in zip(found, moved, strict=True):
            after[one.start[1]] = n
        yield new_input(first.name, whole, after)
    yield from with_padding(failing, found, lambda changes: fits(now, changes))


def unflatten(failing: Failing) -> Diagnosis | None:
    """The sizes must multiply to that of the axis."""
    shape = failing.shape(failing.argument(0))
    dim = failing.argument(1, "dim")
    wanted: Any = failing.argument(2, "sizes")
    if shape is None or not isinstance(dim, int) or not isinstance(wanted, tuple):
        return None
    if not -len(shape) <= dim < len(shape) or not all(type(n) is int for n in wanted):
        return None
    size = shape[dim]
    known = prod(n for n in wanted if n != -1)
    if (-1 in wanted and known and size % known == 0) or (-1 not in wanted and known == size):
        return None
    name = who(failing.path, failing.module.type) if failing.path else "unflatten"
    text = times("?" if n == -1 else n for n in wanted)
    sentence = (
        f"{name} splits {text} = {known} numbers out of dimension {dim}, but {size} {arrive(size)}"
    )
    layer = failing.layer({"Unflatten"})
    found: list[Suggestion | None] = []
    for axis in range(len(wanted)):
        others = prod(n for a, n in enumerate(wanted) if a != axis and n != -1)
        if others and size % others == 0 and wanted[axis] != -1:
            better = tuple(size // others if a == axis else n for a, n in enumerate(wanted))
            if layer is not None:
                found.append(set_arguments(layer, {"unflattened_size": better}))
            elif failing.operation is not None:
                call = CallText(failing)
                found.append(
                    call.candidate(
                        f"{call.operand(0)}.unflatten({dim}, {better})", arguments=(dim, better)
                    )
                )
            break
    value = failing.value(failing.argument(0))
    if value is not None:
        found += other_inputs(failing, value, dim % len(shape), known)
    return Diagnosis("unflatten.size", sentence, (), tuple(c for c in found if c))


# ---- pictures of tokens, pictures in patches ----------------------------------------------


#: Tokens beside the patches of a picture: a class token, a distillation token.
_EXTRA = (1, 2)


def as_picture(call: CallText, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
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
            new = f"{call.operand(0)}[{':, ' * axis}{extra}:]"
            steps = (Step("narrow", (axis, extra, area)),)
            yield call.candidate(call.with_operand(0, new, new), operands=((0, steps),))


def in_patches(value: Value, shape: Sizes, wanted: Sizes) -> Iterator[Suggestion]:
    """``view(b, c, h // 8, 8, w // 8, 8)`` of 30×30: the next multiple of 8."""
    if value.origin != "input" or not value.name:
        return
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
        yield new_input(value.name, shape, after)


def undivided(shape: Sizes, wanted: Sizes) -> str:
    """``: its last 192 are not 3×5×12 = 180`` where all but one dimension agree."""
    same = 0
    while same < min(len(shape), len(wanted)) and shape[same] == wanted[same]:
        same += 1
    if same != len(shape) - 1 or -1 in wanted or len(wanted) <= len(shape):
        return ""
    parts = wanted[same:]
    return f", and the last {shape[-1]} are not {times(parts)} = {prod(parts)}"


# ---- expand, repeat -----------------------------------------------------------------------


def expand(failing: Failing) -> Diagnosis | None:
    """``expand`` enlarges axes of size 1 only; ``repeat`` needs a number per axis."""
    shape = failing.shape(failing.argument(0))
    wanted = wanted_sizes(failing)
    if shape is None or wanted is None:
        return None
    call = CallText(failing)
    operand = call.operand(0)
    if len(wanted) < len(shape):
        sentence = (
            f"{failing.name} of {operand} {times(shape)} needs at least {len(shape)} numbers, but "
            f"{plural(len(wanted), 'is', 'are')} given: {times(wanted)}"
        )
        fill = 1 if failing.name == "repeat" else -1
        inside = (*wanted, *(fill,) * (len(shape) - len(wanted)))
        if failing.name == "expand":
            inside = tuple(n if shape[a] in (1, n) or n == -1 else -1 for a, n in enumerate(inside))
        candidate = call.candidate(call.method(failing.name, inside), arguments=inside)
        return Diagnosis(f"{failing.name}.rank", sentence, (), (candidate,))
    if failing.name != "expand":
        return None
    lead = len(wanted) - len(shape)
    for axis, size in enumerate(shape):
        asked = wanted[lead + axis]
        if asked in (-1, size) or size == 1:
            continue
        sentence = (
            f"expand cannot make {asked} out of {size} in dimension {axis} of {operand} "
            f"{times(shape)}: only a dimension of size 1 can be expanded"
        )
        kept = tuple(
            n if a < lead or shape[a - lead] == 1 or n == shape[a - lead] else -1
            for a, n in enumerate(wanted)
        )
        found: list[Suggestion] = []
        if any(n not in (-1, s) for n, s in zip(kept[lead:], shape, strict=True)) or lead:
            found.append(call.candidate(call.method("expand", kept), arguments=kept))
        if asked % size == 0:
            repeats = tuple(
                n if a < lead else (n // shape[a - lead] if n != -1 else 1)
                for a, n in enumerate(wanted)
            )
            found.insert(
                0,
                call.candidate(
                    call.method("repeat", repeats), function="repeat", arguments=repeats
                ),
            )
        return Diagnosis("expand.size", sentence, (), tuple(found))
    return None
