"""Writing the result of ``check``: plain lines, JSON, JUnit XML, GitHub annotations."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from cnnshape.analysis.claims import CheckResult, Claim
from cnnshape.rendering.styled_text import Line, span
from cnnshape.rendering.units import count, size_in_shape
from cnnshape.rendering.writer import Writer
from cnnshape.words import times


def summary(result: CheckResult) -> str:
    """The last line: ``7 ok, 0 failed``."""
    failed = sum(not claim.ok for claim in result.claims)
    return f"{len(result.claims) - failed} ok, {failed} failed"


def _side(side: Any) -> str:
    if side is None:
        return "nothing"
    if isinstance(side, bool):
        return str(side)
    if isinstance(side, int):
        return count(side)
    if isinstance(side, tuple):
        items: tuple[Any, ...] = side  # pyright: ignore[reportUnknownVariableType]
        if items and isinstance(items[0], tuple):
            return ", ".join(_side(item) for item in items)
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


def statement(claim: Claim) -> str:
    """Both sides of a claim in words; one number where they agree."""
    actual, expected = _side(claim.actual), _side(claim.expected)
    if claim.what == "runs":
        return f"raised {actual}"
    if claim.what in ("max-params", "max-macs"):
        relation = "within" if claim.ok else "more than"
        return f"{actual}, {relation} {expected}"
    if claim.ok or actual == expected:
        return actual
    if claim.expected is None:
        return f"{actual}, which was not there before"
    if claim.actual is None:
        return f"{expected} expected, but there is none"
    return f"{actual}, expected {expected}"


def _sentence(claim: Claim) -> str:
    return f"{statement(claim)}; {claim.note}" if claim.note else statement(claim)


#: Statements longer than this do not push the notes of all others to the right.
_WIDEST = 32


def _lines(result: CheckResult, _width: int | None) -> list[Line]:
    """A line per claim, the information, and the counts; never broken, so that they can be grepped.

    >>> claim = Claim("shape", "C1", (1, 6, 28, 28), (1, 6, 24, 24), False)
    >>> print(CheckResult((claim,)))
    FAIL  shape  C1  1×6×24×24, expected 1×6×28×28
    0 ok, 1 failed
    """
    rows = [
        ("ok" if claim.ok else "FAIL", claim.what, claim.path or "model", statement(claim))
        for claim in result.claims
    ]
    widths = [
        max((len(row[i]) for row in rows if len(row[i]) <= _WIDEST), default=0) for i in range(4)
    ]
    lines: list[str] = []
    for row, claim in zip(rows, result.claims, strict=True):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([*cells, " ".join(claim.note.split())]).rstrip())
    lines += [f"info  {sentence}" for sentence in result.information]
    return [(span(line),) for line in (*lines, summary(result))]


def _json(result: CheckResult) -> str:
    return json.dumps(result.to_dict(), ensure_ascii=False, indent=2)


def _junit(result: CheckResult) -> str:
    """The format that GitLab, Jenkins and others show beside a merge request."""
    failed = sum(not claim.ok for claim in result.claims)
    cases: list[str] = []
    for claim in result.claims:
        name = quoteattr(_xml(f"{claim.what} {claim.path or 'model'}"))
        case = f"    <testcase classname={quoteattr(_xml(result.spec or 'model'))} name={name}"
        if claim.ok:
            cases.append(f"{case}/>")
            continue
        text = _xml(_sentence(claim))
        cases.append(
            f"{case}>\n      <failure message={quoteattr(text)}>{escape(text)}</failure>\n"
            "    </testcase>"
        )
    output = escape(_xml("\n".join(result.information)))
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            (
                f'  <testsuite name="cnnshape check" tests="{len(result.claims)}" '
                f'failures="{failed}" errors="0">'
            ),
            *cases,
            f"    <system-out>{output}</system-out>",
            "  </testsuite>",
            "</testsuites>",
        ]
    )


def _xml(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")


def _github(result: CheckResult) -> str:
    """Workflow commands that GitHub shows as annotations of the pull request."""
    lines: list[str] = []
    for claim in result.claims:
        if not claim.ok:
            title = _property(f"cnnshape {claim.what} {claim.path or 'model'}")
            lines.append(f"::error title={title}::{_message(_sentence(claim))}")
    return "\n".join([*lines, f"::notice title=cnnshape check::{summary(result)}"])


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


WRITER: Writer[CheckResult] = Writer(_lines, {"json": _json, "junit": _junit, "github": _github})
