"""The last error of a model that a text tells of, explained from its message alone."""

from __future__ import annotations

import re
from dataclasses import replace

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.messages.calls import CALLS
from cnnshape.analysis.messages.convolution import CONVOLUTION
from cnnshape.analysis.messages.dtypes import DTYPES
from cnnshape.analysis.messages.fitting import FITTING
from cnnshape.analysis.messages.indexing import INDEXING
from cnnshape.analysis.messages.losses import LOSSES
from cnnshape.analysis.messages.moving import MOVING
from cnnshape.analysis.messages.normalisation import NORMALISATION
from cnnshape.analysis.messages.place import Place, place_of
from cnnshape.analysis.messages.products import PRODUCTS
from cnnshape.analysis.messages.read_error import ToldError, clean, errors_in, readings
from cnnshape.analysis.messages.sequences import SEQUENCES
from cnnshape.analysis.messages.table import read_row
from cnnshape.analysis.report import ErrorReport
from cnnshape.messages import say

#: Asked in this order.
ROWS = (
    *PRODUCTS,
    *CONVOLUTION,
    *NORMALISATION,
    *SEQUENCES,
    *FITTING,
    *INDEXING,
    *MOVING,
    *DTYPES,
    *LOSSES,
    *CALLS,
)
_ASSERTION = re.compile(r"Assertion `[^`\n]{1,200}`? failed")
#: Words of torch that stand by themselves are looked for in the last so many lines.
_BARE_LINES = 2_000


def explain_text(text: str) -> ErrorReport | None:
    r"""The last error of a model in a text; another last one if no model's is known.

    ``kind`` and ``diagnosis`` are None for a message that is not known. No suggestion is tried.

    Returns:
        None if the text tells of no error.

    >>> found = explain_text("mat1 and mat2 shapes cannot be multiplied (2x7 and 9x4)")
    >>> print(found.diagnosis)
    a Linear expects 9 features, but 7 arrive
    >>> [(s.text, s.verified) for s in found.suggestions]
    [('nn.Linear(in_features=7, out_features=4)', False)]
    """
    told = [_with_assertion(error, text) for error in errors_in(text)]
    for error in reversed(told):
        found = explain_told(error)
        if found is not None:
            return found
    if not told:
        return _bare(text)
    models = [error for error in told if place_of(error.frames).in_model]
    return _report((models or told)[-1], (models or told)[-1].message, None)


def _with_assertion(error: ToldError, text: str) -> ToldError:
    """A GPU says in a line of its own what was wrong, and then that something was."""
    failed = _ASSERTION.findall(text) if "device-side assert" in error.message else []
    return replace(error, message=f"{error.message} ({failed[-1]})") if failed else error


def explain_told(error: ToldError) -> ErrorReport | None:
    """What is known of one error's message; None if nothing is."""
    place = place_of(error.frames)
    for message in readings(error):
        diagnosis = diagnose_message(message, place)
        if diagnosis is not None:
            return _report(error, message, diagnosis)
    own = _own_check(error, place)
    return None if own is None else _report(error, error.message, own)


def _own_check(error: ToldError, place: Place) -> Diagnosis | None:
    """What a model's own ``assert`` or ``raise`` says."""
    code = place.source.code or "" if place.source is not None else ""
    if not place.in_model or place.in_layer or not code.startswith(("assert ", "raise ")):
        return None
    function = error.frames[-1].function
    if code.startswith("assert "):
        sentence = say("{forward} asserts otherwise", forward=function)
    else:
        sentence = say("{forward} raises {exception}", forward=function, exception=error.exception)
    if error.message:
        sentence = say("{what}: {message}", what=sentence, message=error.message)
    return Diagnosis("raised.own", sentence)


def diagnose_message(message: str, place: Place) -> Diagnosis | None:
    """What the tables say of a message at a place; None where they do not have it."""
    for row in ROWS:
        try:
            found = read_row(row, message, place)
        except (ArithmeticError, LookupError, ValueError):
            continue  # with numbers that torch itself would not write
        if found is not None:
            return found
    return None


def _bare(text: str) -> ErrorReport | None:
    """A message that was pasted without the exception's name."""
    for line in reversed(clean(text).split("\n")[-_BARE_LINES:]):
        message = " ".join(line[:2_000].split())
        diagnosis = diagnose_message(message, Place()) if message else None
        if diagnosis is not None:
            return _report(ToldError("", message), message, diagnosis)
    return None


def _report(error: ToldError, message: str, diagnosis: Diagnosis | None) -> ErrorReport:
    place = place_of(error.frames)
    return ErrorReport(
        path=place.path,
        type=place.kind,
        op=place.operation or None,
        message=message,
        exception=error.exception,
        kind=None if diagnosis is None else diagnosis.kind,
        diagnosis=None if diagnosis is None else diagnosis.sentence,
        source=place.source,
        suggestions=() if diagnosis is None else diagnosis.suggestions,
    )
