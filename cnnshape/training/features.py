"""From a MODEL or a run and a picture file to a drawing of one layer's feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnshape.errors import InputError
from cnnshape.loading.model import LoadedModel, load
from cnnshape.loading.run_folder import is_run_folder, load_run, read_run
from cnnshape.loading.shapes import InputSpec, parse_input
from cnnshape.training import style
from cnnshape.training.activations import FeatureMaps, draw_features, feature_maps
from cnnshape.training.devices import choose_device
from cnnshape.training.picture import fit_picture, open_picture
from cnnshape.training.prediction import fit_for_run
from cnnshape.training.preparation import Preparation
from cnnshape.words import listed

# What torchvision's published weights expect ("Models and pre-trained weights").
_IMAGENET = Preparation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), background=())


@dataclass(frozen=True, slots=True)
class DrawnFeatures:
    """What was drawn.

    Attributes:
        maps: the layer's output.
        path: the drawing.
        notes: what was done to the picture, and whether the weights are random.
    """

    maps: FeatureMaps
    path: Path
    notes: tuple[str, ...]


def features_of(
    model: str,
    image: Path,
    path: Path,
    *,
    layer: str | None = None,
    input_shape: str | None = None,
    weights: str | None = None,
    device: str = "auto",
) -> DrawnFeatures:
    """Draw the picture ``image`` beside the feature maps of one layer.

    Args:
        model: a run folder, or any MODEL argument.
        image: a picture of any size and format; it is fitted to the model's input.
        path: the drawing, .png, .svg or .pdf.
        layer: the layer's path; None is the first convolution.
        input_shape: for models without a usual input, as in ``1,3,64,64``.
        weights: a state dict file, for a model that is no run.
        device: ``auto`` is CUDA, then MPS, then the CPU.

    Raises:
        UsageError: the model, picture, layer or file cannot be used.
        ModelFailedError: the model does not take such a picture.
    """
    style.picture_format(path)
    chosen = choose_device(device)
    if is_run_folder(model) and weights is None:
        module, pixels, prepared, notes = _from_run(model, image)
    else:
        module, pixels, prepared, notes = _from_model(model, image, input_shape, weights)
    found = feature_maps(module, pixels.float() / 255, prepared, layer, device=chosen)
    draw_features(
        found, path, f"{Path(model).name if is_run_folder(model) else model}, {image.name}"
    )
    return DrawnFeatures(found, path, notes)


_Prepared = tuple[nn.Module, Tensor, Tensor, tuple[str, ...]]


def _from_run(model: str, image: Path) -> _Prepared:
    run = read_run(model)
    pixels, notes = fit_for_run(image, run)
    return load_run(model), pixels, Preparation(run.mean, run.std, ())(pixels[None]), notes


def _from_model(model: str, image: Path, input_shape: str | None, weights: str | None) -> _Prepared:
    picture = open_picture(image)
    loaded = load(model, weights=weights, real=True)
    shape = _picture_shape(loaded, input_shape)
    pixels = fit_picture(picture, shape)
    catalog = loaded.spec.kind in ("torchvision", "timm") and shape[0] == 3
    prepare = _IMAGENET if catalog else Preparation((0.0,), (1.0,), ())
    notes = [f"{picture.width}×{picture.height} → {shape[2]}×{shape[1]}"]
    if weights is None:
        notes.append(
            f"the weights of {model} are random, and so are the maps: give --weights or a run"
        )
    return loaded.module, pixels, prepare(pixels[None]).to(torch.float32), tuple(notes)


def _picture_shape(loaded: LoadedModel, input_shape: str | None) -> tuple[int, int, int]:
    """Channels, height, width of the picture that the model takes."""
    specs = (parse_input(input_shape),) if input_shape is not None else loaded.usual_inputs
    if specs is None:
        raise InputError(
            f"{loaded.spec.text} has no usual input: "
            "say what picture it takes, as in -i 1,3,224,224"
        )
    sizes = [size for size in specs[0].shape if isinstance(size, int)]
    if len(specs) != 1 or specs[0].tensors is not None or len(sizes) != 4 or sizes[1] not in (1, 3):
        raise InputError(
            f"features needs a model that takes one picture, N,1,H,W or N,3,H,W; "
            f"{loaded.spec.text} takes {_text(specs)}"
        )
    return sizes[1], sizes[2], sizes[3]


def _text(specs: tuple[InputSpec, ...]) -> str:
    return listed(map(str, specs))
