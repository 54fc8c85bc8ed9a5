"""Named sets of settings, and how they adapt to a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cnnshape.errors import UsageError
from cnnshape.training.config import TrainingConfig
from cnnshape.words import listed


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings that belong together.

    Attributes:
        about: one line for ``--help``.
        settings: what it sets on every data set.
        per_data: what it sets besides on some, by the data set's family (``folder:x`` is
            of the family ``folder``, ``emnist-letters`` of ``emnist``).
    """

    about: str
    settings: Mapping[str, Any]
    per_data: Mapping[str, Mapping[str, Any]]


# Sixty thousand pictures need fewer passes and larger batches than 1,300 do.
_LARGE: Mapping[str, Any] = MappingProxyType({"epochs": 10, "batch_size": 128, "lr": 3e-3})

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "default": Recipe(
            about="AdamW, cosine schedule with warm-up, small affine augmentation",
            settings={},
            per_data={
                "mnist": _LARGE,
                "kmnist": _LARGE,
                "emnist": _LARGE,
                # Clothes hang straight in the frame: mirroring them is what stays true.
                "fashion-mnist": {**_LARGE, "augmentation": "flip"},
                "folder": {"augmentation": "shift"},
            },
        ),
        # "Dive into Deep Learning", section 7.6 (LeNet): plain SGD at 0.9, batches of 256,
        # ten epochs, Xavier's initialisation of convolutions and linear layers alike.
        "d2l": Recipe(
            about="SGD at 0.9, batch 256, 10 epochs, Xavier initialisation, no validation split",
            settings={
                "optimizer": "sgd",
                "lr": 0.9,
                "momentum": 0.0,
                "weight_decay": 0.0,
                "schedule": "constant",
                "warmup": 0.0,
                "batch_size": 256,
                "epochs": 10,
                "augmentation": "none",
                "label_smoothing": 0.0,
                "initialization": "xavier",
                "normalize": False,
                "validation": 0.0,
            },
            per_data={},
        ),
    }
)


def configure(
    model: str = "lenet", data: str = "digits", recipe: str = "default", **settings: Any
) -> TrainingConfig:
    """The settings of ``recipe`` for ``model`` and ``data``, some of them replaced.

    Raises:
        UsageError: no such recipe, or a value out of its range.

    >>> configure("lenet-d2l", "fashion-mnist", "d2l").lr
    0.9
    >>> configure("lenet", "mnist").epochs, configure("lenet", "digits", epochs=6).epochs
    (10, 6)
    """
    if recipe not in RECIPES:
        raise UsageError(f"unknown recipe {recipe!r}: there are {listed(RECIPES)}")
    chosen = RECIPES[recipe]
    values = {**chosen.settings, **_for_data(chosen, data), **settings}
    return TrainingConfig(model=model, data=data, recipe=recipe, **values)


def _for_data(recipe: Recipe, data: str) -> Mapping[str, Any]:
    name = data.partition(":")[0]
    return recipe.per_data.get(name) or recipe.per_data.get(name.partition("-")[0]) or {}
