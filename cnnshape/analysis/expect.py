"""Expected shapes, held against the layers that ran.

An expectation is a path and a shape: ``C1`` and ``1,6,28,28``. The path may have wildcards
(``features.*``), a call number (``pooling[1]`` is the second call), and the shape ``*`` for a
size that does not matter, or expressions where the input has letters: ``N,16,H//2 - 4,W//2 - 4``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from cnnshape.analysis.claims import Claim, row_label
from cnnshape.analysis.expect_size import SizeJudge
from cnnshape.analysis.report import Layer, Report
from cnnshape.errors import UsageError
from cnnshape.words import nearest

#: A shape as it is expected; None stands for any size, a text for one with letters.
Pattern = tuple[int | str | None, ...]

_CALL = re.compile(r"^(?P<path>.*)\[(?P<call>\d+)\]$")


def expected_shapes(report: Report, expectations: Mapping[str, Pattern]) -> list[Claim]:
    """One claim per layer and expectation.

    Raises:
        UsageError: no layer has such a path, and the message lists the nearest; or an expected
            size cannot be read.
    """
    judge = SizeJudge.of(report)
    claims: list[Claim] = []
    for path, pattern in expectations.items():
        rows = _matching(report, path)
        if not rows:
            raise UsageError(_unknown_path(report, path))
        claims += [_claim(row, pattern, judge) for row in rows]
    return claims


def _matching(report: Report, path: str) -> list[Layer]:
    match = _CALL.match(path)
    bare, call = (match["path"], int(match["call"])) if match else (path, None)
    if any(letter in bare for letter in "*?"):
        rows = [row for row in report.layers if row.path and fnmatchcase(row.path, bare)]
        return [row for row in rows if call in (None, row.call) and row.called]
    first = _first_name(report, bare)
    return [row for row in report.layers if row.path == first and row.call == (call or 0)]


def _first_name(report: Report, path: str) -> str:
    """The path under which a module is listed that hangs in several places."""
    for module in report.trace.modules:
        if path in module.aliases:
            return module.path
    return path


def _claim(row: Layer, pattern: Pattern, judge: SizeJudge) -> Claim:
    shown = tuple("*" if size is None else size for size in pattern)
    if not row.called:
        return Claim("shape", row.path, shown, None, ok=False, note="the layer was never called")
    if not row.finished:
        return Claim("shape", row.path, shown, None, ok=False, note="the layer raised")
    if not row.output_shapes:
        return Claim("shape", row.path, shown, None, ok=False, note="it returned no tensor")
    actual = row.output_shapes[0]
    if len(actual) != len(pattern):
        return Claim("shape", row_label(row), shown, actual, ok=False)
    verdicts = [judge(want, size) for want, size in zip(pattern, actual, strict=True)]
    note = next((verdict.note for verdict in verdicts if verdict.note), "")
    ok = all(verdict.equal for verdict in verdicts)
    return Claim("shape", row_label(row), shown, actual, ok, note)


def _unknown_path(report: Report, path: str) -> str:
    called = [row_label(row) for row in report.layers if row.called and row.path]
    if any(letter in path for letter in "*?"):
        return f"no layer matches {path!r}; the first ones are {', '.join(called[:6])}"
    near = nearest(path, called, cutoff=0.4)
    resembling = f"the nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}"
    hint = resembling if near else f"there are {', '.join(called[:6])}"
    return f"no layer is called {path!r}; {hint}"
