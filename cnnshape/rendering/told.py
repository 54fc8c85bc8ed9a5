"""The panel of an error that was read in a text, with a line that nothing was run."""

from __future__ import annotations

from dataclasses import replace

from cnnshape.analysis.report import ErrorReport
from cnnshape.messages import say
from cnnshape.rendering.failure import error_lines
from cnnshape.rendering.styled_text import EMPTY, Line, Span, span


def told_lines(error: ErrorReport, room: int | None) -> list[Line]:
    """Place, reason and corrections as far as the message tells them.

    >>> from cnnshape.rendering.printing import as_text
    >>> print(as_text(told_lines(ErrorReport("fc", "", None, "no", "ValueError"), None)))
      ✗ fc: ValueError, with a message that is none of torch's that are known here
        ValueError: no
    <BLANKLINE>
      read from the text alone: nothing was run, nothing tried
    """
    known = error.diagnosis is not None
    shown = error if known else replace(error, diagnosis=_unknown(error))
    note = say("read from the text alone: nothing was run, nothing tried")
    return [*error_lines(shown, "", room), EMPTY, (Span("  "), span(note, "dim"))]


def _unknown(error: ErrorReport) -> str:
    return say(
        "{exception}, with a message that is none of torch's that are known here",
        exception=error.exception or say("an error"),
    )
