"""The main path as a row of feature maps and the steps between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from cnnshape.rendering.diagram.boxes import BoxGraph, main_path
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.operation_words import CONCAT
from cnnshape.rendering.palette import Kind, kind_of
from cnnshape.tracing.trace import Shape


@dataclass(frozen=True, slots=True)
class Join:
    """Something that comes in beside the main path: its name, and its map if it has one."""

    sign: str
    name: str
    source: int | None = None


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """One tensor of the main path.

    Attributes:
        key: the box that made it.
        id: that box's id.
        name: its name.
        shape: without the batch.
        step: the words above the arrow that leads to it, a line each.
        kind: the colour.
        joins: what else came in since the map before.
        tooltip: everything known about the box.
        failed: the model raised here; the shape is that of what arrived.
    """

    key: int
    id: str
    name: str
    shape: Shape
    step: tuple[str, ...]
    kind: Kind
    joins: tuple[Join, ...] = ()
    tooltip: str = ""
    failed: bool = False


def feature_maps(view: View, captions: Captions) -> list[FeatureMap]:
    """The tensors along the longest path from an input to an output.

    An activation, a norm or a sum that leaves the shape as it is has no map of its own; what it
    joins is noted at the map that stands there.
    """
    graph = view.graph
    path = main_path(graph)
    #: Box of the path → the map drawn at it or before it.
    at: dict[int, int] = {}
    maps: list[FeatureMap] = []
    for before, key in zip([None, *path], path, strict=False):
        box = graph.boxes[key]
        if box.role == "output":
            continue
        joins = _joins(graph, key, before, at, captions)
        shape = captions.hide_batch(_shape(graph, key))
        quiet = box.head.kind in ("activation", "norm", "merge", "other") and not box.failed
        if maps and quiet and not box.head.container and shape == maps[-1].shape:
            maps[-1] = replace(maps[-1], joins=(*maps[-1].joins, *joins))
        else:
            maps.append(_map(graph, key, shape, joins, captions))
        at[key] = maps[-1].key
    return maps


def _map(
    graph: BoxGraph, key: int, shape: Shape, joins: tuple[Join, ...], captions: Captions
) -> FeatureMap:
    box = graph.boxes[key]
    caption = captions.box(key)
    step: tuple[str, ...] = () if box.role == "input" else captions.naming.step(box)
    times = prod((len(box.repeats) or 1, *(turns.times for turns in graph.turns_of(key))))
    if box.sign == CONCAT:
        step, joins = (CONCAT,), tuple(replace(join, sign="") for join in joins)
    if step and times > 1:
        step = (f"{times} × {step[0]}", *step[1:], *(["side by side"] if box.beside else []))
    return FeatureMap(
        key=key,
        id=graph.flow.nodes[key].id,
        name=_name(graph, key, captions),
        shape=shape,
        step=step,
        kind=_kind(graph, key, caption.kind),
        joins=joins,
        tooltip=caption.tooltip,
        failed=caption.failed,
    )


def _name(graph: BoxGraph, key: int, captions: Captions) -> str:
    box = graph.boxes[key]
    title = captions.box(key).title
    if box.sign == CONCAT:
        return CONCAT
    return title or graph.flow.operation_name(graph.flow.nodes[key])


def _kind(graph: BoxGraph, key: int, kind: Kind) -> Kind:
    """A folded-up module has the colour of the first layer in it that computes."""
    head = graph.boxes[key].head
    if not head.container:
        return kind
    modules = (graph.flow.module(graph.flow.nodes[node]) for node in head.nodes)
    for module in modules:
        if module is not None and (inner := kind_of(module.kind)) in ("convolution", "linear"):
            return inner
    return kind


def _shape(graph: BoxGraph, key: int) -> Shape:
    """The shape of what leaves a box; of what arrived, if nothing left it."""
    trace = graph.flow.trace
    if graph.boxes[key].role == "input":
        return trace.shape(graph.flow.nodes[key].values[0])
    onward = [values for head, values in graph.after[key].items() if head > key]
    for values in (*onward, *graph.before[key].values()):
        if values:
            return trace.shape(values[0])
    return ()


def _joins(
    graph: BoxGraph, key: int, before: int | None, at: dict[int, int], captions: Captions
) -> tuple[Join, ...]:
    """Where the other tensors of a box come from: the nearest maps, through what is not drawn."""
    sign = graph.boxes[key].sign
    found: dict[Join, None] = {}
    for start in sorted(graph.earlier(key)):
        if start == before:
            continue
        todo, seen = [start], {start}
        while todo:
            tail = todo.pop()
            if tail in at:
                found[Join(sign, _name(graph, at[tail], captions), at[tail])] = None
            elif not graph.earlier(tail):
                found[Join(sign, _name(graph, tail, captions))] = None
            else:
                new = [one for one in sorted(graph.earlier(tail)) if one not in seen]
                seen.update(new)
                todo += new
    return tuple(found)
