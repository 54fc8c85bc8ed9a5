"""The input each torchvision model is usually given, so that nobody has to type it."""

from __future__ import annotations

from typing import Any

from torch import nn

from cnnshape.loading.shapes import InputSpec

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
