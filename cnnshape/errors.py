"""Every error that cnnshape raises on purpose, in one tree.

The command line turns :class:`UsageError` into exit code 2 and every other
:class:`CnnshapeError` into exit code 1. A message is one sentence or two: what
was given, what was expected, what to type instead.

>>> issubclass(ShapeSyntaxError, UsageError)
True
"""

from __future__ import annotations

from cnnshape.messages import say
from cnnshape.words import with_article


class CnnshapeError(Exception):
    """Base of every error raised by cnnshape itself."""

    exit_code = 1

    def __str__(self) -> str:
        """The sentence itself, which another language can still be had of."""
        sentence = self.args[0] if len(self.args) == 1 else None
        return sentence if isinstance(sentence, str) else super().__str__()


class UsageError(CnnshapeError, ValueError):
    """What was asked for cannot be understood, or names something that is not there."""

    exit_code = 2


class ModelNotFoundError(UsageError):
    """A MODEL argument names nothing that exists."""


class ModelConstructionError(UsageError):
    """A MODEL exists, but calling it did not produce an ``nn.Module``."""


class WeightsError(UsageError):
    """A weights file cannot be read, or does not fit the model."""


class ShapeSyntaxError(UsageError):
    """An ``--input`` cannot be read as a shape."""


class InputError(UsageError):
    """The given inputs do not fit the model's ``forward``."""


class MissingInputError(InputError):
    """A model is given no input, and nobody knows what it is usually run on."""


class InputPlacementError(InputError):
    """A tensor that was given cannot be brought to where the pass runs, or not be copied.

    >>> print(InputPlacementError(object(), "meta", NotImplementedError("no kernel. None at all")))
    an object that was given cannot be put on meta (no kernel): give a plain tensor, or \
--device cpu
    """

    def __init__(self, tensor: object, device: str, error: Exception) -> None:
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        kind = "nested tensor" if "NestedTensor" in reason else type(tensor).__name__
        sentence = say(
            "{tensor} that was given cannot be put on {device} ({reason}): give a plain tensor",
            tensor=with_article(kind),
            device=device,
            reason=reason or type(error).__name__,
        )
        super().__init__(sentence if device == "cpu" else sentence + say(", or --device cpu"))


class DeviceError(UsageError):
    """A device that does not exist, or is not there on this machine."""


class FormulaSyntaxError(UsageError):
    """A formula does not parse; the message points at the character."""


class OutputError(UsageError):
    """A file cannot be written, or its format is not known."""


class MissingDependencyError(UsageError):
    """An optional package is needed and not installed."""


class DataError(UsageError):
    """Training data, or a picture, is missing, damaged, or does not fit the model."""


class RunFolderError(UsageError):
    """A folder is no run of ``cnnshape train``, or one that cannot be read here."""


class TrainingDivergedError(CnnshapeError):
    """The loss is no longer a finite number; the best weights so far are kept."""


class ImpossibleSizeError(CnnshapeError):
    """A layer cannot be applied to this input: a condition of its size formula is broken.

    The message is that condition in the reader's numbers, as in
    ``kernel 7 does not fit into 5 + 2·0``.
    """


class ModelFailedError(CnnshapeError):
    """The model itself raised; the report has the rows up to the failing call."""
