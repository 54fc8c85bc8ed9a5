"""Indices that point outside, pieces of a split that do not add up, halves of an odd size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    change_input,
    combined,
    on_argument,
    present,
    set_arguments,
    set_many,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Plain, Ref, Value
from cnnshape.words import plural, times


def embedding(failing: Failing) -> Diagnosis | None:
    """Every index must be smaller than ``num_embeddings``."""
    value = failing.value(failing.argument(0, "input"))
    table = failing.shape(failing.argument(1, "weight"))
    if value is None or table is None or not table or value.dtype not in ("int64", "int32"):
        return None
    span = failing.failure.ranges.get(value.id)
    if span is not None and span[0] >= 0 and span[1] < table[0]:
        return None
    name = who(failing.path, failing.module.type)
    layer = failing.layer({"Embedding", "EmbeddingBag"}, failing.argument(1, "weight"))
    rows = f"{name} has {plural(table[0], 'row')} (0 to {table[0] - 1})"
    if span is None:
        return Diagnosis("embedding.index", f"{rows}, and an index outside of it arrives")
    found: list[Suggestion | None] = []
    if span[1] >= table[0]:
        sentence = f"{rows}, but the index {span[1]} arrives"
        if layer is not None:
            found.append(set_arguments(layer, {"num_embeddings": span[1] + 1}))
    else:
        sentence = f"{rows}, but the index {span[0]} arrives"
        if span[0] == -1 and layer is not None:
            found.append(_padding_row(failing, layer, table[0]))
    if span[0] >= 1 and span[1] == table[0] and value.origin == "input" and value.name:
        found.append(change_input(value.name, "{x} - 1", (Step("shift", (-1,)),)))
    return Diagnosis("embedding.index", sentence, (), present(found))


def _padding_row(failing: Failing, layer: Module, rows: int) -> Suggestion | None:
    """-1 for padding: everything moved up by one, and the first row for the padding."""
    more = set_many(layer, {"num_embeddings": rows + 1, "padding_idx": 0})
    shifted = on_argument(failing, 0, "input", "{x} + 1", (Step("shift", (1,)),), (None, None))
    return combined([shifted, more]) if more else None


def getitem(failing: Failing) -> Diagnosis | None:
    """``x[…]``: more indices than dimensions, or an index beyond the size."""
    value = failing.value(failing.argument(0))
    shape = None if value is None else sizes(value)
    if value is None or shape is None or failing.operation is None:
        return None
    given: Any = failing.operation.args[1] if len(failing.operation.args) > 1 else None
    items: tuple[Plain, ...] = given if isinstance(given, tuple) else (given,)
    used = [item for item in items if item is not None and item != "..." and item is not True]
    call = CallText(failing)
    name = call.operand(0)
    if len(used) > len(shape):
        sentence = (
            f"{name}[…] uses {len(used)} indices, but {name} {times(shape)} has {dims(len(shape))}"
        )
        found: list[Suggestion] = []
        if value.origin == "input" and len(used) == len(shape) + 1:
            found.append(unsqueeze_input(value))
        found += _fewer(call, items, name, len(shape))
        return Diagnosis("index.rank", sentence, (), tuple(found))
    return _beyond(failing, call, shape, items, name) or _mask(failing, value, shape, items, name)


def _fewer(call: CallText, items: tuple[Plain, ...], name: str, rank: int) -> Iterator[Suggestion]:
    """The full slices that are one too many left out."""
    whole = slice(None, None, None)
    kept = list(items)
    while len(kept) > rank and whole in kept:
        kept.remove(whole)
    if len(kept) == rank and kept != list(items) and all(not isinstance(k, Ref) for k in kept):
        text = f"{name}[{', '.join(_index_text(k) for k in kept)}]"
        yield call.candidate(text, overrides=((1, tuple(kept)),))


def _index_text(item: Plain) -> str:
    if isinstance(item, slice):
        start = "" if item.start is None else str(item.start)
        stop = "" if item.stop is None else str(item.stop)
        step = "" if item.step is None else f":{item.step}"
        return f"{start}:{stop}{step}"
    return "..." if item == "..." else repr(item)


def _beyond(
    failing: Failing, call: CallText, shape: Sizes, items: tuple[Plain, ...], name: str
) -> Diagnosis | None:
    for axis, position, item in _placed(items, len(shape)):
        size = shape[axis]
        if type(item) is int and not -size <= item < size:
            better = list(items)
            better[position] = -1
            text = f"{name}[{', '.join(_index_text(k) for k in better)}]"
            sentence = (
                f"index {item} is outside of dimension {axis} of {name} {times(shape)}, which has "
                f"{size} ({-size} to {size - 1})"
            )
            replaced: Any = better[0] if len(better) == 1 else tuple(better)
            candidate = call.candidate(text, overrides=((1, replaced),))
            return Diagnosis("index.out_of_range", sentence, (), (candidate,))
        if isinstance(item, Ref):
            span = failing.failure.ranges.get(item.value)
            if span is not None and not (-size <= span[0] and span[1] < size):
                bad = span[1] if span[1] >= size else span[0]
                sentence = (
                    f"index {bad} is outside of dimension {axis} of {name} {times(shape)}, which "
                    f"has {size} (0 to {size - 1})"
                )
                return Diagnosis("index.out_of_range", sentence)
    return None


def _placed(items: tuple[Plain, ...], rank: int) -> Iterator[tuple[int, int, Plain]]:
    """Each index with the axis it works on and its place in the brackets."""
    consuming = sum(1 for i in items if i is not None and i != "...")
    axis = 0
    for position, item in enumerate(items):
        if item == "...":
            axis += rank - consuming
        elif item is not None:
            if 0 <= axis < rank:
                yield axis, position, item
            axis += 1


def _mask(
    failing: Failing, value: Value, shape: Sizes, items: tuple[Plain, ...], name: str
) -> Diagnosis | None:
    del value
    for axis, _, item in _placed(items, len(shape)):
        mask = failing.value(item)
        if mask is None or mask.dtype != "bool":
            continue
        masked = sizes(mask)
        if masked is not None and masked != shape[axis : axis + len(masked)]:
            covered = shape[axis : axis + len(masked)]
            sentence = (
                f"the mask {times(masked)} does not fit {name} {times(shape)}, where it covers "
                f"{times(covered)}"
            )
            return Diagnosis("index.mask", sentence)
    return None


def position(failing: Failing) -> Diagnosis | None:
    """``select``, ``gather``, ``index_select``, ``narrow``: a position beyond the size."""
    shape = failing.shape(failing.argument(0, "input"))
    dim = failing.argument(1, "dim")
    if shape is None or not isinstance(dim, int) or not -len(shape) <= dim < len(shape):
        return None
    size = shape[dim]
    call = CallText(failing)
    if failing.name == "select":
        index = failing.argument(2, "index")
        if isinstance(index, int) and not -size <= index < size:
            sentence = _outside(index, dim, call.operand(0), shape, size)
            text = f"{call.operand(0)}.select({dim}, -1)"
            return Diagnosis(
                "index.out_of_range", sentence, (), (call.candidate(text, arguments=(dim, -1)),)
            )
    if failing.name == "narrow":
        start, length = failing.argument(2, "start"), failing.argument(3, "length")
        if isinstance(start, int) and isinstance(length, int) and start + length > size:
            sentence = (
                f"{start} + {length} goes beyond dimension {dim} of {call.operand(0)} "
                f"{times(shape)}, which has {size}"
            )
            text = f"{call.operand(0)}.narrow({dim}, {start}, {size - start})"
            inside = (dim, start, size - start)
            return Diagnosis(
                "index.out_of_range", sentence, (), (call.candidate(text, arguments=inside),)
            )
    given = failing.value(failing.argument(2, "index"))
    span = None if given is None else failing.failure.ranges.get(given.id)
    if span is not None and not (span[0] >= 0 and span[1] < size):
        bad = span[1] if span[1] >= size else span[0]
        return Diagnosis("index.out_of_range", _outside(bad, dim, call.operand(0), shape, size))
    return None


def _outside(index: int, dim: int, name: str, shape: Sizes, size: int) -> str:
    return (
        f"index {index} is outside of dimension {dim} of {name} {times(shape)}, which has {size} "
        f"(0 to {size - 1})"
    )


def split(failing: Failing) -> Diagnosis | None:
    """The pieces must add up to the size."""
    shape = failing.shape(failing.argument(0))
    pieces: Any = failing.argument(1, "split_size_or_sections", failing.argument(1, "split_size"))
    dim = failing.argument(2, "dim", 0)
    if shape is None or not isinstance(pieces, tuple) or not isinstance(dim, int):
        return None
    if not -len(shape) <= dim < len(shape) or not all(type(n) is int for n in pieces):
        return None
    size, total = shape[dim], sum(pieces)
    if total == size:
        return None
    call = CallText(failing)
    added = " + ".join(map(str, pieces))
    sentence = (
        f"split takes {added} = {total} of dimension {dim} of {call.operand(0)} {times(shape)}, "
        f"which has {size}"
    )
    found: list[Suggestion] = []
    rest = size - sum(pieces[:-1])
    if rest > 0:
        better = [*pieces[:-1], rest]
        place: int | str = (
            1 if failing.operation and len(failing.operation.args) > 1 else "split_size"
        )
        text = f"{call.operand(0)}.split({better}, dim={dim})"
        found.append(call.candidate(text, overrides=((place, better),)))
    return Diagnosis("split.sizes", sentence, (), tuple(found))


def glu(failing: Failing) -> Diagnosis | None:
    """The halved dimension must be even."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    dim = failing.argument(1, "dim", -1)
    if (
        value is None
        or not shape
        or not isinstance(dim, int)
        or not -len(shape) <= dim < len(shape)
    ):
        return None
    size = shape[dim]
    if size % 2 == 0:
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else "glu"
    sentence = (
        f"{name} halves dimension {dim % len(shape)}, but {size} {arrive(size)}, which is odd"
    )
    found = tuple(other_inputs(failing, value, dim % len(shape), size + 1))
    return Diagnosis("glu.size", sentence, (), found)
