"""``cnnshape.compare``: two architectures side by side."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from cnnshape.analysis.compare import (
    Compared,
    Comparison,
    WeightsFit,
    compared,
    of_report,
    of_snapshot,
    weights_fit,
)
from cnnshape.analysis.report import Report
from cnnshape.api.inspecting import inspect
from cnnshape.errors import UsageError
from cnnshape.experiments.at_revision import report_at, split_revision
from cnnshape.loading.expectations import read_expectation_file
from cnnshape.loading.run_options import Mode
from cnnshape.loading.spec import parse_spec
from cnnshape.loading.stored.checkpoint import StoredTensor, stored_tensors
from cnnshape.messages import say

#: A model, a MODEL argument (with a git revision behind ``@``), a report, or the file of one.
Subject = nn.Module | str | Report | os.PathLike[str]


def compare(
    model_a: Subject,
    model_b: Subject,
    inputs: object = None,
    *,
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    trust_pickle: bool = False,
    exact: bool = False,
) -> Comparison:
    """What differs between two models, layer by layer.

    Layers are aligned by the structure of the networks and by their names: one that was put in
    between shifts no other, and what moved into another container is found there.

    Args:
        model_a: an ``nn.Module``; a MODEL argument, also with a git revision behind it,
            ``"net.py:Net@main"``; a report; or the JSON file of one.
        model_b: likewise.
        inputs: as for :func:`cnnshape.inspect`, for both.
        weights: a file of weights: the comparison says which of its tensors fit which model.
        device: as for :func:`cnnshape.inspect`.
        mode: as for :func:`cnnshape.inspect`.
        dtype: as for :func:`cnnshape.inspect`.
        trust_pickle: as for :func:`cnnshape.inspect`.
        exact: as for :func:`cnnshape.inspect`.

    Raises:
        UsageError: a model, a file or a revision cannot be used.

    >>> import cnnshape
    >>> both = cnnshape.compare("torchvision:resnet18", "torchvision:resnet34")
    >>> both.counts["added"], both.counts["same"], both.equal
    (56, 76, False)
    """
    options: dict[str, Any] = {
        "device": device,
        "mode": mode,
        "dtype": dtype,
        "trust_pickle": trust_pickle,
        "exact": exact,
    }
    found = compared(_model(model_a, inputs, options), _model(model_b, inputs, options))
    if weights is None:
        return found
    stored = _stored(os.fspath(weights), trust_pickle=trust_pickle)
    name = os.fspath(weights)
    return replace(found, weights=(_fit(found.a, name, stored), _fit(found.b, name, stored)))


def _model(model: Subject, inputs: object, options: dict[str, Any]) -> Compared:
    if isinstance(model, Report):
        return of_report(model)
    if isinstance(model, nn.Module):
        return of_report(inspect(model, inputs, **options))
    text = os.fspath(model)
    if text.lower().endswith(".json"):
        return _of_file(text)
    spec, revision = split_revision(text)
    if revision is None:
        return of_report(inspect(spec, inputs, **options))
    return of_report(report_at(spec, revision, inputs, options), text)


def _of_file(text: str) -> Compared:
    if not Path(text).is_file():
        raise UsageError(
            say("there is no file {file}: cnnshape inspect MODEL -o {file} writes one", file=text)
        )
    layers = read_expectation_file(Path(text)).snapshot
    if layers is None:
        raise UsageError(
            say("{file} is no report: cnnshape inspect MODEL -o {file} writes one", file=text)
        )
    return of_snapshot(layers, text)


def _stored(file: str, *, trust_pickle: bool) -> list[StoredTensor]:
    stored = stored_tensors(parse_spec(file), trust_pickle=trust_pickle)
    if stored is None:
        raise UsageError(
            say("{file} is no file of weights by name: give .safetensors, .pt or .pth", file=file)
        )
    return stored


def _fit(model: Compared, file: str, stored: list[StoredTensor]) -> WeightsFit:
    if model.tensors is None:
        raise UsageError(
            say(
                "{model} tells sizes of layers and not of each tensor: --weights needs the model",
                model=model.name,
            )
        )
    sizes = {name: one.shape for one in stored for name in (one.name, *one.shared_with)}
    return weights_fit(model, file, sizes)
