"""A layer worked out on a matrix as a picture: input, weights, output, and the sum of a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

from cnnshape.errors import UsageError
from cnnshape.formulas.worked import Number, Pair, Step, Window, Worked, shown
from cnnshape.rendering.field_marks import Mark, marks_as_svg
from cnnshape.rendering.fonts import text_width
from cnnshape.rendering.palette import THEMES, KindStyle, Theme, ThemeName

#: More cells than this in a row or a column are no picture that reads.
MOST_CELLS = 40
#: More frames than this are a film.
MOST_FRAMES = 100

_MARGIN = 24.0
_TEXT = 12.0
_HEAD = 20.0
_GAP = 44.0
_APART = 42.0


@dataclass(frozen=True)
class MatrixPicture:
    """A finished picture."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str

    def svg(self) -> str:
        """As an SVG file."""
        return marks_as_svg(self.marks, (self.width, self.height), self.title, None)

    def render(self, format: str) -> bytes:
        """As ``svg``, ``png`` or ``pdf``."""
        if format == "svg":
            return self.svg().encode("utf-8")
        from cnnshape.rendering.field_raster import paint

        painted = "png" if format == "png" else "pdf"
        return paint(self.marks, (self.width, self.height), None, painted, 2.0)


@dataclass(frozen=True)
class _Grid:
    """A matrix on the page: where it stands, and what surrounds it."""

    name: str
    rows: Window
    x: float
    y: float
    cell: float
    theme: Theme
    #: What stands in the padding.
    outside: str = "0"

    @property
    def width(self) -> float:
        return len(self.rows[0]) * self.cell

    @property
    def height(self) -> float:
        return len(self.rows) * self.cell

    def cells(self, marked: Callable[[int, int], bool], style: KindStyle) -> Iterator[Mark]:
        """The cells with their numbers; the marked ones coloured, drawn last."""
        yield Mark("text", self.x, self.y - 7, h=_TEXT, fill=self.theme.edge_text, text=self.name)
        places = [(r, c) for r in range(len(self.rows)) for c in range(len(self.rows[0]))]
        for row, column in sorted(places, key=lambda place: marked(*place)):
            yield from self._cell(row, column, style if marked(row, column) else None)

    def _cell(self, row: int, column: int, style: KindStyle | None) -> Iterator[Mark]:
        value = self.rows[row][column]
        theme, padding = self.theme, self.theme.style("other")
        x, y = self.x + column * self.cell, self.y + row * self.cell
        style = style or KindStyle(
            padding.fill if value is None else theme.page,
            theme.style("container").line,
            padding.text,
        )
        yield Mark("rect", x, y, self.cell, self.cell, fill=style.fill, line=style.line)
        text = self.outside if value is None else shown(value)
        left = x + (self.cell - text_width(text, _TEXT)) / 2
        ink = theme.edge_text if value is None else style.text
        yield Mark("text", left, y + self.cell / 2 + _TEXT * 0.36, h=_TEXT, fill=ink, text=text)


def matrix_picture(worked: Worked, theme: ThemeName = "light") -> MatrixPicture:
    """Draw the matrices, with the window of the first number and its sum.

    With its steps, there is one such row of matrices for each number of the output.

    Raises:
        UsageError: There are too many cells or steps for a picture that reads.
    """
    padded = _padded(worked)
    most = max(len(padded), len(padded[0]), len(worked.output), len(worked.output[0]))
    if most > MOST_CELLS:
        raise UsageError(f"a picture holds at most {MOST_CELLS} rows and columns, not {most}")
    steps = worked.steps if worked.with_steps else worked.steps[:1]
    if len(steps) > MOST_FRAMES:
        raise UsageError(f"a picture holds at most {MOST_FRAMES} steps, not {len(steps)}")
    colours = THEMES[theme]
    frames = [_frame(worked, padded, step, colours) for step in steps]
    wide = max(frame.width for frame in frames) + _GAP
    tall = max(frame.height for frame in frames) + _APART
    # About as wide as a page in landscape.
    across = min(len(frames), max(1, round(sqrt(len(frames) * tall / wide * 1.4))))
    ink = colours.style("other").text
    head = Mark("text", _MARGIN, _MARGIN + 10, h=14, fill=ink, text=worked.caption, bold=True)
    marks = [head]
    for index, frame in enumerate(frames):
        x = _MARGIN + index % across * wide
        y = _MARGIN + 44 + index // across * tall
        marks += [replace(mark, x=mark.x + x, y=mark.y + y) for mark in frame.marks]
    width = max(across * wide - _GAP, text_width(worked.caption, 14, bold=True))
    height = 44 + -(-len(frames) // across) * tall - _APART
    size = width + 2 * _MARGIN, height + 2 * _MARGIN
    page = Mark("rect", 0, 0, *size, colours.page)
    return MatrixPicture(*size, (page, *marks), worked.caption)


class _Frame(NamedTuple):
    """One step, drawn from the corner at 0, 0."""

    marks: list[Mark]
    width: float
    height: float


def _frame(worked: Worked, padded: Window, step: Step, theme: Theme) -> _Frame:
    """One row of matrices with the sum beneath."""
    marks: list[Mark] = []
    outside = "−∞" if worked.kind == "max_pool" else "0"
    grid = _Grid("input", padded, 0, 0, _side(padded), theme, outside)
    marks += grid.cells(_meets(worked, step), theme.style("convolution"))
    x, height = grid.width, grid.height
    lowest = min(grid.height, len(worked.output) * _side(worked.output))
    if worked.weights is not None:
        weights = _Grid("weights", worked.weights, x + _GAP, 0, _side(worked.weights), theme)
        lowest = min(lowest, weights.height)
        marks.append(_sign("*", x, lowest / 2 + 3, theme))
        marks += weights.cells(
            lambda r, c: step.window[r][c] is not None or worked.kind == "conv",
            theme.style("pooling"),
        )
        x, height = weights.x + weights.width, max(height, weights.height)
    output = _Grid("output", worked.output, x + _GAP, 0, _side(worked.output), theme)
    marks.append(_sign("→", x, lowest / 2, theme))
    marks += output.cells(lambda r, c: (r, c) == (step.row, step.column), theme.style("norm"))
    height = max(height, output.height)
    width = output.x + output.width
    for line in _sum(worked, step):
        height += _HEAD
        marks.append(Mark("text", 0, height, h=_TEXT, fill=theme.style("other").text, text=line))
        width = max(width, text_width(line, _TEXT))
    return _Frame(marks, width, height)


def _sign(text: str, x: float, y: float, theme: Theme) -> Mark:
    left = x + (_GAP - text_width(text, 16)) / 2
    return Mark("text", left, y + 5, h=16, fill=theme.edge_text, text=text)


def _side(rows: Window) -> float:
    """How wide a cell must be for its longest number."""
    longest = max(text_width(shown(value), _TEXT) for row in rows for value in row)
    return max(26.0, longest + 12)


def _padded(worked: Worked) -> Window:
    """The input with its padding, as None."""
    if worked.kind == "conv_transpose":
        return worked.input
    (top, left), (bottom, right) = worked.padding
    none: tuple[Number | None, ...] = (None,)
    width = len(worked.input[0]) + left + right
    rows = tuple(none * left + row + none * right for row in worked.input)
    return (none * width,) * top + rows + (none * width,) * bottom


def _meets(worked: Worked, step: Step) -> Callable[[int, int], bool]:
    """Which cells of the (padded) input take part in a step."""
    if worked.kind == "conv_transpose":
        return lambda r, c: (r, c) in _sources(worked, step)
    rows = {step.row * worked.stride[0] + a * worked.dilation[0] for a in range(worked.kernel[0])}
    columns = {
        step.column * worked.stride[1] + b * worked.dilation[1] for b in range(worked.kernel[1])
    }
    return lambda r, c: r in rows and c in columns


def _sources(worked: Worked, step: Step) -> set[Pair]:
    """The numbers of the input that reach one of a transposed convolution."""
    found: set[Pair] = set()
    for a, row in enumerate(step.window):
        for b, value in enumerate(row):
            if value is not None:
                place = (step.row, step.column)
                taps = zip(place, worked.padding[0], (a, b), worked.dilation, strict=True)
                r, c = (at + pad - tap * d for at, pad, tap, d in taps)
                found.add((r // worked.stride[0], c // worked.stride[1]))
    return found


def _sum(worked: Worked, step: Step) -> list[str]:
    """The sum of one window in a line, or in one line for each row of a larger kernel."""
    where = f"output[{step.row}, {step.column}]"
    values = [each for row in step.window for each in row if each is not None]
    if worked.weights is None:
        inner = ", ".join(map(shown, values))
        if worked.kind == "max_pool":
            return [f"{where} = max({inner}) = {shown(step.value)}"]
        plus = " + ".join(map(shown, values))
        return [f"{where} = ({plus})/{step.divisor} = {shown(step.value)}"]
    rows: list[str] = []
    for window, weights in zip(step.window, worked.weights, strict=True):
        terms = [
            f"{_bracketed(value)}·{_bracketed(weight)}"
            for value, weight in zip(window, weights, strict=True)
            if value is not None
        ]
        rows += [" + ".join(terms)] if terms else []
    line = f"{where} = {' + '.join(rows) or '0'} = {shown(step.value)}"
    if text_width(line, _TEXT) < 620:
        return [line]
    return [f"{where} =", *(f"    {'+ ' if i else ''}{row}" for i, row in enumerate(rows)),
            f"    = {shown(step.value)}"]  # fmt: skip


def _bracketed(value: Number) -> str:
    text = shown(value)
    return f"({text})" if text.startswith("−") else text
