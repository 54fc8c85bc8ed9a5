"""``--data NAME`` becomes labelled pictures, split into training and test.

``digits`` are scikit-learn's 1,797 handwritten digits, real data that need no network: the test
part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI Machine Learning
Repository, 1998), 8×8 pictures with values 0 to 16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnshape.errors import DataError, MissingDependencyError, UsageError
from cnnshape.training.examples import Examples, ImageSet, PictureFiles
from cnnshape.training.mnist import DIGITS, load_torchvision
from cnnshape.training.picture_files import (
    border_level,
    find_pictures,
    sharpness,
    stated_shape,
    typical_extent,
)
from cnnshape.training.sampling import every_fifth
from cnnshape.words import did_you_mean, times

DATA_NAMES = ("digits", "mnist", "fashion-mnist", "kmnist", "emnist", "emnist-letters")
"""What ``--data`` takes besides ``folder:PATH``."""


@dataclass(frozen=True, slots=True)
class Splits:
    """One data set, fitted to a model's input.

    Attributes:
        name: what was asked for.
        classes: the classes' names, in the order of the labels.
        train: what may be trained on (a validation part is taken from it later).
        test: what is only ever measured on.
        note: what was done to fit the pictures to the model, or an empty text.
        own_size: height and width of the pictures before that; None where they differ.
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    test: Examples
    note: str = ""
    own_size: tuple[int, int] | None = None

    def fingerprint(self) -> str:
        """Changes when training or test pictures do."""
        return f"{self.train.fingerprint()}-{self.test.fingerprint()}"


def load_data(
    name: str,
    root: str,
    shape: tuple[int, int, int],
    note: Callable[[str], None] = lambda _text: None,
) -> Splits:
    """Load a data set and fit its pictures to ``shape`` (channels, height, width).

    Args:
        name: one of :data:`DATA_NAMES` or ``folder:PATH``.
        root: the folder that holds downloaded data sets.
        shape: what the model takes.
        note: told in one line about anything that takes time, such as a download.

    Raises:
        UsageError: no such data set.
        DataError: its files are missing, damaged, or not what they should be.
        MissingDependencyError: a package that it needs is not installed.
    """
    if name.startswith("folder:"):
        classes, train, test = load_folder(name.removeprefix("folder:"), shape)
        return Splits(name, classes, train, test)
    if name == "digits":
        classes, train, test = load_digits()
    elif name in DATA_NAMES:
        classes, train, test = load_torchvision(name, root, note)
    else:
        names = f"{', '.join(DATA_NAMES)}, and folder:PATH with one folder of pictures per class"
        hint = did_you_mean(name, DATA_NAMES)
        raise UsageError(f"unknown data set {name!r}{hint or f': there are {names}'}")
    was = times(train.shape[1:])
    resized = train.shape[1:] != shape[1:]
    return Splits(
        name,
        classes,
        _fitted(train, shape),
        _fitted(test, shape),
        f"pictures scaled from {was} to {shape[1]}×{shape[2]}" if resized else "",
        (train.shape[1], train.shape[2]),
    )


def own_shape(name: str) -> tuple[int, int, int] | None:
    """Channels, height, width of the pictures of a data set; None where they are of several sizes.

    Of a folder a hundred are looked at; it has three channels where one of them has.

    Raises:
        DataError: there is no such folder.

    >>> own_shape("digits"), own_shape("fashion-mnist")
    ((1, 8, 8), (1, 28, 28))
    """
    if not name.startswith("folder:"):
        return (1, 8, 8) if name == "digits" else (1, 28, 28)
    files = find_pictures(_existing(name.removeprefix("folder:")))
    looked_at = files[:: max(1, len(files) // _LOOKED_AT)]
    shapes = [shape for shape in map(stated_shape, looked_at) if shape is not None]
    sizes = {shape[1:] for shape in shapes}
    return max(shapes) if len(sizes) == 1 else None


_LOOKED_AT = 100


def _fitted(pictures: ImageSet, shape: tuple[int, int, int]) -> ImageSet:
    images = pictures.images
    if images.shape[2:] != shape[1:]:
        images = resize(images, shape[1:])
    if images.shape[1] != shape[0]:
        images = images.expand(-1, shape[0], -1, -1).contiguous()
    return ImageSet(images, pictures.labels)


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 N×C×H×W scaled to ``size``, bilinear, averaging where it shrinks.

    >>> resize(torch.full((1, 1, 8, 8), 9, dtype=torch.uint8), (28, 28)).unique().tolist()
    [9]
    """
    parts = [
        F.interpolate(part.float(), size, mode="bilinear", align_corners=False, antialias=True)
        for part in images.split(4096)
    ]
    return torch.cat(parts).round_().clamp_(0, 255).to(torch.uint8)


def load_digits() -> tuple[tuple[str, ...], ImageSet, ImageSet]:
    """Classes, 1,437 training and 360 test pictures, 1×8×8 bytes each; the split is fixed.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise MissingDependencyError(
            "the digits data set comes with scikit-learn, which is not installed: "
            'pip install "cnnshape[train]"'
        ) from error
    bunch = cast("Any", load())
    values = torch.from_numpy(bunch.images)
    images = (values * (255 / 16)).round().to(torch.uint8)[:, None].contiguous()
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    train, test = every_fifth(labels)
    return DIGITS, ImageSet(images[train], labels[train]), ImageSet(images[test], labels[test])


_LAYOUT = "one folder per class, as in PATH/cat/1.png, PATH/dog/1.png"


def load_folder(
    path: str, shape: tuple[int, int, int]
) -> tuple[tuple[str, ...], PictureFiles, PictureFiles]:
    """Classes, training and test pictures of a folder.

    ``PATH/train/CLASS`` and ``PATH/test/CLASS`` are used where both are there; otherwise
    every fifth picture of each ``PATH/CLASS`` is a test picture.

    Raises:
        DataError: the folder is missing, or is laid out in another way.
    """
    folder = _existing(path)
    if (folder / "train").is_dir() and (folder / "test").is_dir():
        classes = _classes(folder / "train")
        strange = [name for name in _classes(folder / "test") if name not in classes]
        if strange:
            raise DataError(
                f"{folder / 'test' / strange[0]} is a class that {folder / 'train'} does not have"
            )
        train = _collect(folder / "train", classes, shape)
        test = _collect(folder / "test", classes, shape, may_lack=True)
        if not test.paths:
            raise DataError(f"{folder / 'test'} holds no picture in any of its folders")
        return classes, train, test
    classes = _classes(folder)
    every = _collect(folder, classes, shape)
    training, test = every_fifth(every.labels)
    if len(training) < len(classes):
        raise DataError(f"{folder} holds {len(every.labels)} pictures, too few to train and test")
    return classes, _part(every, training), _part(every, test)


def _existing(path: str) -> Path:
    folder = Path(path)
    if not path or not folder.is_dir():
        raise DataError(f"there is no folder {path!r}: folder:PATH needs {_LAYOUT}")
    return folder


def _classes(folder: Path) -> tuple[str, ...]:
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._"
    )
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "no folder"
        raise DataError(f"{folder} holds {found}, but at least two classes are needed: {_LAYOUT}")
    return tuple(names)


def _collect(
    folder: Path, classes: tuple[str, ...], shape: tuple[int, int, int], *, may_lack: bool = False
) -> PictureFiles:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = find_pictures(folder / name) if (folder / name).is_dir() else []
        if not found and not may_lack:
            raise DataError(f"{folder / name} holds no picture (PNG, JPEG, BMP, GIF, TIFF, WebP)")
        paths += found
        labels += [label] * len(found)
    return PictureFiles(tuple(paths), torch.tensor(labels, dtype=torch.int64), shape)


def _part(pictures: PictureFiles, indices: torch.Tensor) -> PictureFiles:
    return PictureFiles(
        tuple(pictures.paths[index] for index in indices.tolist()),
        pictures.labels[indices],
        pictures.shape,
    )


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a model is told about its pictures.

    Attributes:
        mean: of each channel, in 0…1.
        std: standard deviation of each channel, in 0…1.
        background: median of the pictures' borders per channel, in 0…1.
        extent: how much of the frame's larger side the object in it takes, typically.
        sharpness: of all but the most and the least sharp hundredth, see
            :func:`cnnshape.training.picture_files.sharpness`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    extent: float = 1.0
    sharpness: tuple[float, float] = (0.0, 0.0)

    @property
    def dark_background(self) -> bool:
        """Whether the pictures are light on dark."""
        return sum(self.background) < 0.5 * len(self.background)


_SAMPLE = 10_000


def statistics(examples: Examples) -> Statistics:
    """Mean, deviation and background of the pictures, from at most ten thousand of them.

    Computed from integer sums, so the same on every machine.

    >>> flat = ImageSet(torch.full((4, 1, 2, 2), 51, dtype=torch.uint8), torch.zeros(4))
    >>> statistics(flat)
    Statistics(mean=(0.2,), std=(1.0,), background=(0.2,), extent=1.0, sharpness=(0.0, 0.0))
    """
    count = len(examples.labels)
    taken = min(count, _SAMPLE)
    images = examples.read(torch.arange(taken) * count // taken)
    mean: list[float] = []
    std: list[float] = []
    for channel in range(images.shape[1]):
        values = images[:, channel]
        level = torch.arange(256, dtype=torch.float64)
        weight = torch.bincount(values.flatten(), minlength=256).double() / values.numel()
        average = float((weight * level).sum())
        deviation = float((weight * (level - average) ** 2).sum()) ** 0.5
        mean.append(round(average / 255, 6))
        # Pictures of one colour have no deviation to divide by.
        std.append(round(deviation / 255, 6) or 1.0)
    background = [round(level / 255, 6) for level in border_level(images).tolist()]
    ordered = sharpness(images).sort().values.tolist()
    ends = (ordered[len(ordered) // 100], ordered[-1 - len(ordered) // 100])
    usual = round(ends[0], 4), round(ends[1], 4)
    return Statistics(tuple(mean), tuple(std), tuple(background), typical_extent(images), usual)
