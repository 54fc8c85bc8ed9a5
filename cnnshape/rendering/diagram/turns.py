"""Turns of a loop in which the same weights run again: shown once, with arrows that lead back.

A recurrent cell that is called for every step of a sequence does the same in each turn: the same
modules, by their paths, turn the same shapes into the same shapes. What one turn takes from the
one before it is an arrow from the end of the turn to its beginning: in a :class:`BoxGraph` an edge
to a box that ran earlier.

The turns become one only if that stays true for all of them. The first may take its state from
elsewhere, or from constants, of which no arrow comes; the last may hand on more than the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise

from cnnshape.rendering.diagram.boxes import BoxGraph, Turns, series_of
from cnnshape.rendering.palette import family_of
from cnnshape.rendering.repeats import frozen
from cnnshape.tracing.trace import Operation

#: Two turns are read as easily as one with a number.
_FEWEST = 3
#: So often one turn may run the same module.
_WITHIN_ONE = 8

Edge = tuple[Hashable, Hashable]


def fold_turns(graph: BoxGraph) -> None:
    """Replace the turns of every loop by the first one, also of loops inside loops."""
    used = Counter(chain.from_iterable(op.parameters for op in graph.flow.trace.operations))
    if max(used.values(), default=0) < _FEWEST:
        return  # no weights run so often: there is nothing to look for
    folder = _Turns(graph)
    while folder.fold():
        pass


@dataclass(frozen=True, slots=True)
class _Ports:
    """What one turn is joined to, by the places of its boxes in the turn."""

    inside: frozenset[Edge]
    before: frozenset[Edge]
    outside: frozenset[Edge]
    onward: frozenset[Edge]


@dataclass
class _Row:
    """The steps of one forward in order, equal tokens for equal ones."""

    steps: Sequence[Sequence[int]]
    tokens: Sequence[int]
    tried: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def stretch(self, start: int, period: int) -> tuple[int, int]:
        """How far around ``start`` the steps repeat with ``period``."""
        tokens, first, stop = self.tokens, start, start + period
        while first > 0 and tokens[first - 1] == tokens[first - 1 + period]:
            first -= 1
        while stop < len(tokens) and tokens[stop] == tokens[stop - period]:
            stop += 1
        return first, stop


@dataclass
class _Turns:
    graph: BoxGraph
    fed: set[int] = field(default_factory=set[int])
    calls: dict[int, int] = field(default_factory=dict[int, int])
    operations: dict[int, int] = field(default_factory=dict[int, int])
    numbers: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def fold(self) -> bool:
        """Fold what can be folded side by side; whether anything was."""
        found = False
        self.fed = self.graph.fed()
        for region, steps in self._regions().items():
            if any(key not in self.graph.boxes for step in steps for key in step):
                continue  # it lay in a turn that is gone
            row = _Row(steps, [self._token(step) for step in steps])
            start = 0
            while start < len(steps):
                turns = self._at(row, start)
                if turns is None:
                    start += 1
                    continue
                self._join(region, turns)
                found = True
                start = next(i for i, step in enumerate(steps) if step[-1] == turns[-1][-1]) + 1
        return found

    # ---- what may repeat ----------------------------------------------------------------

    def _regions(self) -> Mapping[int, list[list[int]]]:
        """Per container its steps in order: a box, or all boxes of a container inside it.

        What only makes a tensor, as ``new_zeros`` does for the first state, is no step.
        """
        graph, flow = self.graph, self.graph.flow
        steps: dict[int, dict[tuple[str, int], list[int]]] = {}
        for key in sorted(graph.boxes):
            box = graph.boxes[key]
            ran = flow.operation(flow.nodes[key]) if box.head.call is None else None
            if box.role in ("input", "output") or (ran is not None and flow.accounts.makes(ran)):
                continue
            regions = (flow.root, *flow.regions(box.region))
            for region, inner in pairwise(regions):
                steps.setdefault(region, {}).setdefault(("call", inner), []).append(key)
            steps.setdefault(regions[-1], {})["box", key] = [key]
        return {region: list(found.values()) for region, found in steps.items()}

    def _number(self, described: Hashable) -> int:
        return self.numbers.setdefault(described, len(self.numbers))

    def _token(self, step: Sequence[int]) -> int:
        folded = tuple(turns.times for key in step for turns in self.graph.turns_of(key))
        return self._number((folded, *(self._box(key) for key in step)))

    def _box(self, key: int) -> Hashable:
        box = self.graph.boxes[key]
        if box.head.call is not None:
            return "call", self._call(box.head.call)
        ran = self.graph.flow.operation(self.graph.flow.nodes[key])
        return ("other", key) if ran is None else ("operation", self._operation(ran))

    def _call(self, index: int) -> int:
        if index not in self.calls:
            trace = self.graph.flow.trace
            call = trace.calls[index]
            ran = tuple(self._operation(op) for op in self._ran(index))
            self.calls[index] = self._number((call.path, trace.shapes(call.outputs), ran))
        return self.calls[index]

    def _ran(self, call: int) -> list[Operation]:
        flow = self.graph.flow
        ran = flow.trace.operations[slice(*flow.trace.calls[call].operations)]
        return [op for op in ran if not flow.accounts.makes(op)]

    def _operation(self, op: Operation) -> int:
        if op.index not in self.operations:
            self.operations[op.index] = self._number(self._described(op))
        return self.operations[op.index]

    def _described(self, op: Operation) -> Hashable:
        trace = self.graph.flow.trace
        # Which element is taken or written does not make a turn another one.
        taken = family_of(op.name) == "slicing"
        arguments = () if taken else (frozen(op.args), frozen(op.kwargs))
        values = [trace.values[value] for value in op.inputs]
        weights = tuple(value.name for value in values if value.origin == "parameter")
        # Each once: the two states that a cell begins with may be one tensor.
        read = tuple(dict.fromkeys(value.shape for value in values))
        made = tuple(trace.shape(value) for value in op.outputs)
        return op.name, trace.calls[op.call].path, arguments, weights, read, made

    def _has_weights(self, step: Sequence[int]) -> bool:
        graph = self.graph
        heads = [graph.boxes[key].head for key in step]
        ran = [
            graph.flow.operation(graph.flow.nodes[node]) for head in heads for node in head.nodes
        ]
        inside = chain.from_iterable(self._ran(h.call) for h in heads if h.call is not None)
        return any(op is not None and op.parameters for op in (*ran, *inside))

    # ---- which do -----------------------------------------------------------------------

    def _at(self, row: _Row, start: int) -> list[list[int]] | None:
        """The boxes of each turn of a loop that the step at ``start`` belongs to."""
        steps, tokens = row.steps, row.tokens
        later = range(start + 1, len(tokens))
        again = islice((i for i in later if tokens[i] == tokens[start]), _WITHIN_ONE)
        for period in (i - start for i in again):
            first, stop = row.stretch(start, period)
            if stop - first < _FEWEST * period or (first, period) in row.tried:
                continue
            row.tried.add((first, period))
            if not any(self._has_weights(step) for step in steps[first : first + period]):
                continue
            for shift in range(min((stop - first) % period, _WITHIN_ONE) + 1):
                places = range(first + shift, stop - period + 1, period)
                turns = [[*chain.from_iterable(steps[i : i + period])] for i in places]
                whole = self._whole(turns)
                if whole is not None:
                    return whole
        return None

    def _whole(self, turns: list[list[int]]) -> list[list[int]] | None:
        """The turns that can be drawn as one: all, or all but the first or the last."""
        for chosen in (turns, turns[1:], turns[:-1], turns[1:-1]):
            if len(chosen) >= _FEWEST and self._alike(chosen):
                return chosen
        return None

    def _alike(self, turns: Sequence[Sequence[int]]) -> bool:
        place = {key: (k, i) for k, keys in enumerate(turns) for i, key in enumerate(keys)}
        ports = [self._ports(k, keys, place) for k, keys in enumerate(turns)]
        first, second, last = ports[0], ports[1], ports[-1]
        if first is None or second is None or last is None:
            return False
        begun = {into for _, into in first.outside - second.outside}
        return (
            all(one is not None and one.inside == first.inside for one in ports)
            and all(one is not None and one.before == second.before for one in ports[1:])
            and all(one is not None and one.outside == second.outside for one in ports[1:])
            and all(one is not None and one.onward == first.onward for one in ports[:-1])
            and second.outside <= first.outside
            and begun <= {into for _, into in second.before}
            and first.onward <= last.onward
            and bool(second.before or (second.outside and first.onward))
        )

    def _ports(
        self, turn: int, keys: Sequence[int], place: Mapping[int, tuple[int, int]]
    ) -> _Ports | None:
        """What a turn is joined to; None if to another one than the turn before it."""
        inside, before, outside, onward = (set[Edge]() for _ in range(4))
        for i, key in enumerate(keys):
            for tail in self.graph.before[key]:
                k, other = place.get(tail, (None, tail))
                if k == turn:
                    inside.add((other, i))
                elif k is not None and k == turn - 1:
                    before.add((other, i))
                elif k is not None:
                    return None
                elif tail in self.fed:
                    outside.add((series_of(self.graph, tail) or tail, i))
            for head in self.graph.after[key]:
                if head not in place and head in self.fed:
                    onward.add((i, series_of(self.graph, head) or head))
        return _Ports(*(frozenset(edges) for edges in (inside, before, outside, onward)))

    # ---- folding ------------------------------------------------------------------------

    def _join(self, region: int, turns: Sequence[Sequence[int]]) -> None:
        graph = self.graph
        first, second, last = turns[0], turns[1], turns[-1]
        self._join_series(turns)
        for keys, following in ((first, second), (last, ())):
            for i, key in enumerate(keys):
                for head, values in list(graph.after[key].items()):
                    if head in following:
                        graph.connect(first[i], first[following.index(head)], values)
                    elif keys is last and head not in last and head not in graph.after[first[i]]:
                        graph.connect(first[i], head, values)
        for key in chain.from_iterable(turns[1:]):
            graph.drop(key)
        graph.turns.append(Turns(region, tuple(tuple(keys) for keys in turns)))

    def _join_series(self, turns: Sequence[Sequence[int]]) -> None:
        """Let one pill stand for the inputs, or the outputs, that every turn has one of."""
        for i in range(len(turns[0])):
            for near in (self.graph.before, self.graph.after):
                found: dict[Hashable, list[int]] = {}
                for keys in turns:
                    for other in sorted(near[keys[i]]):
                        series = series_of(self.graph, other)
                        if series is not None:
                            found.setdefault(series, []).append(other)
                for pills in found.values():
                    if len(pills) == len(turns):
                        self.graph.join_series(pills)
