"""Models of torchvision and timm by name, never with weights.

What is built is the architecture of the published weights: GoogLeNet without its
auxiliary heads, Inception v3 with them, segmentation models with their auxiliary
classifier. Parameters and MACs then equal the published figures, and a published
weights file fits.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

import torch
from torch import nn

from cnnshape.errors import MissingDependencyError, ModelConstructionError, ModelNotFoundError
from cnnshape.loading.installed_torchvision import blame_torchvision, import_torchvision
from cnnshape.loading.shapes import InputSpec
from cnnshape.loading.target import make_module
from cnnshape.messages import say
from cnnshape.words import did_you_mean

_Built = tuple[nn.Module, tuple[InputSpec, ...] | None]

# Arguments that would fetch weights, with the only value that does not.
_NO_WEIGHTS: dict[str, object] = {
    "weights": None,
    "weights_backbone": None,
    "pretrained": False,
    "pretrained_backbone": False,
}


def build_torchvision(name: str, arguments: Mapping[str, object]) -> _Built:
    """Build ``torchvision:NAME`` and tell its usual input.

    Raises:
        ModelNotFoundError: torchvision has no such model; the nearest are named.
        MissingDependencyError: torchvision is missing or does not fit the installed torch.
    """
    models = import_torchvision_models()
    _refuse_weights(f"torchvision:{name}", arguments)
    try:
        builder = models.get_model_builder(name)
    except ValueError:
        raise ModelNotFoundError(
            say(
                "torchvision has no model {name!r}{hint}{listing}",
                name=name,
                hint=did_you_mean(name, models.list_models()),
                listing=_all_names("torchvision"),
            )
        ) from None
    keywords = {**_published(name.lower(), builder), **arguments}
    module = make_module(builder, {**keywords, "weights": None}, f"torchvision:{name}")
    family = str(builder.__module__).split(".")[2]
    return module, torchvision_inputs(family, _published_transforms(models, name), module)


def _published(name: str, builder: Any) -> dict[str, object]:
    """Arguments that give the architecture of the published weights, without weights."""
    accepted = inspect.signature(builder).parameters
    keywords: dict[str, object] = {}
    if "weights_backbone" in accepted:
        keywords["weights_backbone"] = None
    if "aux_loss" in accepted:
        keywords["aux_loss"] = True
    base = name.removeprefix("quantized_")
    if base == "googlenet":
        keywords["aux_logits"] = False
    if base in {"googlenet", "inception_v3"}:
        # Left open, torchvision warns about it and draws every weight with a slow routine.
        keywords["init_weights"] = False
    return keywords


def _published_transforms(models: ModuleType, name: str) -> Any:
    try:
        weights = models.get_model_weights(name)
    except ValueError:  # a model registered without weights
        return None
    return getattr(getattr(weights, "DEFAULT", None), "transforms", None)


_DETECTION = (InputSpec(tensors=(InputSpec((3, 320, 320)),)),)
# RAFT's correlation pyramid halves the features (an eighth of the input) three times.
_OPTICAL_FLOW = (InputSpec((1, 3, 128, 128)), InputSpec((1, 3, 128, 128)))
_SEGMENTATION_SIZE = 520
_CLIP_FRAMES = 16
_CLASSIFICATION_SIZE = 224


def torchvision_inputs(family: str, transforms: Any, module: nn.Module) -> tuple[InputSpec, ...]:
    """The usual inputs of a torchvision model: one picture, pair of pictures, or clip.

    Args:
        family: the part of ``torchvision.models`` it is built by: ``detection``,
            ``segmentation``, ``video``, ``optical_flow``, ``quantization`` or a
            classifier's own module.
        transforms: the preset of its published weights (a ``functools.partial``), which
            knows the size they were evaluated at; None if there are none.
        module: the built model; a vision transformer knows its own picture size.

    >>> [str(spec) for spec in torchvision_inputs("optical_flow", None, nn.Identity())]
    ['1,3,128,128', '1,3,128,128']
    """
    if family == "detection":
        return _DETECTION
    if family == "optical_flow":
        return _OPTICAL_FLOW
    preset: dict[str, Any] = getattr(transforms, "keywords", None) or {}
    if family == "segmentation":
        side = _side(preset.get("resize_size")) or _SEGMENTATION_SIZE
        return (InputSpec((1, 3, side, side)),)
    side = _side(getattr(module, "image_size", None)) or _side(preset.get("crop_size"))
    if family == "video":
        side = side or 112
        return (InputSpec((1, 3, _CLIP_FRAMES, side, side)),)
    side = side or _CLASSIFICATION_SIZE
    return (InputSpec((1, 3, side, side)),)


def _side(value: object) -> int | None:
    """One side of a square given as a number or a tuple of them."""
    if isinstance(value, (tuple, list)) and value:
        value = value[-1]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def torchvision_names() -> list[str]:
    """Every model name torchvision knows.

    Raises:
        MissingDependencyError: torchvision is missing or does not fit the installed torch.
    """
    return list(import_torchvision_models().list_models())


def import_torchvision_models() -> ModuleType:
    """``torchvision.models``, or one sentence about why it cannot be imported.

    Raises:
        MissingDependencyError: torchvision is missing or does not fit the installed torch.
    """
    return import_torchvision("torchvision.models")


def build_timm(name: str, arguments: Mapping[str, object]) -> _Built:
    """Build ``timm:NAME`` and tell its usual input.

    Raises:
        ModelNotFoundError: timm has no such model; the nearest are named.
        MissingDependencyError: timm is not installed.
    """
    timm = import_timm()
    _refuse_weights(f"timm:{name}", arguments)
    # `hf-hub:…` and the like would fetch a configuration.
    if ":" in name or not timm.is_model(name):
        raise ModelNotFoundError(
            say(
                "timm has no model {name!r}{hint}{listing}",
                name=name,
                hint=did_you_mean(name, timm.list_models()),
                listing=_all_names("timm"),
            )
        )
    keywords = {**arguments, "pretrained": False}

    def create(**given: object) -> object:
        return timm.create_model(name, **given)

    module = make_module(create, keywords, f"timm:{name}")
    return module, timm_inputs(module, arguments)


def timm_inputs(module: nn.Module, arguments: Mapping[str, object]) -> tuple[InputSpec, ...] | None:
    """One picture of the size in the model's ``default_cfg``, or as its arguments say."""
    config = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    size = cast("Any", config).get("input_size") if isinstance(config, Mapping) else None
    if not isinstance(size, (tuple, list)) or len(cast("tuple[Any, ...]", size)) != 3:
        return None
    channels, height, width = size
    given = arguments.get("img_size")
    if isinstance(given, int):
        height = width = given
    elif isinstance(given, (tuple, list)) and len(cast("tuple[Any, ...]", given)) == 2:
        height, width = cast("tuple[Any, Any]", given)
    channels = arguments.get("in_chans", channels)
    if not all(isinstance(value, int) for value in (channels, height, width)):
        return None
    return (InputSpec((1, cast("int", channels), int(height), int(width))),)


def timm_names() -> list[str]:
    """Every architecture timm knows; empty where it is not installed."""
    try:
        return list(import_timm().list_models())
    except MissingDependencyError:
        return []


def import_timm() -> ModuleType:
    """``timm``, or one sentence about why it cannot be imported.

    Raises:
        MissingDependencyError: timm is missing or does not fit the installed torch.
    """
    try:
        return importlib.import_module("timm")
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "timm":
            raise MissingDependencyError("timm is not installed: pip install timm") from error
        blame_torchvision(error)
        raise MissingDependencyError(
            f"timm cannot be imported beside torch {torch.__version__} ({error}): "
            "pip install --upgrade timm"
        ) from error


def _refuse_weights(called: str, arguments: Mapping[str, object]) -> None:
    for name, harmless in _NO_WEIGHTS.items():
        if name in arguments and arguments[name] != harmless:
            raise ModelConstructionError(
                f"{called}({name}={arguments[name]!r}) would download weights, and nothing is "
                f"downloaded for a model: leave {name} out, and give a file with --weights FILE"
            )


def _all_names(catalog: str) -> str:
    return say(" (`cnnshape models` lists {catalog}'s names)", catalog=catalog)
