"""What torchinfo says about the same model, and why it differs where it does."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from cnnshape.analysis.accounts import base_name, entry_of
from cnnshape.analysis.report import Report
from cnnshape.interrupts import let_through
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import joined, say
from cnnshape.tracing.preserve import preserved
from cnnshape.tracing.trace import Operation


def compared_with_torchinfo(prepared: Prepared, report: Report) -> tuple[str, ...]:
    """Run torchinfo on the same model and inputs: its totals as sentences, and why they differ.

    It runs where the report's pass ran; whatever it raises becomes a sentence.
    """
    try:
        params, macs = _totals(prepared, report)
    except Exception as error:  # noqa: BLE001 - another tool's failure is information, not ours
        if isinstance(error, ModuleNotFoundError) and error.name == "torchinfo":
            return ("torchinfo is not installed: pip install torchinfo",)
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return (say("torchinfo cannot run this model: {reason}", reason=reason),)
    return (
        _compared(say("parameters"), report.totals.params, params, _why_params(report)),
        _compared(say("MACs"), report.totals.macs, macs, _why_macs(report)),
    )


def _totals(prepared: Prepared, report: Report) -> tuple[int, int]:
    import torchinfo

    module: Any = prepared.module
    device = "meta" if report.device == "fake" else report.device
    if device == "cpu":
        module = prepared.real_module()
    args, kwargs = prepared.arguments(device)
    with preserved(tuple(module.modules())), contextlib.redirect_stdout(io.StringIO()):
        summary = let_through(
            torchinfo.summary,
            module,
            input_data=list(args),
            device=device,
            mode=report.mode,
            verbose=0,
            **kwargs,
        )
    return int(summary.total_params), int(summary.total_mult_adds)


def _compared(what: str, ours: Any, theirs: int, reasons: list[str]) -> str:
    if ours == theirs:
        return say("torchinfo counts {theirs:,} {what} as well", theirs=theirs, what=what)
    ours_text = f"{ours:,}" if isinstance(ours, int) else say("an unknown number")
    sentence = say(
        "torchinfo counts {theirs:,} {what} where {tool} counts {ours}",
        theirs=theirs,
        what=what,
        tool="cnnshape",
        ours=ours_text,
    )
    return (
        sentence + say(" ({reasons})", reasons=joined(say("; "), reasons)) if reasons else sentence
    )


def _why_params(report: Report) -> list[str]:
    reasons: list[str] = []
    if any(parameter.aliases for parameter in report.trace.parameters):
        reasons.append(say("it counts a shared tensor once per name"))
    if any(not layer.called and layer.params for layer in report.layers):
        reasons.append(say("it leaves out parameters of modules that were never called"))
    return reasons


def _why_macs(report: Report) -> list[str]:
    trace = report.trace
    names = {base_name(operation.name)[0] for operation in trace.operations}
    reasons: list[str] = []
    if any(parameter.name.endswith("bias") for parameter in trace.parameters):
        reasons.append(say("it counts the bias as one more multiplication"))
    if any("norm" in name for name in names):
        reasons.append(say("it counts normalisation"))
    if any(_is_no_module(operation) for operation in trace.operations):
        reasons.append(say("it does not see attention and matrix products that are no modules"))
    if "conv_transpose" in names:
        reasons.append(say("it counts a transposed convolution by its output"))
    return reasons


def _is_no_module(operation: Operation) -> bool:
    """Whether it is a product that is called as a function: torchinfo sees none of these."""
    entry = entry_of(operation)
    return (
        entry is not None
        and entry.family in ("linear", "attention")
        and base_name(operation.name)[0] not in ("linear", "bilinear")
    )
