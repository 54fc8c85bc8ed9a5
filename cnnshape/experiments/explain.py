"""The diagnosis where people meet the error: in a script, a training loop, a notebook.

``explain()`` costs nothing while nothing fails: a ``with`` around the call, and that is all. When
an exception passes through, the innermost frames say which model was called with what; that call
is recorded once more, and the diagnosis made from the recording.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any, cast

from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.device_mismatch import misplaced
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.execute import Inputs, Mode, record
from cnnshape.tracing.source import innermost

#: Where classes live that wrap a model to distribute or compile it. Running such a wrapper once
#: more would wait for the other processes, which do not.
_WRAPPERS = ("torch.nn.parallel.", "torch.distributed.", "torch._dynamo.")


@dataclass(frozen=True)
class Failed:
    """A model call that an exception came from."""

    model: nn.Module
    inputs: Inputs
    exception: BaseException


def explain_call(model: nn.Module, inputs: Inputs) -> Report:
    """Run the model once as it is, in its own mode and where it is; diagnose it if it fails.

    The report has the rows up to the failure, and ``error`` is None if the model ran.
    """
    device = device_of(model)
    mode: Mode = "train" if model.training else "eval"
    tensors = [*model.parameters(), *model.buffers()]
    # What has no memory anywhere can be run without memory only.
    runs_on = "meta" if any(tensor.is_meta for tensor in tensors) else device
    recorded = record(model, inputs, device=runs_on, mode=mode)
    report = build_report(recorded.trace, exception=recorded.exception)
    # Recording moves everything to one place; what stood in the wrong one is seen beforehand.
    apart = misplaced(model, inputs, device, runs=report.error is None)
    if apart is not None:
        return replace(report, error=apart)
    if report.error is None:
        return report
    setup = Setup(model, inputs, runs_on, mode)
    return replace(report, error=try_suggestions(report.error, report.trace, setup))


def explain_failure(exception: BaseException) -> Report | None:
    """The report of the model call that ``exception`` came from; None if it came from no model."""
    failed = failed_call(exception)
    if failed is None:
        return None
    report = explain_call(failed.model, failed.inputs)
    plain = _plain(failed)
    error = report.error
    if error is None or (error.exception and error.exception != plain.exception):
        # This time it ran, or failed differently: it depends on random numbers or on its state.
        # What is left is the place.
        error = plain
    elif not error.exception:
        error = replace(
            error,
            path=plain.path,
            type=plain.type,
            message=plain.message,
            exception=plain.exception,
            source=plain.source,
        )
    return replace(report, error=error, exception=exception)


def explain_construction(exception: BaseException) -> ErrorReport | None:
    """Which layer could not be built, with the arguments it was given; None if none was."""
    building = [f for f in _frames(exception.__traceback__) if f.f_code.co_name == "__init__"]
    building = [f for f in building if isinstance(f.f_locals.get("self"), nn.Module)]
    if not building:
        return None
    outer, inner = building[0].f_locals["self"], building[0]
    for frame in building:
        # `Conv2d.__init__` calls `_ConvNd.__init__`: the first frame of each object knows what
        # its user wrote.
        if frame.f_locals["self"] is not inner.f_locals["self"]:
            inner = frame
    what = type(outer).__name__
    message = message_of(exception)
    where = ""
    if inner.f_locals["self"] is not outer:
        where = f" in {_constructor(inner)}"
    lines = message.strip().splitlines()
    said = lines[0] if lines else type(exception).__name__
    return ErrorReport(
        path="",
        type=what,
        op=None,
        message=message,
        exception=type(exception).__name__,
        kind="raised.init",
        diagnosis=f"building {what} failed{where}: {said}",
        source=innermost(exception.__traceback__),
    )


def _constructor(frame: FrameType) -> str:
    """``nn.Conv2d(in_channels=3, out_channels=10, kernel_size=3, groups=2)``, defaults left out."""
    kind = type(frame.f_locals["self"])
    home = "nn." if kind.__module__.startswith("torch.nn.") else ""
    try:
        parameters = inspect.signature(kind.__init__).parameters
    except (TypeError, ValueError):
        parameters = {}
    written: list[str] = []
    for name, parameter in parameters.items():
        value = frame.f_locals.get(name, parameter.default)
        plain = isinstance(value, bool | int | float | str | tuple | None)
        if name == "self" or not plain or value == parameter.default:
            continue
        if value == (value[0],) * len(value) if isinstance(value, tuple) and value else False:
            value = value[0]  # (3, 3): made of the 3 that was written
        if value != parameter.default:
            written.append(f"{name}={value!r}")
    return f"{home}{kind.__name__}({', '.join(written)})"


def failed_call(exception: BaseException) -> Failed | None:
    """The outermost module call among the frames that the exception passed through.

    What distributes or compiles a model is looked through.
    """
    for frame_locals in _module_frames(exception.__traceback__):
        module = frame_locals["self"]
        if type(module).__module__.startswith(_WRAPPERS):
            continue
        args = frame_locals.get("args", ())
        kwargs = frame_locals.get("kwargs", {})
        if isinstance(args, tuple) and isinstance(kwargs, dict):
            inputs = Inputs(cast("tuple[Any, ...]", args), cast("dict[str, Any]", kwargs))
            return Failed(module, inputs, exception)
    return None


def _module_frames(traceback: TracebackType | None) -> Iterator[dict[str, Any]]:
    """The local variables of every ``Module.__call__`` on the way, outermost first."""
    for frame in _frames(traceback):
        if frame.f_code.co_name in ("_wrapped_call_impl", "_call_impl"):
            found = frame.f_locals
            if isinstance(found.get("self"), nn.Module):
                yield found


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _plain(failed: Failed) -> ErrorReport:
    """Where the exception came from and what it says, without a recording."""
    paths = {id(module): path for path, module in failed.model.named_modules()}
    inner = failed.model
    for frame_locals in _module_frames(failed.exception.__traceback__):
        if id(frame_locals["self"]) in paths:
            inner = frame_locals["self"]
    return ErrorReport(
        path=paths[id(inner)],
        type=type(inner).__name__,
        op=None,
        message=message_of(failed.exception),
        exception=type(failed.exception).__name__,
        source=innermost(failed.exception.__traceback__),
    )


def device_of(model: nn.Module) -> str:
    """Where the model's parameters and buffers are; the CPU if it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return str(tensor.device)
    return "cpu"
