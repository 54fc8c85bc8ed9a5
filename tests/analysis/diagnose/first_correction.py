"""The correction that stands first, where it must run alone."""

from __future__ import annotations

import torch

from cnnshape.analysis.build import build_report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.execute import Inputs, record


def first_correction(model, *shape):
    """Path and text of the first correction of a broken model that gets such an input."""
    given = Inputs((torch.randn(shape),))
    recorded = record(model.eval(), given)
    report = build_report(recorded.trace, exception=recorded.exception)
    assert report.error is not None, "it is not broken"
    setup = Setup(model, given, "cpu", "eval")
    error = try_suggestions(report.error, report.trace, setup, budget=30)
    first = error.suggestions[0]
    assert first.runs
    assert first.then == ()
    return first.path, first.text
