"""Another size of the input, for pictures that are cut into patches or windows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.sizes_that_fit import Way, input_sizes, ways
from cnnshape.analysis.diagnose.suggest import new_input
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say


def divisible_input(failing: Failing) -> Iterator[Suggestion]:
    """``view(b, h // 7, 7, w // 7, 7, c)`` of 30×30: the input with which 28 or 35 arrive."""
    x, given = failing.operand(), failing.argument("size")
    if failing.name not in ("view", "reshape") or x is None or not isinstance(given, tuple):
        return
    wanted = tuple(n for n in given if isinstance(n, int))
    cut = _patches(x.shape, wanted) if len(wanted) == len(given) else {}
    if not cut:
        return
    found = ways(failing.trace, x.value.id, list(cut))
    if found is None:
        return
    first = failing.trace.values[found[0].start[0]]
    whole = sizes(first)
    if whole is None or not first.name:
        return
    for after in _inputs(whole, found, [(x.shape[axis], patch) for axis, patch in cut.items()]):
        yield new_input(first.name, whole, after, _why(found, set(cut.values())))


def _patches(shape: Sizes, wanted: Sizes) -> dict[int, int]:
    """Which axes are cut, and into pieces of which size; empty where it is not such a view."""
    cut: dict[int, int] = {}
    place = 0
    for axis, size in enumerate(shape):
        here = wanted[place : place + 2]
        if here and here[0] == size:
            place += 1
            continue
        if len(here) < 2:
            return {}
        pairs = ((here[0], here[1]), (here[1], here[0]))
        patch = next((p for n, p in pairs if p > 1 and n == size // p), None)
        if patch is None:
            return {}
        if size % patch:
            cut[axis] = patch
        place += 2
    return cut if place == len(wanted) else {}


def _inputs(whole: Sizes, found: list[Way], cut: list[tuple[int, int]]) -> Iterator[Sizes]:
    """The inputs from which multiples arrive, the nearest first."""
    alike = len(set(cut)) == 1
    for goal in product(*(_multiples(size, patch) for size, patch in cut)):
        if alike and len(set(goal)) > 1:
            continue  # a square picture stays one
        after = list(whole)
        for way, size in zip(found, goal, strict=True):
            axis = way.start[1]
            near = input_sizes(lambda n, way=way, size=size: way.size(n[0]) == size, [whole[axis]])
            after[axis] = near[0] if near else 0
        if 0 not in after:
            yield tuple(after)


def _multiples(size: int, patch: int) -> list[int]:
    """The next multiple below and above, the nearer one first; of both the larger."""
    both = {size // patch * patch, -(-size // patch) * patch} - {0}
    return sorted(both, key=lambda multiple: (abs(multiple - size), -multiple))


def _why(found: list[Way], patches: set[int]) -> str:
    stride = max(way.stride for way in found)
    return (
        say(" (a multiple of {number})", number=stride * min(patches)) if len(patches) == 1 else ""
    )
