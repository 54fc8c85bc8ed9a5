"""Every setting of one training run, checked when it is made, and the recipes they come from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from cnnshape.errors import ModelNotFoundError, UsageError
from cnnshape.loading.network import TRAINABLE
from cnnshape.loading.spec import parse_spec
from cnnshape.words import listed

Optimizer = Literal["sgd", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "linear", "step", "onecycle"]
Augmentation = Literal["none", "shift", "affine", "flip"]
Initialization = Literal["default", "xavier"]
Amp = Literal["off", "bf16", "fp16"]
Placement = Literal["auto", "memory", "loader"]

OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)
INITIALIZATIONS: tuple[Initialization, ...] = get_args(Initialization)
AMPS: tuple[Amp, ...] = get_args(Amp)
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """What is trained, on what, and how. The defaults are the modern recipe for ``digits``.

    For another recipe, or the default recipe fitted to another data set, use
    :func:`cnnshape.training.configure`.

    Attributes:
        model: a bundled network's name, or a MODEL that is built from code:
            ``torchvision:NAME``, ``timm:NAME``, ``FILE.py:Name``, ``package.module:Name``.
        data: ``digits``, ``mnist``, ``fashion-mnist``, ``kmnist``, ``emnist``,
            ``emnist-letters`` or ``folder:PATH``.
        input: the shape of a picture that the model is given, as in ``1,3,64,64``; None where
            the model, its library or the data tell.
        root: the folder that holds downloaded data sets.
        recipe: the name of the recipe that the settings began from; a label only.
        epochs: passes over the training pictures.
        batch_size: pictures per step, over all processes together.
        optimizer: ``sgd``, ``adam`` or ``adamw``.
        lr: the highest learning rate of the schedule.
        momentum: of ``sgd``; ignored by the others.
        weight_decay: as torch's optimizers define it.
        schedule: how the learning rate changes over the whole run, step by step.
        warmup: part of the run in which the rate rises linearly from near zero.
        augmentation: random changes to each training picture.
        label_smoothing: of the training loss.
        initialization: ``xavier`` draws weights of convolutions and linear layers from
            Xavier's uniform distribution; ``default`` keeps torch's.
        normalize: subtract the training pictures' mean and divide by their deviation;
            otherwise pictures are 0…1.
        validation: part of the training pictures kept aside to choose the best epoch. With
            0 the test accuracy is followed for the curves, and the last epoch is the best.
        patience: stop after this many epochs without a better validation accuracy.
        seed: of weights, order, augmentation and validation split.
        device: ``auto`` (CUDA, then MPS, then CPU), or a device's name.
        amp: mixed precision, ``bf16`` or ``fp16``.
        placement: pictures as one tensor on the device (``memory``), through a DataLoader
            (``loader``), or whichever fits (``auto``). The result does not depend on it.
        workers: processes of that DataLoader.
        cuda_graph: on CUDA, record one step and replay it.

    Raises:
        UsageError: a value is out of its range; the message names the flag.

    >>> TrainingConfig(epochs=6).model
    'lenet'
    >>> TrainingConfig(epochs=0)
    Traceback (most recent call last):
        ...
    cnnshape.errors.UsageError: --epochs 0: at least 1 is needed
    """

    model: str = "lenet"
    data: str = "digits"
    input: str | None = None
    root: str = "data"
    recipe: str = "default"
    epochs: int = 30
    batch_size: int = 64
    optimizer: Optimizer = "adamw"
    lr: float = 5e-3
    momentum: float = 0.9
    weight_decay: float = 1e-2
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    augmentation: Augmentation = "affine"
    label_smoothing: float = 0.05
    initialization: Initialization = "default"
    normalize: bool = True
    validation: float = 0.1
    patience: int | None = None
    seed: int = 0
    device: str = "auto"
    amp: Amp = "off"
    placement: Placement = "auto"
    workers: int = 0
    cuda_graph: bool = False

    def __post_init__(self) -> None:
        _check_model(self.model)
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"--{_flag(name)} {value}: choose from {', '.join(known)}")
        if self.cuda_graph and self.amp == "fp16":
            raise UsageError("--cuda-graph cannot record fp16's loss scaling: use --amp bf16")
        self._check_ranges()
        if self.patience is not None and self.validation == 0:
            raise UsageError(
                "--patience needs pictures to judge by: give --validation 0.1 as well "
                "(stopping by the test pictures would make their accuracy meaningless)"
            )

    def _check_ranges(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("workers", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(
                    f"--{_flag(name)} {getattr(self, name)}: at least {least} is needed"
                )
            if getattr(self, name) >= 2**63:
                raise UsageError(f"--{_flag(name)} {getattr(self, name)}: too large a number")
        if self.patience is not None and self.patience < 1:
            raise UsageError(f"--patience {self.patience}: at least 1 is needed")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError(f"--lr {self.lr}: a positive number is needed")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise UsageError(
                f"--weight-decay {self.weight_decay}: 0 or a positive number is needed"
            )
        for name in ("momentum", "warmup", "label_smoothing", "validation"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(
                    f"--{_flag(name)} {getattr(self, name)}: a number from 0 to below 1 is needed"
                )

    def replace(self, **changes: Any) -> TrainingConfig:
        """A copy with some settings changed.

        >>> TrainingConfig().replace(epochs=6).epochs
        6
        """
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The settings as ``config.json`` holds them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """The settings that :meth:`to_dict` wrote; what this version does not know is an error.

        >>> TrainingConfig.from_dict(TrainingConfig(seed=3).to_dict()).seed
        3
        """
        known = {field.name: field.type for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise UsageError(f"unknown training setting {unknown[0]!r}")
        for name, value in values.items():
            kinds = _KINDS.get(str(known[name]), (str,))
            # To Python, True is a whole number.
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise UsageError(f"a training setting is of the wrong type ({name} is {value!r})")
        return cls(**values)


# What JSON may hold for a setting of that type; all others are texts.
_KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "int | None": (int, type(None)),
    "str | None": (str, type(None)),
    "float": (float, int),
    "bool": (bool,),
}

_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "augmentation": AUGMENTATIONS,
    "initialization": INITIALIZATIONS,
    "amp": AMPS,
    "placement": PLACEMENTS,
}

_FLAGS = {"initialization": "init"}


def _flag(name: str) -> str:
    return _FLAGS.get(name, name.replace("_", "-"))


def _check_model(text: str) -> None:
    spec = parse_spec(text, _more_names)
    if spec.kind == "run":
        raise ModelNotFoundError(f"{text} is a run already: go on with --resume {text}")
    if spec.kind not in TRAINABLE:
        raise ModelNotFoundError(
            f"train builds a network from its code, and {text} holds one that is built: name the "
            "code, as in net.py:Net, torchvision:resnet18 or lenet"
        )


def _more_names() -> Iterable[str]:
    """Names to suggest; torch is imported to list them."""
    from cnnshape.loading.model import more_names

    return more_names()


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
