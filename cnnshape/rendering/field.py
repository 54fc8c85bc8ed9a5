"""The receptive field as a picture: a unit on its layer's grid, its region on the input.

What is drawn is a list of marks, which two writers paint: SVG as text, and Pillow for PNG and PDF.
No Graphviz is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from cnnshape.analysis.unit_field import UnitField
from cnnshape.errors import OutputError, UsageError
from cnnshape.rendering.field_marks import Mark, marks_as_svg
from cnnshape.words import times

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 420.0
#: Sequences: how long a row of cells is, how high, and how far apart the two rows are.
_LENGTH = 700.0
_ROW = 26.0
_APART = 84.0
_MARGIN = 28.0
_TITLE = 44.0
_SMALL = 11.0
_GAP = 64.0
#: Finer than this, a grid is a grey surface.
_FINEST = 4.0

Interval = tuple[int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class FieldPicture:
    """A finished picture."""

    width: float
    height: float
    marks: tuple[Mark, ...]
    title: str
    image: Image | None = None

    def svg(self) -> str:
        """As an SVG file."""
        return marks_as_svg(self.marks, (self.width, self.height), self.title, self.image)

    def raster(self, format: Literal["png", "pdf"], scale: float = 2.0) -> bytes:
        """As PNG or PDF, painted by Pillow at ``scale`` pixels per point."""
        from cnnshape.rendering.field_raster import paint

        return paint(self.marks, (self.width, self.height), self.image, format, scale)

    def render(self, format: str) -> bytes:
        """As ``svg``, ``png`` or ``pdf``.

        Raises:
            OutputError: another format was asked for.
        """
        if format == "svg":
            return self.svg().encode("utf-8")
        if format in ("png", "pdf"):
            return self.raster("png" if format == "png" else "pdf")
        raise OutputError(f"a receptive field is drawn as svg, png or pdf, not {format}")


@dataclass(frozen=True, slots=True)
class _Panel:
    """A grid of cells on the page: its corner, the first cell shown, how many, and their sides."""

    x: float
    y: float
    first: tuple[int, int]
    counts: tuple[int, int]
    cell: float
    high: float

    @property
    def right(self) -> float:
        return self.x + self.counts[1] * self.cell

    @property
    def bottom(self) -> float:
        return self.y + self.counts[0] * self.high

    def corner(self, row: int, column: int) -> tuple[float, float]:
        """The top left corner of a cell."""
        return (
            self.x + (column - self.first[1]) * self.cell,
            self.y + (row - self.first[0]) * self.high,
        )

    def box(self, rows: tuple[int, int], columns: tuple[int, int]) -> Box:
        """Corner, width and height of a block of cells, both ends included."""
        x, y = self.corner(rows[0], columns[0])
        height = (rows[1] - rows[0] + 1) * self.high
        return x, y, (columns[1] - columns[0] + 1) * self.cell, height


def field_picture(field: UnitField, image: Image | None = None) -> FieldPicture:
    """Draw the region of the input that a unit depends on.

    Args:
        field: the unit and its region, over one or two spatial axes.
        image: a picture to draw below the region; it is brought to the input's size, its middle
            cut out where it has other proportions.

    Raises:
        UsageError: the layer works on three spatial axes.

    >>> field = UnitField("C1", (4, 4), (28, 28), (28, 28), ((2, 6), (2, 6)))
    >>> "C1[4, 4] depends on 5×5 pixels" in field_picture(field).svg()
    True
    """
    if len(field.unit) > 2:
        raise UsageError("a receptive field over three axes cannot be drawn on a flat picture")
    counts, sizes = _pair(field.counts, 1), _pair(field.input_sizes, 1)
    unit, region = _pair(field.unit, 0), _pair(field.region, (0, 0))
    inside = _pair(field.inside, (0, 0))
    sequence = len(field.unit) == 1
    panels = _one_above_the_other if sequence else _side_by_side
    units, pixels = panels(counts, sizes, region)
    width = max(pixels.right, _MARGIN + 7.2 * len(field.sentence)) + _MARGIN
    height = max(units.bottom, pixels.bottom + 16 * sequence) + _MARGIN
    marks = [
        Mark("rect", 0, 0, width, height, _PAGE),
        *_captions(field, units, pixels),
        *_grid(units, counts, _SOFT),
        Mark("rect", *units.box((unit[0], unit[0]), (unit[1], unit[1])), _STRONG, _STRONG),
        *_input(pixels, sizes, image is not None),
        *(_veil(pixels, sizes, inside) if image is not None else ()),
        *_region(pixels, region, inside, image is not None),
        *_rays(units, unit, pixels, region, sequence),
    ]
    shown = None if image is None else _fitted(image, sizes)
    return FieldPicture(width, height, tuple(marks), field.sentence, shown)


def _fitted(image: Image, sizes: tuple[int, int]) -> Image:
    """A picture at the input's size, cut at its longer sides rather than squeezed."""
    from PIL import ImageOps  # a second of imports that only pictures need

    return ImageOps.fit(image, (sizes[1], sizes[0]))


def _side_by_side(
    counts: tuple[int, int], sizes: tuple[int, int], region: tuple[Interval, Interval]
) -> tuple[_Panel, _Panel]:
    """The layer's grid on the left, half as large as the input's on the right."""
    top = _MARGIN + _TITLE
    cell = _SIDE / 2 / max(counts)
    units = _Panel(_MARGIN, top, (0, 0), counts, cell, cell)
    first, shown = _shown(sizes, region)
    cell = _SIDE / max(shown)
    return units, _Panel(units.right + _GAP, top, first, shown, cell, cell)


def _one_above_the_other(
    counts: tuple[int, int], sizes: tuple[int, int], region: tuple[Interval, Interval]
) -> tuple[_Panel, _Panel]:
    """The units of a sequence in one row, what it was given in another below, equally long."""
    top = _MARGIN + _TITLE
    units = _Panel(_MARGIN, top, (0, 0), counts, _LENGTH / counts[1], _ROW)
    first, shown = _shown(sizes, region)
    below = units.bottom + _APART
    return units, _Panel(_MARGIN, below, first, shown, _LENGTH / shown[1], _ROW)


def _shown(
    sizes: tuple[int, int], region: tuple[Interval, Interval]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first cell of the input and its padding, and how many there are."""
    first = (min(region[0][0], 0), min(region[1][0], 0))
    last = (max(region[0][1], sizes[0] - 1), max(region[1][1], sizes[1] - 1))
    return first, (last[0] - first[0] + 1, last[1] - first[1] + 1)


_PAGE, _TEXT, _QUIET = "#ffffff", "#1f2430", "#555b66"
_SOFT, _STRONG, _LINE = "#dbe9f6", "#2b5f94", "#b8bec9"
_PADDING = "#a65a12"

_Item = TypeVar("_Item")


def _pair(axes: tuple[_Item, ...], missing: _Item) -> tuple[_Item, _Item]:
    """Two axes; a sequence is one row."""
    return (axes[0], axes[1]) if len(axes) == 2 else (missing, axes[0])


def _captions(field: UnitField, left: _Panel, right: _Panel) -> Iterator[Mark]:
    yield Mark("text", _MARGIN, _MARGIN + 4, 0, 14, _TEXT, text=field.sentence, bold=True)
    units = times(field.counts)
    pixels = times(field.input_sizes)
    above = _MARGIN + _TITLE - 10
    yield Mark("text", left.x, above, 0, _SMALL, _QUIET, text=f"{field.path}: {units} units")
    beyond = ", dashed: padding" if field.inside != field.region else ""
    sequence = len(field.unit) == 1
    text = f"input: {pixels} {'positions' if sequence else 'pixels'}{beyond}"
    place = right.bottom + 18 if sequence else above
    yield Mark("text", right.x, place, 0, _SMALL, _QUIET, text=text)


def _grid(panel: _Panel, counts: tuple[int, int], fill: str) -> Iterator[Mark]:
    """Cells from 0 on, with lines between them where they are large enough to see."""
    x, y, width, height = panel.box((0, counts[0] - 1), (0, counts[1] - 1))
    yield Mark("rect", x, y, width, height, fill, _LINE)
    if panel.cell < _FINEST:
        return
    for row in range(1, counts[0]):
        yield Mark("line", x, y + row * panel.high, width, 0, line=_LINE)
    for column in range(1, counts[1]):
        yield Mark("line", x + column * panel.cell, y, 0, height, line=_LINE)


def _input(panel: _Panel, sizes: tuple[int, int], has_image: bool) -> Iterator[Mark]:
    if not has_image:
        yield from _grid(panel, sizes, "#f7f8fa")
        return
    box = panel.box((0, sizes[0] - 1), (0, sizes[1] - 1))
    yield Mark("image", *box)
    yield Mark("rect", *box, "none", _LINE)


def _veil(
    panel: _Panel, sizes: tuple[int, int], inside: tuple[Interval, Interval]
) -> Iterator[Mark]:
    """What the unit does not see is paled."""
    (top, bottom), (left, right) = inside
    rows, columns = (0, sizes[0] - 1), (0, sizes[1] - 1)
    for block in (
        ((0, top - 1), columns),
        ((bottom + 1, rows[1]), columns),
        ((top, bottom), (0, left - 1)),
        ((top, bottom), (right + 1, columns[1])),
    ):
        if all(low <= high for low, high in block):
            yield Mark("rect", *panel.box(*block), _PAGE, opacity=0.6)


def _region(
    panel: _Panel,
    region: tuple[Interval, Interval],
    inside: tuple[Interval, Interval],
    has_image: bool,
) -> Iterator[Mark]:
    if region != inside:
        yield Mark("rect", *panel.box(*region), "none", _PADDING, dashed=True)
    if all(low <= high for low, high in inside):
        fill = "none" if has_image else _STRONG
        yield Mark("rect", *panel.box(*inside), fill, _STRONG, opacity=0.35)


def _rays(
    units: _Panel,
    unit: tuple[int, int],
    pixels: _Panel,
    region: tuple[Interval, Interval],
    sequence: bool,
) -> Iterator[Mark]:
    """From the unit's corners to those of its region."""
    x, y, width, height = units.box((unit[0], unit[0]), (unit[1], unit[1]))
    to_x, to_y, to_width, to_height = pixels.box(*region)
    if sequence:
        ends = ((x, y + height, to_x, to_y), (x + width, y + height, to_x + to_width, to_y))
    else:
        ends = ((x + width, y, to_x, to_y), (x + width, y + height, to_x, to_y + to_height))
    for start_x, start_y, end_x, end_y in ends:
        yield Mark("line", start_x, start_y, end_x - start_x, end_y - start_y, line=_STRONG)
