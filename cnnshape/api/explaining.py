"""``with cnnshape.explain():`` and ``cnnshape.explain_error(model, x)``, for scripts."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from torch import nn

from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.messages import say, translated
from cnnshape.tracing.execute import Inputs

if TYPE_CHECKING:
    from typing_extensions import Self


class Explanation:
    """Why a model call failed: ``print`` it, or read ``error`` and ``report``.

    Attributes:
        error: what went wrong and what to change; None if nothing did.
        report: the report with the rows up to the failure; None as long as nothing failed, and
            where a model could not even be built.
    """

    def __init__(self, report: Report | None = None, error: ErrorReport | None = None) -> None:
        self.report = report
        self.error = report.error if report is not None else error

    def __str__(self) -> str:
        """Place, reason and suggestions as plain text."""
        if self.error is None:
            return translated(say("it ran without an error"))
        from cnnshape.rendering.failure import error_lines
        from cnnshape.rendering.printing import as_text, terminal_width

        return as_text(error_lines(self.error, self.name, terminal_width())).rstrip("\n")

    def __repr__(self) -> str:
        """As ``str``: what a prompt or a notebook shows."""
        return str(self)

    def __rich__(self) -> Any:
        """The same with colours."""
        if self.error is None:
            return str(self)
        from cnnshape.rendering.failure import error_lines
        from cnnshape.rendering.printing import Lines

        return Lines(error_lines(self.error, self.name, None))

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter: HTML, with plain text to fall back on."""
        from cnnshape.rendering.failure import error_lines
        from cnnshape.rendering.printing import PROSE, as_html

        if self.error is None:
            return {"text/plain": str(self)}
        return {
            "text/plain": str(self),
            "text/html": as_html(error_lines(self.error, self.name, PROSE)),
        }

    @property
    def says_why(self) -> bool:
        """Whether there is more in it than the exception's own message."""
        error = self.error
        return error is not None and bool(
            error.diagnosis or error.suggestions or error.arguments or error.derivation
        )

    @property
    def name(self) -> str:
        """The class of the model."""
        if self.report is not None:
            return self.report.class_name
        return "" if self.error is None else self.error.type


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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        found = None if exception is None else explain_exception(exception)
        if exception is None or found is None or found.error is None:
            return
        self.report, self.error = found.report, found.error
        with suppress(Exception):  # the model's own error must arrive, whatever happens here
            self._tell(self.error, exception)

    def _tell(self, error: ErrorReport, exception: BaseException) -> None:
        from cnnshape.rendering.failure import print_error

        print_error(error, self.name, sys.stderr)
        if sys.version_info >= (3, 11):
            exception.add_note(f"cnnshape: {translated(_gist(error))}")


def explain_exception(exception: BaseException) -> Explanation | None:
    """The explanation of an exception that a model raised; None if it comes from no model.

    The call that failed is run once more, by itself. Where no call is in reach, it is what the
    message says, with nothing tried.
    """
    if not isinstance(exception, Exception | SystemExit):
        return None
    from cnnshape.experiments.explain import explain_failure
    from cnnshape.experiments.explain_building import explain_construction

    try:
        failure = explain_failure(exception)
        if failure is not None:
            return Explanation(failure[1], failure[0])
        error = explain_construction(exception) or _from_text(exception)
    except Exception:  # noqa: BLE001 - the exception itself is all there is then
        return None
    return None if error is None else Explanation(error=error)


def _from_text(exception: BaseException) -> ErrorReport | None:
    """What the message says: of a loss by itself, of a model in another process."""
    if isinstance(exception, SystemExit):
        return None
    from traceback import format_exception

    from cnnshape.analysis.messages.explain_text import explain_text

    error = explain_text("".join(format_exception(exception)))
    return error if error is not None and error.kind is not None else None


def explain_error(model: nn.Module, *inputs: Any, **keywords: Any) -> Explanation:
    """Run ``model(*inputs, **keywords)`` once and explain the error, if there is one.

    The model is run in its own mode and where it is, and is afterwards as it was.

    Raises:
        UsageError: the model or an input is such that no pass can be recorded.

    >>> import torch, cnnshape
    >>> print(cnnshape.explain_error(torch.nn.Linear(4, 2), torch.zeros(1, 5)).error.diagnosis)
    the Linear expects 4 features, but 5 arrive
    """
    from cnnshape.experiments.explain import explain_call
    from cnnshape.loading.initialised import check_initialised
    from cnnshape.loading.unwrap import unwrap

    net = unwrap(model)
    check_initialised(net)
    return Explanation(explain_call(net, Inputs(inputs, keywords)))


def _gist(error: ErrorReport) -> str:
    said = error.diagnosis or error.message
    first = error.suggestions[0] if error.suggestions else None
    if first is None:
        return said
    from cnnshape.rendering.failure import correction

    return say("{sentence}; {change}", sentence=said, change=correction(first))
