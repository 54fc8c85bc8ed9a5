"""Two axes: a grid with the windows along both of its sides, and the output beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnnshape.formulas.windows import AxisWindows
from cnnshape.rendering.field_marks import Mark
from cnnshape.rendering.formula_picture.ink import Ink, centred, words
from cnnshape.rendering.formula_picture.one_axis import dots, look
from cnnshape.rendering.formula_picture.roles import Role, misfit, remarks, role_at
from cnnshape.rendering.formula_picture.ruler import Ruler, lanes, ruler
from cnnshape.rendering.palette import KindStyle

_PITCH, _CELL = 22.0, 20.0
_BAR, _LANE = 4.0, 9.0
MOST_CELLS = 18
_APART = 64.0
_LABEL = 22.0
#: Of two roles that meet, the one that a cell has: the first of these.
_STRONGER: tuple[Role, ...] = (
    "missing", "cut", "left over", "beyond", "padding", "added", "element",
)  # fmt: skip


@dataclass(frozen=True)
class GridPicture:
    """The marks of two axes, from the corner at 0, 0: down, and across."""

    axes: tuple[AxisWindows, AxisWindows]
    kind: str
    ink: Ink
    ceil_mode: bool = False

    def marks(self) -> list[Mark]:
        """The grid with its windows, and what stands on their other side."""
        spreads = self.axes[0].spreads
        grid, width = self._grid()
        others, beside = self._others()
        order = [(others, beside), (grid, width)] if spreads else [(grid, width), (others, beside)]
        (left, wide), (right, _) = order
        marks = left + [replace(mark, x=mark.x + wide + _APART) for mark in right]
        arrow = wide + _APART / 2
        marks.append(centred(arrow, _LABEL + 40, 18, self.ink.quiet, "→"))
        return marks

    def _grid(self) -> tuple[list[Mark], float]:
        down, across = (ruler(_row(axis), MOST_CELLS) for axis in self.axes)
        marks: list[Mark] = []
        name = "output" if self.axes[0].spreads else "input"
        marks.append(words(_LABEL, 8, 11, self.ink.quiet, f"{name} {self._size()}"))
        for row in down.positions:
            for column in across.positions:
                x, y = _LABEL + across.at(column) * _PITCH, _LABEL + down.at(row) * _PITCH
                marks.append(self._cell(x, y, row, column))
        marks += self._gaps(down, across)
        right, bottom = _LABEL + across.length * _PITCH, _LABEL + down.length * _PITCH
        marks += self._bars(self.axes[1], across, bottom + 5, along=True)
        marks += self._bars(self.axes[0], down, right + 5, along=False)
        depth = max(lanes(self.axes[0], down).count, 1) * _LANE
        said = self._said()
        low = bottom + 16 + max(lanes(self.axes[1], across).count, 1) * _LANE
        marks += [replace(mark, y=mark.y + low) for mark in said]
        return marks, right + depth + 5

    def _size(self) -> str:
        return "×".join(str(max(axis.size, 0)) for axis in self.axes)

    def _said(self) -> list[Mark]:
        marks: list[Mark] = []
        for axis, where in zip(self.axes, ("down", "across"), strict=True):
            for text, lost in remarks(axis, self.kind, ceil_mode=self.ceil_mode):
                color = self.ink.bad.line if lost else self.ink.quiet
                line = f"{where}: {text}"
                marks.append(words(_LABEL, 16.0 * (len(marks) + 1), 11, color, line))
            if _is_misfit(axis):
                line = f"{where}: {misfit(axis)}"
                marks.append(words(_LABEL, 16.0 * (len(marks) + 1), 11, self.ink.bad.line, line))
        return marks

    def _cell(self, x: float, y: float, row: int, column: int) -> Mark:
        pair: tuple[Role, Role] = role_at(self.axes[0], row), role_at(self.axes[1], column)
        role = min(pair, key=_STRONGER.index)
        style, dashed = look(self.ink, role, spreads=self.axes[0].spreads)
        mark = Mark("rect", x, y, _CELL, _CELL, style.fill, style.line, dashed=dashed, radius=3)
        places = zip(self.axes, (row, column), strict=True)
        if all(axis.count > 0 and place in axis.window(0) for axis, place in places):
            first = self.ink.cell if self.axes[0].spreads else self.ink.window
            return replace(mark, line=first.line, wide=2.0, fill=first.fill, dashed=dashed)
        return mark

    def _gaps(self, down: Ruler, across: Ruler) -> Iterator[Mark]:
        """Dots where rows and columns are left out."""
        middle = across.at(across.head) + 1
        for row in (down.start, down.stop - 1) if across.hidden else ():
            y = _LABEL + (down.at(row) + 0.5) * _PITCH
            yield from dots(_LABEL + middle * _PITCH, y, self.ink, 2.5)
        height = down.at(down.head) + 1
        for column in (across.start, across.stop - 1) if down.hidden else ():
            x = _LABEL + (across.at(column) + 0.45) * _PITCH
            for step in (-5, 0, 5):
                y = _LABEL + height * _PITCH + step
                yield Mark("rect", x - 1.25, y - 1.25, 2.5, 2.5, self.ink.quiet, radius=1.25)

    def _bars(self, axis: AxisWindows, places: Ruler, at: float, *, along: bool) -> Iterator[Mark]:
        if _is_misfit(axis):
            window = range(-axis.before, axis.span - axis.before)
            yield _bar(places, window, at, self.ink.bad.line, 1.0, along=along)
            return
        shown = lanes(axis, places)
        for index, lane in zip(shown.windows, shown.lanes, strict=True):
            window = axis.window(index)
            opacity = 1.0 if index == 0 else 0.42
            line = at + lane * _LANE
            yield _bar(places, window, line, self.ink.window.line, opacity, along=along)

    def _others(self) -> tuple[list[Mark], float]:
        """The elements on the other side of the windows, one for each."""
        counts = [max(axis.count, 0) for axis in self.axes]
        down, across = (ruler(range(count), MOST_CELLS) for count in counts)
        style = self.ink.cell if self.axes[0].spreads else self.ink.window
        marks: list[Mark] = []
        name = "input" if self.axes[0].spreads else "output"
        marks.append(words(0, 8, 11, self.ink.quiet, f"{name} {counts[0]}×{counts[1]}"))
        for row in down.positions:
            for column in across.positions:
                x, y = across.at(column) * _PITCH, _LABEL + down.at(row) * _PITCH
                first = (row, column) == (0, 0)
                marks.append(_square(x, y, style, wide=2.0 if first else 1.0))
        marks += [replace(mark, x=mark.x - _LABEL) for mark in self._gaps(down, across)]
        return marks, max(across.length * _PITCH, 70.0)


def _row(axis: AxisWindows) -> range:
    """The positions that are drawn; with those that a window too large would need."""
    row = axis.row
    return range(row.start, max(row.stop, axis.span - axis.before)) if _is_misfit(axis) else row


def _is_misfit(axis: AxisWindows) -> bool:
    return axis.count < 1 and not axis.adaptive and not axis.spreads


def _square(x: float, y: float, style: KindStyle, *, wide: float) -> Mark:
    return Mark("rect", x, y, _CELL, _CELL, style.fill, style.line, radius=3, wide=wide)


def _bar(
    places: Ruler, window: range, at: float, color: str, opacity: float, *, along: bool
) -> Mark:
    """A window beside the grid: beneath its columns, or to the right of its rows."""
    start = _LABEL + places.at(window.start) * _PITCH
    length = (places.at(window.stop) - places.at(window.start)) * _PITCH - 2
    x, y, w, h = (start, at, length, _BAR) if along else (at, start, _BAR, length)
    return Mark("rect", x, y, w, h, color, opacity=opacity, radius=_BAR / 2)
