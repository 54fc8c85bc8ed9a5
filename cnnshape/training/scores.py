"""What a network says about pictures: a number for each class, and in training more of them."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from cnnshape.errors import ModelFailedError
from cnnshape.loading.network import refusal
from cnnshape.words import counted, times, with_article


def class_scores(model: nn.Module, pictures: Tensor, classes: int) -> Tensor:
    """A number for each picture and class, by the network in eval mode.

    Raises:
        ModelFailedError: it raised, or gives something else.
    """
    try:
        result: object = model(pictures)
    except (Exception, SystemExit) as error:
        raise refusal(model, pictures, error) from error
    if not are_scores(result, len(pictures), classes):
        raise ModelFailedError(
            f"{type(model).__name__} gives {told(result)} for {counted(len(pictures), 'picture')}, "
            f"where {len(pictures)}×{classes} numbers are needed, one for each class"
        )
    return cast("Tensor", result)


def are_scores(result: object, pictures: int, classes: int | None = None) -> bool:
    """Whether this is one floating-point number for each picture and class."""
    return (
        isinstance(result, Tensor)
        and result.is_floating_point()
        and result.dim() == 2
        and len(result) == pictures
        and classes in (None, result.shape[1])
    )


def training_scores(result: object) -> tuple[Tensor, ...]:
    """The scores of a network in training mode: its own first, then those of auxiliary classifiers.

    GoogLeNet and Inception give them together while they are trained; others give one tensor.
    """
    if isinstance(result, Tensor):
        return (result,)
    members = cast("tuple[Tensor | None, ...]", result)
    return tuple(member for member in members if member is not None)


def are_training_scores(result: object, pictures: int, classes: int) -> bool:
    """Whether :func:`training_scores` can read this."""
    members: tuple[object, ...] = result if isinstance(result, tuple) else (result,)
    given = [member for member in members if member is not None]
    return bool(given) and all(are_scores(member, pictures, classes) for member in given)


def told(result: object) -> str:
    """A result in words, as ``2×10``.

    >>> told({"out": 1})
    'a dict'
    """
    if not isinstance(result, Tensor):
        return with_article(type(result).__name__)
    kind = "" if result.is_floating_point() else f" {str(result.dtype).removeprefix('torch.')}"
    return f"{times(result.shape, 'a single number')}{kind} numbers"
