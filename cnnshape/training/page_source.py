"""What a page of live activations is made of: a network, how its pictures are, some of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnshape.errors import DataError, InputError, MissingDependencyError
from cnnshape.loading.model import LoadedModel, load
from cnnshape.loading.run_folder import Run, is_run_folder, load_run, read_run
from cnnshape.training.datasets import Splits, load_data
from cnnshape.training.model_pictures import normalisation, picture_for, picture_shape
from cnnshape.training.prediction import fit_for_run
from cnnshape.training.random_weights import random_weights
from cnnshape.words import times

PICTURES = 20
"""Test pictures that a page carries."""

_MOST_BYTES = 2_000_000
"""Of all of them together: larger pictures are left out."""

_MNIST_EXTENT = 20 / 28
"""MNIST's digits were fitted into 20×20 of their 28×28 pixels."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How the pictures are that a network takes; one number for each channel.

    Attributes:
        mean: subtracted from a picture in 0…1.
        std: what is divided by after that.
        background: of a picture, in 0…1.
        dark: the pictures are light on dark.
        extent: the part of the frame's larger side that an object takes.
        coarse: the size that the pictures were scaled up from; None where they were not.
        like: whether other pictures are cropped and inverted to be like them.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    background: tuple[float, ...]
    dark: bool = True
    extent: float = _MNIST_EXTENT
    coarse: tuple[int, int] | None = None
    like: bool = False


@dataclass(frozen=True, slots=True)
class PageSource:
    """A network with pictures for it.

    Attributes:
        name: the run folder's, or what was given as MODEL.
        module: the network, on the CPU, in eval mode.
        shape: channels, height, width of a picture.
        taken: how its pictures are.
        classes: their names, in the order of the results; empty where nobody knows them.
        pictures: uint8 N×C×H×W.
        labels: what each of them shows.
        about: where the weights come from, in words.
        notes: what the reader should know.
    """

    name: str
    module: nn.Module
    shape: tuple[int, int, int]
    taken: Taken
    pictures: Tensor
    labels: tuple[str, ...]
    about: str
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def page_source(
    model: str, image: Path | None = None, *, input_shape: str | None = None,
    weights: str | None = None, trust_code: bool = False,
) -> PageSource:  # fmt: skip
    """A run folder, or any MODEL argument, with twenty test pictures.

    Args:
        model: a run folder, or any MODEL argument.
        image: a picture that is to come first.
        input_shape: for models without a usual input, as in ``1,1,28,28``.
        weights: a state dict file, for a model that is no run.
        trust_code: run the code that a run folder names, where it names any.

    Raises:
        UsageError: the model or the picture cannot be used.
    """
    if is_run_folder(model) and weights is None:
        return _from_run(read_run(model), image, trust_code=trust_code)
    loaded = load(model, weights=weights, real=True)
    return _from_model(loaded, image, input_shape, weights)


def handed_over(module: nn.Module, shape: tuple[int, int, int], name: str) -> PageSource:
    """A module in hand: its pictures are taken as they are, and nobody knows its weights' past."""
    pictures, labels, notes = _digits(shape)
    taken = Taken((0.0,) * shape[0], (1.0,) * shape[0], (0.0,) * shape[0])
    about = "weights as they were handed over"
    return PageSource(name, module, shape, taken, pictures, labels, about, notes=notes)


def _from_run(run: Run, image: Path | None, *, trust_code: bool) -> PageSource:
    root = str(run.settings.get("root", "data"))
    pictures, labels, notes, coarse = _test_pictures(run.data_name, root, run.input_shape)
    if image is not None:
        pixels, done = fit_for_run(image, run)
        pictures, labels = _first(pixels, image, pictures, labels)
        notes += tuple(f"{image.name}: {note}" for note in done)
    taken = Taken(
        run.mean, run.std, run.background, run.dark_background, run.extent, coarse, like=True
    )
    return PageSource(
        name=run.folder.resolve().name,
        module=load_run(run.folder, trust_code=trust_code),
        shape=run.input_shape,
        taken=taken,
        pictures=pictures,
        labels=labels,
        about=f"{run.model.rpartition('/')[2]} trained on {run.data_name}",
        classes=run.classes,
        notes=notes,
    )


def _from_model(
    loaded: LoadedModel, image: Path | None, input_shape: str | None, weights: str | None
) -> PageSource:
    shape = picture_shape(loaded, input_shape)
    pictures, labels, notes = _digits(shape)
    if image is not None:
        found = picture_for(loaded, image, input_shape)
        pictures, labels = _first(found.pixels, image, pictures, labels)
        notes += tuple(f"{image.name}: {note}" for note in found.notes)
    name, about = loaded.spec.text, "weights as its code sets them"
    if weights is not None:
        about = f"weights from {Path(weights).name}"
    elif random_weights(loaded):
        about = "random weights"
        notes += (
            f"the weights of {name} are random, and so are the maps: give --weights or a run",
        )
    prepare = normalisation(loaded, shape[0])
    mean, std = (values * (shape[0] // len(values)) for values in (prepare.mean, prepare.std))
    taken = Taken(mean, std, (0.0,) * shape[0])
    return PageSource(name, loaded.module, shape, taken, pictures, labels, about, notes=notes)


def _first(
    pixels: Tensor, image: Path, pictures: Tensor, labels: tuple[str, ...]
) -> tuple[Tensor, tuple[str, ...]]:
    """The picture that was given before all others."""
    return torch.cat([pixels[None], pictures]), (image.name, *labels)


def _digits(shape: tuple[int, int, int]) -> tuple[Tensor, tuple[str, ...], tuple[str, ...]]:
    """Digits for a network that nobody knows the data of; none where they cannot be had."""
    if shape[0] not in (1, 3):
        raise InputError(
            f"a page draws pictures of 1 or 3 channels, and this network takes {times(shape)}"
        )
    pictures, labels, _, _ = _test_pictures("digits", "", shape)
    return pictures, labels, ()


def _test_pictures(
    name: str, root: str, shape: tuple[int, int, int]
) -> tuple[Tensor, tuple[str, ...], tuple[str, ...], tuple[int, int] | None]:
    """Pictures, what each shows, notes, and the size that the pictures were scaled up from."""
    none = torch.empty((0, *shape), dtype=torch.uint8)
    if PICTURES * _bytes(shape) > _MOST_BYTES:
        return none, (), (f"no test picture is in the page: {times(shape)} is too large",), None
    try:
        splits = load_data(name, root, shape)
    except (DataError, MissingDependencyError) as error:
        return none, (), (f"no test picture is in the page: {error}",), None
    chosen = few_of_each(splits.test.labels, PICTURES)
    labels = tuple(splits.classes[label] for label in splits.test.labels[chosen].tolist())
    return splits.test.read(chosen), labels, (), _coarser(splits, shape)


def _bytes(shape: tuple[int, int, int]) -> int:
    """Bytes of a picture."""
    channels, height, width = shape
    return channels * height * width


def _coarser(splits: Splits, shape: tuple[int, int, int]) -> tuple[int, int] | None:
    """The pictures' own size, where it is smaller."""
    own = splits.own_size
    return own if own is not None and own[0] < shape[1] and own[1] < shape[2] else None


def few_of_each(labels: Tensor, count: int) -> Tensor:
    """The places of the first picture of each class, of the second, and so on, up to ``count``.

    >>> few_of_each(torch.tensor([1, 1, 0, 1, 0]), 3)
    tensor([2, 0, 4])
    """
    rounds: list[tuple[int, int, int]] = []
    seen: dict[int, int] = {}
    for place, label in enumerate(labels.tolist()):
        seen[label] = seen.get(label, -1) + 1
        rounds.append((seen[label], label, place))
    return torch.tensor([place for *_, place in sorted(rounds)[:count]], dtype=torch.int64)
