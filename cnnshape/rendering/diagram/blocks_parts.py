"""The parts of a picture of feature maps: where each stands, and the arrows between neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

from cnnshape.rendering.diagram.feature_maps import FeatureMap
from cnnshape.rendering.diagram.placement import Point
from cnnshape.rendering.diagram.solids import Solid
from cnnshape.rendering.diagram.svg_scene import Anchor
from cnnshape.rendering.fonts import text_width
from cnnshape.rendering.units import shape_text

MARGIN = 24.0
NAME, SIZE, STEP = 12.0, 10.0, 10.0
LINE = 13.0
#: The height of one skip above the boxes, and the width of one beside the rows.
LANE = 16.0
GAP = 46.0
#: An arrow this much longer than its words need is crossed by others.
_LONG = 60.0


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one map stands: its box's left edge, and the height of the row's axis."""

    map: FeatureMap
    solid: Solid
    left: float
    axis: float = 0.0
    #: The base line of the name below the box.
    words: float = 0.0

    @property
    def right(self) -> float:
        """The right edge of the box's back."""
        return self.left + self.solid.across

    @property
    def middle(self) -> float:
        """Half way between both edges."""
        return self.left + self.solid.across / 2

    @property
    def back(self) -> float:
        """The middle of the edge at the top of the back, where skips begin and end."""
        return self.right - self.solid.width / 2

    @property
    def floor(self) -> float:
        """Where the front stands."""
        return self.axis + (self.solid.height + self.solid.rise) / 2

    @property
    def peak(self) -> float:
        """The highest point."""
        return self.axis - (self.solid.height + self.solid.rise) / 2


#: Texts at an arrow: the words, where they stand, and which end of them that is.
Words = tuple[tuple[str, Point, Anchor], ...]


@dataclass(frozen=True, slots=True)
class Way:
    """An arrow: its corners from tail to tip, and what stands at it."""

    points: tuple[Point, ...]
    words: Words = ()
    dashed: bool = False


@dataclass
class Plan:
    """Everything in its place; y grows downwards."""

    slots: list[Slot] = field(default_factory=list[Slot])
    ways: list[Way] = field(default_factory=list[Way])
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How the maps are set.

    Attributes:
        shapes: sizes stand below the names.
        room: the width that there is; None for as wide as reads well.
        size: how large the boxes are; the words are always the same.
    """

    shapes: bool = True
    room: float | None = None
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Skip:
    """What leads past other maps: from where, to where, what it does there, what is on the way."""

    source: Slot
    target: Slot
    sign: str = ""
    step: str = ""


def skips_of(slots: Iterable[Slot]) -> list[Skip]:
    """All skips between the maps that are given."""
    at = {slot.map.key: slot for slot in slots}
    return [
        Skip(at[join.source], slot, join.sign, join.step)
        for slot in at.values()
        for join in slot.map.joins
        if join.source is not None and join.source in at and join.source != slot.map.key
    ]


def end_of(slot: Slot, shapes: bool) -> float:
    """Where the next map's arrow may begin: a long name below a slim bar needs room as well."""
    return max(slot.right, slot.middle + half_words(slot.map, shapes) - 20) + 8


@lru_cache(maxsize=256)
def room_before(one: FeatureMap) -> float:
    """The room for the arrow before a map."""
    words = max((text_width(line, STEP) for line in step_lines(one)), default=0.0)
    return max(GAP, words + 18) if one.step else 0.0


def step_lines(one: FeatureMap) -> tuple[str, ...]:
    """What leads to a map; what comes in from beside the path is told in words."""
    beside = (f"{join.sign or 'with'} {join.name}" for join in one.joins if join.source is None)
    return (*one.step, *beside)[:4]


@lru_cache(maxsize=256)
def half_words(one: FeatureMap, shapes: bool) -> float:
    """Half the width of the words below a box."""
    below = [text_width(one.name, NAME, bold=True)]
    if shapes:
        below.append(text_width(shape_text(one.shape), SIZE))
    return max(below) / 2


def standing(slot: Slot, axis: float, words: float) -> Slot:
    """The slot in a row with an axis and a base line for its name."""
    return Slot(slot.map, slot.solid, slot.left, axis, words)


def along(before: Slot, slot: Slot) -> Way:
    """The arrow between neighbours; on a long one its words stand before its tip."""
    start = before.right + 6, slot.axis
    near = slot.left - room_before(slot.map)
    if near - start[0] < _LONG:
        return arrow_to(start, slot)
    arrow = arrow_to((near, slot.axis), slot)
    return Way((start, arrow.points[1]), arrow.words)


def arrow_to(start: Point, slot: Slot) -> Way:
    """The arrow to a map in the same row, its first words above it and the others below."""
    end = slot.left - 5, slot.axis
    middle, anchor = (start[0] + end[0]) / 2, "middle"
    words: list[tuple[str, Point, Anchor]] = []
    for number, line in enumerate(step_lines(slot.map)):
        y = slot.axis - 7 if number == 0 else slot.axis + 2 + number * LINE
        words.append((line, (middle, y), anchor))
    return Way((start, end), tuple(words))


def skip_along(way: Sequence[Point], skip: Skip) -> Way:
    """A skip that ends above a map, its sign beside the tip, its step above the longest piece."""
    x, y = way[-1]
    words: list[tuple[str, Point, Anchor]] = []
    if skip.sign:
        words.append((skip.sign, (x + 6, y - 3), "start"))
    if skip.step:
        (x0, y0), (x1, _) = max(
            (pair for pair in pairwise(way) if pair[0][1] == pair[1][1]),
            key=lambda pair: abs(pair[1][0] - pair[0][0]),
        )
        words.append((skip.step, ((x0 + x1) / 2, y0 - 4), "middle"))
    return Way(tuple(way), tuple(words))


def shifted(plan: Plan, dx: float, dy: float) -> Plan:
    """Everything moved."""

    def point(one: Point) -> Point:
        return one[0] + dx, one[1] + dy

    slots = [
        replace(one, left=one.left + dx, axis=one.axis + dy, words=one.words + dy)
        for one in plan.slots
    ]
    ways = [
        Way(
            tuple(map(point, way.points)),
            tuple((text, point(at), anchor) for text, at, anchor in way.words),
            way.dashed,
        )
        for way in plan.ways
    ]
    return Plan(slots, ways, plan.width, plan.height)
