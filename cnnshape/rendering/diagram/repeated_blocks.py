"""Repeated blocks found in the data flow: equal neighbours, each fed by the one before it.

Two blocks are equal if the same layers with the same settings turn the same shapes into the
same shapes along the same edges. They fold into one only if the picture stays true: each
block's inputs come from its predecessor or, for every block alike, from the same place
outside (as a decoder's memory does), and nobody else uses what lies between two blocks, but for
outputs that every block has one of: they become one as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from cnnshape.rendering.diagram.boxes import BoxGraph, Frame, Item, Part, boxes_of, series_of
from cnnshape.rendering.repeats import frozen, longest_run
from cnnshape.tracing.trace import Shape

#: Settings that number blocks or that grow along the depth, and cannot change a size.
_COUNTERS = ("idx", "index", "layer_id", "layer_idx", "p", "drop_prob", "eps", "momentum")


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
        signatures = self._signatures(items)
        while start < len(items):
            foldable = partial(self._foldable, items[start:])
            period, times = longest_run(signatures, start, foldable)
            if times > 1:
                groups = [items[start + k * period :][:period] for k in range(times)]
                result.append(self._folded(groups, frame.call))
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

    def _foldable(self, items: Sequence[Item], period: int, times: int) -> int:
        """How many of ``times`` equal runs of items may become one."""
        least = self._least(items[:period])
        while times >= least:
            if self._chained([items[k * period :][:period] for k in range(times)]):
                return times
            times -= 1
        return 1

    def _least(self, pattern: Sequence[Item]) -> int:
        """How often something must repeat before folding helps: blocks twice, layers thrice."""
        if any(isinstance(item, Frame) for item in pattern):
            return 2
        boxes = [self.graph.boxes[item] for item in pattern if not isinstance(item, Frame)]
        if any(box.role in ("input", "output") for box in boxes):
            return 1_000_000
        return 2 if any(box.head.container for box in boxes) else 3

    def _chained(self, groups: Sequence[Sequence[Item]]) -> bool:
        graph = self.graph
        members = [[key for item in group for key in boxes_of(item)] for group in groups]
        place = {key: (k, i) for k, keys in enumerate(members) for i, key in enumerate(keys)}
        feeds = [self._feeds(keys, k, place) for k, keys in enumerate(members)]
        pattern = feeds[1]
        if pattern is None or any(other != pattern for other in feeds[2:]):
            return False
        first = feeds[0]
        if first is None:
            return False
        chained = {into for kind, _, into in pattern if kind == "previous"}
        outside = {feed for feed in pattern if feed[0] == "outside"}
        entering = {into for _, _, into in first}
        if not chained or not chained <= entering:
            return False
        if any(feed not in outside and feed[2] not in chained for feed in first):
            return False
        exits = [_exits_of(graph, keys) for keys in members]
        if any([one[:3] for one in other] != [one[:3] for one in exits[0]] for other in exits):
            return False
        out = {key for listed in exits for *_, key in listed}
        sources = {source for kind, source, _ in pattern if kind == "previous"}
        last = len(members) - 1
        for k, keys in enumerate(members):
            for i, key in enumerate(keys):
                for head in graph.after[key]:
                    other = place.get(head)
                    if other is None and head not in out and (k != last or i not in sources):
                        return False
        return True

    def _feeds(
        self, keys: Sequence[int], k: int, place: Mapping[int, tuple[int, int]]
    ) -> set[tuple[str, int, int]] | None:
        """Where group ``k`` gets its tensors: (from the previous or outside, which, into which)."""
        found: set[tuple[str, int, int]] = set()
        for i, key in enumerate(keys):
            for tail in self.graph.before[key]:
                group, position = place.get(tail, (-1, tail))
                if group == k:
                    continue
                if group == k - 1 and k > 0:
                    found.add(("previous", position, i))
                elif group == -1:
                    found.add(("outside", tail, i))
                else:
                    return None
        return found

    # ---- folding ------------------------------------------------------------------------

    def _folded(self, groups: Sequence[Sequence[Item]], region: int) -> Item:
        graph = self.graph
        members = [[key for item in group for key in boxes_of(item)] for group in groups]
        self._join_series([_exits_of(graph, keys) for keys in members])
        for position, key in enumerate(members[-1]):
            for head, values in list(graph.after[key].items()):
                if head not in members[-1]:
                    graph.connect(members[0][position], head, values)
        names = [self._path(keys[0]) for keys in members]
        for keys in members[1:]:
            for key in keys:
                graph.drop(key)
        first = groups[0]
        if len(first) > 1:
            return Frame(region, list(first), repeats=[keys[0] for keys in members], group=True)
        (item,) = first
        if isinstance(item, Frame):
            item.repeats = [cast("Frame", group[0]).call for group in groups]
        else:
            graph.boxes[item].repeats = [keys[0] for keys in members]
            graph.boxes[item].names = names
        return item

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


# ---- outputs that every block has one of: a language model's cache, features per stage ----


def _exits_of(graph: BoxGraph, keys: Sequence[int]) -> list[tuple[int, str, Shape, int]]:
    """The outputs of series that a group of boxes feeds: from which box, which series, the key."""
    found: list[tuple[int, str, Shape, int]] = []
    for position, key in enumerate(keys):
        for head in graph.after[key]:
            series = series_of(graph, head)
            if series is not None:
                found.append((position, *series, head))
    return sorted(found, key=lambda one: (one[0], one[1], one[3]))
