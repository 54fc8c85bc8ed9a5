"""A model at chosen numbers in the place of letters, and its ordinary report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import Report
from cnnshape.experiments.run_pass import run_pass
from cnnshape.experiments.symbolic.letters import filled
from cnnshape.loading.prepare import Prepared

Letters = Mapping[str, int]


def at_sizes(prepared: Prepared, letters: Letters) -> Prepared:
    """The model with inputs of these sizes, to be run where it is right."""
    options = replace(prepared.options, device="auto")
    return replace(prepared, inputs=filled(prepared.inputs, letters), options=options)


def report_at(prepared: Prepared, letters: Letters) -> Report:
    """The report of the model at these sizes, with a diagnosis if it fails there."""
    numbered = at_sizes(prepared, letters)
    recorded = run_pass(numbered)
    report = build_report(recorded.trace, spec=prepared.spec, exception=recorded.exception)
    if report.error is None:
        return report
    from cnnshape.experiments.search_fixes import with_tried_suggestions

    return with_tried_suggestions(report, numbered)
