"""A claim of ``check`` in words: both sides, one number where they agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnnshape.analysis.claims import CheckResult, Claim
from cnnshape.messages import say
from cnnshape.rendering.printing import as_text
from cnnshape.rendering.styled_text import draw_grid, span
from cnnshape.rendering.units import count, dim_text, size_in_shape
from cnnshape.words import times


def summary(result: CheckResult) -> str:
    """The last line: ``7 ok, 0 failed``."""
    failed = sum(not claim.ok for claim in result.claims)
    return say("{ok} ok, {failed} failed", ok=len(result.claims) - failed, failed=failed)


def _side(side: Any) -> str:
    if side is None:
        return say("nothing")
    if isinstance(side, bool):
        return str(side)
    if isinstance(side, int):
        return count(side)
    if isinstance(side, tuple):
        items: tuple[Any, ...] = side  # pyright: ignore[reportUnknownVariableType]
        if items and isinstance(items[0], tuple):
            return ", ".join(_side(item) for item in items)
        if len(items) == 1 and isinstance(items[0], str) and items[0] != "*":
            return dim_text(items[0])  # alone it needs no brackets
        return times(map(_size, items), "scalar")
    return str(side)


def _size(size: Any) -> str:
    """One size of a claim: ``*`` where any will do, ``?`` where a formula gives none."""
    if size is None:
        return "?"
    if size == "*":
        return "*"
    if isinstance(size, float):
        return f"{size:.4g}"
    return size_in_shape(size)


def differences(claims: Iterable[Claim]) -> str:
    """Both sides of several claims as a table.

    >>> print(differences([Claim("shape", "C1", (1, 6, 28, 28), (1, 6, 24, 24), ok=False)]))
      layer  expected   came out
      C1     1×6×28×28  1×6×24×24
    """
    texts = [
        (claim.path or "model", _side(claim.expected), _side(claim.actual)) for claim in claims
    ]
    rows = [[(span(text),) for text in row] for row in texts]
    lines = draw_grid(("layer", "expected", "came out"), ("left",) * 3, rows)
    return as_text(lines).rstrip("\n")


def statement(claim: Claim) -> str:
    """Both sides of a claim in words; one number where they agree."""
    actual, expected = _side(claim.actual), _side(claim.expected)
    if claim.what == "runs":
        return say("raised {error}", error=actual)
    if claim.what in ("max-params", "max-macs"):
        if claim.ok:
            return say("{actual}, within {limit}", actual=actual, limit=expected)
        return say("{actual}, more than {limit}", actual=actual, limit=expected)
    if claim.ok or actual == expected:
        return actual
    if claim.expected is None:
        return say("{actual}, which was not there before", actual=actual)
    if claim.actual is None:
        return say("{expected} expected, but there is none", expected=expected)
    return say("{actual}, expected {expected}", actual=actual, expected=expected)


def sentence(claim: Claim) -> str:
    """The statement and the note."""
    return f"{statement(claim)}; {claim.note}" if claim.note else statement(claim)


def name(claim: Claim) -> str:
    """What a claim is called: ``shape C1``, ``max-params model``."""
    return f"{claim.what} {claim.path or 'model'}"
