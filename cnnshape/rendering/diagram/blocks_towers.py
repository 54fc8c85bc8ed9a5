"""Feature maps of several inputs side by side, up to where they meet, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cnnshape.rendering.diagram.blocks_parts import (
    LANE,
    LINE,
    MARGIN,
    Plan,
    Setting,
    Skip,
    Slot,
    Way,
    Words,
    arrow_to,
    room_before,
    shifted,
    skip_along,
    skips_of,
)
from cnnshape.rendering.diagram.blocks_rows import in_rows, packed, rows_plan
from cnnshape.rendering.diagram.feature_maps import Course, FeatureMap

#: From the longest tower to the line on which they meet, and to what stands below.
_MEET, _BELOW = 26.0, 30.0
#: As wide as a picture is without a page.
_WIDE = 1900.0


def towers_plan(course: Course, setting: Setting) -> Plan:
    """Each tower in a row of its own, right above each other; the rest at their right or below."""
    placed = _Placed(setting)
    met = _met_at(course)
    first = min(met.values())
    own = (None, course.trunk[:first])
    heads = sorted(
        (own, *(tower for tower in course.towers if met.get(tower[1][-1].key) == first)),
        key=lambda head: head[1][0].key,
    )
    plans = [rows_plan(maps, setting) for _, maps in heads]
    ends = [_last(plan).right for plan in plans]  # equal towers stand right above each other
    wide = max(plan.width + max(ends) - end for plan, end in zip(plans, ends, strict=True))
    for plan, end in zip(plans, ends, strict=True):
        placed.add(plan, max(ends) - end, placed.bottom)
    placed.rest(course.trunk[first:], wide)
    for _, maps in heads:
        placed.meet(maps[-1].key, course.trunk[first].key)
    for source, maps in heads:
        if source is not None:
            placed.ways.append(_leaving(placed.slots[source], placed.slots[maps[0].key]))
    for _, maps in course.towers:
        target = met.get(maps[-1].key, first)
        if target > first:
            placed.late(maps, course.trunk[target].key)
    parts = (*(maps for _, maps in heads), course.trunk[first:])
    part = {one.key: number for number, maps in enumerate(parts) for one in maps}
    met_there = {(key, course.trunk[number].key) for key, number in met.items()}
    for skip in skips_of(placed.slots.values()):
        ends = skip.source.map.key, skip.target.map.key
        apart = part.get(ends[0]) != part.get(ends[1])
        if apart and ends not in met_there and (ends[0] in part and ends[1] in part):
            placed.leap(skip)
    return placed.plan()


def _met_at(course: Course) -> dict[int, int]:
    """The last map of each tower → the place on the trunk where it is met."""
    ends = {maps[-1].key for _, maps in course.towers}
    return {
        join.source: number
        for number, one in enumerate(course.trunk)
        for join in one.joins
        if join.source in ends
    }


@dataclass
class _Placed:
    """The plan while it grows downwards."""

    setting: Setting
    slots: dict[int, Slot] = field(default_factory=dict[int, Slot])
    ways: list[Way] = field(default_factory=list[Way])
    #: Below what is placed, and beside it.
    bottom: float = 0.0
    right: float = 0.0
    #: How many skips run above everything.
    over: int = 0
    #: The line on which towers meet; None if what follows stands below them.
    line: float | None = None

    def plan(self) -> Plan:
        """The whole."""
        plan = Plan(list(self.slots.values()), self.ways, self.right, self.bottom + MARGIN)
        above = LANE * self.over
        return replace(shifted(plan, 0.0, above), height=plan.height + above)

    def leap(self, skip: Skip) -> None:
        """A skip from one part to another: over all of them, or under them from a lower one."""
        source, target = skip.source, skip.target
        if source.axis > target.axis:
            self.bottom += LANE
            x0, x1, y = source.middle, target.middle, self.bottom
            ends = source.words + LINE + 8, target.words + LINE + 8
        else:
            self.over += 1
            x0, x1, y = source.back + 4, target.back - 4, MARGIN - LANE * self.over
            ends = source.peak - 4, target.peak - 6
        self.ways.append(skip_along([(x0, ends[0]), (x0, y), (x1, y), (x1, ends[1])], skip))

    def add(self, plan: Plan, dx: float, dy: float) -> None:
        """Put a part of the picture somewhere."""
        moved = shifted(plan, dx, dy)
        self.slots |= {slot.map.key: slot for slot in moved.slots}
        self.ways += moved.ways
        self.bottom = max(self.bottom, dy + plan.height - MARGIN)
        self.right = max(self.right, dx + plan.width)

    def rest(self, maps: Sequence[FeatureMap], wide: float) -> None:
        """What follows the towers: at their right, half way between them, or below."""
        setting = self.setting
        room = (setting.room or _WIDE) - wide - _MEET
        rows = packed(maps, setting, max(room, 1.0))
        if len(rows) == 1 and rows[0][-1].right + MARGIN <= room:
            plan = in_rows(rows, setting.shapes)
            ends = {slot.axis for slot in self.slots.values()}
            middle = (min(ends) + max(ends)) / 2
            self.line = wide - MARGIN + _MEET
            self.add(plan, wide - MARGIN + _MEET, max(middle - plan.slots[0].axis, 0.0))
            return
        self.add(rows_plan(maps, setting), 0.0, self.bottom + _BELOW)

    def meet(self, key: int, target: int) -> None:
        """The arrow from a tower's last map to where it meets the others."""
        last, slot = self.slots[key], self.slots[target]
        said = not any(way.points[-1] == (slot.left - 5, slot.axis) for way in self.ways)
        start = last.right + 6, last.axis
        if self.line is not None:
            arrow = arrow_to((self.line, slot.axis), slot)
            corners = ((self.line, last.axis), (self.line, slot.axis))
            way = (start, *(corners if last.axis != slot.axis else ()), arrow.points[1])
            self.ways.append(Way(way, arrow.words if said else ()))
            return
        right = self.right - MARGIN / 2
        begin = slot.left - room_before(slot.map) + 9
        over = slot.axis - (slot.solid.height + slot.solid.rise) / 2 - _BELOW
        corners = (
            (right, last.axis), (right, over), (begin - 12, over), (begin - 12, slot.axis),
        )  # fmt: skip
        self.ways.append(Way((start, *corners, (begin, slot.axis)), dashed=True))
        if said:
            self.ways.append(arrow_to((begin, slot.axis), slot))

    def late(self, maps: Sequence[FeatureMap], target: int) -> None:
        """A tower that is met further on, below everything else."""
        slot = self.slots[target]
        plan = rows_plan(maps, self.setting)
        self.add(plan, max(slot.left - plan.width, 0.0), self.bottom)
        last = self.slots[maps[-1].key]
        below = slot.words + LINE + 8
        way = ((last.right + 6, last.axis), (slot.middle, last.axis), (slot.middle, below))
        sign = next(join.sign for join in slot.map.joins if join.source == last.map.key)
        words: Words = ((sign, (slot.middle + 6, below + LINE), "start"),) if sign else ()
        self.ways.append(Way(way, words))


def _last(plan: Plan) -> Slot:
    return max(plan.slots, key=lambda slot: (slot.axis, slot.left))


def _leaving(source: Slot, slot: Slot) -> Way:
    """From the input that two towers share to the beginning of the second."""
    x = source.right + 8
    arrow = arrow_to((x, slot.axis), slot)
    return Way(((source.right + 6, source.axis), (x, source.axis), *arrow.points), arrow.words)
