"""Every error that cnnshape raises on purpose, in one tree.

The command line turns :class:`UsageError` into exit code 2 and every other
:class:`CnnshapeError` into exit code 1. A message is one sentence or two: what
was given, what was expected, what to type instead.

>>> issubclass(ShapeSyntaxError, UsageError)
True
"""

from __future__ import annotations


class CnnshapeError(Exception):
    """Base of every error raised by cnnshape itself."""

    exit_code = 1


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
