"""How long each layer takes: the passes of ``--time``, read into a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnshape.analysis.report import Layer, Report
from cnnshape.errors import UsageError
from cnnshape.experiments.run_pass import needs_gradients
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.stopwatch import time_calls

Times = Mapping[tuple[str, int], float]
_NOTHING_COMPUTED = say(
    "on meta nothing is computed that could be timed: name --device cpu or cuda"
)


def with_times(report: Report, prepared: Prepared) -> Report:
    """The report with the time that each call took where the report was made.

    Where nothing could be timed the times stay None, and a note says why.

    Raises:
        UsageError: the inputs have letters, or ``meta`` was named.
    """
    if prepared.inputs.has_letters:
        raise UsageError(say("layers are timed on an input of known size: give numbers"))
    if prepared.options.device == "meta":
        raise UsageError(_NOTHING_COMPUTED)
    if report.device in ("meta", "fake"):
        return _untimed(report, _NOTHING_COMPUTED)
    if report.error is not None:
        return report  # what is wrong is told already
    try:
        times = _measured(report, prepared)
    except Exception as error:  # noqa: BLE001 - whatever the model raises when it runs again
        return _untimed(
            report,
            say("the model raised when it ran again: {message}", message=message_of(error)),
        )
    return _timed(report, times)


def _untimed(report: Report, why: str) -> Report:
    return replace(
        report,
        notes=(
            *report.notes,
            say("not timed: {reason}", reason=why),
        ),
    )


def _measured(report: Report, prepared: Prepared) -> Times:
    module, inputs = prepared.real_module(), Inputs(*prepared.arguments("cpu"))

    def run(*, grad: bool) -> Times:
        return time_calls(module, inputs, device=report.device, mode=report.mode, grad=grad)

    try:
        return run(grad=False)
    except RuntimeError as error:
        if not needs_gradients(error):
            raise
        return run(grad=True)


def _timed(report: Report, times: Times) -> Report:
    """Every row with its own time and that of everything below it."""
    own = {
        layer.index: times.get((layer.path, layer.call))
        for layer in report.layers
        if layer.index is not None
    }
    whole = dict(own)
    for call in reversed(report.trace.calls):
        if call.parent is not None:
            above, inside = whole[call.parent], whole[call.index]
            whole[call.parent] = None if above is None or inside is None else above + inside

    def timed(layer: Layer) -> Layer:
        if layer.index is None:
            return replace(layer, time_ms=0.0, subtree_time_ms=0.0)
        return replace(layer, time_ms=own[layer.index], subtree_time_ms=whole[layer.index])

    layers = tuple(timed(layer) for layer in report.layers)
    totals = replace(report.totals, time_ms=layers[0].subtree_time_ms)
    return replace(report, layers=layers, totals=totals)
