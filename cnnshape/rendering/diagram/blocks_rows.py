"""Feature maps in rows, as words stand in a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnnshape.rendering.diagram.blocks_parts import (
    LANE,
    LINE,
    MARGIN,
    Plan,
    Setting,
    Skip,
    Slot,
    Way,
    along,
    arrow_to,
    end_of,
    half_words,
    room_before,
    skip_along,
    skips_of,
    standing,
)
from cnnshape.rendering.diagram.feature_maps import FeatureMap
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.solids import solid

#: A picture wider than the second is broken into rows as wide as the first.
_ROW, _WIDE = 1320.0, 1900.0


def rows_plan(maps: Sequence[FeatureMap], setting: Setting) -> Plan:
    """One row if there is room, else several."""
    return in_rows(rows_of(maps, setting), setting.shapes)


def rows_of(maps: Sequence[FeatureMap], setting: Setting) -> list[list[Slot]]:
    """The maps as they stand in rows."""
    if setting.room is None and len(packed(maps, setting, _WIDE)) == 1:
        return packed(maps, setting, _WIDE)
    return balanced(maps, setting, setting.room or _ROW)


def balanced(maps: Sequence[FeatureMap], setting: Setting, room: float) -> list[list[Slot]]:
    """As many rows as a width asks for, none of them much shorter than the others."""
    rows, least = packed(maps, setting, room), room / 2
    while room > least:
        room -= 20
        narrower = packed(maps, setting, room)
        if len(narrower) > len(rows):
            break
        rows = narrower
    return rows


def packed(maps: Sequence[FeatureMap], setting: Setting, room: float) -> list[list[Slot]]:
    """As much in every row as there is room for."""
    rows: list[list[Slot]] = [[]]
    x = free = MARGIN  # where an arrow may begin, and where words may
    for one in maps:
        body, gap = solid(one.shape, setting.size), room_before(one)
        half = half_words(one, setting.shapes)
        left = max(x + gap, free + half - body.across / 2)
        if rows[-1] and left + body.across + MARGIN > room:
            rows.append([])
            left = MARGIN + max(gap, half - body.across / 2)
        rows[-1].append(slot := Slot(one, body, left))
        x, free = end_of(slot, setting.shapes), slot.middle + half + 8
    return rows


def in_rows(rows: Sequence[Sequence[Slot]], shapes: bool) -> Plan:
    """The rows below each other, with all arrows."""
    row_of = {slot.map.key: number for number, row in enumerate(rows) for slot in row}
    skips = skips_of(slot for row in rows for slot in row)
    edge = max(
        max(slot.right, slot.middle + half_words(slot.map, shapes)) for row in rows for slot in row
    )
    far = [skip for skip in skips if row_of[skip.source.map.key] != row_of[skip.target.map.key]]
    beside = {id(skip): edge + 26 + number * LANE for number, skip in enumerate(far)}
    lanes = [
        _lanes(
            [
                (index, *_interval(skip, number, row_of, beside))
                for index, skip in enumerate(skips)
                if number in (row_of[skip.source.map.key], row_of[skip.target.map.key])
            ]
        )
        for number in range(len(rows))
    ]
    plan, top, heights = Plan(), MARGIN, list[float]()
    for row, used in zip(rows, lanes, strict=True):
        above = LANE * (1 + max(used.values(), default=-1)) + (20 if used else 0)
        tall = max((slot.solid.height + slot.solid.rise for slot in row), default=0.0)
        axis, words = top + above + tall / 2, top + above + tall + 1.6 * LINE
        heights.append(top + above - 20)
        plan.slots += [standing(slot, axis, words) for slot in row]
        top = words + (LINE if shapes else 0) + 2 * MARGIN
    placed = {slot.map.key: slot for slot in plan.slots}
    _main_path(plan, row_of, edge)
    for index, skip in enumerate(skips):
        source, target = placed[skip.source.map.key], placed[skip.target.map.key]
        first, last = row_of[source.map.key], row_of[target.map.key]
        x0, x1 = source.back + 4, target.back - 4
        y0, y1 = (heights[n] - LANE * lanes[n][index] for n in (first, last))
        way: list[Point] = [(x0, source.peak - 4), (x0, y0)]
        if first != last:
            x = beside[id(skip)]
            way += [(x, y0), (x, y1)]
        way += [(x1, y1), (x1, target.peak - 6)]
        plan.ways.append(skip_along(way, skip))
    plan.width = max([edge + (16 if len(rows) > 1 else 0), *beside.values()]) + MARGIN
    plan.height = top - MARGIN
    return plan


def _interval(
    skip: Skip, row: int, row_of: dict[int, int], beside: dict[int, float]
) -> tuple[float, float]:
    """From where to where a skip runs above a row."""
    source, target = skip.source, skip.target
    x0, x1 = source.middle, target.middle
    first, last = row_of[source.map.key], row_of[target.map.key]
    if first == last:
        return min(x0, x1), max(x0, x1)
    return (x0 if row == first else x1), beside[id(skip)]


def _lanes(spans: Sequence[tuple[int, float, float]]) -> dict[int, int]:
    """A lane above the row for each skip: short ones run below the long ones that span them."""
    lanes: dict[int, int] = {}
    placed: list[tuple[int, float, float]] = []
    for index, low, high in sorted(spans, key=lambda span: span[2] - span[1]):
        over = [lanes[i] for i, a, b in placed if a < high and low < b]
        lanes[index] = 1 + max(over, default=-1)
        placed.append((index, low, high))
    return lanes


def _main_path(plan: Plan, row_of: dict[int, int], edge: float) -> None:
    for before, slot in pairwise(plan.slots):
        if row_of[before.map.key] == row_of[slot.map.key]:
            plan.ways.append(along(before, slot))
            continue
        # From the end of one row to the beginning of the next, between the two.
        start = slot.left - room_before(slot.map) + 9
        tall = max(one.solid.height + one.solid.rise for one in plan.slots if one.axis == slot.axis)
        between = min(before.words + LINE + 1.2 * MARGIN, slot.axis - tall / 2 - 6)
        right = edge + 10
        plan.ways.append(
            Way(
                ((before.right + 8, before.axis), (right, before.axis), (right, between),
                 (start - 12, between), (start - 12, slot.axis), (start, slot.axis)),
                dashed=True,
            )
        )  # fmt: skip
        plan.ways.append(arrow_to((start, slot.axis), slot))
