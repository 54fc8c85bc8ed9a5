"""Digits, folders of pictures, splits and statistics."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnshape.errors import DataError, MissingDependencyError, UsageError
from cnnshape.training.datasets import load_data, load_digits, statistics
from cnnshape.training.examples import ImageSet, PictureFiles

SHAPE = (1, 28, 28)


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits as original

    classes, train, test = load_digits()
    assert classes == tuple("0123456789")
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    # 16 grey levels become 255: 16 → 255, 8 → 127.5 → 128 (to even), 1 → 15.9375 → 16.
    levels = sorted(set(train.images.flatten().tolist()))
    assert levels[:2] == [0, 16]
    assert 128 in levels
    assert levels[-1] == 255
    # Every picture is there once: sums of all pixels and of all labels are unchanged.
    everything = original()
    total = int(np.round(everything.images * 255 / 16).sum())
    assert int(train.images.sum()) + int(test.images.sum()) == total
    assert int(train.labels.sum() + test.labels.sum()) == int(everything.target.sum())


def test_digits_split_is_even_over_the_classes() -> None:
    _, _, test = load_digits()
    counts = torch.bincount(test.labels, minlength=10).tolist()
    assert min(counts) >= 35
    assert max(counts) <= 37


def test_digits_are_scaled_to_the_model() -> None:
    splits = load_data("digits", "unused", SHAPE)
    assert splits.train.shape == SHAPE
    assert splits.note == "pictures scaled from 8×8 to 28×28"
    assert load_data("digits", "unused", (3, 32, 32)).test.shape == (3, 32, 32)


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingDependencyError) as caught:
        load_data("digits", "unused", SHAPE)
    assert str(caught.value) == (
        "the digits data set comes with scikit-learn, which is not installed: "
        'pip install "cnnshape[train]"'
    )


def test_unknown_data_set() -> None:
    with pytest.raises(UsageError, match=r"unknown data set 'fashon-mnist'; did you mean fashion"):
        load_data("fashon-mnist", "data", SHAPE)
    with pytest.raises(
        UsageError, match=r"unknown data set 'q': there are digits, mnist, .*folder"
    ):
        load_data("q", "data", SHAPE)


def make_folder(root: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 10) -> Path:
    for shade, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(count):
            level = 40 + 150 * shade // max(1, len(classes) - 1) + number
            Image.new("RGB", (40 + number, 30), (level,) * 3).save(root / name / f"{number}.png")
    return root


def test_folder_with_one_folder_per_class(tmp_path: Path) -> None:
    splits = load_data(f"folder:{make_folder(tmp_path)}", "unused", SHAPE)
    assert splits.classes == ("cat", "dog")
    assert (len(splits.train.labels), len(splits.test.labels)) == (16, 4)
    assert torch.bincount(splits.test.labels).tolist() == [2, 2]
    assert splits.train.read(torch.tensor([0, 15])).shape == (2, 1, 28, 28)


def test_folder_with_its_own_split(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", count=3)
    make_folder(tmp_path / "test", count=2)
    splits = load_data(f"folder:{tmp_path}", "unused", SHAPE)
    assert (len(splits.train.labels), len(splits.test.labels)) == (6, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "holds no folder, but at least two classes are needed"),
        (lambda root: make_folder(root, ("cat",)), "holds only 'cat', but at least two"),
        (
            lambda root: (make_folder(root), (root / "empty").mkdir()),
            r"empty holds no picture \(PNG",
        ),
        (lambda root: make_folder(root, count=1), "holds 2 pictures, too few"),
        (
            lambda root: (make_folder(root / "train"), make_folder(root / "test", ("cat", "emu"))),
            "emu is a class that .*train does not have",
        ),
        (
            lambda root: (
                make_folder(root / "train"),
                [(root / "test" / name).mkdir(parents=True) for name in ("cat", "dog")],
            ),
            "test holds no picture in any of its folders",
        ),
    ],
)
def test_folders_laid_out_otherwise(tmp_path: Path, make, message: str) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=message):
        load_data(f"folder:{tmp_path}", "unused", SHAPE)


def test_missing_folder() -> None:
    with pytest.raises(DataError, match="there is no folder 'no/where'"):
        load_data("folder:no/where", "unused", SHAPE)


def test_damaged_picture_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path)
    bad = tmp_path / "dog" / "3.png"
    bad.write_bytes(bad.read_bytes()[:60])
    splits = load_data(f"folder:{tmp_path}", "unused", SHAPE)

    def read_everything() -> None:
        for part in (splits.train, splits.test):
            part.read(torch.arange(len(part.labels)))

    with pytest.raises(DataError, match=r"3\.png is damaged or cut short"):
        read_everything()


def test_statistics_by_hand() -> None:
    # Half the pixels 0, half 255: mean 0.5, deviation 0.5, and the border is all 0.
    images = torch.zeros(1, 1, 4, 8, dtype=torch.uint8)
    images[:, :, 1:3, 1:7] = 255
    images[:, :, :, :] = torch.where(torch.arange(32).view(1, 1, 4, 8) % 2 == 0, 255, 0)
    found = statistics(ImageSet(images, torch.zeros(1, dtype=torch.int64)))
    assert found.mean == (0.5,)
    assert found.std == (0.5,)


def test_statistics_know_a_light_background() -> None:
    images = torch.full((3, 1, 28, 28), 250, dtype=torch.uint8)
    images[:, :, 4:24, 10:14] = 0
    found = statistics(ImageSet(images, torch.zeros(3, dtype=torch.int64)))
    assert not found.dark_background
    assert found.background == (round(250 / 255, 6),)
    assert found.extent == round(20 / 28, 3)


def test_fingerprints_see_a_changed_pixel_and_a_changed_label(tmp_path: Path) -> None:
    images = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    labels = torch.tensor([0, 1])
    first = ImageSet(images, labels).fingerprint()
    other = images.clone()
    other[1, 0, 3, 3] = 1
    assert ImageSet(other, labels).fingerprint() != first
    assert ImageSet(images, labels.flip(0)).fingerprint() != first
    make_folder(tmp_path)
    paths = sorted(tmp_path.rglob("*.png"))
    files = PictureFiles(paths, torch.zeros(len(paths), dtype=torch.int64), SHAPE)
    before = files.fingerprint()
    paths[0].write_bytes(paths[0].read_bytes() + b"x")
    assert files.fingerprint() != before
