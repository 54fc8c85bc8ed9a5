"""The paths through a network as rows of feature maps and the steps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import TypeAlias

from cnnshape.rendering.diagram.boxes import BoxGraph
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.operation_words import CONCAT
from cnnshape.rendering.diagram.paths import paths_of
from cnnshape.rendering.palette import Kind, kind_of
from cnnshape.tracing.trace import Shape


@dataclass(frozen=True, slots=True)
class Join:
    """What comes in beside a path: its name, its map if it has one, what is done on the way."""

    sign: str
    name: str
    source: int | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """One tensor of a path.

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


#: The maps of a path beside the trunk, and the one that it leaves from; None for an input's.
Branch: TypeAlias = tuple[int | None, tuple[FeatureMap, ...]]


@dataclass(frozen=True, slots=True)
class Course:
    """All feature maps of a picture.

    Attributes:
        trunk: along the longest path from an input to an output.
        towers: along other paths, from inputs to where they meet the trunk.
        outs: along paths to other outputs.
        drawn: the boxes that are shown by a map or told at an arrow.
    """

    trunk: tuple[FeatureMap, ...]
    towers: tuple[Branch, ...] = ()
    outs: tuple[Branch, ...] = ()
    drawn: frozenset[int] = frozenset()


def feature_maps(view: View, captions: Captions) -> Course:
    """The tensors along the paths of a network.

    An activation, a norm or a sum that leaves the shape as it is has no map of its own; what it
    joins is noted at the map that stands there. Where a tower meets the trunk there is one.
    """
    graph = view.graph
    paths, walk = paths_of(graph), _Walk(graph, captions)
    towers: list[Branch] = []
    for path in paths.towers:
        shared = path[0] if path[0] in paths.trunk else None
        maps = walk.along(path if shared is None else path[1:], shared)
        towers.append((shared, tuple(maps)))
    walk.meeting.update(maps[-1].key for _, maps in towers)
    trunk = tuple(walk.along(paths.trunk))
    outs: list[Branch] = []
    for source, *path in paths.outs:
        if source in walk.at:
            outs.append((walk.at[source], tuple(walk.along(path, source))))
    ends = (key for key, box in graph.boxes.items() if box.role == "output")
    told = {key for key in ends if walk.at.keys() & graph.before[key].keys()}  # a map stands there
    return Course(trunk, tuple(towers), tuple(outs), frozenset((*walk.at, *walk.told, *told)))


@dataclass
class _Walk:
    """Turns one path after the other into maps."""

    graph: BoxGraph
    captions: Captions
    #: Box of a path → the map drawn at it or before it.
    at: dict[int, int] = field(default_factory=dict[int, int])
    #: Boxes beside the paths that are told at an arrow.
    told: set[int] = field(default_factory=set[int])
    #: The last maps of towers.
    meeting: set[int] = field(default_factory=set[int])

    def along(self, path: Sequence[int], source: int | None = None) -> list[FeatureMap]:
        """The maps of a path that leaves from another at ``source``, or from an input."""
        maps: list[FeatureMap] = []
        for before, key in zip([source, *path], path, strict=False):
            box = self.graph.boxes[key]
            if box.role == "output":
                self.at[key] = maps[-1].key if maps else key
                continue
            joins = self._joins(key, before)
            shape = self.captions.hide_batch(_shape(self.graph, key))
            quiet = box.head.kind in ("activation", "norm", "merge", "other") and not box.failed
            quiet = quiet and self.meeting.isdisjoint(join.source for join in joins)
            if maps and quiet and not box.head.container and shape == maps[-1].shape:
                maps[-1] = replace(maps[-1], joins=(*maps[-1].joins, *joins))
            else:
                maps.append(_map(self.graph, key, shape, joins, self.captions))
            self.at[key] = maps[-1].key
        return maps

    def _joins(self, key: int, before: int | None) -> tuple[Join, ...]:
        """Where the other tensors of a box come from: the nearest maps, through what is between."""
        graph, sign = self.graph, self.graph.boxes[key].sign
        found: dict[Join, None] = {}
        for start in sorted(graph.earlier(key)):
            if start == before:
                continue
            between = self._between(start)
            todo, seen = [start], {start}
            while todo:
                tail = todo.pop()
                if tail in self.at:
                    name = _name(graph, self.at[tail], self.captions)
                    found[Join(sign, name, self.at[tail], between)] = None
                elif not graph.earlier(tail):
                    found[Join(sign, _name(graph, tail, self.captions))] = None
                else:
                    new = [one for one in sorted(graph.earlier(tail)) if one not in seen]
                    seen.update(new)
                    todo += new
        return tuple(found)

    def _between(self, start: int) -> str:
        """In words what stands on the way of a skip, if that is one step after another."""
        steps, tail = list[int](), start
        while tail not in self.at and len(self.graph.earlier(tail)) == 1:
            steps.append(tail)
            (tail,) = self.graph.earlier(tail)
        if tail not in self.at or not 0 < len(steps) < 3:
            return ""
        self.told.update(steps)
        words = (self.captions.naming.step(self.graph.boxes[step]) for step in reversed(steps))
        return ", ".join(each[0] for each in words if each)


def _map(
    graph: BoxGraph, key: int, shape: Shape, joins: tuple[Join, ...], captions: Captions
) -> FeatureMap:
    box = graph.boxes[key]
    caption = captions.box(key)
    step: tuple[str, ...] = () if box.role == "input" else captions.naming.step(box)
    times = prod((len(box.repeats) or 1, *(turns.times for turns in graph.turns_of(key))))
    if box.sign == CONCAT or (box.sign and joins):  # the sign stands at the arrow
        step, joins = (box.sign,), tuple(replace(join, sign="") for join in joins)
    if step and times > 1:
        step = (f"{times} × {step[0]}", *step[1:], *(["side by side"] if box.beside else []))
    elif step and not box.sign and (times := captions.naming.rounds.get(key, 1)) > 1:
        step = (f"{times} × {step[0]}", "in turn", *step[1:])
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
