"""One size that is expected, held against one that came out; both may have letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from cnnshape.analysis.report import Report
from cnnshape.errors import FormulaSyntaxError, UsageError
from cnnshape.formulas.algebra import Sum
from cnnshape.formulas.reading.equations import read_size
from cnnshape.tracing.trace import Dim

#: With one letter every size up to this one is compared; with more, fewer each.
_HIGHEST = 256


class Verdict(NamedTuple):
    """Whether two sizes are equal; where letters make them differ, the first difference."""

    equal: bool
    note: str = ""


@dataclass(frozen=True)
class SizeJudge:
    """Compares sizes of a report whose input has these letters."""

    letters: frozenset[str]

    @classmethod
    def of(cls, report: Report) -> SizeJudge:
        """The judge for a report."""
        return cls(
            frozenset(
                size
                for given in report.inputs
                for size in given.shape
                if isinstance(size, str) and size.isidentifier()
            )
        )

    def __call__(self, expected: Dim | None, actual: Dim) -> Verdict:
        """Compare; None is expected where the size does not matter.

        Raises:
            UsageError: the expected size cannot be read, or has letters that the input lacks.
        """
        if expected is None or expected == actual:
            return Verdict(True)
        if isinstance(expected, int) and isinstance(actual, int):
            return Verdict(False)
        if not self.letters:
            raise UsageError(
                f"{expected} is expected, but the input has numbers only: give it with letters, "
                "as in -i N,1,H,W"
            )
        wanted = read_size(str(expected), self.letters)
        try:
            found = read_size(str(actual), self.letters)
        except FormulaSyntaxError:  # a remainder, say, which no formula has
            return Verdict(str(expected).replace(" ", "") == str(actual).replace(" ", ""))
        return _compared(wanted, found)


def _compared(wanted: Sum, found: Sum) -> Verdict:
    """By their simplified form, else by their values."""
    if wanted == found:
        return Verdict(True)
    for values in _assignments(sorted(wanted.letters | found.letters)):
        one, other = wanted.value(values), found.value(values)
        if one != other and other > 0:
            where = ", ".join(f"{name} = {size}" for name, size in values.items())
            return Verdict(False, f"with {where} it is {other}, not {one}" if where else "")
    return Verdict(True)


def _assignments(letters: list[str]) -> Iterator[dict[str, int]]:
    """Values for the letters: every combination up to a size that keeps them few."""
    highest = (_HIGHEST, _HIGHEST, 64, 16)[min(len(letters), 3)]
    for sizes in product(range(1, highest + 1), repeat=len(letters)):
        yield dict(zip(letters, sizes, strict=True))
