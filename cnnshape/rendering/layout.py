"""Rows laid out as lines of aligned text that fit into a width.

A narrow terminal gets less, in steps, never a broken or a wrong number: first kernel, stride
and padding have the letters of the formulas as titles, MACs get prefixes, long names lose their
middle, the input gives way to the output, and last whole columns go. Columns that somebody
asked for by name stay.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from cnnshape.rendering.columns import Column, in_and_out, shown_input
from cnnshape.rendering.escape import visible
from cnnshape.rendering.grid import GAP, align_row
from cnnshape.rendering.rows import Row, Table
from cnnshape.rendering.selection import column, paired
from cnnshape.rendering.spans import Line, Span, cells, elide, span, width, wrap

_MARGIN, _ARROW = 2, " → "
_WINDOW = ("kernel", "stride", "padding", "dilation", "groups")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is shown, and how tightly."""

    columns: tuple[Column, ...]
    short: tuple[str, ...] = ()
    letters: bool = False
    short_tags: bool = False
    label_room: int | None = None
    type_room: int | None = None
    window_in_type: bool = False
    formula_below: bool = False
    shape_below: bool = False


@dataclass(frozen=True, slots=True)
class _Grid:
    """A plan carried out: per column its title and every cell, and how wide it is."""

    parts: tuple[tuple[Column, ...], ...]
    cells: tuple[tuple[Line, ...], ...]
    widths: tuple[int, ...]

    @property
    def width(self) -> int:
        return _MARGIN + sum(self.widths) + len(GAP) * (len(self.widths) - 1)

    def width_of(self, name: str) -> int:
        pairs = zip(self.parts, self.widths, strict=True)
        return next((room for part, room in pairs if part[0].name == name), 0)


#: Columns drawn so far, by what their look depends on; most steps change one of them.
_Drawn = dict[Hashable, tuple[tuple[Line, ...], int]]

#: A step towards a narrower table, given the grid so far and the number of cells it is too wide.
Step = Callable[[Plan, _Grid, int], Plan]


def lay_out(
    table: Table, columns: Sequence[Column], room: int | None, chosen: bool = False
) -> list[Line]:
    """The header and a line per row, at most ``room`` cells wide where that is possible.

    ``chosen``: the columns were asked for by name, so none of them is left out.
    """
    plan = Plan(tuple(columns))
    drawn: _Drawn = {}
    grid = _measure(table, plan, drawn)
    for step in _CHOSEN_STEPS if chosen else _STEPS:
        if room is None or grid.width <= room:
            break
        narrower = step(plan, grid, grid.width - room)
        if narrower != plan:
            plan, grid = narrower, _measure(table, narrower, drawn)
    return _draw(table, plan, grid, room)


def _without(*names: str) -> Step:
    return lambda plan, _grid, _excess: replace(
        plan, columns=tuple(column for column in plan.columns if column.name not in names)
    )


def _shorter(*names: str) -> Step:
    return lambda plan, _grid, _excess: replace(plan, short=(*plan.short, *names))


def _letters(plan: Plan, _grid: _Grid, _excess: int) -> Plan:
    return replace(plan, letters=True)


def _short_tags(plan: Plan, _grid: _Grid, _excess: int) -> Plan:
    return replace(plan, short_tags=True)


def _types(least: int) -> Step:
    """Long class names lose their middle, no more of it than needed."""

    def step(plan: Plan, grid: _Grid, excess: int) -> Plan:
        now = grid.width_of("type")
        return replace(plan, type_room=max(now - excess, least)) if now > least else plan

    return step


def _labels(least: int) -> Step:
    """Long names lose their middle, no more of it than needed."""

    def step(plan: Plan, grid: _Grid, excess: int) -> Plan:
        now = grid.width_of("layer")
        return replace(plan, label_room=max(now - excess, least)) if now > least else plan

    return step


def _merge_window(plan: Plan, _grid: _Grid, _excess: int) -> Plan:
    """Kernel, stride, padding, dilation and groups in one column: ``k3 s2 p1 g32``."""
    names = [each.name for each in plan.columns]
    if "dilation" not in names and "groups" not in names:
        return plan  # the three alone are as narrow side by side
    kept: list[Column] = []
    for each in plan.columns:
        if each.name not in _WINDOW:
            kept.append(each)
        elif column("window") not in kept:
            kept.append(column("window"))
    return replace(plan, columns=tuple(kept))


def _without_expressions(plan: Plan, grid: _Grid, excess: int) -> Plan:
    """MACs of symbolic sizes are long; their sum stands below the table."""
    return _without("macs")(plan, grid, excess) if grid.width_of("macs") > 16 else plan


def _window_into_type(plan: Plan, grid: _Grid, excess: int) -> Plan:
    """``Conv2d k3 p1`` in one column: few rows have a kernel, and those have short classes."""
    return replace(_without("window", *_WINDOW)(plan, grid, excess), window_in_type=True)


def _without_window(plan: Plan, _grid: _Grid, _excess: int) -> Plan:
    return replace(plan, window_in_type=False)


def _formula_below(plan: Plan, grid: _Grid, excess: int) -> Plan:
    if all(each.name != "formula" for each in plan.columns):
        return plan
    return replace(_without("formula")(plan, grid, excess), formula_below=True)


def _shape_below(plan: Plan, grid: _Grid, excess: int) -> Plan:
    return replace(_without("input", "output")(plan, grid, excess), shape_below=True)


_STEPS: tuple[Step, ...] = (
    _types(22),
    _letters,
    _formula_below,
    _merge_window,
    _short_tags,
    _types(18),
    _shorter("macs"),
    _without_expressions,
    _labels(24),
    _types(14),
    _without("input"),
    _types(12),
    _window_into_type,
    _labels(16),
    _shorter("params", "trainable"),
    _without_window,
    _types(10),
    _without("type"),
    _labels(12),
    _without("macs"),
    _shape_below,
)
_CHOSEN_STEPS: tuple[Step, ...] = (
    _letters,
    _formula_below,
    _short_tags,
    _types(14),
    _labels(24),
    _shorter("macs", "params", "trainable"),
    _types(10),
    _labels(12),
    _shape_below,
)


def _measure(table: Table, plan: Plan, drawn: _Drawn) -> _Grid:
    """Every cell under one plan, and the room that the columns take."""
    parts = tuple(paired(plan.columns))
    columns: list[tuple[Line, ...]] = []
    widths: list[int] = []
    for part in parts:
        key = _look(part, plan)
        if key not in drawn:
            title = _align_title((Span(_title(part, plan), "title"),), part, table)
            cells = (title, *_cells(table, plan, part))
            drawn[key] = (cells, max(width(cell) for cell in cells))
        cells, room = drawn[key]
        columns.append(cells)
        widths.append(room)
    return _Grid(parts, tuple(columns), tuple(widths))


def _look(part: tuple[Column, ...], plan: Plan) -> Hashable:
    """What the cells of a column depend on."""
    names = tuple(each.name for each in part)
    match names:
        case ("layer",):
            return (names, plan.label_room, plan.short_tags)
        case ("type",):
            return (names, plan.type_room, plan.window_in_type)
        case _:
            return (names, plan.letters, names[0] in plan.short)


def _draw(table: Table, plan: Plan, grid: _Grid, room: int | None) -> list[Line]:
    """Header and rows."""
    lines = [_line(" ", [cells[0] for cells in grid.cells], grid)]
    first = grid.widths[0] + len(GAP) if grid.parts[0][0].name == "layer" else 0
    for number, row in enumerate(table.rows, start=1):
        mark = "✗" if row.state == "failed" else " "
        lines.append(_line(mark, [cells[number] for cells in grid.cells], grid))
        if plan.formula_below or plan.shape_below:
            lines.extend(_underneath(row, plan, _MARGIN + first, room, table.hide_batch))
    return lines


def _title(part: tuple[Column, ...], plan: Plan) -> str:
    if len(part) == 2:
        return f"in{_ARROW}out"
    return part[0].letter if plan.letters and part[0].letter else part[0].title


def _align_title(title: Line, part: tuple[Column, ...], table: Table) -> Line:
    """``in → out`` with its arrow above the rows' arrows."""
    if len(part) < 2:
        return title
    room = max((cells(shown_input(row, table.hide_batch)) for row in table.rows), default=0)
    return (Span(" " * max(room - 2, 0)), *title)


def _line(mark: str, row: Sequence[Line], grid: _Grid) -> Line:
    aligns = [part[0].align if len(part) == 1 else "left" for part in grid.parts]
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
        tag = tag.replace(" call)", ")")
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
    rails = " " * _MARGIN + row.rails
    start = Span(rails + " " * max(indent - cells(rails), 1), "guide")
    left = None if room is None else room - cells(start.text)
    return [(start, *line) for piece in pieces for line in wrap(piece, left, "; ", "")]
