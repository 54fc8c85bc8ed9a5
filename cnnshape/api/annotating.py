"""``cnnshape.annotate``: a model's own source with the shapes beside each line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from cnnshape.analysis.annotate import Annotations, annotated
from cnnshape.api.inspecting import report_of
from cnnshape.experiments.line_pass import visited_lines
from cnnshape.loading.prepare import prepare
from cnnshape.loading.run_options import Mode, run_options


def annotate(
    model: nn.Module | str,
    inputs: object = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
) -> Annotations:
    """The functions of a model that ran, with what each line made of which shapes.

    Shown are ``forward`` and whatever else ran of the model's own code: of its files, and of the
    installed package that the model itself comes from.

    Args:
        model: as for :func:`cnnshape.inspect`.
        inputs: as for :func:`cnnshape.inspect`; with letters the sizes are expressions.
        args: as for :func:`cnnshape.inspect`.
        kwargs: as for :func:`cnnshape.inspect`.
        device: as for :func:`cnnshape.inspect`.
        mode: as for :func:`cnnshape.inspect`.
        dtype: as for :func:`cnnshape.inspect`.
        weights: as for :func:`cnnshape.inspect`.
        trust_pickle: as for :func:`cnnshape.inspect`.

    Raises:
        UsageError: the model or the inputs cannot be used.

    >>> import cnnshape
    >>> print(cnnshape.annotate("lenet"))  # doctest: +ELLIPSIS
    LeNet   input x 1×1×28×28 float32   output 1×10 float32
    ...
    """
    options = run_options(
        device=device, mode=mode, dtype=dtype, weights=weights, trust_pickle=trust_pickle
    )
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    report = report_of(prepared)
    return annotated(report, visited_lines(prepared, report))
