"""Any network held against its data before it is trained: which pictures, how many classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnshape.errors import CnnshapeError, InputError, ModelFailedError, UsageError
from cnnshape.loading.model import LoadedModel
from cnnshape.loading.network import (
    answer,
    build_network,
    fill_lazy_layers,
    has_lazy_layers,
    load_network,
    with_argument,
)
from cnnshape.loading.spec import ModelSpec, parse_spec
from cnnshape.training.config import TrainingConfig
from cnnshape.training.datasets import Splits, load_data, own_shape
from cnnshape.training.model_pictures import first_channels, picture_shape
from cnnshape.training.scores import are_scores, are_training_scores, told, training_scores
from cnnshape.words import counted, plural, times

Shape = tuple[int, int, int]
Note = Callable[[str], None]

_SIDES = (8, 16, 28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 227, 256, 299, 384, 448)
"""Sides of a square picture that are tried where nobody tells, the smallest first."""

_LARGEST_OWN = 256
"""Pictures up to this side are trained on as large as they are, if the network takes that."""

_CLASS_ARGUMENTS = (
    "num_classes", "n_classes", "nb_classes", "num_class", "n_class", "classes", "num_labels",
    "num_outputs", "out_features", "out_dim", "output_dim", "out_channels",
)  # fmt: skip
"""What constructors call the number of classes."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a network and its data go together.

    Attributes:
        shape: channels, height, width of the picture that the network is given.
        least: pictures that a step of training needs; a batch norm over single values needs two.
        unused: whether a parameter has no part in the loss.
    """

    shape: Shape
    least: int = 1
    unused: bool = False


def try_network(config: TrainingConfig, note: Note) -> tuple[Splits, Fit]:
    """The data of ``config`` as its network takes them, once it is sure that it can be trained.

    Nothing is left of the trial: the network that is trained is built anew. A bundled one needs
    none.

    Raises:
        CnnshapeError: a subclass says what is wrong with the network or with the data.
    """
    spec = parse_spec(config.model)
    loaded = load_network(spec, config.seed)
    shape = _picture_size(loaded, config, note)
    splits = load_data(config.data, config.root, shape, note)
    if spec.kind == "bundled" and not spec.arguments:
        return splits, Fit(shape)
    fill_lazy_layers(loaded.module, shape, config.seed)
    return splits, _Trial(loaded.module, spec, shape, len(splits.classes)).fit(note)


def _picture_size(loaded: LoadedModel, config: TrainingConfig, note: Note) -> Shape:
    """As ``--input`` says; else as the network or its library states; else as it is found out."""
    bundled = loaded.spec.kind == "bundled"
    if config.input is not None:
        given = picture_shape(loaded, config.input, None, "train")
        if bundled and given != picture_shape(loaded):
            usual = times(picture_shape(loaded))
            raise InputError(f"{loaded.spec.text} takes pictures of {usual}: leave -i out")
        return given
    if loaded.usual_inputs is not None:
        shape, why = picture_shape(loaded, None, None, "train"), "the usual ones of this network"
    else:
        shape, why = _found_size(loaded, config)
    if not bundled:
        given = f"-i 1,{','.join(map(str, shape))}"
        note(f"pictures of {times(shape)} ({given}), {why}")
    return shape


def _found_size(loaded: LoadedModel, config: TrainingConfig) -> tuple[Shape, str]:
    """The size that the network takes, and why that one."""
    module, name = loaded.module.eval(), loaded.spec.text
    known = first_channels(module)
    if known not in (None, 0, 1, 3):  # 0: a lazy layer
        raise InputError(f"{name} takes {plural(known, 'channel')}, and a picture has 1 or 3")
    own = own_shape(config.data)
    sides = () if has_lazy_layers(module) else _SIDES
    either = (3, 1) if own is not None and own[0] == 3 else (1, 3)
    for channels in (known,) if known else either:
        if own is not None and max(own) <= _LARGEST_OWN and _takes(module, (channels, *own[1:])):
            return (channels, *own[1:]), f"as large as those of {config.data}"
        found = [side for side in sides if _takes(module, (channels, side, side))]
        if found and found[-1] < min(2 * found[0], _SIDES[-1]):
            return (channels, found[0], found[0]), "the only square that it takes"
        if found:
            raise InputError(
                f"{name} takes pictures of several sizes: say how large they are to be, as in "
                f"-i 1,{channels},64,64"
            )
    why = f"gives scores for none of the squares of {_SIDES[0]} to {_SIDES[-1]} pixels"
    raise InputError(
        f"{name} {why if sides else 'takes any size'}: say what picture it is to be given, as in "
        f"-i 1,{known or 3},100,100"
    )


def _takes(module: nn.Module, shape: Shape) -> bool:
    """Whether the network gives numbers for pictures of this size."""
    try:
        with torch.no_grad():
            return are_scores(answer(module, torch.zeros(2, *shape)), 2)
    except ModelFailedError:
        return False


@dataclass(frozen=True, slots=True)
class _Trial:
    """A network that may be spoiled, and what it is held against."""

    module: nn.Module
    spec: ModelSpec
    shape: Shape
    classes: int

    def fit(self, note: Note) -> Fit:
        """How it goes together with its data."""
        name, module = self.spec.text, self.module
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise UsageError(f"{name} has nothing to train: no parameter of it takes a gradient")
        odd = [key for key, value in module.state_dict().items() if not isinstance(value, Tensor)]
        if odd:
            raise UsageError(f"{name} keeps {odd[0]}, which is no tensor and cannot be saved")
        module.eval()
        self._judge(1)
        if _are_probabilities(self._judge(2)):
            note(
                f"{name} gives probabilities, and the loss takes a softmax itself: leave out the "
                "one at its end"
            )
        module.train()
        self._step()
        unused = any(p.requires_grad and p.grad is None for p in module.parameters())
        return Fit(self.shape, least=1 if self._trains_on_one() else 2, unused=unused)

    def _judge(self, count: int) -> Tensor:
        """Its answer in eval mode, a number for each picture and class."""
        with torch.no_grad():
            result = answer(self.module, torch.zeros(count, *self.shape))
        if are_scores(result, count, self.classes):
            return cast("Tensor", result)
        if are_scores(result, count):
            raise UsageError(self._other_number(cast("Tensor", result).shape[1]))
        raise InputError(
            f"{self.spec.text} gives {told(result)} for {counted(count, 'picture')}, where train "
            f"needs a number for each class, {count}×{self.classes}"
        )

    def _other_number(self, found: int) -> str:
        """The sentence for a network that tells more or fewer classes apart."""
        apart = (
            f"{self.spec.text} gives {counted(found, 'number')} for a picture, and the data have "
            f"{counted(self.classes, 'class', 'classes')}"
        )
        better = self._with_classes()
        if better is None:
            return f"{apart}: its last layer has to give {self.classes}"
        return f'{apart}: name it as "{better.text}"'

    def _with_classes(self) -> ModelSpec | None:
        """The network with as many outputs, if its constructor has an argument for that."""
        for name in _class_arguments(self.spec, self.module):
            changed = with_argument(self.spec, name, self.classes, type(self.module).__name__)
            try:
                other = build_network(changed, self.classes, self.shape).eval()
                with torch.no_grad():
                    result = answer(other, torch.zeros(2, *self.shape))
            except CnnshapeError:  # it has no such argument
                continue
            if are_scores(result, 2, self.classes):
                return changed
        return None

    def _step(self) -> None:
        """Forward and back, in training mode."""
        result = answer(self.module, torch.zeros(2, *self.shape))
        if not are_training_scores(result, 2, self.classes):
            raise InputError(
                f"{self.spec.text} gives {told(result)} in training mode, where 2×{self.classes} "
                "numbers are needed, alone or followed by those of auxiliary classifiers"
            )
        labels = torch.zeros(2, dtype=torch.int64)
        losses = [F.cross_entropy(scores, labels) for scores in training_scores(result)]
        try:
            torch.stack(losses).sum().backward()
        except RuntimeError as error:
            raise ModelFailedError(f"{self.spec.text} cannot be trained: {error}") from error

    def _trains_on_one(self) -> bool:
        """Whether one picture alone is enough for a step."""
        try:
            with torch.no_grad():
                result = answer(self.module, torch.zeros(1, *self.shape))
        except ModelFailedError:
            return False
        return are_training_scores(result, 1, self.classes)


def _are_probabilities(scores: Tensor) -> bool:
    return bool((scores >= 0).all()) and torch.allclose(
        scores.sum(1), torch.ones(len(scores)), atol=1e-4
    )


def _class_arguments(spec: ModelSpec, module: nn.Module) -> Sequence[str]:
    """Which arguments may be the number of classes."""
    if spec.kind not in ("file", "dotted"):
        return ("num_classes",)
    takes = inspect.signature(type(module)).parameters
    # A function that builds the network has arguments of its own.
    return [name for name in _CLASS_ARGUMENTS if name in takes] or ("num_classes",)
