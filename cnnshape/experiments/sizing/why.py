"""What refuses the first sizes outside: the layer, and its diagnosis."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import ReportData
from cnnshape.experiments.forward import Subject, run
from cnnshape.experiments.sizing.result import AcceptedSizes, Letters, Rejection
from cnnshape.experiments.subject import Prepared
from cnnshape.experiments.symbolic.letters import filled
from cnnshape.experiments.try_fix import with_tried_suggestions
from cnnshape.loading.inputs import make_tensors, model_dtype
from cnnshape.tracing.execute import Inputs, Mode


def report_at(prepared: Prepared, letters: Letters, mode: Mode = "eval") -> ReportData:
    """The report of the model at these sizes, with a diagnosis if it fails there."""
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


def rejections(
    prepared: Prepared, accepted: AcceptedSizes, mode: Mode = "eval"
) -> tuple[Rejection, ...]:
    """For each letter, what refuses the first size below and the first above."""
    found: list[Rejection] = []
    for letters in _outside(accepted):
        error = report_at(prepared, letters, mode).error
        if error is not None:
            message = (error.message.strip().splitlines() or [""])[0]
            found.append(Rejection(letters, error.path, error.type, message, error.diagnosis))
    return tuple(found)


def _outside(accepted: AcceptedSizes) -> Iterator[Letters]:
    low, high = accepted.tested
    for name in accepted.letters:
        usual = accepted.base[name]
        sizes = accepted.letters[name]
        inside = [n for n in range(low, high + 1) if n in sizes]
        if accepted.joint is not None:
            # Tied to the others, which stay: the nearest sizes on either side are tried.
            yield from ({**accepted.base, name: n} for n in (usual - 1, usual + 1) if n >= 1)
            continue
        below = next((n for n in range(min(usual, high), 0, -1) if n not in inside), None)
        above = next((n for n in range(max(usual, low), high + 2) if n not in inside), None)
        yield from ({**accepted.base, name: n} for n in (below, above) if n)
