"""Any picture file becomes bytes of the model's size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnshape.errors import DataError
from cnnshape.training.picture_files import (
    border_level,
    find_pictures,
    fit_picture,
    object_box,
    open_picture,
    to_bytes,
)


def save(picture: Image.Image, path: Path) -> Path:
    picture.save(path)
    return path


def test_a_picture_of_the_right_size_is_untouched(tmp_path: Path) -> None:
    values = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)
    picture = open_picture(save(Image.fromarray(values), tmp_path / "a.png"))
    assert np.array_equal(fit_picture(picture, (1, 28, 28))[0].numpy(), values)


def test_transparency_is_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.putpixel((1, 1), (0, 0, 0, 255))
    pixels = to_bytes(open_picture(save(clear, tmp_path / "a.png")))
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 1, 1].tolist() == [0, 0, 0]


def test_palette_and_bilevel(tmp_path: Path) -> None:
    grey = Image.new("L", (4, 4), 0)
    grey.putpixel((2, 2), 255)
    for mode, name in (("P", "a.gif"), ("1", "b.png")):
        picture = open_picture(save(grey.convert(mode), tmp_path / name))
        pixels = fit_picture(picture, (1, 4, 4))
        assert int(pixels[0, 2, 2]) == 255
        assert int(pixels.sum()) == 255


def test_sixteen_bits(tmp_path: Path) -> None:
    deep = Image.fromarray(np.array([[0, 65535], [32768, 257]], dtype=np.uint16))
    pixels = to_bytes(open_picture(save(deep, tmp_path / "a.png")))
    # 257 sixteenth-bit levels make one of eight bits.
    assert pixels[0].tolist() == [[0, 255], [128, 1]]


def test_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (10, 20), (0, 0, 0))
    exif = picture.getexif()
    exif[0x0112] = 6  # turned by a quarter
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert open_picture(tmp_path / "a.jpg").size == (20, 10)


def test_proportions_are_kept_and_the_rest_is_background() -> None:
    # 20 wide, 10 high: scaled to 28×14, seven rows of background above and below.
    picture = Image.new("L", (20, 10), 9)
    picture.paste(200, (5, 2, 15, 8))
    pixels = fit_picture(picture, (1, 28, 28))[0]
    assert pixels.shape == (28, 28)
    assert bool((pixels[:7] == 9).all())
    assert bool((pixels[21:] == 9).all())
    assert int(pixels[14, 14]) == 200


def test_grey_becomes_three_channels_and_back() -> None:
    assert fit_picture(Image.new("L", (8, 8), 7), (3, 8, 8)).tolist() == [[[7] * 8] * 8] * 3
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
    assert int(fit_picture(Image.new("RGB", (8, 8), (0, 100, 0)), (1, 8, 8))[0, 0, 0]) == 59


def test_border_is_a_median() -> None:
    page = torch.full((1, 10, 10), 200, dtype=torch.uint8)
    page[0, 0, :4] = 0
    page[0, 3:7, 3:7] = 0
    assert border_level(page).tolist() == [200]


def test_nothing_stands_out_from_a_blank_page() -> None:
    assert object_box(torch.full((1, 10, 10), 200, dtype=torch.uint8)) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "is not a picture that can be read"),
        (b"", "is not a picture that can be read"),
        (b"\x89PNG\r\n\x1a\n", "a.png is"),
    ],
)
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_picture(tmp_path / "a.png")


def test_missing_picture() -> None:
    with pytest.raises(DataError, match=r"there is no picture 'no\.png'"):
        open_picture("no.png")


def test_pictures_are_found_below_and_hidden_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.PNG", "deep/a.jpeg", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.name for file in find_pictures(tmp_path)] == ["b.PNG", "a.jpeg"]
