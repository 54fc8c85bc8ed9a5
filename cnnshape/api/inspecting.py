"""``cnnshape.inspect``: load what has to be loaded, run it once, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.experiments.forward import run
from cnnshape.experiments.subject import Prepared, prepare, prepare_texts
from cnnshape.loading.device import parse_device, require

Mode = Literal["eval", "train"]


def inspect(
    model: nn.Module | str,
    inputs: object = None,
    *,
    device: str | torch.device = "auto",
    mode: Mode = "eval",
    dtype: str | torch.dtype | None = None,
    weights: str | Path | None = None,
    receptive_field: Literal["measured"] | None = None,
) -> Report:
    """Every layer's shape, parameters, cost and size check, from one forward pass.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: a shape, a tensor, a tuple of these for several inputs, a dict of them for
            keyword inputs; None for the usual input of a named model.
        device: ``auto``, ``cpu``, ``meta``, ``cuda``, ``cuda:1``, ``mps``, or a ``torch.device``.
        mode: ``eval`` or ``train``. The model's own flags are as before afterwards.
        dtype: the floating dtype to run in, ``"bfloat16"`` or ``torch.bfloat16``; the model's own
            if None.
        weights: a state dict file, for a model given by name.
        receptive_field: ``"measured"`` holds every layer's receptive field against gradients;
            ``report.notes`` says what is equal, different or inconclusive.

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
    _known_mode(mode)
    device = str(device)  # a torch.device will do as well
    require(parse_device(device))
    prepared = prepare(model, inputs, real=needs_real(device), dtype=dtype, weights=weights)
    return _with_measured_fields(
        inspect_prepared(prepared, device, mode), prepared, receptive_field
    )


def inspect_spec(
    spec: str,
    inputs: Sequence[str] = (),
    *,
    device: str = "auto",
    mode: Mode = "eval",
    dtype: str | None = None,
    weights: str | Path | None = None,
    receptive_field: Literal["measured"] | None = None,
) -> Report:
    """As :func:`inspect`, from the texts of a command line: MODEL and ``--input``."""
    require(parse_device(device))
    prepared = prepare_texts(spec, inputs, real=needs_real(device), dtype=dtype, weights=weights)
    return _with_measured_fields(
        inspect_prepared(prepared, device, mode), prepared, receptive_field
    )


def _known_mode(mode: str) -> None:
    if mode not in ("eval", "train"):
        raise UsageError(f"mode takes 'eval' or 'train', not {mode!r}")


def _with_measured_fields(report: Report, prepared: Prepared, wanted: str | None) -> Report:
    if wanted is None:
        return report
    if wanted != "measured":
        raise UsageError(f"receptive_field takes 'measured', not {wanted!r}")
    if prepared.inputs.has_letters:
        raise UsageError("receptive fields are measured on an input of known size: give numbers")
    from cnnshape.experiments.measured_field import measure_fields, measured_notes

    notes = measured_notes(measure_fields(prepared))
    return replace(report, notes=(*report.notes, *notes))


def needs_real(device: str) -> bool:
    """A device that was named holds the whole model, however large."""
    return device not in ("auto", "meta")


def inspect_prepared(prepared: Prepared, device: str, mode: Mode) -> Report:
    """Run what has been prepared, and report."""
    if prepared.inputs.has_letters:
        return _inspect_letters(prepared, device, mode)
    recorded = run(prepared.subject, device=device, mode=mode)
    report = build_report(
        recorded.trace,
        spec=prepared.spec,
        exception=recorded.exception,
        notes=prepared.notes,
    )
    if report.error is not None:
        from cnnshape.experiments.search_fixes import with_tried_suggestions

        report = with_tried_suggestions(report, prepared.subject)
    return report


def _inspect_letters(prepared: Prepared, device: str, mode: Mode) -> Report:
    """Sizes as expressions; they are worked out on meta, whatever the machine has."""
    if device not in ("auto", "meta"):
        raise UsageError(
            f"letters in the input are worked out without a device: leave --device {device} out, "
            "or give numbers"
        )
    from cnnshape.experiments.symbolic.report import symbolic_report

    return symbolic_report(prepared, mode)
