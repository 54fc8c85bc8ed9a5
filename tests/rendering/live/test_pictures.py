"""A drawing and a file become what the network was trained on, as Python makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from cnnshape.training.datasets import resize
from cnnshape.training.picture_files import to_bytes
from cnnshape.training.prediction import fit_for_run
from tests.rendering.live.page_answers import answers, needs_node

pytestmark = needs_node


@dataclass
class Like:
    """What is asked of a run."""

    input_shape: tuple[int, int, int]
    extent: float
    dark_background: bool


def seven(size: tuple[int, int], ink, paper, box: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.new("RGB", size, paper)
    left, top, right, bottom = box
    line = [(left, top), (right, top), ((left + right) // 2, bottom)]
    ImageDraw.Draw(picture).line(line, fill=ink, width=6)
    return picture.filter(ImageFilter.GaussianBlur(1))


PICTURES = [
    seven((120, 90), "black", "white", (70, 40, 90, 70)),  # small, on paper: cropped and inverted
    seven((60, 60), "white", "black", (10, 6, 50, 54)),  # as it should be
    seven((33, 70), (40, 90, 200), (230, 220, 210), (4, 10, 28, 60)),  # colours, tall
    Image.new("RGB", (50, 20), (90, 90, 90)),  # nothing in it
]


@pytest.mark.parametrize("run", [
    Like((1, 28, 28), 0.72, True), Like((3, 20, 32), 0.95, False)
], ids=["mnist", "colour"])  # fmt: skip
def test_a_file_is_fitted_as_predict_does(run: Like, tmp_path: Path) -> None:
    channels = run.input_shape[0]
    taken = {
        "mean": [0] * channels, "std": [1] * channels, "background": [0] * channels,
        "dark": run.dark_background, "extent": run.extent, "coarse": None, "like": True,
    }  # fmt: skip
    questions = [
        {
            "ask": "fitted",
            "file": {
                "height": picture.height,
                "width": picture.width,
                "channels": (to_bytes(picture).flatten(1) / 255).tolist(),
            },
            "shape": run.input_shape,
            "taken": taken,
        }
        for picture in PICTURES
    ]
    for picture, found in zip(PICTURES, answers(questions), strict=True):
        picture.save(tmp_path / "one.png")
        right, _ = fit_for_run(tmp_path / "one.png", run)
        # Pillow rounds to bytes twice on the way.
        torch.testing.assert_close(
            torch.tensor(found).view(run.input_shape) * 255, right.float(), atol=2.0, rtol=0
        )


def test_scaling_is_that_of_the_training_data() -> None:
    small = torch.randint(0, 256, (1, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    question = {"height": 8, "width": 8, "pixels": small.flatten().tolist(), "to": [28, 28]}
    (found,) = answers([{"ask": "resample", **question}])
    right = resize(small.to(torch.uint8), (28, 28)).flatten().float()
    torch.testing.assert_close(torch.tensor(found), right, atol=0.51, rtol=0)


STROKE = [{"x": 3.0, "y": 3.0}, {"x": 9.0, "y": 3.0}, {"x": 6.0, "y": 9.0}]


def ink(strokes, **more):
    (found,) = answers([{"ask": "ink", "strokes": strokes, "shape": [1, 28, 28], **more}])
    return found


def test_a_horizontal_stroke_is_as_wide_as_the_pen() -> None:
    pixels = torch.tensor(ink([[{"x": 5, "y": 14}, {"x": 20, "y": 14}]])["ink"]).view(28, 28)
    # 0.12 of MNIST's 20 pixels are 2.4: a row on either side of the line, and 0.2 of the next ones.
    assert pixels[:, 12].tolist()[11:17] == pytest.approx([0, 0.2, 1, 1, 0.2, 0])
    assert pixels[14, :3].sum() == 0


def test_a_drawing_is_centred_by_its_mass_as_large_as_the_training_pictures() -> None:
    found = ink([STROKE], extent=20 / 28)
    assert found["mass"] == pytest.approx([14, 14], abs=0.2)
    pixels = torch.tensor(found["ink"]).view(28, 28) > 0.5
    rows, columns = (pixels.any(dim=axis).nonzero().flatten() for axis in (1, 0))
    assert int(rows[-1] - rows[0]) + 1 == pytest.approx(20, abs=1)
    assert int(columns[-1] - columns[0]) + 1 <= 20


def test_a_drawing_whose_mass_lies_at_one_end_stays_in_the_picture() -> None:
    tail = [{"x": 4.0, "y": 14.0}, {"x": 24.0, "y": 14.0}]
    heavy = [{"x": 4.0, "y": 14.0 + 0.1 * n} for n in range(-80, 80)]
    wide = [{"x": 5.5, "y": 14.0 + 0.1 * n} for n in range(-80, 80)]
    found = ink([tail, heavy, wide], extent=0.8)
    # The tail reaches the right border, half the pen's 2.688 pixels from it.
    right = max(point["x"] for stroke in found["strokes"] for point in stroke)
    assert right == pytest.approx(28 - 2.688 / 2)
    assert found["mass"][0] < 13


def test_a_drawing_that_fills_the_picture_is_centred_by_its_ends() -> None:
    found = ink([STROKE], extent=1.0)
    # The pen is 0.12 · 28 = 3.36 pixels wide, so that points lie between 1.68 and 26.32.
    for axis in "xy":
        places = [point[axis] for stroke in found["strokes"] for point in stroke]
        assert (min(places), max(places)) == pytest.approx((1.68, 26.32))


def test_ink_is_normalised_on_the_ground_of_the_training_pictures() -> None:
    taken = {
        "mean": [0.5], "std": [0.25], "background": [0.1], "dark": True, "extent": 1,
        "coarse": None, "like": True,
    }  # fmt: skip
    given = ink([[{"x": 14.5, "y": 14.5}]], taken=taken)["given"]
    assert given[0] == pytest.approx((0.1 - 0.5) / 0.25)
    assert given[14 * 28 + 14] == pytest.approx((1.0 - 0.5) / 0.25)
    light = ink([[{"x": 14.5, "y": 14.5}]], taken=taken | {"dark": False, "background": [0.9]})[
        "given"
    ]
    assert light[14 * 28 + 14] == pytest.approx((0.0 - 0.5) / 0.25)


def test_ink_is_as_coarse_as_digits_of_eight_pixels_are() -> None:
    taken = {
        "mean": [0], "std": [1], "background": [0], "dark": True, "extent": 1,
        "coarse": [8, 8], "like": True,
    }  # fmt: skip
    found = ink([STROKE], taken=taken)
    coarse = torch.tensor(found["ink"]).view(1, 1, 28, 28)
    small = torch.nn.functional.adaptive_avg_pool2d(
        coarse.repeat_interleave(2, 2).repeat_interleave(2, 3), 8
    )  # 56 pixels, seven for each of the eight
    right = torch.nn.functional.interpolate(small, (28, 28), mode="bilinear")
    torch.testing.assert_close(torch.tensor(found["given"]), right.flatten(), atol=1e-5, rtol=0)
