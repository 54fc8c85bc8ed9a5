"""Columns by name: those that were asked for, those that a table needs, and rows in their order.

>>> [column.name for column in parse_columns("layer, macs,pad")]
['layer', 'macs', 'padding']
>>> parse_columns("layer,parms")
Traceback (most recent call last):
    ...
cnnshape.errors.UsageError: no column 'parms'; did you mean params? There are layer, type, ...
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.errors import UsageError
from cnnshape.rendering.columns import COLUMNS, Column, Value
from cnnshape.rendering.row import Row, Table
from cnnshape.rendering.shapes import elements
from cnnshape.words import did_you_mean

_BY_NAME = {name: column for column in COLUMNS for name in (column.name, *column.aliases)}
#: Left out of a table that nobody chose columns for, where no row has anything to say in them.
_IF_ANY = ("kernel", "stride", "padding", "dilation", "groups", "params", "macs")
_DEFAULT = ("layer", "type", "input", "output", *_IF_ANY, "check")


def column(name: str) -> Column:
    """The column called ``name``, or something like it.

    Raises:
        UsageError: no column has this name; the message lists all of them.
    """
    found = _BY_NAME.get(name.strip().lower())
    if found is not None:
        return found
    hint = did_you_mean(name.strip(), _BY_NAME, limit=1)
    there_are = f"{hint} There are" if hint else "; there are"
    raise UsageError(f"no column {name.strip()!r}{there_are} {_known()}")


def _known() -> str:
    return ", ".join(column.name for column in COLUMNS)


def parse_columns(text: str) -> tuple[Column, ...]:
    """Columns from their names, separated by commas, each once, in the order given.

    Raises:
        UsageError: a name is not known, or there is none.
    """
    names = [name for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(f"--columns needs at least one name of {_known()}")
    return tuple(dict.fromkeys(column(name) for name in names))


def default_columns(table: Table, formulas: bool) -> tuple[Column, ...]:
    """What a table shows if nobody says otherwise: empty columns are left out."""
    names = [
        name
        for name in _DEFAULT
        if name not in _IF_ANY or any(column(name).text(row, False) for row in table.rows)
    ]
    return tuple(column(name) for name in [*names, *(["formula"] if formulas else [])])


def choose_columns(table: Table, names: Sequence[str] | None, formulas: bool) -> tuple[Column, ...]:
    """The columns of these names, or those that the table needs; each once.

    Raises:
        UsageError: a name is not known.
    """
    if names is None:
        return default_columns(table, formulas)
    columns = dict.fromkeys(column(name) for name in names)
    return tuple(columns | dict.fromkeys([column("formula")] if formulas else []))


def paired(columns: Sequence[Column]) -> list[tuple[Column, ...]]:
    """Columns one by one, input and output taken together where they stand side by side."""
    parts: list[tuple[Column, ...]] = []
    for each in columns:
        if each.name == "output" and parts and parts[-1] == (column("input"),):
            parts[-1] = (*parts[-1], each)
        else:
            parts.append((each,))
    return parts


def sort_rows(rows: Sequence[Row], by: Column) -> tuple[Row, ...]:
    """Rows in the order of a column: numbers from the largest, words from A, unknown ones last."""

    def key(row: Row) -> tuple[int, float, str]:
        value: Value = by.value(row)
        if by.name == "input":
            value = elements(row.inputs)
        elif by.name == "output":
            value = elements(row.outputs)
        elif by.name == "receptive-field" and isinstance(row.receptive_field, tuple):
            value = max((size or 0 for size in row.receptive_field), default=0)
        elif by.name in ("kernel", "stride", "padding", "dilation", "groups") and value:
            digits = str(value).partition("×")[0]
            value = int(digits) if digits.isdecimal() else value
        if value is None or value == "":
            return (2, 0, "")
        return (1, 0, value) if isinstance(value, str) else (0, -value, "")

    return tuple(sorted(rows, key=key))
