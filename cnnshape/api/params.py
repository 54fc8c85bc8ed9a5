"""``cnnshape.params``: what a module registers, as a report that prints itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import nn

from cnnshape.errors import UsageError
from cnnshape.experiments.parameters import Parameters, read_checkpoint, read_parameters
from cnnshape.loading.initialised import check_initialised
from cnnshape.loading.model import load, more_names
from cnnshape.loading.spec import parse_spec
from cnnshape.loading.stored.checkpoint import stored_tensors
from cnnshape.loading.unwrap import unwrap
from cnnshape.messages import say


def params(
    model: nn.Module | str,
    *,
    weights: str | Path | None = None,
    values: int = 6,
    trust_pickle: bool = False,
    tree: bool = False,
    depth: int | None = None,
) -> Parameters:
    """The parameters, buffers and hooks of a module, with the first values of each tensor.

    Args:
        model: a module, or a MODEL argument such as ``"lenet"``; that is built on the CPU. A file
            of weights is listed without a model, from its header.
        weights: a state dict file to load first, for a model given by name.
        values: how many elements of each tensor to read.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
        tree: show the modules with their parameters and shares instead of every tensor; a large
            model takes no memory then, and no values are read.
        depth: how deep the tree is shown; None for all of it.

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
    if depth is not None and not tree:
        raise UsageError(say("depth is how deep a tree is shown: give tree=True (--tree) as well"))
    if isinstance(model, str):
        report = _named(model, weights, values, trust_pickle, real=not tree)
    elif weights is not None:
        raise UsageError(
            say("weights= is for a model given by name; load them into the module instead")
        )
    else:
        check_initialised(unwrap(model))
        report = read_parameters(model, values=values)
    return replace(report, tree=tree, depth=depth)


def _named(
    text: str, weights: str | Path | None, values: int, trust_pickle: bool, *, real: bool
) -> Parameters:
    spec = parse_spec(text, more_names)
    stored = stored_tensors(spec, trust_pickle=trust_pickle)
    if stored is None:
        loaded = load(spec, weights=weights, real=real, trust_pickle=trust_pickle)
        return read_parameters(loaded.module, spec=text, values=values)
    if weights is not None:
        raise UsageError(say("{file} is a file of weights itself: leave --weights out", file=text))
    return read_checkpoint(stored, spec=text)
