"""Why a model raised, as its page tells it."""

from __future__ import annotations

from typing import Any

from cnnshape.analysis.report import ErrorReport, Report, Suggestion
from cnnshape.rendering.escape import visible
from cnnshape.rendering.failure import correction, further_changes, headline, tried
from cnnshape.tracing.trace import Source


def failure_data(report: Report, error: ErrorReport) -> dict[str, Any]:
    """Place, reason, how the size came about, and the corrections, each with what was found out."""
    failure = report.trace.failure
    sources = [(error.source, ""), (error.built, " made here")]
    return {
        "headline": visible(headline(error, report.class_name)),
        "call": None if failure is None else failure.call,
        "message": f"{error.exception}: {error.message}".strip(": "),
        "sources": [f"{_place(source)}{words}" for source, words in sources if source is not None],
        "derivation": [*error.derivation, *error.patterns],
        "suggestions": [_suggestion(suggestion) for suggestion in error.suggestions],
    }


def _place(source: Source) -> str:
    """``net.py:14 in forward``."""
    return f"{source} in {source.function}"


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    return {
        "text": correction(suggestion),
        "then": further_changes(suggestion),
        "tried": tried(suggestion),
        "good": suggestion.verified,
    }
