"""The public functions: what ``import cnnshape`` offers and what the commands call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import ReportData
from cnnshape.experiments.forward import run
from cnnshape.experiments.subject import Prepared, prepare, prepare_texts
from cnnshape.loading.device import parse_device, require

Mode = Literal["eval", "train"]
_Data = TypeVar("_Data", bound=ReportData)


class Report(ReportData):
    """A report that shows itself: ``print(report)``, Rich, Jupyter, ``report.save("net.json")``.

    The data are those of :class:`~cnnshape.analysis.report.ReportData`; see there for the
    attributes.
    """

    @classmethod
    def of(cls, data: ReportData) -> Report:
        """The same data as a report that shows itself."""
        return cls(**{field.name: getattr(data, field.name) for field in fields(data)})

    def __str__(self) -> str:
        """The table as plain text, as wide as the terminal."""
        from cnnshape.rendering.text import to_text

        return to_text(self)

    def __rich__(self) -> Any:
        """The table for Rich to draw."""
        from cnnshape.rendering.table import render_table

        return render_table(self)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The table for Jupyter: HTML with a plain-text fallback."""
        from cnnshape.rendering.text import to_html, to_text

        return {"text/plain": to_text(self), "text/html": to_html(self)}

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> Path:
        """Write the report; the format comes from the suffix unless ``format`` names it.

        Raises:
            OutputError: the suffix is not known, or the file cannot be written.
        """
        from cnnshape.rendering.formats import write_report

        return write_report(self, path, format=format)


def inspect(
    model: nn.Module | str,
    inputs: object = None,
    *,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> Report:
    """Every layer's shape, parameters, cost and size check, from one forward pass.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: a shape, a tensor, a tuple of these for several inputs, a dict of them for
            keyword inputs; None for the usual input of a named model.
        device: ``auto``, ``cpu``, ``meta``, ``cuda``, ``cuda:1``, ``mps``.
        mode: ``eval`` or ``train``. The model's own flags are as before afterwards.
        dtype: the floating dtype to run in; the model's own if None.
        weights: a state dict file, for a model given by name.

    Returns:
        The report. If the model raised, ``report.error`` says where and the rows end there.

    Raises:
        UsageError: the model, the inputs or the device cannot be used.

    >>> import cnnshape
    >>> report = cnnshape.inspect("lenet")
    >>> report.totals.params, report.totals.macs
    (61706, 416520)
    >>> report.layer("S2").output_shapes
    ((1, 16, 5, 5),)
    """
    require(parse_device(device))
    prepared = prepare(model, inputs, real=_needs_real(device), dtype=dtype, weights=weights)
    return _inspect(prepared, device, mode)


def inspect_spec(
    spec: str,
    inputs: Sequence[str] = (),
    *,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
) -> Report:
    """As :func:`inspect`, from the texts of a command line: MODEL and ``--input``."""
    require(parse_device(device))
    prepared = prepare_texts(
        spec, inputs, real=_needs_real(device), dtype=dtype, weights=weights
    )
    return _inspect(prepared, device, mode)


def _needs_real(device: str) -> bool:
    """A device that was named holds the whole model, however large."""
    return device not in ("auto", "meta")


def _inspect(prepared: Prepared, device: str, mode: Mode) -> Report:
    recorded = run(prepared.subject, device=device, mode=mode)
    return Report.of(
        build_report(
            recorded.trace,
            spec=prepared.spec,
            exception=recorded.exception,
            notes=prepared.notes,
        )
    )
