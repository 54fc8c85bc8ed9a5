"""``folder:PATH``: pictures sorted into one folder per class."""

from __future__ import annotations

from pathlib import Path

import torch

from cnnshape.errors import DataError
from cnnshape.training.examples import PictureFiles
from cnnshape.training.picture import find_pictures
from cnnshape.training.sampling import every_fifth

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
    folder = Path(path)
    if not path or not folder.is_dir():
        raise DataError(f"there is no folder {path!r}: folder:PATH needs {_LAYOUT}")
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
