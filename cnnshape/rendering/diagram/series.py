"""Outputs that every repeated block has one of: a language model's cache, features per stage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnshape.rendering.diagram.draft import Draft
from cnnshape.tracing.trace import Shape

_NUMBER = re.compile(r"\d+")


def series_of(draft: Draft, key: int) -> tuple[str, Shape] | None:
    """The numbered series that an output belongs to, fed by one box alone; None for others.

    ``layers[0].keys`` and ``layers[7].keys`` of the same shape belong to the same one.
    """
    if draft.boxes[key].role != "output" or len(draft.before[key]) != 1:
        return None
    node = draft.flow.nodes[key]
    if not _NUMBER.search(node.name):
        return None
    return _NUMBER.sub("#", node.name), draft.flow.trace.shape(node.values[0])


def exits_of(draft: Draft, keys: Sequence[int]) -> list[tuple[int, str, Shape, int]]:
    """The outputs of series that a group of boxes feeds: from which box, which series, the key."""
    found: list[tuple[int, str, Shape, int]] = []
    for position, key in enumerate(keys):
        for head in draft.after[key]:
            series = series_of(draft, head)
            if series is not None:
                found.append((position, *series, head))
    return sorted(found, key=lambda one: (one[0], one[1], one[3]))


def series_name(names: Sequence[str]) -> str:
    """One name for all of a series.

    >>> series_name(["past.layers[0].keys", "past.layers[1].keys", "past.layers[11].keys"])
    'past.layers[0 … 11].keys'
    """
    first, last = names[0], names[-1]
    numbers = iter(_NUMBER.findall(last))

    def both(found: re.Match[str]) -> str:
        other = next(numbers)
        return found[0] if found[0] == other else f"{found[0]} … {other}"

    return _NUMBER.sub(both, first)
