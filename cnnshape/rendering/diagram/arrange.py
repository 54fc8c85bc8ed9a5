"""From boxes to a picture's parts: followers under their layer, repeats folded, frames drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from cnnshape.rendering.diagram.boxes import Box, BoxGraph, Frame, Item, Part, Turns, boxes_of
from cnnshape.rendering.diagram.repeated_blocks import BlockFolder, Signatures
from cnnshape.rendering.palette import Kind, kind_of

_COMPUTING: frozenset[Kind] = frozenset(("convolution", "linear", "pooling"))


def arrange(
    graph: BoxGraph, *, fold: bool = True, known: Signatures | None = None
) -> tuple[Frame, frozenset[int]]:
    """Stack, fold and frame the boxes of ``graph``, from the innermost container outwards.

    ``graph`` is changed: boxes are absorbed by others. The result is the root, whose items are
    what is drawn at the top level, and the container calls that turned out to hold one box.
    """
    arranger = _Arranger(graph, BlockFolder(graph, known or Signatures()) if fold else None)
    return arranger.arrange(), frozenset(arranger.single)


@dataclass
class _Arranger:
    graph: BoxGraph
    folder: BlockFolder | None
    callers: set[int] = field(default_factory=set[int])
    single: set[int] = field(default_factory=set[int])

    def arrange(self) -> Frame:
        flow = self.graph.flow
        self.callers = {c.parent for c in flow.trace.calls if c.parent is not None}
        root = Frame(flow.root, [])
        frames: dict[int | Turns, Frame] = {flow.root: root}
        for key in sorted(self.graph.boxes):
            item: Item = key
            for around in self._around(key):
                known = frames.get(around)
                frame = known or frames.setdefault(around, _frame_of(around))
                frame.items.append(item)
                if known:
                    break
                item = frame
        self._settle(root)
        self._flatten(root)
        return root

    def _around(self, key: int) -> Iterator[int | Turns]:
        """The loops and container calls around a box, innermost first."""
        flow, loops = self.graph.flow, self.graph.turns_of(key)
        region: int | None = self.graph.boxes[key].region
        while region is not None:
            yield from (turns for turns in reversed(loops) if turns.region == region)
            yield region
            region = None if region == flow.root else flow.trace.calls[region].parent

    def _settle(self, frame: Frame) -> None:
        """Finish the frames inside, then this one's own items."""
        items: list[Item] = []
        for item in frame.items:
            if isinstance(item, Frame):
                self._settle(item)
                items += self._dissolved(item)
            else:
                items.append(item)
        frame.items = items
        self._stack(frame)
        if self.folder is not None:
            self.folder.fold(frame)

    # ---- stacks -------------------------------------------------------------------------

    def _stack(self, frame: Frame) -> None:
        graph = self.graph
        here = {item for item in frame.items if not isinstance(item, Frame)}
        for key in sorted(here):
            if key not in graph.boxes:
                continue  # absorbed by an earlier one
            while len(graph.after[key]) == 1:
                follower = next(iter(graph.after[key]))
                if follower not in here or not self._may_follow(key, follower):
                    break
                graph.absorb(key, follower)
        frame.items = [i for i in frame.items if isinstance(i, Frame) or i in graph.boxes]

    def _may_follow(self, key: int, follower: int) -> bool:
        box, other = self.graph.boxes[key], self.graph.boxes[follower]
        if len(self.graph.before[follower]) != 1 or follower <= key:
            return False
        if box.role in ("input", "output") or other.role in ("input", "output"):
            return False
        if box.failed or other.failed or other.sign or _stands_for_several(box, other):
            return False
        if box.sign and any(part.kind in ("norm", "shape") for part in other.parts):
            return False
        return all(part.follows for part in other.parts)

    # ---- frames -------------------------------------------------------------------------

    def _dissolved(self, frame: Frame) -> list[Item]:
        """The frame itself, or its items where a frame around them would say nothing."""
        if not frame.items:
            return []
        if len(frame.items) == 1:
            (item,) = frame.items
            if frame.turns > 1:
                return [self._in_turns(item, frame)]
            if isinstance(item, Frame):
                item.wrappers.insert(0, frame.call)
                return [item]
            self._wrap(self.graph.boxes[item], frame.call)
            return [item]
        if frame.turns > 1:
            return [frame]
        if self._is_short(frame):
            first, *others = [item for item in frame.items if not isinstance(item, Frame)]
            for key in others:
                self.graph.absorb(first, key)
            self._wrap(self.graph.boxes[first], frame.call)
            return [first]
        module = self.graph.flow.trace.module(self.graph.flow.trace.calls[frame.call].path)
        plain = module.kind == "Sequential" and module.builtin
        if plain and all(isinstance(item, Frame) for item in frame.items):
            return frame.items
        return [frame]

    def _in_turns(self, item: Item, loop: Frame) -> Item:
        """What alone runs in every turn of a loop, standing for all of them."""
        alone = item if isinstance(item, Frame) else self.graph.boxes[item]
        if alone.turns > 1 or len(alone.repeats) > 1:
            return loop
        alone.turns = loop.turns
        return item

    def _is_short(self, frame: Frame) -> bool:
        """An author's layer that computes once, between a reshape or two: one box as well."""
        graph = self.graph
        keys = [item for item in frame.items if not isinstance(item, Frame)]
        boxes = [graph.boxes[key] for key in keys]
        if frame.call in self.callers or len(keys) < len(frame.items) or len(keys) > 3:
            return False
        if any(box.sign or box.failed or box.head.container for box in boxes):
            return False
        if _stands_for_several(*boxes):
            return False
        kinds = [part.kind for box in boxes for part in box.parts]
        if any(box.role != "operation" for box in boxes) or sum(k in _COMPUTING for k in kinds) > 1:
            return False
        return all(
            set(graph.after[tail]) == {head} and set(graph.before[head]) == {tail}
            for tail, head in pairwise(keys)
        )

    def _wrap(self, box: Box, call: int) -> None:
        """Let a box stand for the container that holds nothing else."""
        self.single.add(call)
        flow = self.graph.flow
        parent = flow.trace.calls[call].parent
        box.region = flow.root if parent is None else parent
        box.wrappers.insert(0, call)
        if call in self.callers or box.sign or box.failed or _stands_for_several(box):
            return
        # An author's small layer made of functions only (`LayerScale`): its name says more.
        nodes = tuple(node for part in box.parts for node in part.nodes)
        module = flow.trace.module(flow.trace.calls[call].path)
        kind: Kind = kind_of(module.type)
        follows = all(part.follows for part in box.parts)
        computing: list[Kind] = [p.kind for p in box.parts if p.kind in _COMPUTING]
        if computing:
            kind = computing[0]
        elif kind in ("other", "container"):
            kind = box.head.kind
        box.parts = [Part(nodes, call, False, kind, follows or kind in ("norm", "activation"))]
        box.wrappers = []
        box.role = "module"

    def _flatten(self, frame: Frame) -> None:
        """Take out inner frames that would make the picture harder to read, not easier.

        A plain Sequential inside another frame says nothing that the names of its layers
        (``branch1.0``) do not say. And where several frames inside one are entered from outside
        it, the arrows could reach them only around each other.
        """
        for item in frame.items:
            if isinstance(item, Frame):
                self._flatten_inside(item)
                self._flatten(item)

    def _flatten_inside(self, frame: Frame) -> None:
        inner = [item for item in frame.items if isinstance(item, Frame)]
        inside = set(boxes_of(frame)) if len(inner) > 1 else set[int]()  # one alone is let be
        entered = [item for item in inner if inside and self._entered_from(item, inside)]
        items: list[Item] = []
        for item in frame.items:
            if isinstance(item, Frame) and len(item.repeats) < 2 and not item.group:
                parallel = item in entered and len(entered) > 1
                if parallel or self._is_plain(item):
                    items += item.items
                    continue
            items.append(item)
        if items != frame.items:
            frame.items = items
            self._flatten_inside(frame)

    def _entered_from(self, inner: Frame, inside: set[int]) -> bool:
        """Whether an arrow leads into a frame that does not begin among the boxes ``inside``."""
        return any(tail not in inside for key in boxes_of(inner) for tail in self.graph.before[key])

    def _is_plain(self, frame: Frame) -> bool:
        trace = self.graph.flow.trace
        modules = (trace.module(trace.calls[call].path) for call in (*frame.wrappers, frame.call))
        return all(module.kind == "Sequential" and module.builtin for module in modules)


def _frame_of(around: int | Turns) -> Frame:
    if isinstance(around, Turns):
        return Frame(around.region, [], group=True, turns=around.times)
    return Frame(around, [])


def _stands_for_several(*boxes: Box) -> bool:
    return any(box.repeats or box.turns > 1 for box in boxes)


def count(frame: Frame) -> int:
    """How many boxes are drawn."""
    return sum(1 for _ in boxes_of(frame))
