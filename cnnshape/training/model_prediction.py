"""Which class a picture belongs to, according to any model with weights of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from cnnshape.errors import DataError, InputError, ModelFailedError, UsageError
from cnnshape.loading.model import LoadedModel, load
from cnnshape.training.devices import choose_device
from cnnshape.training.model_pictures import picture_for
from cnnshape.training.prediction import Prediction, files_of, prediction
from cnnshape.words import plural, times


def predict_with(
    model: str,
    images: Sequence[str | Path],
    *,
    weights: str | None = None,
    classes: str | None = None,
    input_shape: str | None = None,
    device: str = "auto",
) -> list[Prediction]:
    """Classify pictures with any MODEL whose result is a number for each class.

    Args:
        model: any MODEL argument.
        images: picture files of any size and format, or folders of them.
        weights: a state dict file.
        classes: the names of the classes, separated by commas, or a file with one a line;
            numbers without any, or the published names of a torchvision model.
        input_shape: for models without a usual input, as in ``1,3,64,64``.
        device: ``auto`` is CUDA, then MPS, then the CPU.

    Raises:
        DataError: a picture, or the file of class names, is missing or damaged.
        InputError: the model takes no picture, or gives no number for each class.
        UsageError: there are more or fewer names than classes.
        ModelFailedError: the model does not take such a picture.
    """
    files = files_of(images)
    names = None if classes is None else _names(classes)
    loaded = load(model, weights=weights, real=True)
    chosen = choose_device(device)
    loaded.module.eval().to(chosen)
    found: list[Prediction] = []
    for file in files:
        picture = picture_for(loaded, file, input_shape, "predict")
        row = _scores(loaded, picture.prepared.to(chosen))
        labels = _labels(loaded, names, len(row))
        found.append(prediction(file, row.softmax(0).tolist(), labels, picture.notes))
    return found


def _scores(loaded: LoadedModel, prepared: Tensor) -> Tensor:
    """The model's numbers for one picture, one for each class."""
    try:
        with torch.inference_mode():
            result: object = loaded.module(prepared)
    except (RuntimeError, TypeError, ValueError) as error:
        sizes = times(prepared.shape)
        raise ModelFailedError(
            f"{loaded.spec.text} does not take a picture of {sizes}: {error}"
        ) from error
    if not isinstance(result, Tensor) or result.dim() != 2 or len(result) != 1:
        given = times(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise InputError(
            f"{loaded.spec.text} gives {given} for a picture, where predict needs a number for "
            "each class, 1×CLASSES"
        )
    return result[0].float().cpu()


def _names(text: str) -> tuple[str, ...]:
    """``cat,dog``, or the lines of a file."""
    if "," not in text and Path(text).suffix:
        try:
            lines = Path(text).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise DataError(f"cannot read the class names in {text}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise DataError(f"{text} is no text with a class name in each line") from None
        names = [line.strip() for line in lines if line.strip()]
    else:
        names = [name.strip() for name in text.split(",")]
    if len(set(names)) < len(names) or not all(names):
        wrong = next((name for name in names if names.count(name) > 1), "")
        raise UsageError(
            f"the class {wrong} stands twice among the names" if wrong else "a class has no name"
        )
    return tuple(names)


def _labels(loaded: LoadedModel, names: tuple[str, ...] | None, number: int) -> tuple[str, ...]:
    if names is None:
        return _published(loaded, number) or tuple(map(str, range(number)))
    if len(names) != number:
        raise UsageError(
            f"{loaded.spec.text} tells {plural(number, 'class', 'classes')} apart, "
            f"and --classes names {len(names)}"
        )
    return names


def _published(loaded: LoadedModel, number: int) -> tuple[str, ...] | None:
    """The classes that torchvision's own weights of this model were trained on."""
    if loaded.spec.kind != "torchvision":
        return None
    from torchvision.models import get_model_weights

    try:
        found = next(iter(get_model_weights(loaded.spec.source)))
    except (ValueError, StopIteration):
        return None
    categories = found.meta.get("categories", ())
    # Two of ImageNet's classes are called alike.
    several = [f"{name} ({i})" if categories.count(name) > 1 else name
               for i, name in enumerate(categories)]  # fmt: skip
    return tuple(several) if len(several) == number else None
