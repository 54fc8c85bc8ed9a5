"""Where the feature maps of the blocks style stand, and which way its arrows take."""

from __future__ import annotations

from dataclasses import replace

from cnnshape.rendering.diagram.blocks_outs import with_outs
from cnnshape.rendering.diagram.blocks_parts import Plan, Setting
from cnnshape.rendering.diagram.blocks_rows import rows_plan
from cnnshape.rendering.diagram.blocks_towers import towers_plan
from cnnshape.rendering.diagram.blocks_u import u_levels, u_plan
from cnnshape.rendering.diagram.feature_maps import Course

#: The boxes of a U stand in many rows: they are smaller, and smaller still where it is wide.
_IN_A_U = (0.6, 0.45)
#: A U may be a little wider than a row: broken into rows it is none.
_WIDE_U = 2100.0


def plan_of(course: Course, setting: Setting) -> Plan:
    """Towers side by side, a U if the network is one and there is room, else rows."""
    if course.towers:
        return with_outs(towers_plan(course, setting), course.outs, setting)
    levels = u_levels(course.trunk)
    if levels is not None:
        for smaller in _IN_A_U:
            small = replace(setting, size=setting.size * smaller)
            found = with_outs(u_plan(levels, course.outs, small), course.outs, small)
            if found.width <= (setting.room or _WIDE_U):
                return found
    return with_outs(rows_plan(course.trunk, setting), course.outs, setting)
