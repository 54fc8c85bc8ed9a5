"""The way that most of the work takes: drawn straight, while skips bend around it."""

from __future__ import annotations

from cnnshape.rendering.diagram.draft import Draft


def main_path(draft: Draft) -> frozenset[tuple[int, int]]:
    """The edges of a longest path through the boxes, from an input to an output.

    Of branches that are equally long the middle one is taken, so that the others spread evenly.
    """
    length: dict[int, int] = {}
    best: dict[int, int] = {}
    for key in sorted(draft.boxes):
        tails = sorted(tail for tail in draft.before[key] if tail in length)
        weight = 1 if draft.boxes[key].merge else 2
        if tails:
            longest = max(length[tail] for tail in tails)
            equal = [tail for tail in tails if length[tail] == longest]
            best[key] = equal[(len(equal) - 1) // 2]
            length[key] = longest + weight
        else:
            length[key] = weight
    ends = [key for key in draft.boxes if draft.boxes[key].role == "output"] or list(draft.boxes)
    if not ends:
        return frozenset()
    key = max(ends, key=lambda key: (length[key], -key))
    path: set[tuple[int, int]] = set()
    while key in best:
        path.add((best[key], key))
        key = best[key]
    return frozenset(path)
