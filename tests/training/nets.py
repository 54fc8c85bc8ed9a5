"""Small networks of a user, and pictures of eight by eight for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

#: What a user writes; every class takes pictures of eight by eight, of three channels.
SOURCE = '''
from typing import NamedTuple, Optional

import torch
from torch import nn


class Net(nn.Module):
    """Takes pictures of any size."""

    def __init__(self, num_classes=10, last=None):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Dropout(0.1),
        )
        self.head = nn.Linear(4, num_classes)

    def forward(self, x):
        print("a print in forward")
        return self.head(self.features(x))


class Fixed(nn.Module):
    """Takes one size only."""

    def __init__(self, classes=2):
        super().__init__()
        self.head = nn.Linear(1 * 48 * 48, classes)

    def forward(self, x):
        return self.head(x.flatten(1))


class Norm(nn.Module):
    """Cannot be trained on one picture."""

    def __init__(self):
        super().__init__()
        norm = nn.BatchNorm1d(4)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(192, 4), norm, nn.Linear(4, 2))

    def forward(self, x):
        return self.head(x)


class Spare(Norm):
    """Has a layer that is not used."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(1, 1)


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))

    def forward(self, x):
        return self.head(x)


class Outputs(NamedTuple):
    logits: torch.Tensor
    aux: Optional[torch.Tensor] = None


class Auxiliary(Lazy):
    """Gives two results while it is trained."""

    def __init__(self):
        super().__init__()
        self.aux = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))

    def forward(self, x):
        return Outputs(self.head(x), self.aux(x)) if self.training else self.head(x)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.conv(x)


class Squeezed(Lazy):
    def forward(self, x):
        return self.head(x).squeeze()


class Probable(Lazy):
    def forward(self, x):
        return self.head(x).softmax(1)


class Frozen(Lazy):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(192, 2).requires_grad_(False))


class Failing(Lazy):
    def forward(self, x):
        raise KeyError("no such thing")


class Fails24(Lazy):
    """Fails on a batch as it is trained on, and on no other."""

    def forward(self, x):
        assert not (self.training and len(x) > 2), "too many"
        return self.head(x)


class Six(nn.Conv2d):
    def __init__(self):
        super().__init__(6, 2, 3)


net = Net(2)


def built(num_classes=7):
    return Net(num_classes)
'''


def write_nets(folder: Path, name: str = "net.py") -> Path:
    """``net.py`` in ``folder``."""
    file = folder / name
    file.write_text(SOURCE)
    return file


def write_pictures(
    folder: Path, classes: Iterable[str] = ("a", "b"), each: int = 15, size: int = 8
) -> str:
    """A folder of coloured pictures, a colour a class, as ``--data`` takes it."""
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(each):
            shade = (200 * (number == 0), 200 * (number == 1), 8 * index)
            Image.new("RGB", (size, size), shade).save(folder / name / f"{index}.png")
    return f"folder:{folder}"
