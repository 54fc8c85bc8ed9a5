"""Rows laid out as lines of aligned text that fit into a width (see :mod:`.narrowing`)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from cnnshape.rendering.columns import (
    MARKS,
    Column,
    align_of,
    column,
    in_and_out,
    paired,
    shown_input,
    title_of,
)
from cnnshape.rendering.escape import visible
from cnnshape.rendering.narrowing import CHOSEN_STEPS, MARGIN, STEPS, Grid, Plan, Step
from cnnshape.rendering.row import Row, Table
from cnnshape.rendering.styled_text import (
    GAP,
    Line,
    Span,
    align_row,
    cells,
    elide,
    span,
    width,
    wrap,
)

_ARROW = " → "

#: Columns drawn so far, by what their look depends on; most steps change one of them.
_Drawn = dict[Hashable, tuple[tuple[Line, ...], int]]


def lay_out(
    table: Table, columns: Sequence[Column], room: int | None, chosen: bool = False
) -> list[Line]:
    """The header and a line per row, at most ``room`` cells wide where that is possible.

    ``chosen``: the columns were asked for by name, so none of them is left out.
    """
    drawn: _Drawn = {}
    steps = CHOSEN_STEPS if chosen else STEPS
    plan, grid, taken = _narrow(table, columns, steps, room, drawn)
    # The last step often gives more room than was missing: earlier ones that turn out not to be
    # needed are taken back, the most painful first.
    for step in reversed(taken[:-1]):
        fewer = tuple(one for one in taken if one is not step)
        plan_without, grid_without, _ = _narrow(table, columns, fewer, room, drawn)
        if room is not None and grid_without.width <= room:
            plan, grid, taken = plan_without, grid_without, fewer
    return _draw(table, plan, grid, room)


def _narrow(
    table: Table, columns: Sequence[Column], steps: Sequence[Step], room: int | None, drawn: _Drawn
) -> tuple[Plan, Grid, tuple[Step, ...]]:
    """The first plan that fits into the room, and the steps that led to it."""
    plan = Plan(tuple(columns))
    grid = _measure(table, plan, drawn)
    taken: list[Step] = []
    for step in steps:
        if room is None or grid.width <= room:
            break
        narrower = step(plan, grid, grid.width - room)
        if narrower != plan:
            plan, grid = narrower, _measure(table, narrower, drawn)
            taken.append(step)
    return plan, grid, tuple(taken)


def _measure(table: Table, plan: Plan, drawn: _Drawn) -> Grid:
    """Every cell under one plan, and the room that the columns take."""
    parts = tuple(paired(plan.columns))
    columns: list[tuple[Line, ...]] = []
    widths: list[int] = []
    for part in parts:
        key = _look(part, plan)
        if key not in drawn:
            title = _align_title((Span(_title(part, plan), "title"),), part, table)
            look = (title, *_cells(table, plan, part))
            drawn[key] = (look, max(width(cell) for cell in look))
        look, room = drawn[key]
        columns.append(look)
        widths.append(room)
    return Grid(parts, tuple(columns), tuple(widths))


def _look(part: tuple[Column, ...], plan: Plan) -> Hashable:
    """What the cells of a column depend on."""
    names = tuple(each.name for each in part)
    match names:
        case ("layer",):
            return (names, plan.label_room, plan.short_tags)
        case ("type",):
            return (names, plan.type_room, plan.window_in_type)
        case ("check",):
            return (names, plan.narrow_check)
        case _:
            return (names, plan.letters, names[0] in plan.short)


def _draw(table: Table, plan: Plan, grid: Grid, room: int | None) -> list[Line]:
    """Header and rows."""
    lines = [_line(" ", [cells[0] for cells in grid.cells], grid)]
    first = grid.widths[0] + len(GAP) if grid.parts[0][0].name == "layer" else 0
    for number, row in enumerate(table.rows, start=1):
        mark = "✗" if row.state == "failed" else " "
        lines.append(_line(mark, [cells[number] for cells in grid.cells], grid))
        if plan.formula_below or plan.shape_below:
            lines.extend(_underneath(row, plan, MARGIN + first, room, table.hide_batch))
    return lines


def _title(part: tuple[Column, ...], plan: Plan) -> str:
    if part[0].name == "check" and plan.narrow_check:
        return MARKS["match"]
    return part[0].letter if plan.letters and part[0].letter else title_of(part)


def _align_title(title: Line, part: tuple[Column, ...], table: Table) -> Line:
    """``in → out`` with its arrow above the rows' arrows."""
    if len(part) < 2:
        return title
    room = max((cells(shown_input(row, table.hide_batch)) for row in table.rows), default=0)
    return (Span(" " * max(room - 2, 0)), *title)


def _line(mark: str, row: Sequence[Line], grid: Grid) -> Line:
    aligns = [align_of(part) for part in grid.parts]
    return align_row(row, grid.widths, aligns, Span(f"{mark} ", "bad" if mark.strip() else ""))


def _cells(table: Table, plan: Plan, part: tuple[Column, ...]) -> list[Line]:
    """What every row says in one column."""
    if len(part) == 2:
        return _shape_cells(table)
    only = part[0]
    if only.name == "layer":
        return [_label(row, plan) for row in table.rows]
    if only.name == "type":
        return [_type(row, plan) for row in table.rows]
    text = only.short if only.name in plan.short and only.short else only.text
    return [(span(text(row, table.hide_batch), _style(row, only)),) for row in table.rows]


def _type(row: Row, plan: Plan) -> Line:
    only = column("type")
    text = visible(only.text(row, False))
    shown = elide(text, plan.type_room) if plan.type_room else text
    window = f" {row.settings.compact}" if plan.window_in_type and row.settings.compact else ""
    return (span(shown, _style(row, only)), span(window, "dim" if row.role != "call" else ""))


def _label(row: Row, plan: Plan) -> Line:
    text = visible(column("layer").text(row, False))
    tag = f" {row.tag}" if row.tag.startswith("(") else f"  {row.tag}" if row.tag else ""
    style = "tag" if row.times > 1 else "dim"
    if plan.short_tags:
        tag = re.sub(r" call(?=[,)])", "", tag)
    if plan.label_room is not None:
        text = elide(text, max(plan.label_room - cells(row.guides) - cells(tag), 6))
    return (Span(row.guides, "guide"), span(text, _name_style(row)), Span(tag, style))


def _shape_cells(table: Table) -> list[Line]:
    """``in → out`` with all arrows in one line; a row that changes nothing shows its output."""
    outputs = column("output")
    pairs = [
        (shown_input(row, table.hide_batch), outputs.text(row, table.hide_batch))
        for row in table.rows
    ]
    room = max((cells(shown) for shown, _ in pairs if shown), default=0)
    result: list[Line] = []
    for row, (shown, out) in zip(table.rows, pairs, strict=True):
        style = _style(row, outputs)
        if shown:
            gap = Span(" " * (room - cells(shown)))
            line = (gap, span(shown, style), Span(_ARROW, "guide"), span(out, style))
        else:
            line = (Span(" " * (room + len(_ARROW) if room else 0)), span(out, style))
        result.append(line)
    return result


def _name_style(row: Row) -> str:
    if row.state == "failed":
        return "bad"
    if row.role == "call":
        return "strong" if row.has_rows_below else "name"
    return "strong" if row.role == "container" else "dim"


def _style(row: Row, only: Column) -> str:
    if row.state == "failed" and only.name in ("type", "output", "input"):
        return "bad"
    if only.name == "check":
        return {"match": "good", "mismatch": "bad"}.get(row.status, "dim")
    if row.role not in ("call", "container"):
        return "dim"
    if only.name == "type":
        return row.kind
    if row.sums and only.align == "right":
        return "dim"
    return "dim" if only.name in ("formula", "source") or row.has_rows_below else ""


def _underneath(
    row: Row, plan: Plan, indent: int, room: int | None, hide_batch: bool
) -> list[Line]:
    """What stands in lines of its own below a row: its formula, or its shapes."""
    pieces: list[list[Line]] = []
    if plan.shape_below:
        both = in_and_out(row, hide_batch)
        if both:
            pieces.append([(span(both, _style(row, column("output"))),)])
    if plan.formula_below:
        formula = column("formula").text(row, hide_batch)
        if formula:
            pieces.append([(span(part, "dim"),) for part in formula.split("; ")])
    rails = " " * MARGIN + row.rails
    start = Span(rails + " " * max(indent - cells(rails), 1), "guide")
    left = None if room is None else room - cells(start.text)
    return [(start, *line) for piece in pieces for line in wrap(piece, left, "; ", "")]
