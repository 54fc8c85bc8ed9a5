"""How a table gets narrower: in steps, never a broken or a wrong number.

First kernel, stride and padding have the letters of the formulas as titles, MACs and parameters
get prefixes, long names lose their middle, the input gives way to the output, and last whole
columns go. What a later step made unnecessary is taken back.
Columns that somebody asked for by name stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cnnshape.rendering.columns import Column, column
from cnnshape.rendering.styled_text import GAP, Line

MARGIN = 2
_WINDOW = ("kernel", "stride", "padding", "dilation", "groups")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is shown, and how tightly."""

    columns: tuple[Column, ...]
    short: tuple[str, ...] = ()
    letters: bool = False
    narrow_check: bool = False
    short_tags: bool = False
    label_room: int | None = None
    type_room: int | None = None
    window_in_type: bool = False
    formula_below: bool = False
    shape_below: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A plan carried out: per column its title and every cell, and how wide it is."""

    parts: tuple[tuple[Column, ...], ...]
    cells: tuple[tuple[Line, ...], ...]
    widths: tuple[int, ...]

    @property
    def width(self) -> int:
        """The cells that the whole table takes."""
        return MARGIN + sum(self.widths) + len(GAP) * (len(self.widths) - 1)

    def width_of(self, name: str) -> int:
        """The cells of one column; 0 if there is no such column."""
        pairs = zip(self.parts, self.widths, strict=True)
        return next((room for part, room in pairs if part[0].name == name), 0)


#: A step towards a narrower table, given the grid so far and the number of cells it is too wide.
Step = Callable[[Plan, Grid, int], Plan]


def _without(*names: str) -> Step:
    return lambda plan, _grid, _excess: replace(
        plan, columns=tuple(column for column in plan.columns if column.name not in names)
    )


def _shorter(*names: str) -> Step:
    return lambda plan, _grid, _excess: replace(plan, short=(*plan.short, *names))


def _letters(plan: Plan, _grid: Grid, _excess: int) -> Plan:
    return replace(plan, letters=True)


def _narrow_check(plan: Plan, _grid: Grid, _excess: int) -> Plan:
    """One cell for a mark that takes one."""
    return replace(plan, narrow_check=True)


def _short_tags(plan: Plan, _grid: Grid, _excess: int) -> Plan:
    return replace(plan, short_tags=True)


def _types(least: int) -> Step:
    """Long class names lose their middle, no more of it than needed."""

    def step(plan: Plan, grid: Grid, excess: int) -> Plan:
        now = grid.width_of("type")
        return replace(plan, type_room=max(now - excess, least)) if now > least else plan

    return step


def _labels(least: int) -> Step:
    """Long names lose their middle, no more of it than needed."""

    def step(plan: Plan, grid: Grid, excess: int) -> Plan:
        now = grid.width_of("layer")
        return replace(plan, label_room=max(now - excess, least)) if now > least else plan

    return step


def _merge_window(plan: Plan, _grid: Grid, _excess: int) -> Plan:
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


def _without_expressions(plan: Plan, grid: Grid, excess: int) -> Plan:
    """MACs of symbolic sizes are long; their sum stands below the table."""
    return _without("macs")(plan, grid, excess) if grid.width_of("macs") > 16 else plan


def _window_into_type(plan: Plan, grid: Grid, excess: int) -> Plan:
    """``Conv2d k3 p1`` in one column: few rows have a kernel, and those have short classes."""
    return replace(_without("window", *_WINDOW)(plan, grid, excess), window_in_type=True)


def _without_window(plan: Plan, _grid: Grid, _excess: int) -> Plan:
    return replace(plan, window_in_type=False)


def _formula_below(plan: Plan, grid: Grid, excess: int) -> Plan:
    if all(each.name != "formula" for each in plan.columns):
        return plan
    return replace(_without("formula")(plan, grid, excess), formula_below=True)


def _shape_below(plan: Plan, grid: Grid, excess: int) -> Plan:
    return replace(_without("input", "output")(plan, grid, excess), shape_below=True)


STEPS: tuple[Step, ...] = (
    _types(22),
    _letters,
    _formula_below,
    _merge_window,
    _short_tags,
    _types(18),
    _shorter("macs"),
    _shorter("params", "trainable"),
    _without_expressions,
    _labels(24),
    _types(14),
    _window_into_type,
    _narrow_check,
    _without("input"),
    _types(12),
    _labels(16),
    _without_window,
    _types(10),
    _without("type"),
    _labels(12),
    _without("macs"),
    _shape_below,
)
CHOSEN_STEPS: tuple[Step, ...] = (
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
