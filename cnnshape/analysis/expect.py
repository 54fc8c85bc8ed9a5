"""Expected shapes, held against the layers that ran.

An expectation is a path and a shape: ``C1`` and ``1,6,28,28``. The path may have wildcards
(``features.*``), a call number (``pooling[1]`` is the second call), and the shape ``*`` for a
size that does not matter, or expressions where the input has letters: ``N,16,H//2 - 4,W//2 - 4``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple

from cnnshape.analysis.claims import Claim, row_label
from cnnshape.analysis.report import Layer, Report
from cnnshape.errors import FormulaSyntaxError, UsageError
from cnnshape.formulas.algebra import Sum
from cnnshape.formulas.reading.equations import read_size
from cnnshape.messages import say
from cnnshape.tracing.trace import Dim
from cnnshape.words import nearest

#: A shape as it is expected; None stands for any size, a text for one with letters.
Pattern = tuple[int | str | None, ...]

_CALL = re.compile(r"^(?P<path>.*)\[(?P<call>\d{1,9})\]$")


def expected_shapes(report: Report, expectations: Mapping[str, Pattern]) -> list[Claim]:
    """One claim per layer and expectation.

    Raises:
        UsageError: no layer has such a path, and the message lists the nearest; or an expected
            size cannot be read.
    """
    judge = _SizeJudge.of(report)
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


def _claim(row: Layer, pattern: Pattern, judge: _SizeJudge) -> Claim:
    actual = row.output_shapes[0] if row.output_shapes else None
    ok, note = _verdict(row, pattern, judge)
    return Claim(
        what="shape",
        path=row_label(row),
        expected=tuple("*" if size is None else size for size in pattern),
        actual=actual if row.finished else None,
        ok=ok,
        note=note,
        source=row.source,
        row=row,
    )


def _verdict(row: Layer, pattern: Pattern, judge: _SizeJudge) -> _Verdict:
    if not row.called:
        return _Verdict(False, say("the layer was never called"))
    if not row.finished:
        return _Verdict(False, say("the layer raised"))
    if not row.output_shapes:
        return _Verdict(False, say("it returned no tensor"))
    actual = row.output_shapes[0]
    if len(actual) != len(pattern):
        return _Verdict(False)
    verdicts = [judge(want, size) for want, size in zip(pattern, actual, strict=True)]
    note = next((verdict.note for verdict in verdicts if verdict.note), "")
    return _Verdict(all(verdict.equal for verdict in verdicts), note)


def _unknown_path(report: Report, path: str) -> str:
    called = [row_label(row) for row in report.layers if row.called and row.path]
    if any(letter in path for letter in "*?"):
        return say(
            "no layer matches {path!r}; the first ones are {layers}",
            path=path,
            layers=", ".join(called[:6]),
        )
    near = nearest(path, called, cutoff=0.4)
    sentence = say("no layer is called {path!r}", path=path)
    if not near:
        return sentence + say("; there are {layers}", layers=", ".join(called[:6]))
    if len(near) == 1:
        return sentence + say("; the nearest is {layer}", layer=near[0])
    return sentence + say("; the nearest are {layers}", layers=", ".join(near))


# ---- one size against another; both may have letters ------------------------------------

#: With one letter every size up to this one is compared; with more, fewer each.
_HIGHEST = 256


class _Verdict(NamedTuple):
    """Whether two sizes are equal; where letters make them differ, the first difference."""

    equal: bool
    note: str = ""


@dataclass(frozen=True)
class _SizeJudge:
    """Compares sizes of a report whose input has these letters."""

    letters: frozenset[str]

    @classmethod
    def of(cls, report: Report) -> _SizeJudge:
        """The judge for a report."""
        return cls(
            frozenset(
                size
                for given in report.inputs
                for size in given.shape
                if isinstance(size, str) and size.isidentifier()
            )
        )

    def __call__(self, expected: Dim | None, actual: Dim) -> _Verdict:
        """Compare; None is expected where the size does not matter.

        Raises:
            UsageError: the expected size cannot be read, or has letters that the input lacks.
        """
        if expected is None or expected == actual:
            return _Verdict(True)
        if isinstance(expected, int) and isinstance(actual, int):
            return _Verdict(False)
        if not self.letters:
            raise UsageError(
                say(
                    "{size} is expected, but the input has numbers only: give it with letters, as "
                    "in -i N,1,H,W",
                    size=expected,
                )
            )
        wanted = read_size(str(expected), self.letters)
        try:
            found = read_size(str(actual), self.letters)
        except FormulaSyntaxError:  # a remainder, say, which no formula has
            return _Verdict(str(expected).replace(" ", "") == str(actual).replace(" ", ""))
        return _compared(wanted, found)


def _compared(wanted: Sum, found: Sum) -> _Verdict:
    """By their simplified form, else by their values."""
    if wanted == found:
        return _Verdict(True)
    for values in _assignments(sorted(wanted.letters | found.letters)):
        one, other = wanted.value(values), found.value(values)
        if one != other and other > 0:
            where = ", ".join(f"{name} = {size}" for name, size in values.items())
            return _Verdict(
                False,
                say("with {sizes} it is {other}, not {size}", sizes=where, other=other, size=one)
                if where
                else "",
            )
    return _Verdict(True)


def _assignments(letters: list[str]) -> Iterator[dict[str, int]]:
    """Values for the letters: every combination up to a size that keeps them few."""
    highest = (_HIGHEST, _HIGHEST, 64, 16)[min(len(letters), 3)]
    for sizes in product(range(1, highest + 1), repeat=len(letters)):
        yield dict(zip(letters, sizes, strict=True))
