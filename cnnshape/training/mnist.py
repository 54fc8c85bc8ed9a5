"""MNIST and its relatives, read by torchvision from files that are checked before.

They are IDX files: two zero bytes, a type (8: unsigned bytes), the number of axes, one big-endian
32-bit size per axis, then the values (LeCun, Cortes, Burges, "The MNIST database").
"""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast
from urllib.error import URLError

import torch
from torch import Tensor

from cnnshape.errors import DataError
from cnnshape.files import write_atomic
from cnnshape.loading.installed_torchvision import import_torchvision
from cnnshape.training.examples import ImageSet
from cnnshape.words import times


@dataclass(frozen=True, slots=True)
class TorchvisionSet:
    """How torchvision names one data set and its files.

    Attributes:
        class_name: its class in ``torchvision.datasets``, and its folder below the root.
        classes: the classes' names.
        stems: of the training and the test files, to which ``-images-idx3-ubyte`` and
            ``-labels-idx1-ubyte`` are added.
        split: which part of EMNIST; None for the others.
        first_label: what the first class is called in the files.
        transposed: whether the files hold rows and columns exchanged.
    """

    class_name: str
    classes: tuple[str, ...]
    stems: tuple[str, str] = ("train", "t10k")
    split: str | None = None
    first_label: int = 0
    transposed: bool = False

    @property
    def arguments(self) -> dict[str, str]:
        """What its class takes beyond root, train and download."""
        return {} if self.split is None else {"split": self.split}


DIGITS = tuple("0123456789")
_CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

SETS: Mapping[str, TorchvisionSet] = MappingProxyType(
    {
        "mnist": TorchvisionSet("MNIST", DIGITS),
        "fashion-mnist": TorchvisionSet(
            "FashionMNIST",
            (
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
        ),
        "kmnist": TorchvisionSet(
            "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
        ),
        # 47 classes: letters that look alike in both cases share one
        # (Cohen, Afshar, Tapson, van Schaik, "EMNIST", 2017).
        "emnist": TorchvisionSet(
            "EMNIST",
            (*DIGITS, *_CAPITALS, *"abdefghnqrt"),
            ("emnist-balanced-train", "emnist-balanced-test"),
            "balanced",
            transposed=True,
        ),
        "emnist-letters": TorchvisionSet(
            "EMNIST",
            _CAPITALS,
            ("emnist-letters-train", "emnist-letters-test"),
            "letters",
            first_label=1,
            transposed=True,
        ),
    }
)


def load_torchvision(
    name: str, root: str, note: Callable[[str], None]
) -> tuple[tuple[str, ...], ImageSet, ImageSet]:
    """Classes, training and test pictures, 1×28×28 bytes each; downloaded where missing.

    Raises:
        DataError: files are missing and cannot be downloaded, or are damaged.
        MissingDependencyError: torchvision does not work.
    """
    kind = SETS[name]
    raw = Path(root) / kind.class_name / "raw"
    _class(kind)  # nothing is fetched that cannot be read
    _unpack_archives(kind, raw)
    if _missing(kind, raw):
        _download(name, kind, root, raw, note)
    for stem in kind.stems:
        _check_pair(stem, raw)
    train, test = (_read(kind, root, train=train) for train in (True, False))
    for stem, part in zip(kind.stems, (train, test), strict=True):
        _check_labels(kind, part, raw / f"{stem}-labels-idx1-ubyte")
    return kind.classes, train, test


def _files(kind: TorchvisionSet) -> list[str]:
    return [
        f"{stem}-{what}"
        for stem in kind.stems
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]


def _missing(kind: TorchvisionSet, raw: Path) -> list[str]:
    return [name for name in _files(kind) if not (raw / name).is_file()]


def _unpack_archives(kind: TorchvisionSet, raw: Path) -> None:
    """Unpack the ``.gz`` files that somebody has put where the files themselves belong."""
    for name in _missing(kind, raw):
        archive = raw / f"{name}.gz"
        if archive.is_file():
            unpack(archive, raw / name)


def _check_pair(stem: str, raw: Path) -> None:
    images, labels = raw / f"{stem}-images-idx3-ubyte", raw / f"{stem}-labels-idx1-ubyte"
    sizes = check_idx(images, 3)
    pictures, count = sizes[0], check_idx(labels, 1)[0]
    if 0 in sizes:
        raise DataError(f"{images} holds no pictures; put an intact copy there")
    if pictures != count:
        raise DataError(
            f"{images} holds {pictures:,} pictures, but {labels} holds {count:,} labels: "
            "one of them belongs to another data set"
        )


def _check_labels(kind: TorchvisionSet, part: ImageSet, file: Path) -> None:
    first, last = kind.first_label, kind.first_label + len(kind.classes) - 1
    low, high = int(part.labels.min()) + first, int(part.labels.max()) + first
    if low < first or high > last:
        raise DataError(
            f"{file} holds the label {low if low < first else high}, but the classes are "
            f"{first} to {last}: it is damaged or belongs to another data set; delete it and run "
            "again to download it anew, or put an intact copy there"
        )


def _download(
    name: str, kind: TorchvisionSet, root: str, raw: Path, note: Callable[[str], None]
) -> None:
    note(f"downloading {name} to {raw}")
    try:
        # torchvision announces files on stdout, which belongs to results.
        with contextlib.redirect_stdout(sys.stderr):
            _class(kind)(root, train=True, download=True, **kind.arguments)
    except (URLError, HTTPException, RuntimeError, OSError, ValueError) as error:
        missing = [f"{file}.gz" for file in _missing(kind, raw)]
        if not missing:
            return  # everything arrived; what is wrong with it, check_idx says
        source = (
            "gzip.zip from the EMNIST page, unpacked"
            if kind.class_name == "EMNIST"
            else ", ".join(missing)
        )
        raise DataError(
            f"{name} is not in {raw} and could not be downloaded ({_cause(error)}): "
            f"put {source} into that folder, or use --data digits, which needs no network"
        ) from error


def _cause(error: Exception) -> str:
    """The last line of the message, which torchvision ends with the reason."""
    lines = str(getattr(error, "reason", error)).strip().splitlines()
    last = lines[-1].strip() if lines else type(error).__name__
    return re.sub(r"^<urlopen error (.*)>$", r"\1", last)


def _read(kind: TorchvisionSet, root: str, *, train: bool) -> ImageSet:
    data = _class(kind)(root, train=train, download=False, **kind.arguments)
    images = cast("Tensor", data.data)
    if kind.transposed:
        images = images.transpose(1, 2)
    labels = torch.as_tensor(data.targets, dtype=torch.int64) - kind.first_label
    return ImageSet(images[:, None].contiguous(), labels)


def _class(kind: TorchvisionSet) -> Callable[..., Any]:
    datasets = import_torchvision("torchvision.datasets")
    return cast("Callable[..., Any]", getattr(datasets, kind.class_name))


_UNSIGNED_BYTE = 8


def check_idx(path: Path, axes: int) -> tuple[int, ...]:
    """The sizes of the array in the IDX file ``path``, if the file is whole.

    Raises:
        DataError: it is no IDX file of unsigned bytes with that many axes, or is too
            short or too long; the message names the file and says what to do.
    """
    try:
        length = path.stat().st_size
        with path.open("rb") as stream:
            header = stream.read(4 + 4 * axes)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    advice = "delete it and run again to download it anew, or put an intact copy there"
    if header[:2] != b"\0\0" or len(header) < 4 or header[2] != _UNSIGNED_BYTE:
        raise DataError(
            f"{path} is damaged: it does not begin as an IDX file of bytes does; {advice}"
        )
    if header[3] != axes:
        raise DataError(
            f"{path} holds an array of {header[3]} axes where {axes} are expected "
            f"({'labels' if header[3] == 1 else 'pictures'} in the place of "
            f"{'labels' if axes == 1 else 'pictures'}?); {advice}"
        )
    if len(header) < 4 + 4 * axes:
        raise DataError(
            f"{path} is cut short: {length} bytes do not even hold its header; {advice}"
        )
    sizes = tuple(int.from_bytes(header[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    expected = 4 + 4 * axes + math.prod(sizes)
    if length != expected:
        fault = "cut short" if length < expected else "too long"
        raise DataError(
            f"{path} is {fault}: {expected:,} bytes are expected for "
            f"{times(sizes)} values, it has {length:,}; {advice}"
        )
    return sizes


def unpack(archive: Path, target: Path) -> None:
    """Write the content of a ``.gz`` file to ``target``, atomically.

    Raises:
        DataError: the archive is damaged or cut short.
    """
    try:
        with gzip.open(archive) as stream:
            content = stream.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{archive} is damaged or cut short ({error}); delete it and run again to download "
            "it anew, or put an intact copy there"
        ) from error
    write_atomic(target, content)
