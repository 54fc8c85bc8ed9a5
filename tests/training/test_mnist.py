"""MNIST and its relatives, from IDX files in the real format, read by the real torchvision."""

from __future__ import annotations

import gzip
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from cnnshape.errors import DataError
from cnnshape.training.datasets import load_data
from cnnshape.training.mnist import check_idx
from tests.training.idx_files import write_idx, write_set

pytestmark = pytest.mark.torchvision

SHAPE = (1, 28, 28)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import mnist

    def refuse(*_arguments: object, **_options: object) -> None:
        raise URLError("the network is off in this test")

    monkeypatch.setattr(mnist, "download_and_extract_archive", refuse)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")],
)
def test_files_in_place_are_read(tmp_path: Path, name: str, folder: str) -> None:
    written = write_set(tmp_path / folder / "raw")
    splits = load_data(name, str(tmp_path), SHAPE)
    every = torch.arange(40)
    assert np.array_equal(splits.train.read(every)[:, 0].numpy(), written["train-images"])
    assert splits.train.labels.tolist() == written["train-labels"].tolist()
    assert len(splits.test.labels) == 20
    assert len(splits.classes) == 10


def test_fashion_mnist_names_its_classes(tmp_path: Path) -> None:
    write_set(tmp_path / "FashionMNIST" / "raw")
    classes = load_data("fashion-mnist", str(tmp_path), SHAPE).classes
    assert classes[0] == "T-shirt/top"
    assert classes[9] == "Ankle boot"


def test_classes_are_those_of_torchvision() -> None:
    from torchvision import datasets

    from cnnshape.training.mnist import SETS

    assert list(SETS["fashion-mnist"].classes) == datasets.FashionMNIST.classes
    assert list(SETS["kmnist"].classes) == datasets.KMNIST.classes
    assert list(SETS["emnist"].classes) == datasets.EMNIST.classes_split_dict["balanced"]
    letters = datasets.EMNIST.classes_split_dict["letters"]
    assert [name.lower() for name in SETS["emnist-letters"].classes] == letters[1:]


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    stems = ("emnist-balanced-train", "emnist-balanced-test")
    written = write_set(tmp_path / "EMNIST" / "raw", classes=47, stems=stems, train=94)
    splits = load_data("emnist", str(tmp_path), SHAPE)
    assert len(splits.classes) == 47
    picture = splits.train.read(torch.tensor([3]))[0, 0].numpy()
    # The files hold rows as columns.
    assert np.array_equal(picture, written["emnist-balanced-train-images"][3].T)


def test_emnist_letters_begin_at_zero(tmp_path: Path) -> None:
    stems = ("emnist-letters-train", "emnist-letters-test")
    write_set(tmp_path / "EMNIST" / "raw", classes=26, first=1, stems=stems, train=52, test=26)
    splits = load_data("emnist-letters", str(tmp_path), SHAPE)
    assert splits.train.labels.min() == 0
    assert splits.train.labels.max() == 25
    assert splits.classes[0] == "A"


def test_archives_that_somebody_put_there_are_unpacked(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    for file in list(raw.iterdir()):
        (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert len(load_data("mnist", str(tmp_path), SHAPE).train.labels) == 40


def test_pictures_of_another_size_are_scaled(tmp_path: Path) -> None:
    write_set(tmp_path / "MNIST" / "raw", size=14)
    splits = load_data("mnist", str(tmp_path), SHAPE)
    assert splits.train.shape == (1, 28, 28)
    assert splits.note == "pictures scaled from 14×14 to 28×28"


def test_missing_files_say_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_data("mnist", str(tmp_path), SHAPE)
    text = str(caught.value)
    raw = tmp_path / "MNIST" / "raw"
    assert f"mnist is not in {raw} and could not be downloaded" in text
    assert "the network is off in this test" in text
    assert "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz" in text
    assert "--data digits" in text


def test_truncated_file_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    file = raw / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError) as caught:
        load_data("mnist", str(tmp_path), SHAPE)
    assert str(caught.value) == (
        f"{file} is cut short: 31,376 bytes are expected for 40×28×28 values, it has 31,375; "
        "delete it and run again to download it anew, or put an intact copy there"
    )


def test_truncated_archive_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    file = raw / "t10k-labels-idx1-ubyte"
    (raw / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes())[:-9])
    file.unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is damaged or cut short"):
        load_data("mnist", str(tmp_path), SHAPE)
    assert not file.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not found</html>", "does not begin as an IDX file"),
        (b"", "does not begin as an IDX file"),
        (b"\0\0\x0d\x03" + bytes(12), "does not begin as an IDX file of bytes"),
        (b"\0\0\x08\x03\0\0", "6 bytes do not even hold its header"),
        (b"\0\0\x08\x01" + bytes(12), "an array of 1 axes where 3 are expected"),
        (b"\0\0\x08\x03" + bytes(12) + b"x", "is too long: 16 bytes are expected"),
    ],
)
def test_damaged_headers(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_idx(file, 3)


def test_labels_in_the_place_of_pictures(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    write_idx(raw / "train-images-idx3-ubyte", np.zeros(40))
    with pytest.raises(DataError, match=r"labels in the place of pictures\?"):
        load_data("mnist", str(tmp_path), SHAPE)


def test_labels_of_another_set(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    write_idx(raw / "train-labels-idx1-ubyte", np.zeros(39))
    with pytest.raises(DataError, match=r"holds 40 pictures, but .* holds 39 labels"):
        load_data("mnist", str(tmp_path), SHAPE)


def test_label_out_of_range(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    written = write_set(raw)
    write_idx(raw / "t10k-labels-idx1-ubyte", written["t10k-labels"] + 3)
    with pytest.raises(DataError) as caught:
        load_data("mnist", str(tmp_path), SHAPE)
    text = str(caught.value)
    assert (
        f"{raw / 't10k-labels-idx1-ubyte'} holds the label 12, but the classes are 0 to 9" in text
    )
    assert "put an intact copy there" in text


def test_letters_labelled_from_zero(tmp_path: Path) -> None:
    stems = ("emnist-letters-train", "emnist-letters-test")
    write_set(tmp_path / "EMNIST" / "raw", classes=26, stems=stems)
    with pytest.raises(DataError, match="holds the label 0, but the classes are 1 to 26"):
        load_data("emnist-letters", str(tmp_path), SHAPE)


def test_no_pictures(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    write_idx(raw / "t10k-images-idx3-ubyte", np.zeros((0, 28, 28)))
    write_idx(raw / "t10k-labels-idx1-ubyte", np.zeros(0))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte holds no pictures"):
        load_data("mnist", str(tmp_path), SHAPE)


def test_pictures_without_pixels(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_set(raw)
    write_idx(raw / "train-images-idx3-ubyte", np.zeros((40, 0, 28)))
    with pytest.raises(DataError, match="train-images-idx3-ubyte holds no pictures"):
        load_data("mnist", str(tmp_path), SHAPE)


def test_torchvision_that_does_not_fit_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from cnnshape.errors import MissingDependencyError

    write_set(tmp_path / "MNIST" / "raw")
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingDependencyError, match="torchvision is not installed: pip install"):
        load_data("mnist", str(tmp_path), SHAPE)
