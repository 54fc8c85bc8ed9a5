"""The file of a sweep: a row on each line, as CSV or JSON, written as the rows come."""

from __future__ import annotations

import csv
import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from cnnshape.errors import UsageError
from cnnshape.files import write_atomic
from cnnshape.formats import format_of
from cnnshape.loading.run_options import Mode
from cnnshape.rendering.escape import spreadsheet
from cnnshape.rendering.writer import csv_text
from cnnshape.sweeping.lines import GrowingFile, whole_lines
from cnnshape.sweeping.row import COLUMNS, Row, Shape, Status

FORMATS = ("csv", "jsonl")
_HEADING = ",".join(COLUMNS)
_NUMBERS = ("params", "trainable_params", "macs", "match", "mismatch", "uncovered")
#: How the files of sweeps begin.
_BEGINS = {"csv": _HEADING, "jsonl": '{"model": '}


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """The rows that stand in a file; none if there is no file.

    Raises:
        UsageError: the file is none of a sweep, or damaged.
        OutputError: its suffix is neither ``.csv`` nor ``.jsonl``.
    """
    chosen = format_of(path, FORMATS)
    lines, half = whole_lines(Path(path))
    first, begins = lines[0] if lines else half, _BEGINS[chosen]
    if first and not first.startswith(begins) and not (half == first and begins.startswith(half)):
        raise UsageError(
            f"{path} is no result of a sweep: its first line does not begin with "
            f"{begins[:30].rstrip(':')}; name another file"
        )
    rows: list[Row] = []
    for at, line in enumerate(lines, 1):
        if line == _HEADING:  # also of files that were put together
            continue
        try:
            rows.append(_ROWS[chosen](line))
        except (ValueError, TypeError, KeyError, csv.Error) as error:
            raise UsageError(
                f"line {at} of {path} is no row of a sweep: take it out, or name another file"
            ) from error
    return rows


class RowFile:
    """Rows are added to a file, in the format of its suffix."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Begin a file, or go on with one.

        Raises:
            OutputError: the suffix is neither ``.csv`` nor ``.jsonl``, or it cannot be written.
        """
        chosen = format_of(path, FORMATS)
        self._line = _LINES[chosen]
        self._file = GrowingFile(Path(path), _HEADING if chosen == "csv" else "")

    def add(self, row: Row) -> None:
        """Add a row, at once and as a whole.

        Raises:
            OutputError: the disk is full, say.
        """
        self._file.add(self._line(row))


def replace_rows(path: str | os.PathLike[str], rows: Sequence[Row]) -> None:
    """Put these rows in the place of those that stand in the file."""
    write_atomic(path, rows_text(rows, format_of(path, FORMATS)))


def rows_text(rows: Sequence[Row], format: str) -> str:
    """All rows in a format, as the file has them."""
    heading = [_HEADING] if format == "csv" else []
    return "".join(f"{line}\n" for line in (*heading, *map(_LINES[format], rows)))


# ---- lines --------------------------------------------------------------------------------


def _to_json(row: Row) -> str:
    return json.dumps(row.to_dict(), ensure_ascii=False)


def _from_json(line: str) -> Row:
    found: Mapping[str, Any] = json.loads(line)
    known: dict[str, Any] = {name: found[name] for name in COLUMNS}
    return _row(known, shapes=[tuple(shape) for shape in known["output"]])


def _to_csv(row: Row) -> str:
    """Several inputs stand as one types them, several outputs likewise, sizes with an ``x``."""
    values = row.to_dict() | {"input": shlex.join(row.input), "output": output_text(row)}
    return csv_text(map(_cell, values.values()), ()).rstrip("\n")


def _from_csv(line: str) -> Row:
    (cells,) = csv.reader([line], strict=True)
    texts = dict(zip(COLUMNS, map(_without_mark, cells), strict=True))
    values = {name: _READ.get(name, str)(text) for name, text in texts.items()}
    return _row(values, shapes=[_shape(text) for text in texts["output"].split()])


def _row(values: Mapping[str, Any], shapes: list[Shape]) -> Row:
    whole: dict[str, Any] = {**values, "input": tuple(values["input"]), "output": tuple(shapes)}
    row = Row(**whole)
    whole_numbers = [getattr(row, name) for name in _NUMBERS]
    if not (row.model and row.mode in get_args(Mode) and row.status in get_args(Status)):
        raise ValueError("it says no model, no mode or no status")
    sound = all(number is None or isinstance(number, int) for number in whole_numbers)
    if not sound or not isinstance(values["seconds"], (int, float, type(None))):
        raise ValueError("a number is none")
    return row


_LINES: dict[str, Callable[[Row], str]] = {"csv": _to_csv, "jsonl": _to_json}
_ROWS: dict[str, Callable[[str], Row]] = {"csv": _from_csv, "jsonl": _from_json}


def output_text(row: Row) -> str:
    """The shapes of the outputs, as in ``1x1000 1x768``.

    >>> output_text(Row("net.py:Net", output=((1, 1000), ())))
    '1x1000 ()'
    """
    return " ".join("x".join(map(str, shape)) or "()" for shape in row.output)


def _shape(text: str) -> Shape:
    if text == "()":
        return ()
    return tuple(int(size) if size.isdigit() else size for size in text.split("x"))


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula, and from which its text can be had back."""
    if not isinstance(value, str):
        return "" if value is None else str(value).lower()
    marked = spreadsheet(value.lstrip("'"))
    return f"'{value}" if marked.startswith("'") else value


def _without_mark(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _cell(cell[1:]) == cell else cell


def _whole(text: str) -> int | None:
    return int(text) if text else None


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text]


_READ: dict[str, Callable[[str], object]] = {
    "input": shlex.split,
    "usual_input": _truth,
    **dict.fromkeys(_NUMBERS, _whole),
    "seconds": lambda text: float(text) if text else None,
}
