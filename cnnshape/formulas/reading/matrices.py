"""Reading a matrix that somebody wrote down: ``1 2 3; 4 5 6``, a nested list, a CSV file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fractions import Fraction

from cnnshape.errors import UsageError
from cnnshape.words import plural

#: A number of a matrix, exact.
Number = int | Fraction
Matrix = tuple[tuple[Number, ...], ...]

#: More numbers than this are no example for working out by hand.
MOST_NUMBERS = 4096
#: A file may take this many bytes.
_LONGEST = 1 << 20

_NUMBER = re.compile(
    r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})(e[+-]?\d{1,2})?|[+-]?\d{1,9}/\d{1,9}"
)
_SIGNS = str.maketrans({"−": "-", "–": "-", "，": ",", "；": ";"})
_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", " ": "spaces"}


def read_matrix(given: str | Sequence[object], name: str) -> Matrix:
    """The rows of a matrix.

    Args:
        given: Rows separated by semicolons or lines, numbers by spaces or commas; or the name of
            a file with a row in each line; or rows of numbers.
        name: What it is, for error messages.

    >>> read_matrix("1 2 3; 4 5 6", "matrix")
    ((1, 2, 3), (4, 5, 6))

    Raises:
        UsageError: It is empty, a number is missing or is none, or the separators are mixed.
    """
    rows = _rows_of_text(given, name) if isinstance(given, str) else _rows_given(given, name)
    if not rows:
        raise UsageError(f"the {name} is empty; write one as in '1 2 3; 4 5 6; 7 8 9'")
    for index, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise UsageError(
                f"row {index} of the {name} has {plural(len(row), 'number')}, row 1 has "
                f"{len(rows[0])}: every row needs as many"
            )
    if len(rows) * len(rows[0]) > MOST_NUMBERS:
        raise UsageError(
            f"the {name} is too large: at most {MOST_NUMBERS:,} numbers are worked out"
        )
    return tuple(tuple(row) for row in rows)


def _rows_given(given: Sequence[object], name: str) -> list[list[Number]]:
    if not given or not isinstance(given[0], Sequence):
        return [[_given(each, name, 1) for each in given]] if given else []
    rows: list[list[Number]] = []
    for index, row in enumerate(given, 1):
        if not isinstance(row, Sequence) or isinstance(row, str):
            raise UsageError(f"row {index} of the {name} is no row of numbers: {row!r}")
        rows.append([_given(each, name, index) for each in row])
    return rows


def _given(value: object, name: str, row: int) -> Number:
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and abs(value) < float("inf"):
        return _simple(Fraction(value))
    raise UsageError(f"row {row} of the {name}: {value!r} is no number")


def _rows_of_text(text: str, name: str) -> list[list[Number]]:
    text, lines = _lines(text, name)
    rows: list[list[Number]] = []
    first = ""
    for index, line in enumerate(lines, 1):
        if not line.strip():
            raise UsageError(f"row {index} of the {name} is empty")
        separator = _separator(line)
        first = first or separator
        if separator and separator != first:
            raise UsageError(
                f"row {index} of the {name} has {_SEPARATORS[separator]} between its numbers, "
                f"rows before it {_SEPARATORS[first]}; use one of them"
            )
        cells = line.split() if separator in (" ", "") else line.split(separator)
        rows.append([_number(cell, index, place, name) for place, cell in enumerate(cells, 1)])
    return rows


def _lines(text: str, name: str) -> tuple[str, list[str]]:
    """The rows of a text, or of the file that it names."""
    if os.path.isfile(text):  # noqa: PTH113 - without importing pathlib
        if os.path.getsize(text) > _LONGEST:  # noqa: PTH202
            raise UsageError(f"{text} is too large for a matrix")
        try:
            with open(text, encoding="utf-8-sig") as file:  # noqa: PTH123
                lines = file.read().translate(_SIGNS).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{text} cannot be read as text: {error}") from None
        while lines and not lines[-1].strip():
            lines.pop()
        return text, lines
    if re.fullmatch(r"[^;\n]*\.(csv|tsv|txt)", text.strip(), re.IGNORECASE):
        raise UsageError(f"no file {text} for the {name}")
    plain = text.translate(_SIGNS).strip()
    if plain.startswith("["):
        plain = re.sub(r"\]\s*,?\s*\[", ";", plain).strip("[] ")
    lines = re.split(r"[;\n]", plain.rstrip("; \n"))
    return text, lines if any(line.strip() for line in lines) else []


def _separator(line: str) -> str:
    """What stands between the numbers of a row; empty where there is one number."""
    stripped = line.strip()
    return next((mark for mark in ("\t", ";", ",") if mark in stripped), " " * (" " in stripped))


def _number(cell: str, row: int, place: int, name: str) -> Number:
    written = cell.strip()
    if not written:
        raise UsageError(f"row {row} of the {name}: number {place} is missing")
    if not _NUMBER.fullmatch(written.lower()) or re.fullmatch(r".*/0+", written):
        inner = written.split()
        if len(inner) > 1 and all(_NUMBER.fullmatch(each.lower()) for each in inner):
            raise UsageError(
                f"row {row} of the {name} mixes separators: between {inner[0]} and {inner[1]} "
                "stands a space, elsewhere another sign"
            )
        raise UsageError(f"row {row} of the {name}: {written!r} is no number")
    return _simple(Fraction(written))


def _simple(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value
