"""The ordinary report of a model at chosen numbers in the place of letters."""

from __future__ import annotations

from collections.abc import Mapping

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import Report
from cnnshape.experiments.forward import Subject, run
from cnnshape.experiments.subject import Prepared
from cnnshape.experiments.symbolic.letters import filled
from cnnshape.loading.inputs import make_tensors, model_dtype
from cnnshape.tracing.execute import Inputs, Mode

Letters = Mapping[str, int]


def report_at(prepared: Prepared, letters: Letters, mode: Mode = "eval") -> Report:
    """The report of the model at these sizes, with a diagnosis if it fails there."""
    from cnnshape.experiments.search_fixes import (
        with_tried_suggestions,  # needed where it fails only
    )

    subject = subject_at(prepared, letters)
    recorded = run(subject, mode=mode)
    report = build_report(recorded.trace, spec=prepared.spec, exception=recorded.exception)
    return with_tried_suggestions(report, subject)


def subject_at(prepared: Prepared, letters: Letters) -> Subject:
    """The model with inputs of these sizes."""
    subject = prepared.subject
    floating = model_dtype(subject.module)
    numbers = filled(prepared.inputs, letters)

    def make(device: str) -> Inputs:
        args, kwargs = make_tensors(numbers, device=device, dtype=floating)
        return Inputs(args, kwargs)

    return Subject(subject.module, make, subject.rebuild)
