"""What each reshape does, in einops' notation: below a table, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import NamedTuple

from cnnshape.analysis.patterns import PatternRow
from cnnshape.rendering import escape
from cnnshape.rendering.styled_text import EMPTY, Line, Span, elide, span, width

_INDENT = "  "


class _Entry(NamedTuple):
    """Operations that do the same on the same line of code, in blocks that repeat."""

    row: PatternRow
    times: int

    @property
    def name(self) -> str:
        return f"{self.row.op} × {self.times}" if self.times > 1 else self.row.op

    @property
    def where(self) -> str:
        """The line of code, or the layer where the line is torch's own."""
        path = self.row.path
        # A line of an installed package is told from the package on.
        line = str(self.row.source or "").replace("\\", "/").rpartition("/site-packages/")[2]
        return line if self.times > 1 or not path else ", ".join(filter(None, (path, line)))


def pattern_lines(rows: Iterable[PatternRow], room: int | None) -> list[Line]:
    """The patterns, one operation after another; each call can be copied."""
    entries = list(_entries(rows))
    if not entries:
        return [(Span("no operation moves, joins, cuts or sums an axis", "dim"),), EMPTY]
    longest = max(len(entry.name) for entry in entries)
    lines: list[Line] = [(Span("what happens to the axes, as einops writes it", "dim"),)]
    for entry in entries:
        head = Span(f"{_INDENT}{entry.name:<{longest}}  ", "dim")
        blank = Span(" " * len(head.text))
        told = _told(entry.row, None if room is None else room - len(head.text))
        where = entry.where
        last = (head if len(told) == 1 else blank, *told[-1], Span(f"  {where}", "dim"))
        if room is None or width(last) <= room:
            told[-1] = (*told[-1], Span(f"  {where}", "dim")) if where else told[-1]
        elif where:
            told.append((span(elide(where, max(room - longest - 4, 20)), "dim"),))
        lines += [(head if n == 0 else blank, *line) for n, line in enumerate(told)]
    return [*lines, EMPTY]


def _told(row: PatternRow, room: int | None) -> list[Line]:
    """The call alone where it holds the pattern; else both, or the reason why there is none."""
    pattern = row.pattern
    if pattern.einops is None:
        note = wrap(pattern.note, max(room or 100, 20)) if pattern.note else []
        return [(span(pattern.pattern),), *((span(line, "dim"),) for line in note)]
    call: Line = (span(pattern.einops),)
    return [call] if f'"{pattern.pattern}' in pattern.einops else [(span(pattern.pattern),), call]


def pattern_markdown(rows: Iterable[PatternRow]) -> list[str]:
    """The patterns as a Markdown table."""
    lines = ["| Operation | Pattern | einops | Where |", "|:---|:---|:---|:---|"]
    for entry in _entries(rows):
        pattern = entry.row.pattern
        told = f"`{pattern.einops}`" if pattern.einops else escape.markdown(pattern.note)
        cells = (escape.markdown(entry.name), f"`{pattern.pattern}`", told)
        lines.append(f"| {' | '.join(cells)} | {escape.markdown(entry.where)} |")
    return lines


def _entries(rows: Iterable[PatternRow]) -> Iterator[_Entry]:
    """Each pattern once for a line of code, in the order in which they came."""
    found: dict[tuple[str, str, str | None, str], list[PatternRow]] = {}
    for row in rows:
        key = (row.op, row.pattern.pattern, row.pattern.einops, str(row.source or row.path))
        found.setdefault(key, []).append(row)
    for same in found.values():
        yield _Entry(same[0], len(same))
