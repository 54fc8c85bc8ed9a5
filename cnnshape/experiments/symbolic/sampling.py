"""Choosing sizes: where demands are judged, and which sizes are worth a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import isqrt

from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.letters import Letters
from cnnshape.formulas.algebra import Sum

#: Largest size on which demands are judged, where a usual one is smaller.
REACH = 512
#: Sizes that a bound may lie before, such as the 512 positions of a text.
_FAR = (1024, 4096, 16384, 65536)
#: So many points decide that a demand follows from others.
_ENOUGH = 6


class Mixer:
    """A fixed sequence of numbers that mixes residues; no random state is touched."""

    def __init__(self) -> None:
        self._state = 12345

    def below(self, limit: int) -> int:
        """The next number in ``0…limit − 1``."""
        self._state = (1103515245 * self._state + 12345) % 2**31
        return (self._state >> 8) % limit


def reach(usual: int) -> int:
    """The largest size on which demands are judged, beyond the one that a pass went well at.

    >>> reach(28), reach(1024)
    (512, 1152)
    """
    return max(REACH, usual + REACH // 4)


def axis_points(name: str, base: Letters) -> list[Letters]:
    """Every value of one letter and a few far ones, the others as in ``base``."""
    near = range(1, reach(base[name]) + 1)
    return [{**base, name: n} for n in (*near, *(n for n in _FAR if n not in near))]


def mixed_points(names: Sequence[str], base: Letters, count: int = 400) -> list[Letters]:
    """Points that vary several letters: together, and independently."""
    mixer = Mixer()
    most = max(reach(base[name]) for name in names)
    together: list[Letters] = [{**base, **dict.fromkeys(names, n)} for n in range(1, most, 3)]
    apart: list[Letters] = [
        {**base, **{name: 1 + mixer.below(reach(base[name])) for name in names}}
        for _ in range(count)
    ]
    near: list[Letters] = [
        {**base, **{name: max(1, base[name] + mixer.below(17) - 8) for name in names}}
        for _ in range(count // 4)
    ]
    return [dict(base), *together, *apart, *near]


def essential(demands: Sequence[Demand], base: Letters) -> list[Demand]:
    """The demands that say something: none that always holds, or that another one implies.

    Judged on every value of a letter up to :func:`reach`, and on a sample where several are tied.
    """
    unique: dict[str, Demand] = {}
    for demand in demands:
        known = unique.setdefault(str(demand), demand)
        if known.parameter is None and demand.parameter is not None:
            unique[str(demand)] = demand  # a parameter's name says more
    groups: dict[frozenset[str], list[Demand]] = {}
    for demand in sorted(unique.values(), key=lambda demand: len(demand.letters)):
        groups.setdefault(demand.letters, []).append(demand)
    kept: list[Demand] = []
    for names, group in groups.items():
        ordered = sorted(names)
        single = len(ordered) == 1
        points = axis_points(ordered[0], base) if single else mixed_points(ordered, base)
        if len(group) > 1 and not single:
            points = [*points, *_allowed_points(_allowed(ordered, kept, base), base)]
        kept += _strongest(group, {name: [p[name] for p in points] for name in ordered})
    kept = [d for d in kept if len(d.letters) == 1 or not _implied(d, kept, base)]
    place = {demand: index for index, demand in enumerate(unique.values())}
    return sorted(kept, key=place.__getitem__)


def _implied(tied: Demand, kept: Sequence[Demand], base: Letters) -> bool:
    """Whether the demands on fewer of its letters leave no values that break this one."""
    allowed = _allowed(sorted(tied.letters), kept, base)
    fewer = [d for d in kept if len(d.letters) > 1 and d.letters < tied.letters]
    points = [point for point in _allowed_points(allowed, base) if all_hold(fewer, point)]
    return len(points) >= _ENOUGH and all(tied.holds(point) for point in points)


def _allowed(
    names: Sequence[str], demands: Sequence[Demand], base: Letters
) -> dict[str, list[int]]:
    """The values of each letter that the demands on it alone allow."""
    alone = {name: [d for d in demands if d.letters == frozenset((name,))] for name in names}
    return {
        name: [n for n in range(1, reach(base[name]) + 1) if all_hold(own, {name: n})] or [1]
        for name, own in alone.items()
    }


def _allowed_points(allowed: Mapping[str, Sequence[int]], base: Letters) -> Iterator[Letters]:
    """Points at random whose letters each have an allowed value."""
    mixer = Mixer()
    for _ in range(400):
        yield {**base, **{n: values[mixer.below(len(values))] for n, values in allowed.items()}}


def _strongest(group: Sequence[Demand], points: Mapping[str, Sequence[int]]) -> list[Demand]:
    by_truth: dict[int, Demand] = {}
    known: dict[Sum, list[int]] = {}
    everywhere = (1 << len(next(iter(points.values())))) - 1
    for demand in group:
        truth = sum(held << place for place, held in enumerate(demand.held(points, known)))
        if truth != everywhere:
            first = by_truth.setdefault(truth, demand)
            if first.parameter is None and demand.parameter is not None:
                by_truth[truth] = demand
    return [
        demand
        for truth, demand in by_truth.items()
        if not any(other != truth and truth & other == other for other in by_truth)
    ]


def all_hold(demands: Sequence[Demand], letters: Letters) -> bool:
    """Whether every demand holds."""
    return all(demand.holds(letters) for demand in demands)


def accepted_points(
    demands: Sequence[Demand], names: Sequence[str], base: Letters, count: int
) -> Iterator[Letters]:
    """Up to ``count`` sizes other than ``base`` that meet the demands, varied in every letter."""
    choices = {name: _choices(name, demands, base) for name in names}
    tied = [demand for demand in demands if len(demand.letters) > 1]
    mixer = Mixer()
    found: dict[tuple[int, ...], Letters] = {tuple(base[n] for n in names): base}
    # The smallest sizes are where models break that no rule knows to break.
    smallest = {**base, **{name: min(values) for name, values in choices.items()}}
    if smallest != dict(base) and all_hold(demands, smallest):
        found[tuple(smallest[n] for n in names)] = smallest
    for attempt in range(4000 if tied else 40 * count):
        only = names[attempt] if attempt < len(names) else None
        near = bool(tied) and attempt % 2 == 1
        point = {
            name: _drawn(mixer, choices[name], near=near) if only in (None, name) else base[name]
            for name in names
        }
        key = tuple(point[n] for n in names)
        if key not in found and all_hold(demands, point):
            found[key] = point
            yield point
        if len(found) > count:
            break
    if smallest in found.values():
        yield smallest


def _drawn(mixer: Mixer, values: Sequence[int], *, near: bool) -> int:
    """One of the values; the first is the usual one, and ``near`` stays around it."""
    if near:
        return max(1, values[0] + mixer.below(9) - 4)
    return values[mixer.below(len(values))]


def _choices(name: str, demands: Sequence[Demand], base: Letters) -> list[int]:
    """Values of one letter that its own demands allow, the usual one first, then near ones."""
    own = [demand for demand in demands if demand.letters == frozenset((name,))]
    usual = base[name]
    largest = max(4 * usual, 64) if usual > 4 else 5

    def fitting(low: int, high: int) -> Iterator[int]:
        return (n for n in range(low, high + 1) if all_hold(own, {name: n}))

    most = reach(usual)
    allowed = list(fitting(1, min(largest, most))) or list(islice(fitting(largest, most), 5))
    if len(allowed) > 24:
        # Half near the usual size or above it, where networks are used, half anywhere.
        upper = [n for n in allowed if n >= usual // 2]
        allowed = _spaced(upper, 16) + _spaced(allowed, 8)
    return list(dict.fromkeys((usual, *allowed)))


def _spaced(values: Sequence[int], count: int) -> list[int]:
    """About ``count`` of them, at a stride that is odd, so that parities mix."""
    stride = max(1, len(values) // count) | 1
    return list(values[::stride])


def doubting_points(demand: Demand, others: Sequence[Demand], base: Letters) -> Iterator[Letters]:
    """Sizes that break a demand, and no other: does the model insist on it?

    ``T >= 16`` in a pass with a ``T`` of 16 may be the last turn of a loop. ``T == 16`` may come
    from a number that was computed in a way that was not followed, such as ``int(T ** 0.5)``: then
    other squares run as well. ``H % 8 == 0`` may hold only where a branch of the model's own code
    does not pad or resize first.
    """
    tight = demand.left.value(base) == demand.right.value(base) and not demand.unseen
    if demand.relation != "==" and not (demand.relation == ">=" and tight):
        return
    near = breaking_point(demand, others, base)
    if near is not None:
        yield near
    number, name = demand.right.constant, str(demand.left)
    if (
        demand.relation == "=="
        and number is not None
        and name in demand.letters
        and not demand.parameter
    ):
        root = isqrt(number)
        for other in {4 * number, (root + 1) ** 2, 2 * number, number // 2} - {number, 0}:
            yield {**base, name: other}


def breaking_point(
    demand: Demand, kept: Sequence[Demand], base: Letters, spared: Sequence[Demand] = ()
) -> Letters | None:
    """Sizes near the usual ones that break a demand, ``kept`` ones held, few ``spared`` broken."""
    names = sorted(demand.letters)
    points = [point for name in names for point in axis_points(name, base)]
    if len(names) > 1:
        points += mixed_points(names, base)
    breaking = [p for p in points if not demand.holds(p) and all_hold(kept, p)]
    if not breaking:
        return None

    def cost(point: Letters) -> tuple[int, int]:
        broken = sum(not other.holds(point) for other in spared)
        return broken, sum(abs(point[name] - base[name]) for name in names)

    return min(breaking, key=cost)
