"""``cnnshape.params``: what a module registers, as a report that prints itself."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from cnnshape.errors import UsageError
from cnnshape.experiments.parameters import Parameters, read_parameters
from cnnshape.loading.model import load


def params(
    model: nn.Module | str,
    *,
    weights: str | Path | None = None,
    values: int = 6,
    trust_pickle: bool = False,
) -> Parameters:
    """The parameters, buffers and hooks of a module, with the first values of each tensor.

    Args:
        model: a module, or a MODEL argument such as ``"lenet"``; that is built on the CPU.
        weights: a state dict file to load first, for a model given by name.
        values: how many elements of each tensor to read.
        trust_pickle: unpickle a file given as model, which runs whatever it says.

    Raises:
        UsageError: the model cannot be built, or the weights do not fit it.

    >>> import cnnshape
    >>> report = cnnshape.params("lenet")
    >>> report.parameters[0].name, report.parameters[0].shape
    ('C1.weight', (6, 1, 5, 5))
    >>> print(cnnshape.params(nn.Linear(4, 2, bias=False), values=0))
    Linear
    <BLANKLINE>
      name    what       shape  dtype    count
      weight  parameter  2×4    float32      8
    <BLANKLINE>
      8 parameters in 1 tensor (32 B) · 0 buffers · 0 hooks
    """
    if isinstance(model, str):
        loaded = load(model, weights=weights, real=True, trust_pickle=trust_pickle)
        return read_parameters(loaded.module, spec=model, values=values)
    if weights is not None:
        raise UsageError("weights= is for a model given by name; load them into the module instead")
    return read_parameters(model, values=values)
