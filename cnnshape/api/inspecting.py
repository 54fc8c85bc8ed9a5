"""``cnnshape.inspect``: load what has to be loaded, run it once, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.memory import optimizer_name
from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.experiments.run_pass import run_pass
from cnnshape.loading.prepare import Prepared, prepare
from cnnshape.loading.run_options import Mode, run_options
from cnnshape.messages import say


def inspect(
    model: nn.Module | str,
    inputs: object = None,
    *,
    args: tuple[Any, ...] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    device: str | torch.device = "auto",
    mode: Mode = "eval",
    dtype: str | torch.dtype | None = None,
    weights: str | Path | None = None,
    trust_pickle: bool = False,
    exact: bool = False,
    receptive_field: Literal["measured"] | None = None,
    time: bool = False,
    memory: bool = False,
    optimizer: str | None = None,
) -> Report:
    """Every layer's shape, parameters, cost and size check, from one forward pass.

    Args:
        model: an ``nn.Module``, or a MODEL argument of the command line such as ``"lenet"``.
        inputs: a shape, a tensor, a tuple of these for several inputs, a dict of them for
            keyword inputs; None for the usual input of a named model. What has not the form of a
            shape goes to ``forward`` as it is; so does a tuple of ints beside a tensor.
        args: positional arguments handed to ``forward`` exactly as they are, in the place of
            ``inputs``.
        kwargs: keyword arguments handed over exactly as they are, also beside ``inputs``.
        device: ``auto``, ``cpu``, ``meta``, ``cuda``, ``cuda:1``, ``mps``, or a ``torch.device``.
        mode: ``eval`` or ``train``. The model's own flags are as before afterwards.
        dtype: the floating dtype to run in, ``"bfloat16"`` or ``torch.bfloat16``; the model's own
            if None.
        weights: a state dict file, for a model given by name.
        trust_pickle: unpickle a file given as model, which runs whatever it says.
        exact: without memory every function of torch runs, also those whose result's size the
            table of operations tells (a norm, an activation, attention); slower.
        receptive_field: ``"measured"`` holds every layer's receptive field against gradients;
            ``report.notes`` says what is equal, different or inconclusive.
        time: measure how long each layer takes where the pass ran: warm, the median of several
            passes.
        memory: count what each layer needs in memory, in serving and in training.
        optimizer: with which it is trained, ``"adam"`` if None; asks for ``memory`` as well.

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
    options = run_options(
        device=device,
        mode=mode,
        dtype=dtype,
        weights=weights,
        trust_pickle=trust_pickle,
        exact=exact,
    )
    trained_with = optimizer_name(optimizer or "adam") if memory or optimizer else None
    prepared = prepare(model, inputs, options, args=args, kwargs=kwargs)
    report = report_of(prepared)
    if receptive_field is not None:
        report = _measured(report, prepared, receptive_field)
    if time:
        report = _timed(report, prepared)
    return report if trained_with is None else _with_memory(report, prepared, trained_with)


def report_of(prepared: Prepared, *, suggest: bool = True) -> Report:
    """The report of one pass; of sizes as expressions where the inputs have letters.

    ``suggest``: whether corrections are tried where the model raised, which runs it again.
    """
    if prepared.inputs.has_letters:
        return _with_letters(prepared)
    recorded = run_pass(prepared)
    report = build_report(
        recorded.trace,
        spec=prepared.spec,
        exception=recorded.exception,
        notes=prepared.notes,
    )
    if report.error is None or not suggest:
        return report
    from cnnshape.experiments.search_fixes import with_tried_suggestions

    return with_tried_suggestions(_with_word_about_sizes(report, prepared), prepared)


def _with_word_about_sizes(report: Report, prepared: Prepared) -> Report:
    """A note where the model met a tuple of sizes that may have been meant as a tensor."""
    sizes = prepared.inputs.sizes_handed_over
    assert report.error is not None
    if sizes is None or "Tensor, not " not in report.error.message:
        return report
    text = ",".join(map(str, sizes))
    note = say(
        '{sizes} went to forward as it is: for a tensor of that shape write "{text}"',
        sizes=sizes,
        text=text,
    )
    return replace(report, notes=(*report.notes, note))


def _with_letters(prepared: Prepared) -> Report:
    """Sizes as expressions; they are worked out on meta, whatever the machine has."""
    if prepared.options.real:
        raise UsageError(
            say(
                "letters in the input are worked out without a device: leave --device {device} "
                "out, or give numbers",
                device=prepared.options.device,
            )
        )
    from cnnshape.experiments.symbolic.report import symbolic_report

    return symbolic_report(prepared)


def _measured(report: Report, prepared: Prepared, how: str) -> Report:
    """The report with notes on how receptive fields compare with gradients."""
    if how != "measured":
        raise UsageError(say("receptive_field takes 'measured', not {given!r}", given=how))
    if prepared.inputs.has_letters:
        raise UsageError(
            say("receptive fields are measured on an input of known size: give numbers")
        )
    from cnnshape.experiments.measured_field import measure_fields, measured_notes

    notes = measured_notes(measure_fields(prepared))
    return replace(report, notes=(*report.notes, *notes))


def _timed(report: Report, prepared: Prepared) -> Report:
    from cnnshape.experiments.layer_times import with_times

    return with_times(report, prepared)


def _with_memory(report: Report, prepared: Prepared, optimizer: str) -> Report:
    from cnnshape.experiments.memory_use import with_memory

    return with_memory(report, prepared, optimizer)
