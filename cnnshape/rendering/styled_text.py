"""Lines of text with named styles: measured in terminal cells, aligned, broken.

There are no colours and no markup yet: :mod:`.printing` has them.

>>> line = (Span("C1", "name"), Span("  Conv2d", "convolution"))
>>> width(line), plain(line)
(10, 'C1  Conv2d')
>>> cells("卷积"), cells("é"), elide("NonDynamicallyQuantizableLinear", 16)
(4, 1, 'NonDynam…eLinear')
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from cnnshape.cells import cells, filled
from cnnshape.messages import translated
from cnnshape.rendering.escape import visible


class Span(NamedTuple):
    """A piece of a line. ``style`` is a kind of the palette or one of ``palette.TEXT_STYLES``."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
EMPTY: Line = ()
#: Between two columns.
GAP = "  "


def span(text: str, style: str = "") -> Span:
    """A piece in the reader's language; control characters from a model are made visible."""
    return Span(visible(translated(text)), style)


def width(line: Line) -> int:
    """The room a line takes."""
    if len(line) == 1:  # as nearly all cells of a table
        return cells(line[0].text)
    return sum(cells(text) for text, _ in line)


def plain(line: Line) -> str:
    """The text alone, without what stands empty at its end."""
    return "".join(text for text, _ in line).rstrip()


def elide(text: str, room: int) -> str:
    """The text with its middle left out if it is longer than ``room`` cells."""
    if cells(text) <= room:
        return text
    head, tail = "", ""
    budget = max(room, 3) - 1
    for offset in range(len(text)):
        longer = text[: offset + 1]
        if cells(longer) > (budget + 1) // 2:
            break
        head = longer
    for offset in range(1, len(text)):
        longer = text[-offset:]
        if cells(longer) > budget - cells(head):
            break
        tail = longer
    return f"{head}…{tail}"


def pad(line: Line, room: int, align: str) -> Line:
    """The line with spaces up to ``room`` cells."""
    missing = room - width(line)
    if missing <= 0:
        return line
    if align == "left":
        return (*line, _blank(missing))
    if align == "right":
        return (_blank(missing), *line)
    before = missing // 2
    return (_blank(before), *line, _blank(missing - before))


@lru_cache(maxsize=512)
def _blank(room: int) -> Span:
    return Span(" " * room)


def join(parts: Iterable[Line], separator: str) -> Line:
    """Lines one behind the other."""
    result: list[Span] = []
    for number, part in enumerate(parts):
        if number:
            result.append(Span(separator))
        result.extend(part)
    return tuple(result)


def wrap(
    words: Sequence[Line], room: int | None, separator: str, indent: str, hang: str | None = None
) -> list[Line]:
    """Lines of at most ``room`` cells, broken only between the given pieces.

    The first line begins with ``indent``, the others with ``hang`` (the same if it is None).
    A piece that is wider than the room gets a line of its own.
    """
    starts = (indent, indent if hang is None else hang)
    lines: list[list[Line]] = []
    used = 0
    for word in words:
        needed = cells(separator) + width(word)
        if lines and (room is None or used + needed <= room):
            lines[-1].append(word)
            used += needed
        else:
            used = cells(starts[min(len(lines), 1)]) + width(word)
            lines.append([word])
    return [
        (Span(starts[min(number, 1)]), *join(line, separator)) for number, line in enumerate(lines)
    ]


def paragraph(text: str, room: int | None, style: str = "", indent: str = "  ") -> list[Line]:
    """A text in the reader's language, broken between its words."""
    inside = None if room is None else room - cells(indent)
    return [(Span(indent), span(line, style)) for line in filled(translated(text), inside)]


def align_row(
    cells: Sequence[Line], widths: Sequence[int], aligns: Sequence[str], margin: Span
) -> Line:
    """One line: the margin, then each cell in its column; nothing empty at the end."""
    result: list[Span] = [margin]
    for number, (cell, room, align) in enumerate(zip(cells, widths, aligns, strict=True)):
        if number:
            result.append(Span(GAP))
        result.extend(pad(cell, room, align))
    while len(result) > 1 and not result[-1].text.strip():
        result.pop()
    return tuple(result)


def draw_grid(
    titles: Sequence[str], aligns: Sequence[str], rows: Sequence[Sequence[Line]], indent: str = "  "
) -> list[Line]:
    r"""A line of titles and a line per row; columns that are empty everywhere are left out.

    >>> rows = [[(Span("weight"),), (Span("150"),)], [(Span("bias"),), (Span("6"),)]]
    >>> lines = draw_grid(["name", "count"], ["left", "right"], rows)
    >>> print("\n".join(plain(line) for line in lines))
      name    count
      weight    150
      bias        6
    """
    used = [n for n in range(len(titles)) if any(width(row[n]) for row in rows)]
    table = [
        [(Span(titles[n], "title"),) for n in used],
        *([row[n] for n in used] for row in rows),
    ]
    widths = [max(width(row[n]) for row in table) for n in range(len(used))]
    kept = [aligns[n] for n in used]
    return [align_row(row, widths, kept, Span(indent)) for row in table]
