"""Predictions of pictures as people have them: any size, dark on light, small in the frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnshape.errors import DataError
from cnnshape.loading.run_folder import read_run
from cnnshape.training import predict, train
from cnnshape.training.datasets import load_digits
from cnnshape.training.prediction import fit_for_run
from tests.training.runs import short


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train(short(epochs=8), output=str(tmp_path_factory.mktemp("runs") / "run")).folder


def save_digits(folder: Path, how_many: int, *, invert: bool, margin: int = 0) -> list[int]:
    """Test digits as 120×120 pictures, on request dark on light and small in the frame."""
    folder.mkdir(parents=True, exist_ok=True)
    _, _, test = load_digits()
    labels = []
    for number in range(how_many):
        index = number * 360 // how_many
        digit = Image.fromarray(test.images[index, 0].numpy())
        digit = digit.resize((120, 120), Image.Resampling.BILINEAR)
        page = Image.new("L", (120 + 2 * margin,) * 2, 0)
        page.paste(digit, (margin, margin))
        values = 255 - np.asarray(page) if invert else np.asarray(page)
        Image.fromarray(values).save(folder / f"{number:03}.png")
        labels.append(int(test.labels[index]))
    return labels


@pytest.mark.parametrize(("invert", "margin"), [(False, 0), (True, 0), (True, 90)])
def test_pictures_are_fitted_until_they_are_recognised(
    run: Path, tmp_path: Path, invert: bool, margin: int
) -> None:
    labels = save_digits(tmp_path / "scans", 40, invert=invert, margin=margin)
    found = predict(run, [tmp_path / "scans"])
    right = sum(one.label == str(label) for one, label in zip(found, labels, strict=True))
    assert right >= 34
    for one in found:
        assert any(note.startswith("inverted") for note in one.notes) == invert
        assert any(note.startswith("cropped") for note in one.notes) == (margin > 0)
        assert one.probability == max(one.probabilities.values())
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert list(one.probabilities) == [str(digit) for digit in range(10)]


def test_what_is_done_is_said(run: Path, tmp_path: Path) -> None:
    page = Image.new("L", (300, 200), 255)
    page.paste(0, (140, 60, 160, 140))
    page.save(tmp_path / "one.png")
    (found,) = predict(run, [tmp_path / "one.png"])
    assert found.notes == ("cropped to 20×80", "80×80 → 28×28", "inverted (dark on light)")
    assert found.image == tmp_path / "one.png"
    fitted, notes = fit_for_run(tmp_path / "one.png", read_run(run), crop=False)
    assert notes == ("300×200 → 28×28", "inverted (dark on light)")
    # The bar is light now, in the middle, and the page is dark.
    assert int(fitted[0, 14, 14]) > 200
    assert int(fitted[0, 0, 0]) == 0


def test_what_is_asked_for_is_done(run: Path, tmp_path: Path) -> None:
    page = Image.new("L", (28, 28), 255)
    page.paste(0, (2, 2, 26, 26))
    page.save(tmp_path / "a.png")
    settings = read_run(run)
    kept, notes = fit_for_run(tmp_path / "a.png", settings, crop=False, invert=False)
    assert notes == ()
    assert int(kept[0, 0, 0]) == 255
    turned, notes = fit_for_run(tmp_path / "a.png", settings, crop=False, invert=True)
    assert notes == ("inverted",)
    assert torch.equal(turned, 255 - kept)


def test_a_training_picture_is_taken_as_it_is(run: Path, tmp_path: Path) -> None:
    _, _, test = load_digits()
    Image.fromarray(test.images[5, 0].numpy()).save(tmp_path / "a.png")
    _, notes = fit_for_run(tmp_path / "a.png", read_run(run))
    assert notes == ("8×8 → 28×28",)


def test_an_empty_page_is_said_to_be_empty(run: Path, tmp_path: Path) -> None:
    Image.new("L", (28, 28), 0).save(tmp_path / "a.png")
    (found,) = predict(run, [tmp_path / "a.png"])
    assert found.notes == ("nothing stands out in it",)


def test_pictures_that_are_not_there(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no picture"):
        predict(run, [tmp_path / "none.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"the folder .*empty holds no picture"):
        predict(run, [tmp_path / "empty"])
