"""Indices that point outside, pieces of a split that do not add up, halves of an odd size."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, sizes
from cnnshape.analysis.diagnose.rules.fitting import clash
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.source_nodes import nodes_on
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
from cnnshape.messages import say
from cnnshape.tracing.trace import Module, Plain, Ref
from cnnshape.words import plural, times

_INDICES = frozenset("int64 int32 int16 int8 uint8 bool".split())


def embedding(failing: Failing) -> Diagnosis | None:
    """Every index must be smaller than ``num_embeddings``."""
    value = failing.value(failing.argument("input"))
    table = failing.shape(failing.argument("weight"))
    if value is None or table is None or not table or value.dtype not in ("int64", "int32"):
        return None
    span = failing.failure.ranges.get(value.id)
    if span is not None and span[0] >= 0 and span[1] < table[0]:
        return None
    name = who(failing.path, failing.module.type)
    layer = failing.layer({"Embedding", "EmbeddingBag"}, failing.argument("weight"))
    rows = plural(table[0], "row")
    if span is None:
        sentence = say(
            "{layer} has {rows} (0 to {last}), and an index outside of it arrives",
            layer=name,
            rows=rows,
            last=table[0] - 1,
        )
        return Diagnosis("embedding.index", sentence)
    sentence = say(
        "{layer} has {rows} (0 to {last}), but the index {index} arrives",
        layer=name,
        rows=rows,
        last=table[0] - 1,
        index=span[1] if span[1] >= table[0] else span[0],
    )
    found: list[Suggestion | None] = []
    if span[1] >= table[0]:
        if layer is not None:
            found.append(set_arguments(layer, {"num_embeddings": span[1] + 1}))
    elif span[0] == -1 and layer is not None:
        found.append(_padding_row(failing, layer, table[0]))
    if span[0] >= 1 and span[1] == table[0] and value.origin == "input" and value.name:
        found.append(change_input(value.name, "{x} - 1", (Step("shift", (-1,)),)))
    return Diagnosis("embedding.index", sentence, (), present(found))


def one_hot(failing: Failing) -> Diagnosis | None:
    """Every class must be smaller than ``num_classes``."""
    value, classes = failing.value(failing.argument("input")), failing.argument("num_classes")
    span = None if value is None else failing.failure.ranges.get(value.id)
    if span is None or type(classes) is not int or (span[0] >= 0 and span[1] < classes):
        return None
    bad = span[0] if span[0] < 0 else span[1]
    sentence = say("one_hot takes classes from 0 on, but {bad} arrives", bad=bad)
    if classes > 0:
        sentence = say(
            "one_hot has {classes} classes (0 to {last}), but {bad} arrives",
            classes=classes,
            last=classes - 1,
            bad=bad,
        )
    return Diagnosis("index.out_of_range", sentence)


def _padding_row(failing: Failing, layer: Module, rows: int) -> Suggestion | None:
    """-1 for padding: everything moved up by one, and the first row for the padding."""
    more = set_many(layer, {"num_embeddings": rows + 1, "padding_idx": 0})
    shifted = on_argument(failing, "input", "{x} + 1", (Step("shift", (1,)),), (None, None))
    return combined([shifted, more]) if more else None


def getitem(failing: Failing) -> Diagnosis | None:
    """``x[…]``: more indices than dimensions, or an index beyond the size."""
    x = failing.operand()
    if x is None:
        return None
    given = failing.argument("index")
    items = given if isinstance(given, tuple) else (given,)
    used = [item for item in items if item is not None and item != "..." and item is not True]
    call = CallText(failing)
    tensor = indexed_name(failing)
    name = f"{tensor} {times(x.shape)}"
    if len(used) > x.rank:
        sentence = say(
            "{tensor}[…] uses {used} indices, but {sized} has {dims}",
            tensor=tensor,
            used=len(used),
            sized=name,
            dims=dims(x.rank),
        )
        found: list[Suggestion] = []
        if x.value.origin == "input" and len(used) == x.rank + 1:
            found.append(unsqueeze_input(x.value))
        found += _fewer(call, items, x.rank)
        return Diagnosis("index.rank", sentence, (), tuple(found))
    return (
        _beyond(call, x, items)
        or _mask(failing, x, items, name)
        or _fractions(failing, items, tensor)
        or _together(failing, items, tensor)
    )


def indexed_name(failing: Failing) -> str:
    """What stands before the brackets: of ``x[0]``, and of the target in ``x[0] = y``."""
    if failing.name == "setitem":
        for node, _ in nodes_on(failing.failure.source, ast.Assign):
            if isinstance(node.targets[0], ast.Subscript):
                return ast.unparse(node.targets[0].value)
    return CallText(failing).operand(0)


def _fractions(failing: Failing, items: tuple[Plain, ...], tensor: str) -> Diagnosis | None:
    """Positions are whole numbers."""
    for item in items:
        index = failing.value(item)
        if index is None or index.dtype in _INDICES:
            continue
        sentence = say(
            "{tensor}[…] takes whole numbers or a mask, but the index, {shape}, is {dtype}",
            tensor=tensor,
            shape=times(sizes(index) or (), say("a single number")),
            dtype=index.dtype,
        )
        return Diagnosis("dtype.index", sentence)
    return None


def _together(failing: Failing, items: tuple[Plain, ...], tensor: str) -> Diagnosis | None:
    """Several tensors of indices are laid over each other, and pick one number each time."""
    values = [v for v in map(failing.value, items) if v is not None and v.dtype != "bool"]
    shapes = [shape for value in values if (shape := sizes(value)) is not None]
    found = clash(shapes)
    if found is None:
        return None
    one, other = (times(shapes[place]) for place in found[:2])
    sentence = say(
        "the indices in {tensor}[…] are taken one with one, but are {one} and {other}",
        tensor=tensor,
        one=one,
        other=other,
    )
    return Diagnosis("index.shape", sentence)


def _fewer(call: CallText, items: tuple[Plain, ...], rank: int) -> Iterator[Suggestion]:
    """The full slices that are one too many left out."""
    whole = slice(None, None, None)
    kept = list(items)
    while len(kept) > rank and whole in kept:
        kept.remove(whole)
    if call.failing.name != "getitem":
        return
    if len(kept) == rank and kept != list(items) and all(not isinstance(k, Ref) for k in kept):
        yield call.candidate(_indexed(call, kept))


def _indexed(call: CallText, items: Sequence[Plain]) -> str:
    """``x[:, 0]`` with the tensor as it is written."""
    return f"{call.operand(0)}[{', '.join(map(_index_text, items))}]"


def _index_text(item: Plain) -> str:
    if isinstance(item, slice):
        start = "" if item.start is None else str(item.start)
        stop = "" if item.stop is None else str(item.stop)
        step = "" if item.step is None else f":{item.step}"
        return f"{start}:{stop}{step}"
    return "..." if item == "..." else repr(item)


def _beyond(call: CallText, x: Operand, items: tuple[Plain, ...]) -> Diagnosis | None:
    failing = call.failing
    ranges, name = failing.failure.ranges, f"{indexed_name(failing)} {times(x.shape)}"
    for axis, position, item in _placed(items, x.rank):
        size = x.shape[axis]
        if type(item) is int and not -size <= item < size:
            better = [*items[:position], -1, *items[position + 1 :]]
            sentence = _outside(item, axis, name, size, -size)
            last = (call.candidate(_indexed(call, better)),) if failing.name == "getitem" else ()
            return Diagnosis("index.out_of_range", sentence, (), last)
        span = ranges.get(item.value) if isinstance(item, Ref) else _extremes(item)
        if span is not None and not (-size <= span[0] and span[1] < size):
            bad = span[1] if span[1] >= size else span[0]
            return Diagnosis("index.out_of_range", _outside(bad, axis, name, size))
    return None


def _extremes(item: Plain) -> tuple[int, int] | None:
    """The least and the largest of a list of positions."""
    numbers = [n for n in item if type(n) is int] if isinstance(item, tuple) else []
    return (min(numbers), max(numbers)) if numbers else None


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


def _mask(failing: Failing, x: Operand, items: tuple[Plain, ...], name: str) -> Diagnosis | None:
    for axis, _, item in _placed(items, x.rank):
        mask = failing.value(item)
        masked = None if mask is None or mask.dtype != "bool" else sizes(mask)
        if masked is None:
            continue
        covered = x.shape[axis : axis + len(masked)]
        if masked != covered:
            sentence = say(
                "the mask {mask} does not fit {tensor}, where it covers {covered}",
                mask=times(masked),
                tensor=name,
                covered=times(covered),
            )
            return Diagnosis("index.mask", sentence)
    return None


def position(failing: Failing) -> Diagnosis | None:
    """``select``, ``gather``, ``index_select``, ``narrow``: a position beyond the size."""
    x, dim = failing.operand(), failing.argument("dim")
    if x is None or not isinstance(dim, int) or not -x.rank <= dim < x.rank:
        return None
    size, call = x.shape[dim], CallText(failing)
    name = f"{call.operand(0)} {times(x.shape)}"
    if failing.name == "select":
        index = failing.argument("index")
        if isinstance(index, int) and not -size <= index < size:
            last = call.with_arguments((dim, -1))
            return Diagnosis("index.out_of_range", _outside(index, dim, name, size), (), (last,))
    if failing.name == "narrow":
        start, length = failing.argument("start"), failing.argument("length")
        if isinstance(start, int) and isinstance(length, int) and start + length > size:
            sentence = say(
                "{end} goes beyond dimension {axis} of {tensor}, which has {size}",
                end=f"{start} + {length}",
                axis=dim,
                tensor=name,
                size=size,
            )
            rest = call.with_arguments((dim, start, size - start))
            return Diagnosis("index.out_of_range", sentence, (), (rest,))
    given = failing.value(failing.argument("index"))
    span = None if given is None else failing.failure.ranges.get(given.id)
    if span is not None and not (span[0] >= 0 and span[1] < size):
        bad = span[1] if span[1] >= size else span[0]
        return Diagnosis("index.out_of_range", _outside(bad, dim, name, size))
    return None


def _outside(index: int, dim: int, name: str, size: int, first: int = 0) -> str:
    return say(
        "index {index} is outside of dimension {axis} of {tensor}, which has {size} "
        "({first} to {last})",
        index=index,
        axis=dim,
        tensor=name,
        size=size,
        first=first,
        last=size - 1,
    )


def split(failing: Failing) -> Diagnosis | None:
    """The pieces must add up to the size."""
    shape = failing.shape(failing.argument("input"))
    pieces: Any = failing.argument("split_size_or_sections")
    dim = failing.argument("dim")
    if shape is None or not isinstance(pieces, tuple) or not isinstance(dim, int):
        return None
    if not -len(shape) <= dim < len(shape) or not all(type(n) is int for n in pieces):
        return None
    size, total = shape[dim], sum(pieces)
    if total == size:
        return None
    call = CallText(failing)
    added = " + ".join(map(str, pieces))
    sentence = say(
        "split takes {pieces} of dimension {axis} of {tensor}, which has {size}",
        pieces=f"{added} = {total}",
        axis=dim,
        tensor=f"{call.operand(0)} {times(shape)}",
        size=size,
    )
    found: list[Suggestion] = []
    rest = size - sum(pieces[:-1])
    if rest > 0:
        better = [*pieces[:-1], rest]
        text = f"{call.operand(0)}.split({better}, dim={dim})"
        found.append(call.candidate(text))
    return Diagnosis("split.sizes", sentence, (), tuple(found))


def glu(failing: Failing) -> Diagnosis | None:
    """The halved dimension must be even."""
    x, dim = failing.operand(), failing.argument("dim")
    if x is None or not isinstance(dim, int) or not -x.rank <= dim < x.rank:
        return None
    size, axis = x.shape[dim], dim % x.rank
    if size % 2 == 0:
        return None
    name = who(failing.path, failing.module.type) if failing.module.builtin else "glu"
    sentence = say(
        "{layer} halves dimension {axis}, but {size} {arrive}, which is odd",
        layer=name,
        axis=axis,
        size=size,
        arrive=arrive(size),
    )
    found = tuple(other_inputs(failing, x.value, axis, size + 1))
    return Diagnosis("glu.size", sentence, (), found)
