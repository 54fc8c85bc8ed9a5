"""Feature maps in a U: what has the same height and width on both sides stands in the same row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from math import prod

from cnnshape.rendering.diagram.blocks_parts import (
    GAP,
    LANE,
    LINE,
    MARGIN,
    Plan,
    Setting,
    Skip,
    Slot,
    Way,
    Words,
    along,
    end_of,
    half_words,
    room_before,
    skip_along,
    skips_of,
    standing,
    step_lines,
)
from cnnshape.rendering.diagram.feature_maps import Branch, FeatureMap
from cnnshape.rendering.diagram.solids import solid
from cnnshape.rendering.diagram.svg_scene import Anchor

#: From a row to the one below it: room for the arrow between the two and its words.
_BETWEEN = 46.0


@dataclass(frozen=True, slots=True)
class Level:
    """The maps of one height and width, on the way down and on the way up."""

    down: tuple[FeatureMap, ...]
    up: tuple[FeatureMap, ...]


def u_levels(maps: Sequence[FeatureMap]) -> list[Level] | None:
    """The levels of an encoder and a decoder joined by skips; None for other networks.

    Heights and widths fall to one place and rise from there on, and at least two skips lead from
    the way down to the same level of the way up.
    """
    sizes = [_spatial(one) for one in maps]
    if len(maps) < 5 or None in sizes:
        return None
    known = [size for size in sizes if size is not None]
    bottom = known.index(min(known))
    falling = all(a >= b for a, b in pairwise(known[: bottom + 1]))
    rising = all(a <= b for a, b in pairwise(known[bottom:]))
    place = {one.key: number for number, one in enumerate(maps)}
    across = {
        (place[join.source], number)
        for number, one in enumerate(maps)
        for join in one.joins
        if join.source in place and place[join.source] < bottom < number
    }
    nested = all(a < c and d < b for (a, b), (c, d) in pairwise(sorted(across)))
    if not (falling and rising and nested and len(across) > 1):
        return None
    levels: list[Level] = []
    for size in sorted(set(known), reverse=True):
        same = [number for number, other in enumerate(known) if other == size]
        down = tuple(maps[n] for n in same if n <= bottom or size == known[bottom])
        levels.append(Level(down, tuple(maps[n] for n in same if maps[n] not in down)))
    return levels


def _spatial(one: FeatureMap) -> int | None:
    sizes = [size for size in one.shape[1:] if isinstance(size, int)]
    return prod(sizes) if len(one.shape) > 2 and len(sizes) == len(one.shape) - 1 else None


@dataclass
class _Rows:
    """The rows of a U while they fill; ``order`` is that of the path, with each one's row."""

    setting: Setting
    rows: list[list[Slot]]
    order: list[tuple[int, Slot]] = field(default_factory=list[tuple[int, Slot]])

    def put(self, number: int, maps: Sequence[FeatureMap], x: float) -> float:
        """Put maps into a row from ``x`` on; where the row begins or ends says what comes back."""
        for place, one in enumerate(maps):
            body = solid(one.shape, self.setting.size)
            bottom = len(self.rows) - 1
            if self.order and place == 0 and number not in (self.order[-1][0], bottom):
                left = self.order[-1][1].middle - body.across / 2  # right below or above
            else:
                left = self.after(one, x)
            slot = Slot(one, body, left)
            self.rows[number].append(slot)
            self.order.append((number, slot))
            x = end_of(slot, self.setting.shapes)
        return x

    def after(self, one: FeatureMap, x: float) -> float:
        """Where a map stands at the earliest if there is room up to ``x``."""
        half = half_words(one, self.setting.shapes)
        return x + max(room_before(one), half - solid(one.shape, self.setting.size).across / 2)

    def put_out(self, source: int, maps: Sequence[FeatureMap], least: float) -> list[int]:
        """What leads to another output, at the right end of its row; the keys of the whole way."""
        number = next(n for n, row in enumerate(self.rows) if any(s.map.key == source for s in row))
        for one in maps:
            x = max(least, end_of(self.rows[number][-1], self.setting.shapes))
            slot = Slot(one, solid(one.shape, self.setting.size), self.after(one, x))
            self.rows[number].append(slot)
        return [source, *(one.key for one in maps)]


def u_plan(levels: Sequence[Level], outs: Sequence[Branch], setting: Setting) -> Plan:
    """Down at the left, up at the right, every level in a row of its own; ways out beyond."""
    rows = _Rows(setting, [[] for _ in levels])
    bottom, x = len(levels) - 1, MARGIN
    for number, level in enumerate(levels):
        x = rows.put(number, level.down, x)
    low = rows.order[-1][1]
    x = max(slot.right for row in rows.rows for slot in row) + GAP
    risen = list[float]()
    for number in range(bottom - 1, -1, -1):
        group = levels[number].up
        if group and rows.order[-1][0] == bottom:  # from the bottom to the first on the way up
            slot = Slot(group[0], solid(group[0].shape, setting.size), x)
            rows.rows[number].append(slot)
            rows.order.append((number, slot))
            x = rows.put(number, group[1:], end_of(slot, setting.shapes))
        else:
            x = rows.put(number, group, x)
        risen += [slot.right for slot in rows.rows[number] if slot.map == (*group, None)[0]]
    order = [slot.map.key for _, slot in rows.order]
    ways = [order]
    for source, maps in outs:
        if source is not None and source in order[order.index(low.map.key) :]:
            ways.append(rows.put_out(source, maps, max(risen)))
    return _with_arrows(rows.rows, ways, setting.shapes)


def _with_arrows(
    rows: Sequence[Sequence[Slot]], paths: Sequence[Sequence[int]], shapes: bool
) -> Plan:
    plan, top, number_of = Plan(), MARGIN, dict[int, int]()
    left = min(slot.left for row in rows for slot in row)
    rows = [[replace(slot, left=slot.left + MARGIN - left) for slot in row] for row in rows]
    skips = skips_of(slot for row in rows for slot in row)
    heights: dict[int, float] = {}
    for number, row in enumerate(rows):
        here = {slot.map.key for slot in row}
        number_of |= dict.fromkeys(here, number)
        over = [
            s for s in skips if {s.source.map.key, s.target.map.key} <= here and not _clear(s, row)
        ]
        above = LANE * len(over) + (18 if over else 0)
        tall = max(slot.solid.height + slot.solid.rise for slot in row)
        axis, words = top + above + tall / 2, top + above + tall + 1.6 * LINE
        for lane, skip in enumerate(sorted(over, key=lambda s: s.source.left - s.target.left)):
            heights[id(skip)] = top + LANE * lane
        plan.slots += [standing(slot, axis, words) for slot in row]
        top = words + (LINE if shapes else 0) + _BETWEEN
    placed = {slot.map.key: slot for slot in plan.slots}
    anchor: Anchor = "middle"
    for key, following in chain.from_iterable(map(pairwise, paths)):
        before, slot = placed[key], placed[following]
        if number_of[key] == number_of[following]:
            plan.ways.append(along(before, slot))
        else:
            plan.ways.append(_between_levels(before, slot, number_of[following] < number_of[key]))
    for skip in skips:
        source, target = placed[skip.source.map.key], placed[skip.target.map.key]
        if id(skip) in heights:
            y = heights[id(skip)]
            x0, x1 = source.back + 4, target.back - 4
            plan.ways.append(
                skip_along([(x0, source.peak - 4), (x0, y), (x1, y), (x1, target.peak - 6)], skip)
            )
        elif source.axis == target.axis:
            end = target.left - 5, target.axis
            start = source.right + 6, source.axis
            said = [(skip.sign, (end[0] - 24, end[1] - 7))] if skip.sign else []
            said += [(skip.step, ((start[0] + end[0]) / 2, end[1] - 7))] if skip.step else []
            plan.ways.append(Way((start, end), tuple((text, at, anchor) for text, at in said)))
        else:
            x = (source.right + target.left) / 2
            way = [(source.right + 6, source.axis), (x, source.axis), (x, target.axis - 10)]
            plan.ways.append(skip_along([*way, (target.left - 5, target.axis - 10)], skip))
    plan.width = (
        max(max(s.right, s.middle + half_words(s.map, shapes)) for s in plan.slots) + MARGIN
    )
    plan.height = top - _BETWEEN + MARGIN
    return plan


def _clear(skip: Skip, row: Sequence[Slot]) -> bool:
    """Whether nothing stands between the two ends of a skip."""
    source, target = skip.source, skip.target
    return not any(source.left < slot.left < target.left for slot in row)


def _between_levels(before: Slot, slot: Slot, upward: bool) -> Way:
    """Down to a smaller map or up to a larger one, its words at the right."""
    below = LINE + 8
    lines = step_lines(slot.map)
    if upward:
        x = slot.middle
        end = x, slot.words + below
        start = (
            (x, before.peak - 4) if abs(before.middle - x) < 1 else (before.right + 6, before.axis)
        )
        low = min(start[1], before.peak) - 6
        if start[0] != x:  # beside the tip: at the corner others may leave
            low = min(low, end[1] + 8 + LINE * len(lines))
    else:
        x = before.middle
        start = x, before.words + below
        end = (x, slot.peak - 6) if abs(slot.middle - x) < 1 else (slot.left - 5, slot.axis)
        low = start[1] + 16 + LINE * (len(lines) - 1)
    way = (
        (start, end)
        if start[0] == end[0]
        else (start, (x, slot.axis if not upward else before.axis), end)
    )
    anchor: Anchor = "start"
    words: Words = tuple(
        (line, (x + 8, low - LINE * (len(lines) - 1 - number)), anchor)
        for number, line in enumerate(lines)
    )
    return Way(way, words)
