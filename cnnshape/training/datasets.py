"""``--data NAME`` becomes labelled pictures, split into training and test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnshape.errors import UsageError
from cnnshape.training.examples import Examples, ImageSet, PictureFiles
from cnnshape.training.picture import border_level, typical_extent
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
    """

    name: str
    classes: tuple[str, ...]
    train: Examples
    test: Examples
    note: str = ""

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
        from cnnshape.training.picture_folder import load_folder

        classes, train, test = load_folder(name.removeprefix("folder:"), shape)
        return Splits(name, classes, train, test)
    if name == "digits":
        from cnnshape.training.digits import load_digits

        classes, train, test = load_digits()
    elif name in DATA_NAMES:
        from cnnshape.training.torchvision_sets import load_torchvision

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
    )


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


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a model is told about its pictures.

    Attributes:
        mean: of each channel, in 0…1.
        std: standard deviation of each channel, in 0…1.
        background: median of the pictures' borders per channel, in 0…1.
        extent: how much of the frame's larger side the object in it takes, typically.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    extent: float = 1.0

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
    Statistics(mean=(0.2,), std=(1.0,), background=(0.2,), extent=1.0)
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
    return Statistics(tuple(mean), tuple(std), tuple(background), typical_extent(images))


__all__ = [
    "DATA_NAMES",
    "ImageSet",
    "PictureFiles",
    "Splits",
    "Statistics",
    "load_data",
    "resize",
    "statistics",
]
