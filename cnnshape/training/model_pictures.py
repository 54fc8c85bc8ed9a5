"""Which picture a model takes, and a picture file made one of those."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnnshape.errors import InputError
from cnnshape.loading.model import LoadedModel
from cnnshape.loading.shapes import parse_input
from cnnshape.training.picture_files import fit_picture, open_picture
from cnnshape.training.preparation import Preparation
from cnnshape.words import listed, plural, with_article

if TYPE_CHECKING:
    from PIL.Image import Image

# What torchvision's published weights expect ("Models and pre-trained weights").
_IMAGENET = Preparation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), background=())
_AS_IT_IS = Preparation((0.0,), (1.0,), ())
#: A layer alone takes a picture as large as it is, up to this side.
_LARGEST = 2048
#: Channels of grey and of coloured pictures, with a usual size of each.
_USUAL = {1: "1,1,28,28", 3: "1,3,224,224"}
#: Layers that take something else, by the names of their classes.
_NO_PICTURE = re.compile(r"[13]d$|Linear|Embedding|LSTM|GRU|RNN|Attention|Transformer")


@dataclass(frozen=True, slots=True)
class ModelPicture:
    """A picture as a model takes it.

    Attributes:
        pixels: uint8 C×H×W.
        prepared: float32 1×C×H×W, normalised as the model expects it.
        notes: what was done to the picture.
    """

    pixels: Tensor
    prepared: Tensor
    notes: tuple[str, ...]


def picture_for(
    loaded: LoadedModel, image: Path, input_shape: str | None = None, command: str = "features"
) -> ModelPicture:
    """The file as the model takes it: of its size, or for a layer alone of its own.

    Raises:
        DataError: the file is no picture.
        InputError: the model takes no picture, or nobody knows how large a one.
    """
    picture = open_picture(image)
    own = picture if command == "features" else None
    shape = picture_shape(loaded, input_shape, own, command)
    pixels = fit_picture(picture, shape)
    prepare = normalisation(loaded, shape[0])
    now = f"{shape[2]}×{shape[1]}"
    before = f"{picture.width}×{picture.height}"
    notes = () if now == before else (f"{before} → {now}",)
    return ModelPicture(pixels, prepare(pixels[None]).to(torch.float32), notes)


def normalisation(loaded: LoadedModel, channels: int) -> Preparation:
    """How the model's pictures are normalised: as ImageNet's are, or not at all."""
    catalog = loaded.spec.kind in ("torchvision", "timm") and channels == 3
    return _IMAGENET if catalog else _AS_IT_IS


def picture_shape(
    loaded: LoadedModel,
    input_shape: str | None = None,
    picture: Image | None = None,
    command: str = "features",
) -> tuple[int, int, int]:
    """Channels, height, width of the picture that the model takes.

    Args:
        loaded: the model.
        input_shape: as it was typed, as in ``1,3,64,64``; None for the usual one.
        picture: what a layer alone is to be given.
        command: who asks.

    Raises:
        InputError: it takes no picture, or nobody knows how large a one.
    """
    specs = (parse_input(input_shape),) if input_shape is not None else loaded.usual_inputs
    if specs is None:
        return _own_shape(loaded, picture)
    sizes = [size for size in specs[0].shape[1:] if isinstance(size, int) and size > 0]
    one = len(specs) == 1 and specs[0].tensors is None and len(specs[0].shape) == 4
    if not one or len(sizes) != 3 or sizes[0] not in _USUAL:
        takes = "-i says" if input_shape is not None else f"{loaded.spec.text} takes"
        raise InputError(
            f"{command} needs a model that takes one picture, N,1,H,W or N,3,H,W; "
            f"{takes} {listed(map(str, specs))}"
        )
    return sizes[0], sizes[1], sizes[2]


def _own_shape(loaded: LoadedModel, picture: Image | None) -> tuple[int, int, int]:
    """The picture's own, for a layer alone."""
    name, module = loaded.spec.text, loaded.module
    channels = first_channels(module)
    if channels is not None and channels not in _USUAL:
        raise InputError(f"{name} takes {plural(channels, 'channel')}, and a picture has 1 or 3")
    alone = not any(module.children())
    if alone and _NO_PICTURE.search(type(module).__name__):
        raise InputError(f"{name} is {with_article(type(module).__name__)} and takes no picture")
    if picture is None or not alone:
        usual = _USUAL[channels or 3]
        raise InputError(f"{name} has no usual input: say what picture it takes, as in -i {usual}")
    scale = min(1.0, _LARGEST / max(picture.width, picture.height))
    height, width = (max(1, round(n * scale)) for n in (picture.height, picture.width))
    return channels or len(picture.getbands()), height, width


def first_channels(module: nn.Module) -> int | None:
    """What the first layer that looks at pictures expects; None where nothing says so."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            return layer.in_channels
        if isinstance(layer, nn.BatchNorm2d):
            return layer.num_features
    return None
