"""Repeated blocks found in the data flow: equal neighbours, in a row or side by side.

In a row each is fed by the one before it; side by side all read and are read by the same, as the
heads of an attention are.

Two blocks are equal if the same layers with the same settings turn the same shapes into the
same shapes along the same edges. Those in a row fold into one only if the picture stays true: each
block's inputs come from its predecessor or, for every block alike, from the same place
outside (as a decoder's memory does), and nobody else uses what lies between two blocks, but for
outputs that every block has one of: they become one as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import cast

from cnnshape.rendering.diagram.boxes import BoxGraph, Frame, Item, Part, boxes_of
from cnnshape.rendering.diagram.equal_groups import chained, exits_of, side_by_side
from cnnshape.rendering.repeats import Runs, frozen
from cnnshape.tracing.trace import Shape

#: Settings that number blocks or that grow along the depth, and cannot change a size.
_COUNTERS = ("idx", "index", "layer_id", "layer_idx", "p", "drop_prob", "eps", "momentum")

#: So many equal branches say no more than one with their number.
_FEWEST_BESIDE = 4


@dataclass
class Signatures:
    """A number per distinct thing, kept from one view of a recording to the next.

    ``calls`` and ``operations`` have the numbers by index in the trace.
    """

    calls: dict[int, int] = field(default_factory=dict[int, int])
    operations: dict[int, int] = field(default_factory=dict[int, int])
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def number(self, signature: Hashable) -> int:
        """Equal numbers for equal signatures."""
        return self.numbers.setdefault(signature, len(self.numbers))


@dataclass
class BlockFolder:
    """Folds the items of frames of one view."""

    graph: BoxGraph
    known: Signatures = field(default_factory=Signatures)

    def fold(self, frame: Frame) -> None:
        """Replace each run of equal items of ``frame`` by its first."""
        items, result, start = frame.items, list[Item](), 0
        runs = Runs(self._signatures(items))
        while start < len(items):
            period, times = runs.longest(start, partial(self._in_a_row, items, start))
            beside = times < 2
            if beside:
                period, times = runs.longest(start, partial(self._beside, items, start))
            if times > 1:
                groups = list(_groups(items, start, period, times))
                result.append(self._folded(groups, frame.call, beside=beside))
            else:
                result.append(items[start])
            start += period * times
        frame.items = [i for i in result if isinstance(i, Frame) or i in self.graph.boxes]

    # ---- which items repeat -------------------------------------------------------------

    def _signatures(self, items: Sequence[Item]) -> list[int]:
        """Equal numbers for equal items. Only what has a like beside it is looked into."""
        outsides = [self._outside(item) for item in items]
        alike = Counter(outsides)
        return [
            self.known.number(self._item(item) if alike[outside] > 1 else ("once", place))
            for place, (item, outside) in enumerate(zip(items, outsides, strict=True))
        ]

    def _in_a_row(self, items: Sequence[Item], start: int, period: int, times: int) -> int:
        """How many of ``times`` equal runs of items, each fed by the one before, become one."""
        found = chained(self.graph, map(_members, _groups(items, start, period, times)))
        return found if found >= self._least(items[start : start + period]) else 1

    def _beside(self, items: Sequence[Item], start: int, period: int, times: int) -> int:
        """How many of ``times`` equal runs of items, all fed by the same, become one."""
        if times < _FEWEST_BESIDE:
            return 1
        found = side_by_side(self.graph, map(_members, _groups(items, start, period, times)))
        return found if found >= _FEWEST_BESIDE else 1

    def _least(self, pattern: Sequence[Item]) -> int:
        """How often something must repeat before folding helps: blocks twice, layers thrice."""
        if any(isinstance(item, Frame) for item in pattern):
            return 2
        boxes = [self.graph.boxes[item] for item in pattern if not isinstance(item, Frame)]
        if any(box.role in ("input", "output") for box in boxes):
            return 1_000_000
        return 2 if any(box.head.container for box in boxes) else 3

    # ---- folding ------------------------------------------------------------------------

    def _folded(self, groups: Sequence[Sequence[Item]], region: int, *, beside: bool) -> Item:
        graph = self.graph
        members = [_members(group) for group in groups]
        if beside:
            self._join_results(members)
        else:
            self._join_series([exits_of(graph, keys) for keys in members])
            self._hand_on(members[0], members[-1])
        names = [self._path(keys[0]) for keys in members]
        for keys in members[1:]:
            for key in keys:
                graph.drop(key)
        first = groups[0]
        if len(first) > 1:
            repeats = [keys[0] for keys in members]
            return Frame(region, list(first), repeats=repeats, group=True, beside=beside)
        (item,) = first
        if isinstance(item, Frame):
            item.repeats = [cast("Frame", group[0]).call for group in groups]
            item.beside = beside
        else:
            box = graph.boxes[item]
            box.repeats, box.names, box.beside = [keys[0] for keys in members], names, beside
        return item

    def _hand_on(self, first: Sequence[int], last: Sequence[int]) -> None:
        """Let the first group of a row feed what the last one feeds."""
        for position, key in enumerate(last):
            for head, values in list(self.graph.after[key].items()):
                if head not in last:
                    self.graph.connect(first[position], head, values)

    def _join_results(self, members: Sequence[Sequence[int]]) -> None:
        """Let the first of groups side by side hand on what all of them do."""
        graph = self.graph
        for keys in zip(*members, strict=True):
            for head in [head for head in graph.after[keys[0]] if head not in members[0]]:
                values = chain.from_iterable(graph.after[key][head] for key in keys)
                graph.connect(keys[0], head, values)

    def _join_series(self, exits: Sequence[Sequence[tuple[int, str, Shape, int]]]) -> None:
        """Let the first block's outputs stand for those of all blocks."""
        for series in zip(*exits, strict=True):
            self.graph.join_series([key for *_, key in series])

    def _path(self, key: int) -> str:
        """The module that a box is named after; empty if it is an operation."""
        box = self.graph.boxes[key]
        call = box.wrappers[0] if box.wrappers else box.head.call
        return "" if call is None else self.graph.flow.trace.calls[call].path

    # ---- what makes two items equal -----------------------------------------------------

    def _outside(self, item: Item) -> Hashable:
        """What equal items have in common without a look at what is inside."""
        if isinstance(item, Frame):
            return self._type(item.call), len(item.items), len(item.repeats), item.turns
        head = self.graph.boxes[item].head
        if head.call is not None:
            return self._type(head.call)
        return tuple(self.graph.flow.operation_name(self.graph.flow.nodes[n]) for n in head.nodes)

    def _type(self, call: int) -> str:
        trace = self.graph.flow.trace
        return trace.module(trace.calls[call].path).type

    def _item(self, item: Item) -> Hashable:
        keys = list(boxes_of(item))
        place = {key: i for i, key in enumerate(keys)}
        edges = tuple(
            (i, place[head])
            for i, key in enumerate(keys)
            for head in sorted(self.graph.after[key])
            if head in place
        )
        return self._nested(item), edges

    def _nested(self, item: Item) -> Hashable:
        if isinstance(item, Frame):
            inner = tuple(self._nested(other) for other in item.items)
            return self._type(item.call), len(item.repeats), item.group, item.turns, inner
        return self._box(item)

    def _box(self, key: int) -> Hashable:
        graph = self.graph
        box = graph.boxes[key]
        if box.failed or box.role in ("input", "output"):
            return ("once", key)
        shape = graph.flow.trace.shape
        parts = tuple(self._part(part) for part in box.parts)
        came = sorted(str(shape(v)) for values in graph.before[key].values() for v in values)
        went = sorted({str(shape(v)) for values in graph.after[key].values() for v in values})
        return parts, len(box.repeats), box.turns, tuple(came), tuple(went)

    def _part(self, part: Part) -> Hashable:
        if part.call is not None:
            return part.kind, part.container, self._call(part.call)
        flow = self.graph.flow
        return tuple(
            self._operation(index)
            for node in part.nodes
            if (index := flow.nodes[node].operation) is not None
        )

    def _call(self, index: int) -> int:
        """Class, settings and shapes of a call and of everything that it ran."""
        if index not in self.known.calls:
            trace = self.graph.flow.trace
            call = trace.calls[index]
            module = trace.module(call.path)
            config = tuple(
                (name, frozen(value))
                for name, value in sorted(module.config.items())
                if name not in _COUNTERS
            )
            children = tuple(self._call(child) for child in self.graph.flow.children(index))
            own = tuple(self._operation(op.index) for op in trace.own_operations(index))
            shapes = trace.shapes(call.inputs), trace.shapes(call.outputs)
            whole = (module.type, config, shapes, children, own)
            self.known.calls[index] = self.known.number(whole)
        return self.known.calls[index]

    def _operation(self, index: int) -> int:
        """Name, arguments and shapes of an operation."""
        if index not in self.known.operations:
            self.known.operations[index] = self.known.number(self._described(index))
        return self.known.operations[index]

    def _described(self, index: int) -> Hashable:
        trace = self.graph.flow.trace
        op = trace.operations[index]
        # Which element is taken does not make a step of a loop another step.
        taken = op.name in ("getitem", "select")
        arguments = () if taken else tuple(frozen(argument) for argument in op.args)
        named = tuple((name, frozen(value)) for name, value in sorted(op.kwargs.items()))
        shapes = tuple(trace.shape(value) for value in (*op.inputs, *op.outputs))
        return op.name, arguments, named, shapes


def _groups(items: Sequence[Item], start: int, period: int, times: int) -> Iterator[Sequence[Item]]:
    """Runs of items after one another."""
    for place in range(start, start + period * times, period):
        yield items[place : place + period]


def _members(group: Sequence[Item]) -> list[int]:
    return [key for item in group for key in boxes_of(item)]
