"""A layer on the way with one argument as others of its class have it, where sizes then fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from cnnshape.analysis.diagnose.failing import Failing, Operand, per_axis
from cnnshape.analysis.diagnose.proposals.meant import meant
from cnnshape.analysis.diagnose.rules.fitting import clash
from cnnshape.analysis.diagnose.size_history import factors, story
from cnnshape.analysis.diagnose.sizes_that_fit import Way, arrives, forks, start_sizes, ways
from cnnshape.analysis.diagnose.suggest import set_arguments
from cnnshape.analysis.report import Suggestion

#: As many changes are proposed.
_MOST = 2

Changes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Goal:
    """Layers that may be changed, nearest first, and whether the failing call would then fit."""

    paths: tuple[str, ...]
    fits: Callable[[Changes], bool]


def as_others(failing: Failing) -> Iterator[Suggestion]:
    """The changes that most speak for, of one argument of one layer."""
    goals = (_room(failing), _alike(failing), _features(failing), _numbers(failing))
    for goal in goals:
        if goal is not None and not goal.fits({}):
            yield from _changes(failing, goal)
            return


def _changes(failing: Failing, goal: _Goal) -> Iterator[Suggestion]:
    trace = failing.trace
    found = [
        (support, path, change)
        for path in dict.fromkeys(goal.paths)
        for support, change in meant(trace, trace.module(path))
    ]
    count = 0
    own = failing.path
    for _, path, change in sorted(found, key=lambda it: (it[1] == own, it[0]), reverse=True):
        made = set_arguments(trace.module(path), change) if goal.fits({path: change}) else None
        if made is not None and count < _MOST:
            yield made
            count += 1


def _room(failing: Failing) -> _Goal | None:
    """The window of the failing convolution or pooling fits into what arrives."""
    x, count, layer = failing.operand(), failing.dims, failing.module
    if x is None or count is None or "kernel_size" not in layer.config or x.rank < count + 1:
        return None
    found = ways(failing.trace, x.value.id, range(x.rank - count, x.rank))
    now = None if found is None else start_sizes(failing.trace, found)

    def fits(changes: Changes) -> bool:
        here: Sequence[int | None] = x.shape[-count:]
        if found is not None and now is not None:
            here = [way.size(n, changes) for way, n in zip(found, now, strict=True)]
        settings = {"dilation": 1, "padding": 0, **layer.config, **changes.get(layer.path, {})}
        names = ("kernel_size", "dilation", "padding")
        each = zip(here, *(per_axis(settings[name], count) for name in names), strict=True)
        return all(n is not None and n + 2 * p > d * (k - 1) for n, k, d, p in each)

    return _Goal((layer.path, *_paths(found or ())), fits)


def _alike(failing: Failing) -> _Goal | None:
    """Two pictures that are added or joined are equally large."""
    pair = _two_pictures(failing)
    if pair is None:
        return None
    if pair[0].rank == 3:  # pictures as tokens: how many there are is a product
        return _Goal(tuple(_nearby(failing, pair, 1)), bool)
    trace, axes = failing.trace, range(2, pair[0].rank)
    forked = forks(trace, pair[0].value.id, pair[1].value.id, axes)
    now = None if forked is None else start_sizes(trace, forked[0])
    if forked is None or now is None:
        # Not to be worked out, as behind a pooling to a written size: whatever is nearby.
        return _Goal(tuple(_nearby(failing, pair, 2)), bool)

    def fits(changes: Changes) -> bool:
        got, had = ([w.size(n, changes) for w, n in zip(it, now, strict=True)] for it in forked)
        return None not in got and got == had

    return _Goal((*_paths(forked[0]), *_paths(forked[1])), fits)


def _two_pictures(failing: Failing) -> tuple[Operand, Operand] | None:
    """The first two operands of an addition or ``cat`` whose pictures are not equally large."""
    family = "" if failing.entry is None else failing.entry.family
    if failing.name != "cat" and family != "arithmetic":
        return None
    for other in failing.operands[1:]:
        first = failing.operands[0]
        picture = slice(1, 2) if first.rank == 3 else slice(2, None)
        pairs = list(zip(first.shape[picture], other.shape[picture], strict=False))
        if first.rank != other.rank or first.rank < 3:
            return None
        in_place = clash([first.shape, other.shape]) is None  # a sum that cannot enlarge its tensor
        if any(a != b and (in_place or 1 not in (a, b)) for a, b in pairs):
            return first, other
    return None


def _nearby(failing: Failing, pair: Sequence[Operand], axis: int) -> Iterator[str]:
    """The layers that decided a size by themselves, those after them, and those of the block."""
    trace = failing.trace
    for operand in pair:
        item = story(trace, operand.value.id, axis)
        for note in reversed(item.notes if item.made else ()):
            yield trace.calls[trace.operations[note.operation].call].path
    if failing.path:
        yield from (c.path for c in trace.calls if c.path.startswith(f"{failing.path}."))


def _features(failing: Failing) -> _Goal | None:
    """A flattened picture has as many numbers as the linear layer takes."""
    x, weight = failing.operand(), failing.operand("weight")
    if failing.name != "linear" or x is None or weight is None:
        return None
    parts, _ = factors(failing.trace, x.value.id)
    picture = [part.axis for part in parts if part.word != "channels"]
    fixed = prod(part.size for part in parts if part.word == "channels")
    return (
        None
        if len(parts) < 2
        else _product(failing, parts[0].value, picture, weight.shape[1], fixed)
    )


def _numbers(failing: Failing) -> _Goal | None:
    """A picture has as many numbers as the sizes of a view ask for."""
    x, wanted = failing.operand(), failing.argument("size")
    if failing.name not in ("view", "reshape") or x is None or x.rank < 3:
        return None
    if not isinstance(wanted, tuple) or not all(isinstance(n, int) for n in wanted[1:]):
        return None
    sizes = [n for n in wanted[1:] if isinstance(n, int)]
    if -1 in sizes or wanted[:1] not in ((-1,), x.shape[:1]):
        return None
    return _product(failing, x.value.id, list(range(2, x.rank)), prod(sizes), x.shape[1])


def _product(
    failing: Failing, value: int, axes: Sequence[int], wanted: int, fixed: int
) -> _Goal | None:
    """The axes of a picture multiply to what is wanted, together with what is fixed."""
    found = ways(failing.trace, value, axes)
    now = None if not found else start_sizes(failing.trace, found)
    if not found or now is None:
        return None

    def fits(changes: Changes) -> bool:
        product = arrives(found, now, changes)
        return product is not None and product * fixed == wanted

    return _Goal(_paths(found), fits)


def _paths(found: Sequence[Way]) -> tuple[str, ...]:
    return tuple(layer.path for way in found for layer in reversed(way.layers))
