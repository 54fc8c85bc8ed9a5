"""What a picture means: its colours, signs, lines and figures, of those that occur in it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cnnshape.rendering.diagram.boxes import Box, BoxGraph, Frame, frames_of
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.feature_maps import FeatureMap
from cnnshape.rendering.diagram.labels import Caption
from cnnshape.rendering.diagram.operation_words import CONCAT
from cnnshape.rendering.fonts import text_width
from cnnshape.rendering.palette import Kind, family_of
from cnnshape.words import counted, listed

Sample = Literal[
    "box", "frame", "strip", "text", "sign", "arrow", "line", "past", "dashed", "dot", "failed"
]

#: Its texts are as small as the smallest in a picture, in points; rows and samples with it.
TEXT, ROW, SAMPLE = 10.0, 16.0, 24.0
#: Between a sample and its words, and between two columns.
NEAR, FAR = 6.0, 18.0

_WORDS: dict[Kind, str] = {
    "convolution": "convolution",
    "pooling": "pooling",
    "norm": "norm",
    "activation": "activation",
    "shape": "change of shape",
    "merge": "arithmetic",
    "io": "input, output",
    "other": "other",
}
_ORDER: tuple[Kind, ...] = (
    "convolution", "pooling", "linear", "norm", "activation", "shape", "merge", "io", "other"
)  # fmt: skip
_LINEAR = {"lookup": "embedding", "attention": "attention", "recurrent": "recurrent"}
_SIGNS = {"+": "sum", "−": "difference", "×": "product", "÷": "quotient"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend.

    Attributes:
        words: what the sample means.
        sample: what stands before the words: a small box, a strip, a line, or ``text``.
        kind: the colour of a box or strip.
        text: what is written there, for ``text`` and ``sign``.
    """

    words: str
    sample: Sample
    kind: Kind = "other"
    text: str = ""


def graph_legend(
    view: View, captions: Captions, *, letters: bool = False, doors: bool = False
) -> tuple[Entry, ...]:
    """The legend of a data flow.

    Args:
        view: what is drawn.
        captions: the words in it.
        letters: arrows go on elsewhere, with a letter at both ends.
        doors: dots are where an input enters a folded block that reads it more than once.
    """
    drawn = [captions.box(key) for key in view.graph.boxes]
    strips: list[Kind] = [strip.kind for caption in drawn for strip in caption.strips]
    kinds = {one.kind for one in drawn if not one.sign and not one.failed} | set(strips)
    found = [*_colours(kinds, _linear(view)), *_modules(view)]
    if strips:
        found.append(Entry("what follows the layer at once", "strip", strips[0]))
    if any(caption.aside[-1:].isdigit() for caption in drawn):
        found.append(Entry("parameters of all that is in the box", "text", text="1,234"))
    found += _numbers([*view.graph.boxes.values(), *frames_of(view.root)])
    if any(caption.aside.endswith("call") for caption in drawn):
        found.append(Entry("the same weights again, counted once", "text", text="2nd call"))
    words = "a tensor; its size where it changes" if "shapes" in captions.show else "a tensor"
    found += [Entry(words, "arrow"), *_joins(view, {caption.sign for caption in drawn})]
    if doors:
        found.append(Entry("an input that a block reads more than once", "dot"))
    if letters:
        found.append(Entry("an arrow that goes on at the other A", "text", text="A"))
    return (*found, *_failure(caption.failed for caption in drawn))


def _joins(view: View, signs: set[str]) -> Iterator[Entry]:
    """Where tensors meet, and the lines that lead there."""
    if told := {sign: word for sign, word in _SIGNS.items() if sign in signs}:
        several = f"{listed(told.values(), 'or')} of several tensors"
        yield Entry(several, "sign", "merge", " ".join(told))
    if CONCAT in signs:
        yield Entry("several tensors one behind the other", "sign", "merge", CONCAT)
    if has_skip(view.graph):
        yield Entry("a skip, past what lies between", "past")
    if any(tail >= head for tail, head, _ in view.graph.edges()):
        yield Entry("into the next turn of the loop", "dashed")


def has_skip(graph: BoxGraph) -> bool:
    """Whether an arrow leads to where another way from the same box leads as well."""
    for key in graph.boxes:
        tails = graph.earlier(key)
        seen, todo = set[int](), list(tails) if len(tails) > 1 else []
        while todo:
            before = [one for one in graph.earlier(todo.pop()) if one not in seen]
            seen.update(before)
            todo += [one for one in before if one > min(tails)]
        if not seen.isdisjoint(tails):
            return True
    return False


def _failure(failed: Iterable[bool]) -> Iterator[Entry]:
    if any(failed):
        yield Entry("here the model raised", "failed")


def maps_legend(maps: Sequence[FeatureMap], view: View, *, broken: bool) -> tuple[Entry, ...]:
    """The legend of feature maps.

    Args:
        maps: those that are drawn.
        view: what they were taken from.
        broken: they stand in several rows, which dashed lines connect.
    """
    kinds = {one.kind for one in maps if not one.failed}
    roles = {view.graph.boxes[one.key].role for one in maps}
    io = ", ".join(role for role in ("input", "output") if role in roles)
    found = list(_colours(kinds, _linear(view), io=io))
    if any(one.kind == "container" for one in maps):
        found.append(Entry("a module without layers", "box", "container"))
    found.append(Entry("high, deep and wide as log H, log W, log C", "text", text="C×H×W"))
    boxes = [view.graph.boxes[one.key] for one in maps]
    found += _numbers([*boxes, *frames_of(view.root)])
    heads = {one.key: view.graph.boxes[one.key].head for one in maps}
    closed = [one for one in maps if heads[one.key].container and heads[one.key].call is not None]
    if closed:
        name = closed[0].step[0].rpartition("× ")[2]
        found.append(Entry(_closed(len(closed)), "text", text=name))
    found.append(Entry("the step that leads to a map", "arrow"))
    if has_skip(view.graph) and any(join.source is not None for one in maps for join in one.joins):
        found.append(Entry("a skip, past what lies between", "past"))
    if broken:
        found.append(Entry("goes on in the next row", "dashed"))
    return (*found, *_failure(one.failed for one in maps))


def tree_legend(
    drawn: Sequence[Caption], layers: Iterable[str], *, flat: bool
) -> tuple[Entry, ...]:
    """The legend of a hierarchy of modules.

    Args:
        drawn: the words of every box.
        layers: the classes of torch that the boxes are of.
        flat: from left to right.
    """
    found = list(_colours({one.kind for one in drawn if not one.failed}, layers))
    found.append(Entry("a module that holds others", "box", "container"))
    if any(caption.aside for caption in drawn):
        found.append(Entry("parameters of all that is in the module", "text", text="1,234"))
    if any("×" in caption.aside for caption in drawn):
        found.append(Entry("equal ones, of which one is drawn", "text", text="N ×"))
    found.append(Entry(f"holds what stands {'at the right' if flat else 'below'}", "line"))
    return (*found, *_failure(caption.failed for caption in drawn))


def _colours(kinds: Container[Kind], layers: Iterable[str], io: str = "") -> Iterator[Entry]:
    """The colours that occur; ``layers`` are the names of all that may be a linear layer."""
    linear = {_linear_word(name) for name in layers}
    words: dict[Kind, str] = {**_WORDS, "io": io or _WORDS["io"]}
    words["linear"] = ", ".join(one for one in ("linear", *_LINEAR.values()) if one in linear)
    for kind in _ORDER:
        if kind in kinds and words.get(kind):
            yield Entry(words[kind], "box", kind)


def _linear_word(name: str) -> str:
    called = "attention" if "attention" in name.lower() else "linear"
    return _LINEAR.get(family_of(name) or "", called)


def _linear(view: View) -> Iterator[str]:
    """The names of all that has the colour of linear layers."""
    flow = view.graph.flow
    for box in view.graph.boxes.values():
        for part in box.parts:
            if part.kind == "linear":
                node = flow.nodes[part.nodes[0]]
                module = flow.module(node)
                yield flow.operation_name(node) if module is None else module.kind


def _modules(view: View) -> Iterator[Entry]:
    if next(frames_of(view.root), None) is not None:
        yield Entry("a module and what is in it", "frame", "container")
    heads = [box.head for box in view.graph.boxes.values()]
    if closed := sum(head.container and head.call is not None for head in heads):
        yield Entry(_closed(closed), "box", "container")


def _closed(modules: int) -> str:
    return f"not opened: {counted(modules, 'module')}"


def _numbers(every: Sequence[Box | Frame]) -> Iterator[Entry]:
    if any(len(one.repeats) > 1 for one in every):
        yield Entry("equal ones, of which one is drawn", "text", text="N ×")
    if any(one.turns > 1 for one in every):
        yield Entry("a loop: the same weights again", "text", text="N turns")


# ---- its columns ------------------------------------------------------------------------


def columns(entries: Sequence[Entry], width: float) -> list[tuple[Entry, ...]]:
    """The entries in as many columns as there is room for, filled from the left.

    >>> [len(column) for column in columns([Entry("sum", "dot")] * 5, 120)]
    [3, 2]
    """
    for rows in range(1, len(entries)):
        parted = [tuple(entries[at : at + rows]) for at in range(0, len(entries), rows)]
        if sum(map(column_width, parted)) - FAR <= width:
            return parted
    return [tuple(entries)] if entries else []


def column_width(column: Sequence[Entry]) -> float:
    """From the beginning of a column to that of the next."""
    return sample_width(column) + NEAR + max(text_width(one.words, TEXT) for one in column) + FAR


def sample_width(column: Sequence[Entry]) -> float:
    """The width of what stands before the words."""
    return max(SAMPLE, *(text_width(one.text, TEXT) + 4 for one in column))
