"""The picture of a receptive field: where its marks stand, and what the pixels show."""

from __future__ import annotations

import io

from PIL import Image

from cnnshape.analysis.unit_field import UnitField
from cnnshape.rendering.field import FieldPicture, field_picture
from cnnshape.rendering.field_marks import Mark


def unit_mark(picture: FieldPicture) -> Mark:
    return next(m for m in picture.marks if m.kind == "rect" and m.line == m.fill)


def texts(picture: FieldPicture) -> list[str]:
    return [mark.text for mark in picture.marks if mark.kind == "text"]


def test_a_sequence_is_drawn_one_row_above_the_other():
    """Unit 2 of 10 depends on positions 4…8 of 20."""
    picture = field_picture(UnitField("conv", (2,), (10,), (20,), ((4, 8),)))
    assert picture.title == "conv[2] depends on 5 positions: 4…8"
    assert texts(picture) == [picture.title, "conv: 10 units", "input: 20 positions"]
    unit = unit_mark(picture)
    region = next(m for m in picture.marks if m.opacity < 1)
    assert unit.w / 70 == region.w / (5 * 35) == 1  # both rows are 700 points long
    assert unit.x - 28 == 2 * 70
    assert region.x - 28 == 4 * 35
    assert region.y > unit.y + unit.h  # below, not beside
    assert unit.h == region.h > 20
    left, right = [m for m in picture.marks if m.kind == "line"][-2:]
    assert (left.x, left.y) == (unit.x, unit.y + unit.h)
    assert (left.x + left.w, left.y + left.h) == (region.x, region.y)
    assert (right.x + right.w, right.y + right.h) == (region.x + region.w, region.y)


def test_padding_of_a_sequence_is_dashed():
    picture = field_picture(UnitField("conv", (0,), (10,), (20,), ((-3, 2),)))
    dashed = next(m for m in picture.marks if m.dashed)
    inside = next(m for m in picture.marks if m.opacity < 1)
    assert dashed.w == 2 * inside.w
    assert "input: 20 positions, dashed: padding" in texts(picture)


def test_a_picture_is_cut_rather_than_squeezed():
    """Red left and right of a white square: only the square is left."""
    image = Image.new("RGB", (300, 100), "red")
    image.paste("white", (100, 0, 200, 100))
    field = UnitField("C1", (1, 1), (5, 5), (10, 10), ((0, 9), (0, 9)))
    shown = field_picture(field, image).image
    assert shown is not None
    assert shown.size == (10, 10)
    assert {shown.getpixel((x, 5)) for x in range(1, 9)} == {(255, 255, 255)}


def test_what_is_veiled_is_veiled_once():
    """Where two veils meet, a pixel painted twice would be a seam."""
    image = Image.new("RGB", (10, 10), "black")
    field = UnitField("C1", (1, 1), (5, 5), (10, 10), ((3, 6), (3, 6)))
    picture = field_picture(field, image)
    panel = next(m for m in picture.marks if m.kind == "image")
    painted = Image.open(io.BytesIO(picture.render("png"))).convert("L")
    cell = panel.w / 10
    column = round((panel.x + 9.5 * cell) * 2)  # no ray crosses it
    rows = range(round((panel.y + 0.5 * cell) * 2), round((panel.y + 9.5 * cell) * 2))
    assert {painted.getpixel((column, row)) for row in rows} == {153}  # 0.6 of white over black
