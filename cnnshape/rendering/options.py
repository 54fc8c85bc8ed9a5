"""What a reader asked of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a report is laid out.

    Attributes:
        depth: modules deeper than this are summed up in the module above; None for all.
        columns: their names; None for those that the report needs (see :mod:`.columns`).
        sort: a column's name; the rows then are a flat list, the largest first.
        expand: repeated blocks and modules that never ran are written out one by one.
        formulas: show how each size is computed.
        width: columns of text to fit into; None for as many as it takes.
    """

    depth: int | None = None
    columns: tuple[str, ...] | None = None
    sort: str | None = None
    expand: bool = False
    formulas: bool = False
    width: int | None = None


DEFAULT = TableOptions()
