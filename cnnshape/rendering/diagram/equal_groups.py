"""How many equal groups of boxes may become one: fed by one another, or all by the same.

Only as many groups are looked at as fit together, so that a long row costs no more than its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cnnshape.rendering.diagram.boxes import BoxGraph, series_of
from cnnshape.tracing.trace import Shape

#: What feeds a group: (from the one before it or from outside, which, into which of its boxes).
Feed = tuple[str, int, int]
#: An output that every group has one of: by which box, its name in the series, its shape, its key.
Exit = tuple[int, str, Shape, int]


def chained(graph: BoxGraph, groups: Iterable[Sequence[int]]) -> int:
    """How many groups, from the first on, each feed the next and can be drawn as one.

    Each one's inputs come from the one before it or, for all alike, from the same place outside;
    nobody else uses what lies between two of them, but for outputs of which each has one.
    """
    return _Chain(graph).longest(groups)


@dataclass
class _Chain:
    graph: BoxGraph
    place: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    #: What feeds a group although it runs later: from one turn of a loop into the next.
    later: set[int] = field(default_factory=set[int])

    def longest(self, groups: Iterable[Sequence[int]]) -> int:
        first: set[Feed] | None = None
        pattern: set[Feed] = set()
        exits: list[tuple[int, str, Shape]] = []
        before: Sequence[int] = ()
        most = 1
        for k, keys in enumerate(groups):
            self.place |= {key: (k, i) for i, key in enumerate(keys)}
            feeds = self._feeds(keys, k)
            listed = [one[:3] for one in exits_of(self.graph, keys)]
            if feeds is None:
                break
            if first is None:
                first, exits, before = feeds, listed, keys
                continue
            pattern = pattern or feeds
            if k == 1 and not _begins(first, pattern):
                break
            if feeds != pattern or listed != exits or self._leaving(before):
                break
            if self._leaving(keys) <= {source for kind, source, _ in pattern if kind == "previous"}:
                most = k + 1
            before = keys
        return 1 if any(self.place.get(tail, (most,))[0] < most for tail in self.later) else most

    def _feeds(self, keys: Sequence[int], k: int) -> set[Feed] | None:
        """Where group ``k`` gets its tensors; None if from a group further back."""
        found: set[Feed] = set()
        for i, key in enumerate(keys):
            for tail in self.graph.before[key]:
                group, position = self.place.get(tail, (-1, tail))
                if group == k:
                    continue
                if group == k - 1 and k > 0:
                    found.add(("previous", position, i))
                elif group == -1:
                    found.add(("outside", tail, i))
                    self.later |= {tail} if tail > key else set()
                else:
                    return None
        return found

    def _leaving(self, keys: Sequence[int]) -> set[int]:
        """Which boxes of a group feed what is in no group so far, and no output of the series."""
        out = {key for *_, key in exits_of(self.graph, keys)}
        return {
            i
            for i, key in enumerate(keys)
            if any(head not in self.place and head not in out for head in self.graph.after[key])
        }


def _begins(first: set[Feed], pattern: set[Feed]) -> bool:
    """Whether the first group is fed as the others are, from outside in the place of another."""
    chained = {into for kind, _, into in pattern if kind == "previous"}
    outside = {feed for feed in pattern if feed[0] == "outside"}
    if not chained or not chained <= {into for _, _, into in first}:
        return False
    return all(feed in outside or feed[2] in chained for feed in first)


def side_by_side(graph: BoxGraph, groups: Iterable[Sequence[int]]) -> int:
    """How many groups, from the first on, read the same and are read by the same."""
    pattern: tuple[set[tuple[int, int]], ...] | None = None
    times = 0
    for keys in groups:
        inside = set(keys)
        fed = {(t, i) for i, key in enumerate(keys) for t in graph.before[key] if t not in inside}
        read = {(i, h) for i, key in enumerate(keys) for h in graph.after[key] if h not in inside}
        if not (fed and read) or (pattern or (fed, read)) != (fed, read):
            break
        pattern, times = (fed, read), times + 1
    return times


# ---- outputs that every block has one of: a language model's cache, features per stage ----


def exits_of(graph: BoxGraph, keys: Sequence[int]) -> list[Exit]:
    """The outputs of series that a group of boxes feeds."""
    found: list[Exit] = []
    for position, key in enumerate(keys):
        for head in graph.after[key]:
            series = series_of(graph, head)
            if series is not None:
                found.append((position, *series, head))
    return sorted(found, key=lambda one: (one[0], one[1], one[3]))
