"""Writing the result of ``check``: plain lines and JSON; for CI see ``check_in_ci.py``."""

from __future__ import annotations

import json

from cnnshape.analysis.claims import CheckResult
from cnnshape.cells import cells
from cnnshape.messages import translated
from cnnshape.rendering.check_in_ci import github, junit
from cnnshape.rendering.claim_text import statement, summary
from cnnshape.rendering.styled_text import Line, span
from cnnshape.rendering.writer import Writer

#: Statements longer than this do not push the notes of all others to the right.
_WIDEST = 32


#: What follows from the failure above it stands further in.
_FOLLOWS = "  "


def _lines(result: CheckResult, _width: int | None) -> list[Line]:
    """A line per claim, the information, and the counts; never broken, so that they can be grepped.

    Failures come first, and below each what follows from it.

    >>> from cnnshape.analysis.claims import Claim
    >>> claim = Claim("shape", "C1", (1, 6, 28, 28), (1, 6, 24, 24), False)
    >>> print(CheckResult((Claim("size", "C1", 28, 28, True), claim)))
    FAIL  shape  C1  1×6×24×24, expected 1×6×28×28
    ok    size   C1  28
    1 ok, 1 failed
    """
    kept = () if result.brief else tuple(claim for claim in result.claims if claim.ok)
    ordered = [claim for group in result.failures for claim in group] + list(kept)
    rows = [
        (
            "ok" if claim.ok else "FAIL",
            f"{_FOLLOWS if claim.cause is not None else ''}{claim.what}",
            claim.path or "model",
            translated(statement(claim)),
        )
        for claim in ordered
    ]
    widths = [
        max((cells(row[i]) for row in rows if cells(row[i]) <= _WIDEST), default=0)
        for i in range(4)
    ]
    lines: list[str] = []
    for row, claim in zip(rows, ordered, strict=True):
        padded = [
            f"{cell}{' ' * (wide - cells(cell))}" for cell, wide in zip(row, widths, strict=True)
        ]
        lines.append("  ".join([*padded, " ".join(translated(claim.note).split())]).rstrip())
    lines += [f"info  {translated(sentence)}" for sentence in result.information]
    return [(span(line),) for line in (*lines, summary(result))]


def _json(result: CheckResult) -> str:
    return json.dumps(result.to_dict(), ensure_ascii=False, indent=2)


WRITER: Writer[CheckResult] = Writer(_lines, {"json": _json, "junit": junit, "github": github})
