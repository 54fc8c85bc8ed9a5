"""One axis: the cells of the row, the windows as bars beneath, the outputs under their windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cnnshape.formulas.windows import AxisWindows
from cnnshape.rendering.field_marks import Mark
from cnnshape.rendering.formula_picture.ink import Ink, box, centred, line_of, words
from cnnshape.rendering.formula_picture.roles import Role, misfit, remarks, role_at
from cnnshape.rendering.formula_picture.ruler import Lanes, Ruler, lanes, ruler
from cnnshape.rendering.palette import KindStyle

PITCH, CELL = 36.0, 33.0
BAR, LANE = 5.0, 13.0
MOST_CELLS = 36
_TEXT, _NOTE = 12.0, 12.0
_DROP = 22.0


@dataclass(frozen=True)
class AxisPicture:
    """The marks of one axis, from the corner at 0, 0."""

    axis: AxisWindows
    kind: str
    ink: Ink
    ceil_mode: bool = False

    def marks(self) -> list[Mark]:
        """Everything, the row above; below, where the layer spreads its input."""
        axis = self.axis
        if axis.count < 1 and not axis.adaptive:
            return self._misfit()
        places = ruler(axis.row, MOST_CELLS)
        shown = lanes(axis, places)
        centres = self._centres(places, shown)
        shift = max(0.0, CELL / 2 - min(centres, default=CELL))
        depth = shown.count * LANE
        row = 0.0 if not axis.spreads else CELL + _DROP * 2 + depth
        bars = CELL + 10 if not axis.spreads else CELL + _DROP + 6
        others = row + CELL + 10 + depth + _DROP - 4 if not axis.spreads else 0.0
        marks: list[Mark] = []
        marks += self._strings(places, shown, centres, (bars, others))
        marks += self._row(places, row)
        marks += self._bars(places, shown, bars)
        marks += self._others(shown, centres, others)
        marks = [replace(mark, x=mark.x + shift) for mark in marks]
        right = max(places.length * PITCH, max(centres, default=0.0) + CELL / 2) + shift
        return marks + self._remarks(right + 12, row)

    # ---- the row ----

    def _row(self, places: Ruler, y: float) -> Iterator[Mark]:
        for position in places.positions:
            yield from self._cell(places.at(position) * PITCH, y, position, self._role(position))
        if places.hidden:
            yield from dots((places.at(places.head) + 1) * PITCH - 1.5, y + CELL / 2, self.ink)
            text = f"{places.hidden:,} more"
            middle = (places.at(places.head) + 1) * PITCH - 1.5
            yield centred(middle, y - 6, 10, self.ink.quiet, text)

    def _role(self, position: int) -> Role:
        return role_at(self.axis, position)

    def _cell(self, x: float, y: float, position: int, role: Role) -> Iterator[Mark]:
        style, dashed = look(self.ink, role, spreads=self.axis.spreads)
        yield box(x, y, CELL, style, dashed=dashed)
        text = str(position) if 0 <= position < self.axis.size else self._outside(role)
        ink = style.text if role in ("element", "added") else self.ink.quiet
        ink = style.line if role == "left over" else ink
        size = _TEXT if len(text) < 5 else 9.0
        yield centred(x + CELL / 2, y + CELL / 2 + size * 0.36, size, ink, text)

    def _outside(self, role: Role) -> str:
        if role in ("beyond", "missing", "cut"):
            return ""
        return "−∞" if self.kind == "max_pool" else "0"

    # ---- the windows ----

    def _bars(self, places: Ruler, shown: Lanes, y: float) -> Iterator[Mark]:
        for place, (index, lane) in enumerate(zip(shown.windows, shown.lanes, strict=True)):
            window = self.axis.window(index)
            yield from self.bar(places, window, y + lane * LANE, strong=place == 0)

    def bar(self, places: Ruler, window: range, y: float, *, strong: bool) -> Iterator[Mark]:
        """One window; with a gap in it where it lies over what is left out."""
        color, opacity = self.ink.window.line, 1.0 if strong else 0.42
        left, right = places.at(window.start) * PITCH, places.at(window.stop) * PITCH - 3
        if window.step == 1 or places.crosses(window):
            yield _bar(left, right, y, color, opacity)
        else:
            yield _bar(left, right, y + BAR / 2 - 0.6, color, opacity, 1.2)
            for position in window:
                start = places.at(position) * PITCH
                yield _bar(start, start + CELL, y, color, opacity)
        if places.crosses(window):
            middle = (places.at(places.head) + 1) * PITCH - 1.5
            yield Mark("rect", middle - 11, y - 1, 22, BAR + 2, self.ink.page)
            yield from dots(middle, y + BAR / 2, self.ink, 2.5)

    # ---- what is on the other side ----

    def _centres(self, places: Ruler, shown: Lanes) -> list[float]:
        """Each element of the other side stands at its window's middle, no two in one place."""
        wished = [self._middle(places, index) for index in shown.windows]
        following = [*shown.windows[1:], 0]
        rooms = [
            PITCH * (2.2 if after > index + 1 else 1)
            for index, after in zip(shown.windows, following, strict=False)
        ]
        return spread(wished, rooms)

    def _middle(self, places: Ruler, index: int) -> float:
        window = self.axis.window(index)
        return (places.at(window.start) + places.at(window.stop)) / 2 * PITCH - (PITCH - CELL) / 2

    def _strings(
        self, places: Ruler, shown: Lanes, centres: Sequence[float], at: tuple[float, float]
    ) -> Iterator[Mark]:
        """From each bar to the element that it belongs to."""
        bars, others = at
        end = others if others > bars else others + CELL
        for index, lane, centre in zip(shown.windows, shown.lanes, centres, strict=True):
            middle = self._middle(places, index)
            yield line_of(middle, bars + lane * LANE + BAR / 2, centre, end, self.ink.hair)

    def _others(self, shown: Lanes, centres: Sequence[float], y: float) -> Iterator[Mark]:
        style = self.ink.cell if self.axis.spreads else self.ink.window
        before: tuple[int, float] | None = None
        for index, centre in zip(shown.windows, centres, strict=True):
            if before is not None and index > before[0] + 1:
                middle = (before[1] + centre) / 2
                yield from dots(middle, y + CELL / 2, self.ink)
                text = f"{index - before[0] - 1:,} more"
                yield centred(middle, y + CELL + 13, 10, self.ink.quiet, text)
            mark = box(centre - CELL / 2, y, CELL, style)
            yield replace(mark, wide=2.0) if index == shown.windows[0] else mark
            size = _TEXT if index < 10_000 else 9.0
            yield centred(centre, y + CELL / 2 + size * 0.36, size, style.text, str(index))
            before = index, centre

    # ---- what is said ----

    def _remarks(self, x: float, y: float) -> list[Mark]:
        said = remarks(self.axis, self.kind, ceil_mode=self.ceil_mode)
        y += CELL / 2 + 4 - (len(said) - 1) * 8
        return [
            words(x, y + 16 * line, _NOTE, self.ink.bad.line if lost else self.ink.quiet, text)
            for line, (text, lost) in enumerate(said)
        ]

    def _misfit(self) -> list[Mark]:
        """A window that is larger than the padded row."""
        axis = self.axis
        end = max(axis.size + axis.after, axis.span - axis.before)
        places = ruler(range(-axis.before, end), MOST_CELLS)
        marks = list(self._row(places, 0.0))
        wrong = replace(self, ink=replace(self.ink, window=self.ink.bad))
        window = range(-axis.before, axis.span - axis.before, axis.dilation)
        marks += wrong.bar(places, window, CELL + 10, strong=True)
        marks.append(words(0, CELL + 38, _NOTE, self.ink.bad.line, misfit(axis)))
        return marks


def _bar(
    left: float, right: float, y: float, color: str, opacity: float, height: float = BAR
) -> Mark:
    radius = height / 2
    return Mark("rect", left, y, right - left, height, color, opacity=opacity, radius=radius)


def look(ink: Ink, role: Role, *, spreads: bool) -> tuple[KindStyle, bool]:
    """How a cell of a role is drawn, and whether its outline is dashed."""
    if role == "element":
        return (ink.window if spreads else ink.cell), False
    if role in ("left over", "cut"):
        return (ink.bad if role == "left over" else ink.padding), role == "cut"
    if role == "missing":
        return KindStyle(ink.page, ink.bad.line, ink.bad.line), True
    return (ink.added, False) if role == "added" else (ink.padding, True)


def dots(x: float, y: float, ink: Ink, side: float = 3.5) -> Iterator[Mark]:
    """Three dots: something is left out here."""
    for step in (-2, 0, 2):
        left = x + step * side - side / 2
        yield Mark("rect", left, y - side / 2, side, side, ink.quiet, radius=side / 2)


def spread(wished: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """Places as near as may be to those wished for, each at least ``rooms`` behind the last.

    ``rooms[i]`` is what lies between the places i and i + 1.

    >>> spread([0, 10, 12], [10, 10, 10]), spread([0, 0], [10, 10])
    ([-4.0, 6.0, 16.0], [-5.0, 5.0])
    """
    placed: list[float] = []
    for index, wish in enumerate(wished):
        least = placed[-1] + rooms[index - 1] if placed else wish
        placed.append(float(max(wish, least)))
    # What was pushed to the right is as far off as what was not.
    pushed = max((at - wish for at, wish in zip(placed, wished, strict=True)), default=0.0)
    return [at - pushed / 2 for at in placed]
