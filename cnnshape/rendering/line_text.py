"""What is said beside a line of source: ``6×28×28 → 6×14×14``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from cnnshape.analysis.annotate import LineNotes, Pass
from cnnshape.rendering.batch import Batch
from cnnshape.rendering.escape import visible
from cnnshape.rendering.units import shape_text
from cnnshape.tracing.lines import LineTensor, Opaque, Seen
from cnnshape.tracing.trace import Shape

_ARROW, _OR, _TO = " → ", " | ", "…"
#: More runs that differ are told as ranges, or by the first and the last.
_MOST_PASSES = 3
_MOST_NAMES = 6
_MOST_ITEMS = 4
_LONGEST_TEXT = 24


class Wording:
    """How tensors are written in one annotated source.

    Args:
        batch: the size that goes without saying.
        dtype: the dtype that does.
    """

    def __init__(self, batch: Batch, dtype: str) -> None:
        self._batch = batch
        self._dtype = dtype

    def of(self, note: LineNotes) -> str:
        """The comment of a statement; empty where there is nothing to say."""
        texts = [self._pass(each, note) for each in note.passes]
        if note.statement.kind == "Expr":  # a list that grows: what it is in the end
            texts = texts[-1:]
        distinct = list(dict.fromkeys(filter(None, texts)))
        if len(distinct) <= _MOST_PASSES:
            text = _OR.join(distinct)
        else:
            text = _range(distinct) or f"{distinct[0]}{_OR}{_TO}{_OR}{distinct[-1]}"
        known = not text or any(mark in text for mark in ("→", "×", "="))
        return text if known else f"→ {text}"

    def _pass(self, one: Pass, note: LineNotes) -> str:
        if one.raised and not one.bound:
            return f"raises {one.raised}"
        if note.statement.kind == "FunctionDef":
            return ", ".join(self._named(one.bound))
        if one.returns:
            return self._became(one.arriving, self._text(one.returned))
        if not one.bound:
            return ""
        if len(one.bound) == 1 and isinstance(one.bound[0][1], LineTensor):
            return self._became(one.arriving, self._text(one.bound[0][1]))
        return ", ".join(self._named(one.bound))

    def _became(self, arriving: Sequence[LineTensor], result: str) -> str:
        if not result or result.startswith("("):
            return result
        before = list(dict.fromkeys(map(self._text, arriving)))
        if not before or before == [result]:
            return result
        return f"{', '.join(before[:_MOST_ITEMS])}{_ARROW}{result}"

    def _named(self, bound: Sequence[tuple[str, Seen]]) -> Iterator[str]:
        for name, seen in bound[:_MOST_NAMES]:
            text = self._text(seen)
            if text:
                yield f"{name} {text}" if _has_tensor(seen) else f"{name} = {text}"

    def _text(self, seen: Seen) -> str:
        if isinstance(seen, LineTensor):
            dtype = "" if seen.dtype == self._dtype else f" {seen.dtype}"
            return f"{_shape(self._batch.hidden(seen.shape))}{dtype}"
        if isinstance(seen, tuple):
            items = [self._text(item) for item in cast("tuple[Seen, ...]", seen)]
            return self._several(items, "()")
        if isinstance(seen, Mapping):
            named = cast("Mapping[str, Seen]", seen)
            items = [f"{key}: {self._text(item)}" for key, item in named.items()]
            return self._several(items, "{}")
        if isinstance(seen, Opaque):
            return ""
        if seen is None:
            return ""
        return visible(repr(seen)) if len(repr(seen)) <= _LONGEST_TEXT else ""

    def _several(self, items: Sequence[str], brackets: str) -> str:
        told = [item for item in items if item and not item.endswith(": ")]
        if not told:
            return ""
        if len(told) > _MOST_ITEMS:
            told = [*told[: _MOST_ITEMS - 1], _TO, told[-1]]
        return f"{brackets[0]}{', '.join(told)}{brackets[1]}"


def _shape(shape: Shape) -> str:
    return shape_text(shape) if shape else "scalar"


def _has_tensor(seen: Seen) -> bool:
    if isinstance(seen, tuple):
        return any(map(_has_tensor, seen))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(seen, Mapping):
        return any(map(_has_tensor, cast("Mapping[str, Seen]", seen).values()))
    return isinstance(seen, LineTensor)


_NUMBER = re.compile(r"\d+")


def _range(texts: Sequence[str]) -> str:
    """Texts that differ in numbers alone, as one: each number from its first to its last.

    >>> _range(["64×56×56", "128×28×28", "256×14×14", "512×7×7"])
    '64…512×56…7×56…7'
    >>> _range(["64×56×56", "128", "256", "512"])
    ''
    """
    if len({_NUMBER.sub("0", text) for text in texts}) > 1:
        return ""
    columns = list(zip(*map(_NUMBER.findall, texts), strict=True))
    if not all(_goes_one_way([int(number) for number in column]) for column in columns):
        return ""
    told = iter(c[0] if len(set(c)) == 1 else f"{c[0]}{_TO}{c[-1]}" for c in columns)
    return _NUMBER.sub(lambda _: next(told), texts[0])


def _goes_one_way(numbers: Sequence[int]) -> bool:
    return numbers in (sorted(numbers), sorted(numbers, reverse=True))


def wording(batch: Batch, tensors: Sequence[str]) -> Wording:
    """The wording for a model whose inputs have these dtypes."""
    floats = [dtype for dtype in tensors if "float" in dtype]
    return Wording(batch, floats[0] if floats else "float32")
