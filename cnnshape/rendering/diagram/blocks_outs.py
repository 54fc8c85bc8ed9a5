"""Ways to further outputs, below a plan of feature maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnshape.rendering.diagram.blocks_parts import (
    LANE,
    LINE,
    MARGIN,
    Plan,
    Setting,
    Slot,
    Way,
    arrow_to,
    room_before,
    shifted,
)
from cnnshape.rendering.diagram.blocks_rows import rows_plan
from cnnshape.rendering.diagram.feature_maps import Branch
from cnnshape.rendering.diagram.placement import Point

#: Between what stands above and the row of a way out.
_BELOW = 14.0


def with_outs(plan: Plan, outs: Sequence[Branch], setting: Setting) -> Plan:
    """The plan with a row for each way out that it has not; the arrow to it comes from above."""
    for source, maps in outs:
        at = {slot.map.key: slot for slot in plan.slots}
        if source in at and maps[0].key not in at:
            plan = _with_out(plan, at[source], rows_plan(maps, setting))
    return plan


def _with_out(plan: Plan, source: Slot, out: Plan) -> Plan:
    first = out.slots[0]
    enters = first.left - room_before(first.map)
    below = source.words + LINE + 8
    low = plan.height - MARGIN + _BELOW
    if any(abs(s.middle - source.middle) < s.solid.across and s.axis > source.axis
           for s in plan.slots):  # fmt: skip
        right = plan.width
        begun: tuple[Point, ...] = (
            (source.middle, below), (source.middle, below + 6), (right, below + 6), (right, low),
        )  # fmt: skip
        plan = replace(plan, width=right + LANE)
    else:
        begun = (source.middle, below), (source.middle, low)
    dx = max(min(source.middle + 12 - enters, plan.width - out.width), 0.0)
    moved = shifted(out, dx, plan.height - MARGIN)
    slot, x = moved.slots[0], enters + dx - 12
    turn = (x, low), (x, slot.axis)
    points = (*begun, *(turn if begun[-1][0] != x else turn[1:]))
    arrow = arrow_to((x, slot.axis), slot)
    return Plan(
        [*plan.slots, *moved.slots],
        [*plan.ways, Way((*points, arrow.points[1]), arrow.words), *moved.ways],
        max(plan.width, dx + out.width),
        plan.height - MARGIN + out.height,
    )
