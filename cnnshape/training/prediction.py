"""Which class a picture belongs to, according to a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cnnshape.errors import DataError
from cnnshape.loading.run_folder import Run, load_run, read_run
from cnnshape.messages import say
from cnnshape.training.batches import at_once
from cnnshape.training.devices import choose_device
from cnnshape.training.picture_files import (
    border_level,
    find_pictures,
    fit_picture,
    object_box,
    open_picture,
    sharpness,
    to_bytes,
)
from cnnshape.training.preparation import Preparation
from cnnshape.training.scores import class_scores

if TYPE_CHECKING:
    from PIL.Image import Image

_BATCH = 256

_FAR = 1.3
"""So many times as sharp as the sharpest of the training pictures is unlike them."""

_SMALL = 0.7
"""Objects that take less than this part of what training objects take are cropped to."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model takes one picture for.

    Attributes:
        image: the file.
        label: the most probable class, by name.
        index: its number.
        probability: its probability by softmax, 0…1.
        probabilities: every class's, in the order of the model's outputs.
        notes: what was done to the picture to make it look like the training pictures.
        doubt: why it looks unlike them all the same; empty where it does not.
    """

    image: Path
    label: str
    index: int
    probability: float
    probabilities: dict[str, float]
    notes: tuple[str, ...]
    doubt: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "image": self.image.as_posix(),
            "class": self.label,
            "index": self.index,
            "probability": self.probability,
            "probabilities": self.probabilities,
            "notes": list(self.notes),
            "doubt": self.doubt,
        }


def predict(
    folder: str | Path,
    images: Sequence[str | Path],
    *,
    device: str = "auto",
    crop: bool | None = None,
    invert: bool | None = None,
    trust_code: bool = False,
) -> list[Prediction]:
    """Classify pictures with a run's best weights.

    Args:
        folder: the run folder.
        images: picture files of any size and format, or folders of them.
        device: ``auto`` is CUDA, then MPS, then the CPU.
        crop: cut each picture to its object, then give it the margin that the training
            pictures have; None does so where the object is much smaller than theirs.
        invert: exchange light and dark; None decides by the backgrounds.
        trust_code: run the code that the folder names, where it names any.

    Raises:
        DataError: a picture is missing or damaged; the message names it.
        RunFolderError: the folder is no run, or names code that is not trusted.
    """
    run = read_run(folder)
    model = load_run(folder, trust_code=trust_code)
    chosen = choose_device(device)
    files = files_of(images)
    prepare = Preparation(run.mean, run.std, ())
    model.to(chosen)
    found: list[Prediction] = []
    count = min(_BATCH, at_once(run.input_shape))
    for start in range(0, len(files), count):
        part = files[start : start + count]
        fitted = [fit_for_run(file, run, crop=crop, invert=invert) for file in part]
        with torch.inference_mode():
            batch = torch.stack([picture for picture, _ in fitted]).to(chosen)
            scores = class_scores(model, prepare(batch), len(run.classes))
        rows = scores.float().softmax(dim=1).cpu().tolist()
        found += [
            replace(prediction(file, row, run.classes, notes), doubt=_doubt(picture, run))
            for file, row, (picture, notes) in zip(part, rows, fitted, strict=True)
        ]
    return found


def _doubt(picture: Tensor, run: Run) -> str:
    """Whether a picture is much sharper, or more blurred, than those that were trained on."""
    if run.sharpness is None or not any(run.sharpness):
        return ""
    low, high = run.sharpness
    found = float(sharpness(picture[None]))
    if found > _FAR * high:
        times = f"{found / high:.1f}"
        return say("{times} times as sharp as the training pictures", times=times)
    return say("more blurred than the training pictures") if 0 < _FAR * found < low else ""


def prediction(
    file: Path, row: Sequence[float], classes: Sequence[str], notes: tuple[str, ...]
) -> Prediction:
    """The most probable class, where ``row`` has the probability of each."""
    index = max(range(len(row)), key=row.__getitem__)
    return Prediction(
        image=file,
        label=classes[index],
        index=index,
        probability=row[index],
        probabilities=dict(zip(classes, row, strict=True)),
        notes=notes,
    )


def files_of(images: Sequence[str | Path]) -> list[Path]:
    """The files that are named, and every picture in the folders that are.

    Raises:
        DataError: a folder holds no picture.
    """
    files: list[Path] = []
    for image in map(Path, images):
        if image.is_dir():
            inside = find_pictures(image)
            if not inside:
                raise DataError(f"the folder {image} holds no picture")
            files += inside
        else:
            files.append(image)
    return files


def fit_for_run(
    file: Path, run: Run, *, crop: bool | None = None, invert: bool | None = None
) -> tuple[Tensor, tuple[str, ...]]:
    """One picture as the run's model saw its training pictures, and what was done to it.

    Returns:
        uint8 C×H×W, and notes such as ``320×240 → 28×28`` and ``inverted``.

    Raises:
        DataError: the picture is missing or damaged.
    """
    picture = open_picture(file)
    _, height, width = run.input_shape
    notes: list[str] = []
    # Asked before anything is cut off: what is left of a 1 is nothing but ink.
    background = border_level(to_bytes(picture.convert("RGB")))
    box = object_box(to_bytes(picture.convert("RGB"))) if crop is not False else None
    if box is None and crop is not False:
        notes.append(say("nothing stands out in it"))
    if box is not None and (crop or _part(box, picture) < _SMALL * run.extent):
        top, left, bottom, right = box
        notes.append(say("cropped to {sizes}", sizes=f"{right - left}×{bottom - top}"))
        picture = _with_margin(picture.crop((left, top, right, bottom)), run.extent, background)
    if (picture.height, picture.width) != (height, width):
        notes.append(f"{picture.width}×{picture.height} → {width}×{height}")
    fitted = fit_picture(picture, run.input_shape)
    dark = bool(background.float().mean() < 127.5)
    if (dark != run.dark_background) if invert is None else invert:
        fitted = 255 - fitted
        seen = say("light on dark") if dark else say("dark on light")
        notes.append(say("inverted ({seen})", seen=seen) if invert is None else say("inverted"))
    return fitted, tuple(notes)


def _part(box: tuple[int, int, int, int], picture: Image) -> float:
    """How much of the frame's larger side an object takes."""
    top, left, bottom, right = box
    return max((bottom - top) / picture.height, (right - left) / picture.width)


def _with_margin(picture: Image, extent: float, background: Tensor) -> Image:
    """A square of the background's colour with the picture taking ``extent`` of its side."""
    from PIL.Image import new

    side = max(picture.size)
    whole = max(side, round(side / max(extent, 0.1)))
    red, green, blue = (int(level) for level in background.tolist())
    canvas = new("RGB", (whole, whole), (red, green, blue))
    canvas.paste(picture, ((whole - picture.width) // 2, (whole - picture.height) // 2))
    return canvas
