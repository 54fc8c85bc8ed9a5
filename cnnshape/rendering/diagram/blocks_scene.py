"""The classic picture of a convolutional network: feature maps as boxes in a row.

Height and depth of a box grow with the logarithm of H and W, its width with that of C; a vector
is a slim bar. The step that leads to a map stands above its arrow, name and size stand below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from cnnshape.rendering.diagram.feature_maps import FeatureMap, Join
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.svg_scene import Curve, Group, Mark, Scene, Shape, Words
from cnnshape.rendering.fonts import text_width
from cnnshape.rendering.palette import Theme
from cnnshape.rendering.units import shape_text
from cnnshape.tracing.trace import Dim
from cnnshape.tracing.trace import Shape as Sizes

_MARGIN = 24.0
#: A picture wider than the second is broken into rows as wide as the first; one with long skips,
#: which cannot be drawn from row to row, only if it is wider than the third.
_ROW, _WIDE, _WIDEST = 1320.0, 1900.0, 2700.0
_NAME, _SIZE, _STEP = 12.0, 10.0, 10.0
_LINE = 13.0
#: The height of one skip above the boxes.
_LANE = 18.0
#: The depth axis goes up to the right at this slope.
_SLOPE = 0.6


@dataclass(frozen=True, slots=True)
class Solid:
    """The size of one box on paper: front width and height, and how far the depth reaches."""

    width: float
    height: float
    depth: float

    @property
    def rise(self) -> float:
        """How far the back stands above the front."""
        return self.depth * _SLOPE

    @property
    def across(self) -> float:
        """From the front's left edge to the back's right edge."""
        return self.width + self.depth


def solid(shape: Sizes) -> Solid:
    """The box that stands for a shape without its batch.

    >>> solid((6, 28, 28)).height > solid((16, 10, 10)).height > solid((16, 5, 5)).height
    True
    >>> solid((84,)).width < solid((6, 28, 28)).width
    True
    """
    sizes = [_number(size) for size in shape]
    if len(sizes) < 2:
        return Solid(9, 18 + 11 * _log(sizes[0] if sizes else 1), 7)
    if len(sizes) == 2:  # tokens × channels, or channels × length
        return Solid(8 + 5 * _log(sizes[1]), 20 + 15 * _log(sizes[0]), 9)
    channels, (height, width) = sizes[-3], sizes[-2:]
    if sizes[-3] == sizes[-2] != sizes[-1]:  # height × width × channels
        (height, width), channels = sizes[-3:-1], sizes[-1]
    return Solid(6 + 8 * _log(channels), 20 + 19 * _log(height), 8 + 8.5 * _log(width))


def _number(size: Dim) -> int:
    """An expression in a letter has no size of its own; it is drawn as a middling one."""
    return size if isinstance(size, int) else 64


def _log(size: int) -> float:
    return log2(max(size, 1))


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where one map stands: its box's left edge, and the room and words of what leads to it."""

    map: FeatureMap
    solid: Solid
    left: float
    gap: float
    step: tuple[str, ...]

    @property
    def right(self) -> float:
        return self.left + self.solid.across

    @property
    def middle(self) -> float:
        return self.left + self.solid.across / 2


#: Where a row is left: the point, and how far right the way down must be.
Leave = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class _Level:
    """The heights of one row: the axis that everything is centred on, and the words below."""

    top: float
    axis: float
    words: float

    def floor(self, body: Solid) -> float:
        """Where a box's front stands."""
        return self.axis + (body.height + body.rise) / 2

    def peak(self, body: Solid) -> float:
        """Its highest point."""
        return self.axis - (body.height + body.rise) / 2


def blocks_scene(maps: Sequence[FeatureMap], theme: Theme, *, shapes: bool = True) -> Scene:
    """The picture, row by row."""
    scene = Scene(0, 0, theme.page)
    top, widest = _MARGIN, 0.0
    leave: Leave | None = None
    for row in _rows(maps, shapes):
        arcs = _arcs(row)
        tall = max((slot.solid.height + slot.solid.rise for slot in row), default=0.0)
        start = top + _LANE * len(arcs) + (10 if arcs else 0)
        level = _Level(top, start + tall / 2, start + tall + 1.6 * _LINE)
        for slot in row:
            scene.groups.append(_drawn(slot, level, theme, shapes))
        scene.groups += _arrows(row, level, theme, leave)
        for number, (source, target, sign) in enumerate(arcs):
            lane = top + _LANE * (number + 0.5)
            scene.groups.append(_arc(source, target, sign, level, lane, theme))
        end = max(row[-1].right, row[-1].middle + _half(row[-1], shapes))
        leave = (row[-1].right + 8, level.axis, end + 10)
        widest = max(widest, end, end + 16 if row[-1].map is not maps[-1] else 0.0)
        top = level.words + (_LINE if shapes else 0) + 2 * _MARGIN
    scene.width, scene.height = widest + _MARGIN, top - _MARGIN
    return scene


def _rows(maps: Sequence[FeatureMap], shapes: bool) -> list[list[_Slot]]:
    """The maps side by side: in one row if it is not too wide, else in several."""
    rows = _packed(maps, shapes, _WIDE)
    if len(rows) > 1:
        whole = _packed(maps, shapes, _WIDEST)
        rows = _balanced(maps, shapes)
        if len(whole) == 1 and _cut(rows):
            return whole
    return rows


def _balanced(maps: Sequence[FeatureMap], shapes: bool) -> list[list[_Slot]]:
    """As many rows as a width asks for, none of them much shorter than the others."""
    rows = _packed(maps, shapes, _ROW)
    fewer = _packed(maps, shapes, _ROW * 1.15)
    rows, room = (fewer, _ROW * 1.15) if len(fewer) < len(rows) else (rows, _ROW)
    while room > _ROW / 2:
        room -= 20
        narrower = _packed(maps, shapes, room)
        if len(narrower) > len(rows):
            break
        rows = narrower
    return rows


def _packed(maps: Sequence[FeatureMap], shapes: bool, room: float) -> list[list[_Slot]]:
    rows: list[list[_Slot]] = [[]]
    row_of: dict[int, int] = {}
    x = _MARGIN
    for one in maps:
        body = solid(one.shape)
        # A skip from another row, or from beside the path, is told in words.
        far = [join for join in one.joins if _row(join, row_of) != len(rows) - 1]
        step = (*one.step, *(f"{join.sign or 'with'} {join.name}" for join in far))
        words = max((text_width(line, _STEP) for line in step), default=0.0)
        gap = max(46.0, words + 18) if one.step else 0.0
        half = _half(_Slot(one, body, 0.0, gap, step), shapes)
        left = max(x + gap, x + half - body.across / 2)
        if rows[-1] and left + body.across + _MARGIN > room:
            rows.append([])
            left = _MARGIN + max(gap, half - body.across / 2)
        slot = _Slot(one, body, left, gap, step)
        rows[-1].append(slot)
        row_of[one.key] = len(rows) - 1
        # A long name below a slim bar needs room as well.
        x = max(slot.right, slot.middle + half - 20) + 8
    return rows


def _row(join: Join, row_of: Mapping[int, int]) -> int | None:
    return None if join.source is None else row_of.get(join.source)


def cut_skips(maps: Sequence[FeatureMap]) -> int:
    """How many skips end in another row than they begin, and so cannot be drawn."""
    return _cut(_rows(maps, shapes=True))


def _cut(rows: Sequence[Sequence[_Slot]]) -> int:
    row_of = {slot.map.key: number for number, row in enumerate(rows) for slot in row}
    joins = [(join, row_of[s.map.key]) for row in rows for s in row for join in s.map.joins]
    return sum(join.source is not None and _row(join, row_of) != row for join, row in joins)


def _half(slot: _Slot, shapes: bool) -> float:
    """Half the width of the words below a box."""
    below = [text_width(slot.map.name, _NAME, bold=True)]
    if shapes:
        below.append(text_width(shape_text(slot.map.shape), _SIZE))
    return max(below) / 2


# ---- boxes ------------------------------------------------------------------------------


def _drawn(slot: _Slot, level: _Level, theme: Theme, shapes: bool) -> Group:
    one, body = slot.map, slot.solid
    floor = level.floor(body)
    style = theme.failing if one.failed else theme.style(one.kind)
    base = mixed(style.fill, style.line, 0.28)
    if one.kind == "io":
        base = mixed(theme.page, style.fill, 0.25)
    dark = theme.name == "dark"
    front = base
    top = mixed(base, "#ffffff", 0.12 if dark else 0.45)
    side = mixed(base, "#000000", 0.22)
    line = mixed(style.line, theme.page if dark else "#20242c", 0.25)
    left, right = slot.left, slot.left + body.width
    ceiling = floor - body.height
    back, up = body.depth, body.rise
    marks: list[Mark] = [
        Shape(((left, floor), (right, floor), (right, ceiling), (left, ceiling)), front, line),
        Shape(
            ((left, ceiling), (right, ceiling), (right + back, ceiling - up),
             (left + back, ceiling - up)), top, line),
        Shape(
            ((right, floor), (right + back, floor - up), (right + back, ceiling - up),
             (right, ceiling)), side, line),
    ]  # fmt: skip
    text = theme.style("merge").text
    name = f"✗ {one.name}" if one.failed else one.name
    marks.append(Words(name, (slot.middle, level.words), _NAME, text, bold=True))
    if shapes:
        size = shape_text(one.shape)
        below = slot.middle, level.words + _LINE + 1
        marks.append(Words(size, below, _SIZE, theme.edge_text))
    return Group(one.id, one.tooltip, tuple(marks))


def mixed(color: str, other: str, share: float) -> str:
    """``color`` with a share of another.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = [(int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


# ---- arrows -----------------------------------------------------------------------------


def _arrows(row: Sequence[_Slot], level: _Level, theme: Theme, leave: Leave | None) -> list[Group]:
    groups: list[Group] = []
    for before, slot in zip([None, *row], row, strict=False):
        if not slot.map.step:
            continue
        end = slot.left - 5, level.axis
        if before is not None:
            start = before.right + 6, level.axis
        else:
            start = end[0] - slot.gap + 14, level.axis
            if leave is not None:
                groups.append(_turn(leave, start, level, theme))
        marks: list[Mark] = [*_arrow(start, end, theme.edge)]
        for number, line in enumerate(slot.step[:4]):
            # The first line stands above the arrow, the others below it.
            y = level.axis - 7 if number == 0 else level.axis + 2 + number * _LINE
            marks.append(Words(line, ((start[0] + end[0]) / 2, y), _STEP, theme.edge_text))
        groups.append(Group("", "", tuple(marks)))
    return groups


def _arrow(start: Point, end: Point, color: str) -> list[Mark]:
    (x0, y0), (x1, y1) = start, end
    tip = ((x1, y1), (x1 - 7, y1 - 3), (x1 - 7, y1 + 3))
    return [Curve(((x0, y0), (x1 - 6, y1)), color), Shape(tip, color, color)]


def _turn(leave: Leave, enter: Point, level: _Level, theme: Theme) -> Group:
    """From the end of one row to the beginning of the next, between the two."""
    (x0, y0, right), (x1, y1) = leave, enter
    left, between = x1 - 14, level.top - _MARGIN * 0.8
    points = ((x0, y0), (right, y0), (right, between), (left, between), (left, y1), (x1, y1))
    return Group("", "", (Curve(points, theme.edge, dashed=True),))


def _arcs(row: Sequence[_Slot]) -> list[tuple[_Slot, _Slot, str]]:
    """The skips that begin and end in this row, the longest first: it runs above the others."""
    places = {slot.map.key: slot for slot in row}
    arcs = [
        (places[join.source], slot, join.sign)
        for slot in row
        for join in slot.map.joins
        if join.source is not None and join.source in places and join.source != slot.map.key
    ]
    return sorted(arcs, key=lambda arc: arc[0].left - arc[1].left)


def _arc(
    source: _Slot, target: _Slot, sign: str, level: _Level, lane: float, theme: Theme
) -> Group:
    """A skip: up from one map, along its lane, down to another."""
    x0, x1 = source.middle + 4, target.middle - 4
    y0, y1 = level.peak(source.solid) - 4, level.peak(target.solid) - 6
    turn = min(14.0, (x1 - x0) / 3, abs(y0 - lane), abs(y1 - lane))
    curve = (
        (x0, y0), (x0, y0), (x0, lane + turn), (x0, lane + turn),
        (x0, lane), (x0, lane), (x0 + turn, lane),
        (x0 + turn, lane), (x1 - turn, lane), (x1 - turn, lane),
        (x1, lane), (x1, lane), (x1, lane + turn),
        (x1, lane + turn), (x1, y1 - 6), (x1, y1 - 6),
    )  # fmt: skip
    tip = ((x1, y1), (x1 - 3, y1 - 7), (x1 + 3, y1 - 7))
    marks: list[Mark] = [
        Curve(curve, theme.edge, bent=True),
        Shape(tip, theme.edge, theme.edge),
    ]
    if sign:
        marks.append(Words(sign, (x1 + 9, y1 - 2), 13, theme.edge_text))
    return Group("", "", tuple(marks))
