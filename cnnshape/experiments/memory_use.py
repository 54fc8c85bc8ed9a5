"""What training and serving the model need in memory: the passes of ``--memory``, in a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from cnnshape.analysis.memory import LayerMemory, MemoryTotals, gradient_bytes, optimizer_bytes
from cnnshape.analysis.report import Layer, Report
from cnnshape.errors import UsageError
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.operations.axes import total
from cnnshape.tracing.allocations import Allocations, Sizes, count_allocations
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.trace import Parameter, Trace

#: Bytes of parameters and of all that is computed, up to which a pass may be made for real.
REAL_BYTES = 2**30


def with_memory(report: Report, prepared: Prepared, optimizer: str) -> Report:
    """The report with what each layer and the whole model need in memory.

    Two passes on tensors without memory: one as in serving, one as in training. Where that cannot
    be they are made for real, if the report was and it is cheap; else the figures are None, and a
    note says why.

    Args:
        report: of the same model.
        prepared: the model and its inputs.
        optimizer: as :func:`~cnnshape.analysis.memory.optimizer_name` gives it.

    Raises:
        UsageError: the inputs have letters.
    """
    if prepared.inputs.has_letters:
        raise UsageError(say("memory is counted on an input of known size: give numbers"))
    if report.error is not None:
        return report  # what is wrong is told already
    serving, why_not = _counted(report, prepared, training=False)
    training, why_neither = _counted(report, prepared, training=True)
    reasons = dict.fromkeys(why for why in (why_not, why_neither) if why)
    rows = _Rows(report, serving, training, optimizer)
    return replace(
        report,
        layers=tuple(replace(layer, memory=rows.of(layer)) for layer in report.layers),
        totals=replace(report.totals, memory=rows.total()),
        notes=(
            *report.notes,
            *(say("memory not counted: {reason}", reason=why) for why in reasons),
        ),
    )


def _counted(
    report: Report, prepared: Prepared, *, training: bool
) -> tuple[Allocations | None, str]:
    """What was counted, or why nothing could be."""
    without_memory = report.device in ("meta", "fake")
    device = "cpu" if without_memory else report.device
    try:
        inputs = Inputs(*prepared.arguments("meta"))
        return count_allocations(prepared.module, inputs, device=device, training=training), ""
    except Exception as error:  # noqa: BLE001 - whatever a model raises that gets no real numbers
        why = _first_line(error)
    if without_memory or not _affordable(report):
        return None, why
    try:
        inputs, module = Inputs(*prepared.arguments("cpu")), prepared.real_module()
        found = count_allocations(module, inputs, device=device, training=training, real=True)
    except Exception as error:  # noqa: BLE001 - what runs without gradients need not run with them
        return None, _first_line(error)
    return found, ""


def _affordable(report: Report) -> bool:
    totals = report.totals
    needed = total((totals.parameter_bytes, totals.activation_bytes))
    return needed is not None and needed <= REAL_BYTES


def _first_line(error: Exception) -> str:
    return (message_of(error).splitlines() or [type(error).__name__])[0]


class _Rows:
    """The figures of each row, and those of the whole model."""

    def __init__(
        self, report: Report, serving: Allocations | None, training: Allocations | None, name: str
    ) -> None:
        self.report, self.optimizer = report, name
        self.serving, self.training = serving, training
        self._saved = training and _at_rows(report, training.kept, lambda one, more: one + more)
        self._peaks = serving and _at_rows(report, serving.peaks, max)
        self._owned = _by_owner(report.trace)

    def of(self, layer: Layer) -> LayerMemory:
        """The figures of one row."""
        row = (layer.path, layer.call)
        owned = self._owned.get(layer.path, []) if layer.call == 0 else []
        return LayerMemory(
            inference_peak_bytes=None if self._peaks is None else self._peaks.get(row, 0),
            parameter_bytes=layer.parameter_bytes,
            gradient_bytes=gradient_bytes(owned),
            optimizer_bytes=optimizer_bytes(self.optimizer, owned),
            saved_bytes=None if self._saved is None else self._saved.get(row, 0),
        )

    def total(self) -> MemoryTotals:
        """The figures of the whole model."""
        trace, totals = self.report.trace, self.report.totals
        state = optimizer_bytes(self.optimizer, trace.parameters)
        passes = self.training and self.training.peak
        return MemoryTotals(
            optimizer=self.optimizer,
            inference_peak_bytes=self.serving and self.serving.peak,
            training_peak_bytes=total((passes, state)),
            input_bytes=sum(trace.values[named.value].bytes for named in trace.inputs),
            parameter_bytes=totals.parameter_bytes,
            buffer_bytes=totals.buffer_bytes,
            gradient_bytes=gradient_bytes(trace.parameters),
            optimizer_bytes=state,
            saved_bytes=self.training and sum(self.training.kept.values()),
        )


def _at_rows(report: Report, sizes: Sizes, both: Callable[[int, int], int]) -> Sizes:
    """The figures at rows of the report, whose pass may have run a module less often."""
    calls: dict[str, int] = {}
    for layer in report.layers:
        calls[layer.path] = layer.call
    placed: Sizes = {}
    for (path, call), size in sizes.items():
        row = (path, min(call, calls[path]))
        placed[row] = both(placed[row], size) if row in placed else size
    return placed


def _by_owner(trace: Trace) -> dict[str, list[Parameter]]:
    owned: dict[str, list[Parameter]] = {}
    for parameter in trace.parameters:
        owned.setdefault(parameter.owner, []).append(parameter)
    return owned
