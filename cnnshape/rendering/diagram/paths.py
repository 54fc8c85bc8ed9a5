"""The longest path through a network, and what runs beside it: towers that meet it, ways out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from cnnshape.rendering.diagram.boxes import BoxGraph, longest_ways, main_path
from cnnshape.tracing.trace import Shape


@dataclass(frozen=True)
class Paths:
    """Paths as keys of boxes in the order they run.

    Attributes:
        trunk: a longest path from an input to an output.
        towers: paths that end where they meet the trunk: from inputs of their own, or from the
            trunk's own input, which then comes first, with the same shapes as on the trunk.
        outs: paths to outputs of their own, beginning with the box that they leave from.
    """

    trunk: tuple[int, ...]
    towers: tuple[tuple[int, ...], ...] = ()
    outs: tuple[tuple[int, ...], ...] = ()


def paths_of(graph: BoxGraph) -> Paths:
    """The paths of a network, each box on one of them at most."""
    trunk = tuple(main_path(graph))
    before, taken = longest_ways(graph)[1], set(trunk)
    towers: list[tuple[int, ...]] = []
    for key in trunk:
        for tail in sorted(graph.earlier(key)):
            path = tuple(_back(tail, before, taken))[::-1]
            if path and _is_tower(graph, trunk, path, key):
                towers.append(path)
                taken.update(path)
    outs: list[tuple[int, ...]] = []
    for key in sorted(graph.boxes):
        if graph.boxes[key].role == "output" and key not in taken:
            path = tuple(_back(key, before, taken))[::-1]
            taken.update(path)
            if path[0] != key and len(path) > 2:
                outs.append(path)
    return Paths(trunk, tuple(towers), tuple(outs))


def _back(key: int, before: Mapping[int, int], taken: AbstractSet[int]) -> Iterator[int]:
    """From a box back to the first that is on another path already, that one included."""
    yield key
    while key not in taken and key in before:
        key = before[key]
        yield key


def _is_tower(graph: BoxGraph, trunk: tuple[int, ...], path: tuple[int, ...], key: int) -> bool:
    first, *others = path
    if first not in trunk:
        return graph.boxes[first].role == "input"
    beside = trunk[1 : trunk.index(key)]
    return bool(others) and first == trunk[0] and _shapes(graph, others) == _shapes(graph, beside)


def _shapes(graph: BoxGraph, keys: list[int] | tuple[int, ...]) -> list[list[Shape]]:
    shape = graph.flow.trace.shape
    return [sorted({shape(v) for values in graph.after[k].values() for v in values}, key=str)
            for k in keys]  # fmt: skip
