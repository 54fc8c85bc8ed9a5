"""Cells aligned into lines."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.rendering.spans import Line, Span, pad, width

GAP = "  "


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

    >>> from cnnshape.rendering.spans import plain
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
