"""Where the feature maps of the blocks style stand, and which way its arrows take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnshape.rendering.diagram.blocks_parts import Plan, Setting
from cnnshape.rendering.diagram.blocks_rows import balanced, in_rows, packed
from cnnshape.rendering.diagram.blocks_u import u_levels, u_plan
from cnnshape.rendering.diagram.feature_maps import FeatureMap

#: A picture wider than the second is broken into rows as wide as the first.
_ROW, _WIDE = 1320.0, 1900.0
#: The boxes of a U stand in many rows: they are smaller, and smaller still where it is wide.
_IN_A_U = (0.6, 0.45)
#: A U may be a little wider than a row: broken into rows it is none.
_WIDE_U = 2100.0


def plan_of(maps: Sequence[FeatureMap], setting: Setting) -> Plan:
    """A U if the network is one and there is room, else rows."""
    room = setting.room
    levels = u_levels(maps)
    if levels is not None:
        for smaller in _IN_A_U:
            found = u_plan(levels, replace(setting, size=setting.size * smaller))
            if found.width <= (room or _WIDE_U):
                return found
    if room is None and len(packed(maps, setting, _WIDE)) == 1:
        return in_rows(packed(maps, setting, _WIDE), setting.shapes)
    return in_rows(balanced(maps, setting, room or _ROW), setting.shapes)
