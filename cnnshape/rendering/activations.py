"""Activations that a forward calls as functions: ``F.relu(x)`` has no layer to stand for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cnnshape.analysis.accounts import entry_of
from cnnshape.analysis.report import OperationRow, Report


def with_activations(report: Report) -> Report:
    """The report with a row for each of them; a layer such as ``nn.ReLU`` has its own already."""
    found = (*report.operations, *_activations(report))
    return replace(report, operations=tuple(sorted(found, key=lambda row: row.index)))


def _activations(report: Report) -> Iterator[OperationRow]:
    trace = report.trace
    listed = {row.index for row in report.operations}
    builtin = {module.path for module in trace.modules if module.builtin}
    for operation in trace.operations:
        entry, path = entry_of(operation), trace.calls[operation.call].path
        if entry is None or entry.family != "activation" or path in builtin:
            continue
        if operation.index in listed or not operation.outputs:
            continue
        yield OperationRow(
            op=operation.name,
            path=path,
            input_shapes=tuple(
                trace.shape(value) for value in operation.inputs if not trace.values[value].static
            ),
            output_shapes=tuple(trace.shape(value) for value in operation.outputs),
            macs=0,
            check=None,
            output_dtypes=trace.dtypes(operation.outputs),
            source=operation.source,
            index=operation.index,
            call=operation.call,
        )
