"""The diagnosis where people meet the error: in a script, a training loop, a notebook.

``explain()`` costs nothing while nothing fails: a ``with`` around the call, and that is all. When
an exception passes through, the innermost frames say which model was called with what; that call
is recorded once more, and the diagnosis made from the recording.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import format_exception
from types import FrameType, TracebackType
from typing import Any, cast

from torch import nn

from cnnshape.analysis.build import build_report
from cnnshape.analysis.messages.explain_text import explain_text
from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.device_mismatch import misplaced
from cnnshape.experiments.effects import effect_of
from cnnshape.experiments.search_fixes import try_suggestions, without_trials
from cnnshape.loading.unwrap import unwrap
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.execute import Inputs, Mode, record
from cnnshape.tracing.source import innermost

#: Where classes live that wrap a model to distribute or compile it. Running such a wrapper once
#: more would wait for the other processes, which do not.
_WRAPPERS = ("torch.nn.parallel.", "torch.distributed.", "torch._dynamo.")


@dataclass(frozen=True)
class Failed:
    """A model call that an exception came from.

    ``compiled`` says that ``torch.compile`` ran it, not Python.
    ``weights`` are the tensors that ``functional_call`` put in the place of the model's own.
    """

    model: nn.Module
    inputs: Inputs
    exception: BaseException
    compiled: bool = False
    weights: Mapping[str, Any] | None = None


def explain_call(model: nn.Module, inputs: Inputs) -> Report:
    """Run the model once as it is, in its own mode and where it is; diagnose it if it fails.

    The report has the rows up to the failure, and ``error`` is None if the model ran.
    """
    device = device_of(model)
    modes = {module.training for module in model.modules()}
    mode: Mode = "own" if len(modes) > 1 else "train" if model.training else "eval"
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
    if effect_of(model) is not None:  # once, as it was asked to, and not to try something
        return replace(report, error=without_trials(report.error))
    setup = Setup(model, inputs, runs_on, mode)
    return replace(report, error=try_suggestions(report.error, report.trace, setup))


def explain_failure(exception: BaseException) -> tuple[ErrorReport, Report | None] | None:
    """What the model call failed on that ``exception`` came from; None if it came from no model.

    The report is that of the call when it was run once more; None if that was not possible.
    """
    failed = failed_call(exception)
    if failed is None:
        return None
    plain = _plain(failed)
    if effect_of(failed.model) is not None:
        return _as_told(plain, failed), None
    try:
        with _unheard(), _reparametrized(failed):
            report = explain_call(failed.model, failed.inputs)
    except (Exception, KeyboardInterrupt):  # noqa: BLE001
        # What cannot be recorded, or takes longer than one wants to wait, has failed all the same.
        return _as_told(plain, failed), None
    error = report.error
    if error is not None and not error.exception:  # tensors on several devices
        error = replace(
            error,
            path=plain.path,
            type=plain.type,
            message=plain.message,
            exception=plain.exception,
            source=plain.source,
        )
    elif error is None or not _came_again(error, plain, failed, report.device):
        # It depends on random numbers, on a state, on an input that was changed in place.
        error = _as_told(plain, failed)
    return error, replace(report, error=error, exception=exception)


def _came_again(error: ErrorReport, plain: ErrorReport, failed: Failed, device: str) -> bool:
    """Whether the call failed as it had failed before."""
    if failed.compiled:
        return True  # what a compiler says is of another kind, and in other words
    if (error.exception, error.path) != (plain.exception, plain.path):
        return False
    # Without memory torch says it in other words.
    return device in ("meta", "fake") or _no_address(error.message) == _no_address(plain.message)


def _no_address(message: str) -> str:
    return re.sub(r"0x[0-9a-fA-F]+", "", message)


def _as_told(plain: ErrorReport, failed: Failed) -> ErrorReport:
    """What the message alone says, at the place that is known."""
    told = explain_text("".join(format_exception(failed.exception)))
    if told is None or told.kind is None or told.message not in " ".join(plain.message.split()):
        return plain
    suggestions = tuple(
        replace(each, path=plain.path if each.path else "") for each in told.suggestions
    )
    return replace(plain, kind=told.kind, diagnosis=told.diagnosis, suggestions=suggestions)


@contextmanager
def _unheard() -> Generator[None]:
    """What the model prints and logs is told already; and nobody is there to answer a debugger."""
    before, disabled = sys.stdin, logging.root.manager.disable
    with Path(os.devnull).open("r+", encoding="utf-8") as nothing:
        sys.stdin = nothing
        logging.disable()
        try:
            with redirect_stdout(nothing), redirect_stderr(nothing):
                yield
        finally:
            sys.stdin = before
            logging.disable(disabled)


def _reparametrized(failed: Failed) -> AbstractContextManager[Any]:
    """The model with the tensors that it was called with, where those were not its own."""
    if failed.weights is None:
        return nullcontext()
    from torch.nn.utils import stateless

    return stateless._reparametrize_module(failed.model, dict(failed.weights))  # noqa: SLF001


def failed_call(exception: BaseException) -> Failed | None:
    """The outermost module call among the frames that the exception passed through.

    What distributes or compiles a model is looked through, and so is an exception that was raised
    because of the model's.
    """
    for error in _chain(exception):
        wrapped: Failed | None = None
        for frame_locals in _module_frames(error.__traceback__):
            call = _call_of(frame_locals, error)
            if call is None:
                continue
            if not type(call.model).__module__.startswith(_WRAPPERS):
                return call
            wrapped = wrapped or call
        if wrapped is not None and (inner := unwrap(wrapped.model)) is not wrapped.model:
            return replace(wrapped, model=inner)
    return None


def _chain(exception: BaseException) -> Iterator[BaseException]:
    """The exception, those that it groups, and what it was raised from.

    A script that ends well has handled what came before.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [exception]
    while waiting:
        error = waiting.pop(0)
        if error is None or id(error) in seen:
            continue
        yield error
        seen.add(id(error))
        if not (isinstance(error, SystemExit) and not error.code):
            before = None if error.__suppress_context__ else error.__context__
            waiting += [*getattr(error, "exceptions", ()), error.__cause__ or before]


def _call_of(frame_locals: dict[str, Any], exception: BaseException) -> Failed | None:
    args, kwargs = frame_locals.get("args", ()), frame_locals.get("kwargs", {})
    if not isinstance(args, tuple) or not isinstance(kwargs, dict):
        return None
    model = frame_locals["self"]
    inputs = Inputs(cast("tuple[Any, ...]", args), cast("dict[str, Any]", kwargs))
    weights, compiled = None, False
    for frame in _frames(exception.__traceback__):
        compiled |= str(frame.f_globals.get("__name__")).startswith("torch._dynamo.")
        if frame.f_code.co_name == "_functional_call" and frame.f_locals.get("module") is model:
            weights = frame.f_locals.get("parameters_and_buffers")
    return Failed(model, inputs, exception, compiled, weights)


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
