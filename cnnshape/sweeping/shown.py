"""What a sweep shows: how many models ran, which did not and why, and what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnshape.messages import joined, say
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.printing import as_text
from cnnshape.rendering.styled_text import EMPTY, Line, Span, draw_grid, paragraph, span
from cnnshape.rendering.units import count
from cnnshape.rendering.writer import Writer
from cnnshape.sweeping.comparison import Change
from cnnshape.sweeping.result import Sweep
from cnnshape.sweeping.results import output_text, rows_text
from cnnshape.sweeping.row import Row
from cnnshape.words import counted, listed

_TITLES = ("model", "params", "MACs", "output", "seconds")
_ALIGNS = ("left", "right", "right", "left", "right")
#: So many failures, and changes, are written out.
_SHOWN = 20


def lines(found: Sweep, width: int | None) -> Iterator[Line]:
    """Every row, and the summary."""
    ran = [row for row in found.rows if row.status == "ok"]
    if ran:
        yield from draw_grid(_TITLES, _ALIGNS, [_cells(row) for row in ran])
        yield EMPTY
    yield from summary(found, width)


def _cells(row: Row) -> list[Line]:
    given = "" if row.usual_input else f" {' '.join(row.input)}"
    train = " (train)" if row.mode == "train" else ""
    return [
        (span(row.model, "name"), span(f"{given}{train}", "dim")),
        (Span(_number(row.params)),),
        (Span(_number(row.macs)),),
        (span(output_text(row)),),
        (Span("" if row.seconds is None else f"{row.seconds:.2f}", "dim"),),
    ]


def _number(value: int | str | None) -> str:
    return "?" if value is None else value if isinstance(value, str) else count(value)


def summary(found: Sweep, width: int | None) -> Iterator[Line]:
    """How many ran, why the others did not, what has changed."""
    failed, changed = found.failed, found.changes
    ran = count(len(found.rows) - len(failed))
    told: list[str] = [counted(len(found.rows), "model"), say("{number} ran", number=ran)]
    if failed:
        told.append(say("{number} did not", number=count(len(failed))))
    if found.missing:
        told.append(say("{number} not looked at", number=count(found.missing)))
    yield (Span("  "), span(joined(" · ", told), "title-name"))
    if failed:
        yield EMPTY
        yield from _listed([(row.model, row.error) for row in failed], width)
    odd = [row.model for row in found.rows if row.mismatch]
    if odd:
        text = say("sizes that do not match their formula: {models}", models=listed(odd[:_SHOWN]))
        yield EMPTY
        yield from paragraph(text, width, "bad")
    if changed is not None:
        yield EMPTY
        text = counted(len(changed), "change") if changed else say("nothing has changed")
        yield (Span("  "), span(text, "title-name"))
        yield from _listed([(each.model, change_text(each)) for each in changed], width)


def change_text(change: Change) -> str:
    """What is different about one model.

    >>> change_text(Change("lenet", (), "eval", "macs", 416520, None))
    'macs: 416,520 → ?'
    """
    if change.what in ("added", "gone"):
        return f"{change.what}{f': {change.after}' if change.after else ''}"
    if change.what in ("fails now", "runs now"):
        reason = change.after if change.what == "fails now" else f"before: {change.before}"
        return f"{change.what}: {reason}"
    return f"{change.what}: {_number(change.before)} → {_number(change.after)}"


def shown(
    found: Sweep, format: str, width: int | None, color: bool, *, summary_only: bool = False
) -> str:
    """The result in a format; of a table whose rows stand in a file, the summary alone."""
    if format == "table" and summary_only:
        return as_text(summary(found, width), color)
    return found.to_text(format, width, color)


def _listed(entries: Sequence[tuple[str, str]], width: int | None) -> Iterator[Line]:
    for name, text in entries[:_SHOWN]:
        first, *rest = paragraph(text, width, indent="    ")
        yield (Span("  "), span(name, "name"))
        yield from (first, *rest)
    if len(entries) > _SHOWN:
        left = count(len(entries) - _SHOWN)
        yield (Span("  "), span(say("… and {left} more", left=left), "dim"))


WRITER: Writer[Sweep] = Writer(
    lines,
    {
        "json": lambda found: dump(found.to_dict()),
        "csv": lambda found: rows_text(found.rows, "csv"),
        "jsonl": lambda found: rows_text(found.rows, "jsonl"),
    },
)
