"""``with cnnshape.explain():`` and ``cnnshape.explain_error(model, x)``: the diagnosis in a script."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from torch import nn

from cnnshape.analysis.report import ErrorReport
from cnnshape.api import Report
from cnnshape.tracing.execute import Inputs


class Explanation:
    """Why a model call failed: ``print`` it, or read ``error`` and ``report``.

    Attributes:
        report: the report with the rows up to the failure; None as long as nothing failed.
    """

    def __init__(self, report: Report | None = None) -> None:
        self.report = report

    @property
    def error(self) -> ErrorReport | None:
        """What went wrong and what to change; None if nothing did."""
        return None if self.report is None else self.report.error

    def __str__(self) -> str:
        """Place, reason and suggestions as plain text."""
        if self.report is None or self.report.error is None:
            return "it ran without an error"
        from cnnshape.rendering.failure import failure_lines
        from cnnshape.rendering.text import lines_text, terminal_width

        return lines_text(failure_lines(self.report, terminal_width())).rstrip("\n")

    __repr__ = __str__

    def __rich__(self) -> Any:
        """The same with colours."""
        if self.report is None or self.report.error is None:
            return str(self)
        from cnnshape.rendering.failure import failure_lines
        from cnnshape.rendering.table import Lines

        return Lines(failure_lines(self.report, None))


class explain(Explanation):  # noqa: N801 - used like a function: `with cnnshape.explain():`
    """Explain an error that a model raises inside the ``with``, and let it pass on.

    The explanation is printed to stderr, its first sentence is added to the exception's notes
    (Python 3.11 and later), and the whole of it stays in the object::

        with cnnshape.explain():
            loss = criterion(model(x), y)
            loss.backward()

    Nothing is recorded unless something fails: a ``with`` that passes costs less than a
    microsecond. The call that failed is then run once more, by itself.

    >>> import torch, cnnshape
    >>> with cnnshape.explain() as explanation:
    ...     _ = torch.nn.Linear(4, 2)(torch.zeros(1, 4))
    >>> explanation.error is None
    True
    """

    def __enter__(self) -> explain:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception is None or not isinstance(exception, Exception | SystemExit):
            return
        try:
            self._explain(exception)
        except Exception:  # noqa: BLE001 - the model's own error must arrive, whatever happens here
            return

    def _explain(self, exception: BaseException) -> None:
        from cnnshape.experiments.explain import explain_failure

        report = explain_failure(exception)
        if report is None or report.error is None:
            return
        self.report = Report.of(report)
        _print(self)
        if hasattr(exception, "add_note"):
            exception.add_note(f"cnnshape: {_gist(report.error)}")


def explain_error(model: nn.Module, *inputs: Any, **keywords: Any) -> Explanation:
    """Run ``model(*inputs, **keywords)`` once and explain the error, if there is one.

    The model is run in its own mode and where it is, and is afterwards as it was.

    >>> import torch, cnnshape
    >>> print(cnnshape.explain_error(torch.nn.Linear(4, 2), torch.zeros(1, 5)).error.diagnosis)
    the Linear expects 4 features, but 5 arrive
    """
    from cnnshape.experiments.explain import explain_call

    return Explanation(Report.of(explain_call(model, Inputs(inputs, keywords))))


def _gist(error: ErrorReport) -> str:
    said = error.diagnosis or error.message
    first = error.suggestions[0] if error.suggestions else None
    if first is None:
        return said
    where = f"{first.path} = " if first.action == "set_argument" and first.path else ""
    return f"{said}; {where}{first.text}"


def _print(explanation: Explanation) -> None:
    """To stderr, in colour where that is a terminal."""
    import os

    report = explanation.report
    assert report is not None
    from cnnshape.rendering.failure import failure_lines
    from cnnshape.rendering.text import colored, lines_text

    stream = sys.stderr
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    width = None
    if stream.isatty():
        import shutil

        width = shutil.get_terminal_size().columns
    lines = failure_lines(report, width)
    print(lines_text(lines) if plain else colored(lines), file=stream)
