"""What training and serving need in memory, as the report has it, and what optimizers add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cnnshape.errors import UsageError
from cnnshape.operations.axes import total
from cnnshape.tracing.trace import Parameter
from cnnshape.words import did_you_mean

#: Per optimizer of torch: tensors of each parameter's size that it keeps, and single numbers of
#: 4 bytes (the step, …). https://pytorch.org/docs/stable/optim.html
_STATES = {
    "sgd": (0, 0),
    "sgd-momentum": (1, 0),
    "adam": (2, 1),
    "adamw": (2, 1),
    "amsgrad": (3, 1),
    "nadam": (2, 2),
    "radam": (2, 1),
    "adamax": (2, 1),
    "rmsprop": (1, 1),
    "adagrad": (1, 1),
    "adadelta": (2, 1),
    "rprop": (2, 1),
    "asgd": (1, 3),
}


@dataclass(frozen=True, slots=True)
class LayerMemory:
    """Bytes at one call; all but the peak add up to those of the whole model.

    Attributes:
        inference_peak_bytes: the most that was alive in the whole model while it ran, without
            gradients in eval mode.
        parameter_bytes: its own parameters, counted at the first owner's first call.
        gradient_bytes: of those that are trained.
        optimizer_bytes: what the optimizer keeps for these.
        saved_bytes: what its own forward made and is kept for the backward pass.
    """

    inference_peak_bytes: int | None
    parameter_bytes: int | None
    gradient_bytes: int | None
    optimizer_bytes: int | None
    saved_bytes: int | None

    def to_dict(self) -> dict[str, int | None]:
        """The ``memory`` object of a layer in the JSON report."""
        return asdict(self)


#: Of what needs none itself.
NO_MEMORY = LayerMemory(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class MemoryTotals:
    """Bytes of the whole model; None where they are not known.

    Attributes:
        optimizer: its name.
        inference_peak_bytes: the most that is alive at once while the model runs without
            gradients in eval mode: parameters, buffers, inputs and what is computed.
        training_peak_bytes: the same in train mode over a forward and a backward pass, the state
            of the optimizer included.
        input_bytes: of the inputs, among both peaks.
    """

    optimizer: str
    inference_peak_bytes: int | None
    training_peak_bytes: int | None
    input_bytes: int
    parameter_bytes: int | None
    buffer_bytes: int
    gradient_bytes: int | None
    optimizer_bytes: int | None
    saved_bytes: int | None

    def to_dict(self) -> dict[str, int | str | None]:
        """The ``memory`` object of ``totals`` in the JSON report."""
        return asdict(self)


def gradient_bytes(parameters: Iterable[Parameter]) -> int | None:
    """Bytes of the gradients: each trained parameter has one of its size; None if one is lazy."""
    return total(parameter.bytes for parameter in parameters if parameter.trainable)


def optimizer_bytes(optimizer: str, parameters: Iterable[Parameter]) -> int | None:
    """Bytes that an optimizer keeps from step to step for some parameters; None if one is lazy.

    >>> weight = Parameter("w", "", (10, 10), "float32", 100, 400, trainable=True)
    >>> optimizer_bytes("sgd", [weight]), optimizer_bytes("adamw", [weight])
    (0, 804)
    """
    states, numbers = _STATES[optimizer]
    trained = [parameter for parameter in parameters if parameter.trainable]
    gradients = gradient_bytes(trained)
    return None if gradients is None else states * gradients + 4 * numbers * len(trained)


def together(memory: LayerMemory, below: Iterable[LayerMemory | None]) -> LayerMemory:
    """The figures of a call with those of everything below it; its peak has them already.

    >>> together(LayerMemory(90, 0, 0, 0, 8), [LayerMemory(70, 4, 4, 8, 16)]).saved_bytes
    24
    """
    parts = [memory, *(part for part in below if part is not None)]
    return LayerMemory(
        inference_peak_bytes=memory.inference_peak_bytes,
        parameter_bytes=total(part.parameter_bytes for part in parts),
        gradient_bytes=total(part.gradient_bytes for part in parts),
        optimizer_bytes=total(part.optimizer_bytes for part in parts),
        saved_bytes=total(part.saved_bytes for part in parts),
    )


def optimizer_name(text: str) -> str:
    """The name of an optimizer as it is listed here.

    Raises:
        UsageError: it is not known what that optimizer keeps.

    >>> optimizer_name("AdamW"), optimizer_name("SGD momentum")
    ('adamw', 'sgd-momentum')
    """
    name = text.strip().lower().replace(" ", "-").replace("_", "-")
    if name in _STATES:
        return name
    hint = did_you_mean(name, _STATES, limit=1)
    there_are = f"{hint} There are" if hint else "; there are"
    raise UsageError(f"no optimizer {text!r}{there_are} {', '.join(_STATES)}")
