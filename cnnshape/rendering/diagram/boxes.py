"""The graph while it is being simplified: boxes that hold nodes, edges, frames around boxes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, Union

from cnnshape.rendering.diagram.dataflow import Flow, Role
from cnnshape.rendering.palette import Kind
from cnnshape.tracing.trace import Shape

_NUMBER = re.compile(r"\d+")
#: Inputs ``x1`` and ``x2`` are two things; ``frames[1]`` and ``frames[2]`` are two of one kind.
_ELEMENT = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Part:
    """One layer, operation or folded-up container inside a box.

    Attributes:
        nodes: the nodes it stands for; one, unless it is a folded-up container.
        call: the module call it stands for; None for an operation, an input or an output.
        container: it is a module whose inside is not drawn.
        kind: which colour it has.
        follows: it may be a thin strip below the layer before it.
    """

    nodes: tuple[int, ...]
    call: int | None
    container: bool
    kind: Kind
    follows: bool


@dataclass
class Box:
    """What will be one box: a layer and the norm, activation and reshape that follow it.

    Attributes:
        key: its name in the graph, also its place in the order things ran.
        role: that of its first node.
        parts: the layer first, then its followers.
        region: the container call that it is drawn in.
        wrappers: the container calls that hold nothing but this box, outermost first.
        repeats: the keys of the equal boxes that it stands for, itself first.
        turns: how many turns of a loop it stands for, if it is all that runs in them.
        names: the paths of the modules that those boxes were named after.
        beside: the boxes it stands for run side by side, not one after the other.
        sign: what is written into the circle that makes one of several tensors; empty for a box.
    """

    key: int
    role: Role
    parts: list[Part]
    region: int
    wrappers: list[int] = field(default_factory=list[int])
    repeats: list[int] = field(default_factory=list[int])
    turns: int = 1
    names: list[str] = field(default_factory=list[str])
    beside: bool = False
    sign: str = ""
    failed: bool = False

    @property
    def head(self) -> Part:
        """The layer that names the box."""
        return self.parts[0]


@dataclass(frozen=True)
class Turns:
    """The turns of a loop, of which only the first is drawn.

    Attributes:
        region: the container call whose forward has the loop.
        keys: per turn the keys of its boxes, in the order they ran.
    """

    region: int
    keys: tuple[tuple[int, ...], ...]

    @property
    def first(self) -> tuple[int, ...]:
        """The boxes that are drawn."""
        return self.keys[0]

    @property
    def times(self) -> int:
        """How many turns there are."""
        return len(self.keys)


@dataclass
class BoxGraph:
    """Boxes and edges; ``edges[tail][head]`` are the values that flow there.

    An edge to a box that ran earlier, or to the box itself, leads from one of ``turns`` into the
    next.
    """

    flow: Flow
    boxes: dict[int, Box] = field(default_factory=dict[int, Box])
    after: dict[int, dict[int, tuple[int, ...]]] = field(
        default_factory=dict[int, dict[int, tuple[int, ...]]]
    )
    before: dict[int, dict[int, tuple[int, ...]]] = field(
        default_factory=dict[int, dict[int, tuple[int, ...]]]
    )
    turns: list[Turns] = field(default_factory=list[Turns])

    def add(self, box: Box) -> None:
        """A box without edges."""
        self.boxes[box.key] = box
        self.after[box.key] = {}
        self.before[box.key] = {}

    def connect(self, tail: int, head: int, values: Iterable[int]) -> None:
        """Add an edge, or values to one."""
        merged = tuple(dict.fromkeys((*self.after[tail].get(head, ()), *values)))
        self.after[tail][head] = merged
        self.before[head][tail] = merged

    def earlier(self, key: int) -> list[int]:
        """The boxes that feed ``key``, without those that do so from the turn before."""
        return [tail for tail in self.before[key] if tail < key]

    def turns_of(self, key: int) -> list[Turns]:
        """The loops whose turns the box stands for, outermost first."""
        found = [turns for turns in self.turns if key in turns.first]
        return sorted(found, key=lambda turns: -len(turns.first))

    def fed(self) -> set[int]:
        """The boxes that something of an input reaches; the others are computed from constants."""
        found: set[int] = set()
        for key in sorted(self.boxes):  # in the order they ran: tails come before heads
            box = self.boxes[key]
            ran = self.flow.operation(self.flow.nodes[box.head.nodes[0]])
            made = ran is not None and self.flow.accounts.makes(ran)
            reached = any(tail in found or tail >= key for tail in self.before[key])
            if box.role != "operation" or (not made and reached):
                found.add(key)
        return found

    def join_series(self, keys: Sequence[int]) -> None:
        """Let the first of several inputs or outputs stand for all of them."""
        first, *others = keys
        self.boxes[first].repeats = list(keys)
        self.boxes[first].names = [self.flow.nodes[key].name for key in keys]
        for key in others:
            self.drop(key)

    def disconnect(self, tail: int, head: int) -> None:
        """Take an edge away."""
        del self.after[tail][head]
        del self.before[head][tail]

    def operation_name(self, box: Box) -> str:
        """The function that names a box; empty for others."""
        return self.flow.operation_name(self.flow.nodes[box.head.nodes[0]])

    def edges(self) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        """Every edge as tail, head and values, in the order the tails ran."""
        for tail in sorted(self.after):
            for head, values in sorted(self.after[tail].items()):
                yield tail, head, values

    def drop(self, key: int) -> None:
        """Remove a box and its edges."""
        for head in list(self.after[key]):
            self.disconnect(key, head)
        for tail in list(self.before[key]):
            self.disconnect(tail, key)
        del self.boxes[key], self.after[key], self.before[key]

    def bypass(self, key: int) -> None:
        """Remove a box; what flowed into it now flows to where its result went."""
        for tail, values in self.before[key].items():
            for head in self.after[key]:
                self.connect(tail, head, values)
        self.drop(key)

    def absorb(self, key: int, follower: int) -> None:
        """Make ``follower`` part of ``key``, which alone feeds it."""
        box, other = self.boxes[key], self.boxes[follower]
        box.parts += other.parts
        for head, values in self.after[follower].items():
            self.connect(key, head, values)
        self.drop(follower)


#: A box by its key, or a frame around several.
Item: TypeAlias = Union[int, "Frame"]


@dataclass
class Frame:
    """A container that is drawn as a frame, or a group of neighbours that repeats.

    Attributes:
        call: the container's call; for a group of neighbours, the container that they are in.
        items: boxes and frames inside, in the order they ran.
        wrappers: container calls that hold nothing but this frame, outermost first.
        repeats: the calls (for a group: the names) of all equal ones that it stands for.
        group: it is not a container but a run of neighbours that repeats together.
        beside: what it stands for runs side by side, not one after the other.
        turns: how many turns of a loop it stands for, in which the same weights run again.
        continued: it goes on with what another piece of the picture began.
    """

    call: int
    items: list[Item]
    wrappers: list[int] = field(default_factory=list[int])
    repeats: list[int] = field(default_factory=list[int])
    group: bool = False
    beside: bool = False
    turns: int = 1
    continued: bool = False


def boxes_of(item: Item) -> Iterator[int]:
    """The keys of the boxes in ``item``, in the order they ran."""
    todo = [item]  # no generator inside a generator: each box would pass through all of them
    while todo:
        item = todo.pop()
        if isinstance(item, Frame):
            todo += reversed(item.items)
        else:
            yield item


def frames_of(frame: Frame) -> Iterator[Frame]:
    """Every frame inside ``frame``, outermost first."""
    todo = [item for item in reversed(frame.items) if isinstance(item, Frame)]
    while todo:
        inner = todo.pop()
        yield inner
        todo += (item for item in reversed(inner.items) if isinstance(item, Frame))


def main_path(graph: BoxGraph) -> list[int]:
    """The boxes of a longest path from an input to an output, the way that most of the work takes.

    Where no box feeds another it is the first box alone.
    """
    length, before = longest_ways(graph)
    ends = [key for key in graph.boxes if graph.boxes[key].role == "output"] or list(graph.boxes)
    path = [max(ends, key=lambda key: (length[key], -key))] if ends else []
    while path and path[-1] in before:
        path.append(before[path[-1]])
    return path[::-1] if len(path) > 1 else sorted(graph.boxes)[:1]


def longest_ways(graph: BoxGraph) -> tuple[dict[int, int], dict[int, int]]:
    """The length of the longest way to each box, and the box before it on that way.

    Of branches that are equally long the middle one is taken, so that the others spread evenly.
    """
    length: dict[int, int] = {}
    before: dict[int, int] = {}
    for key in sorted(graph.boxes):
        tails = sorted(tail for tail in graph.before[key] if tail in length)
        weight = 1 if graph.boxes[key].sign else 2
        if tails:
            longest = max(length[tail] for tail in tails)
            equal = [tail for tail in tails if length[tail] == longest]
            before[key] = equal[(len(equal) - 1) // 2]
            length[key] = longest + weight
        else:
            length[key] = weight
    return length, before


def series_of(graph: BoxGraph, key: int) -> tuple[str, Shape] | None:
    """The numbered series that an input or output belongs to, joined to one box; None for others.

    ``layers[0].keys`` and ``layers[7].keys`` of the same shape belong to the same one.
    """
    box, node = graph.boxes[key], graph.flow.nodes[key]
    numbered = {"input": _ELEMENT, "output": _NUMBER}.get(box.role)
    if numbered is None or not numbered.search(node.name):
        return None
    if len(graph.before[key]) + len(graph.after[key]) != 1:
        return None
    return f"{box.role} {_NUMBER.sub('#', node.name)}", graph.flow.trace.shape(node.values[0])
