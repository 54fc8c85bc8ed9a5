"""The columns a table can have: their names, titles, what a row says in each; and which are shown.

>>> [column.name for column in parse_columns("layer, macs,pad")]
['layer', 'macs', 'padding']
>>> parse_columns("layer,parms")
Traceback (most recent call last):
    ...
cnnshape.errors.UsageError: no column 'parms'; did you mean params? There are layer, type, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from cnnshape.analysis.memory import LayerMemory
from cnnshape.analysis.report import Extent
from cnnshape.errors import UsageError
from cnnshape.messages import say
from cnnshape.rendering.module_tree import Role
from cnnshape.rendering.row import Row, Table
from cnnshape.rendering.units import (
    amount_text,
    byte_size,
    duration,
    expression_text,
    per_axis,
    percent,
    plain_shape,
    shapes_text,
    short_count,
)
from cnnshape.tracing.trace import Dim, Shape
from cnnshape.words import did_you_mean

Value = int | float | str | None
Align = Literal["left", "right", "center"]
_ROLES: dict[Role, str] = {
    "call": "module",
    "container": "container",
    "operation": "operation",
    "parameter": "parameter",
    "weights": "weights only",
    "uncalled": "not called",
}
MARKS = {"match": "✓", "mismatch": "✗", "uncovered": "?", "": ""}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: what is typed after ``--columns``; ``aliases`` mean the same.
        text: what a row says, for people; ``short`` the same in less room.
        value: the same for programs, as CSV has it.
        order: what rows are sorted by, where that is not ``value``.
        letter: the title where room is short: its symbol in the size formulas.
        measured: what has to be measured before it can say anything; empty if nothing has.
    """

    name: str
    title: str
    align: Align
    text: Callable[[Row, bool], str]
    value: Callable[[Row], Value]
    short: Callable[[Row, bool], str] | None = None
    aliases: tuple[str, ...] = ()
    letter: str = ""
    order: Callable[[Row], Value] | None = None
    measured: Literal["", "time", "memory"] = ""


def _layer(row: Row, _hide_batch: bool) -> str:
    return row.label or "·"


def _outputs(row: Row, hide_batch: bool) -> str:
    if row.state in ("failed", "unfinished"):
        return "?"
    if row.state in ("not called", "weights only"):
        return row.state
    return shapes_text(row.outputs, hide_batch and row.role != "parameter")


def _inputs(row: Row, hide_batch: bool) -> str:
    return shapes_text(row.inputs, hide_batch)


def _amount(amount: Dim | None) -> str:
    """Nothing for 0, which is what most rows have; ``?`` for what cannot be known."""
    if amount is None:
        return "?"
    return amount_text(amount) if amount != 0 else ""


def _short_amount(amount: Dim | None) -> str:
    return short_count(amount) if isinstance(amount, int) and amount else _amount(amount)


def _bytes(number: int | None) -> str:
    if number is None:
        return "?"
    return byte_size(number) if number else ""


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "?"
    return duration(milliseconds / 1000) if milliseconds else ""


def _extent(extent: Extent) -> str:
    if extent is None or isinstance(extent, str):
        return extent or ""
    return "×".join("?" if size is None else str(size) for size in extent)


def _largest(extent: Extent) -> Value:
    """The longest side of a field, by which fields are compared."""
    return max((size or 0 for size in extent), default=0) if isinstance(extent, tuple) else extent


def _elements(shapes: Iterable[Shape]) -> int:
    """How many numbers the shapes hold together; expressions count as nothing."""
    return sum(prod(dim if isinstance(dim, int) else 0 for dim in shape) for shape in shapes)


def _first_size(sizes: str) -> Value:
    """``3`` of ``3×5``; a word such as ``same`` as it is."""
    first = sizes.partition("×")[0]
    return int(first) if first.isdecimal() else sizes


def _shapes_value(shapes: Sequence[Shape]) -> str:
    return " ".join(plain_shape(shape) for shape in shapes)


def _substitution(row: Row) -> str:
    """How the size was computed; axes that are computed alike are written once.

    A row that stands for several modules has no substitution of its own.
    """
    if row.check is None:
        return ""
    return "; ".join(map(expression_text, per_axis(row.check.substitution)))


def shown_input(row: Row, hide_batch: bool) -> str:
    """What stands before the arrow: nothing where the output says the same."""
    if row.state in ("failed", "unfinished") or (row.state == "ran" and row.changed):
        return _inputs(row, hide_batch)
    return ""


def in_and_out(row: Row, hide_batch: bool) -> str:
    """``6×28×28 → 6×14×14``; one shape where nothing changed."""
    shown, out = shown_input(row, hide_batch), _outputs(row, hide_batch)
    return f"{shown} → {out}" if shown else out


def _words(
    name: str,
    said: Callable[[Row], str],
    title: str | None = None,
    align: Align = "left",
    aliases: tuple[str, ...] = (),
    order: Callable[[Row], Value] | None = None,
) -> Column:
    """A column that says the same to people and to programs."""
    return Column(
        name, title or name, align, lambda row, _: said(row), said, aliases=aliases, order=order
    )


def _setting(
    name: str, title: str, letter: str, aliases: tuple[str, ...] = (), default: str = ""
) -> Column:
    """A setting of a window; people need not be told the ``default`` that every window has."""

    def said(row: Row) -> str:
        return getattr(row.settings, name)

    def value(row: Row) -> str:
        return said(row) or (default if row.settings.kernel else "")

    return Column(
        name,
        title,
        "center",
        lambda row, _: said(row),
        value,
        aliases=aliases,
        letter=letter,
        order=lambda row: _first_size(value(row)),
    )


def _counted(
    name: str, counted: Callable[[Row], Dim | None], aliases: tuple[str, ...], title: str = ""
) -> Column:
    """A count of things, which a prefix makes short."""
    return Column(
        name,
        title or name,
        "right",
        lambda row, _: _amount(counted(row)),
        counted,
        lambda row, _: _short_amount(counted(row)),
        aliases,
    )


def _sized(name: str, held: Callable[[Row], int | None], aliases: tuple[str, ...]) -> Column:
    """A number of bytes."""
    return Column(name, name, "right", lambda row, _: _bytes(held(row)), held, aliases=aliases)


def _needed_memory(
    name: str,
    needed: Callable[[LayerMemory], int | None],
    aliases: tuple[str, ...],
    title: str = "",
) -> Column:
    """A number of bytes that is known where memory was measured."""
    column = _sized(name, lambda row: row.memory and needed(row.memory), aliases)
    return replace(column, title=title or name, measured="memory")


def _shared(
    name: str, title: str, part: Callable[[Row], float | None], aliases: tuple[str, ...]
) -> Column:
    """A part of a total: percent for people, a number from 0 to 1 for programs."""
    return Column(name, title, "right", lambda row, _: percent(part(row)), part, aliases=aliases)


COLUMNS: tuple[Column, ...] = (
    Column("layer", "layer", "left", _layer, lambda r: r.path, aliases=("path", "name")),
    _words("type", lambda r: r.type, aliases=("class", "kind")),
    Column(
        "input",
        "in",
        "right",
        _inputs,
        lambda r: _shapes_value(r.inputs),
        aliases=("in",),
        order=lambda r: _elements(r.inputs),
    ),
    Column(
        "output",
        "out",
        "left",
        _outputs,
        lambda r: _shapes_value(r.outputs),
        aliases=("out",),
        order=lambda r: _elements(r.outputs),
    ),
    _words("dtype", lambda r: " ".join(dict.fromkeys(r.dtypes)), aliases=("dtypes",)),
    _setting("kernel", "kernel", "K", ("kernel_size",)),
    _setting("stride", "stride", "S"),
    _setting("padding", "pad", "P", ("pad",)),
    _setting("dilation", "dil", "D", default="1"),
    _setting("groups", "groups", "G", default="1"),
    _words("window", lambda r: r.settings.compact),
    _counted("params", lambda r: r.params, ("parameters",)),
    _shared("params-share", "params %", lambda r: r.params_share, ("params_share",)),
    _counted("trainable", lambda r: r.trainable, ("trainable_params",)),
    _counted("macs", lambda r: r.macs, ("mult_adds",), "MACs"),
    _shared("macs-share", "MACs %", lambda r: r.macs_share, ("macs_share",)),
    _counted("backward-macs", lambda r: r.backward_macs, ("backward_macs",), "backward"),
    _sized("memory", lambda r: r.parameter_bytes, ("parameter_bytes", "bytes")),
    _sized("activations", lambda r: r.activation_bytes, ("activation_bytes",)),
    _needed_memory("gradients", lambda memory: memory.gradient_bytes, ("gradient_bytes",)),
    _needed_memory("optimizer", lambda memory: memory.optimizer_bytes, ("optimizer_bytes",)),
    _needed_memory("saved", lambda memory: memory.saved_bytes, ("saved_bytes",)),
    _needed_memory(
        "inference-peak",
        lambda memory: memory.inference_peak_bytes,
        ("inference_peak_bytes", "inference_peak", "peak"),
        "peak",
    ),
    Column(
        "time",
        "time",
        "right",
        lambda r, _: _time(r.time_ms),
        lambda r: r.time_ms,
        aliases=("time_ms",),
        measured="time",
    ),
    _words(
        "receptive-field",
        lambda r: _extent(r.receptive_field),
        "field",
        "center",
        ("receptive_field", "field", "rf"),
        lambda r: _largest(r.receptive_field),
    ),
    Column(
        "check",
        "size",
        "center",
        lambda r, _: MARKS[r.status],
        lambda r: r.status,
        aliases=("size", "status"),
    ),
    _words("formula", _substitution),
    _words("source", lambda r: str(r.source or "")),
    _words("row", lambda r: _ROLES[r.role]),
    Column("depth", "depth", "right", lambda r, _: str(r.depth), lambda r: r.depth),
    Column("call", "call", "right", lambda r, _: str(r.call + 1), lambda r: r.call),
)


# ---- columns by name --------------------------------------------------------------------

_BY_NAME = {name: column for column in COLUMNS for name in (column.name, *column.aliases)}
#: Left out of a table that nobody chose columns for, where no row has anything to say in them.
_IF_ANY = ("kernel", "stride", "padding", "dilation", "groups", "params", "macs")
#: Left out where they were not asked for, and so were not measured.
_IF_MEASURED = ("saved", "inference-peak", "time")
_DEFAULT = ("layer", "type", "input", "output", *_IF_ANY, *_IF_MEASURED, "check")


def column(name: str) -> Column:
    """The column called ``name``, or something like it.

    Raises:
        UsageError: no column has this name; the message lists all of them.
    """
    found = _BY_NAME.get(name.strip().lower())
    if found is not None:
        return found
    hint = did_you_mean(name.strip(), _BY_NAME, limit=1)
    column = repr(name.strip())
    raise UsageError(
        say("no column {column}{hint} There are {known}", column=column, hint=hint, known=_known())
        if hint
        else say("no column {column}; there are {known}", column=column, known=_known())
    )


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
    names = [name for name in _DEFAULT if _needed(name, table)]
    return tuple(column(name) for name in [*names, *(["formula"] if formulas else [])])


def _needed(name: str, table: Table) -> bool:
    if name in _IF_MEASURED:
        return any(column(name).value(row) for row in table.rows)
    return name not in _IF_ANY or any(column(name).text(row, False) for row in table.rows)


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


def title_of(part: tuple[Column, ...]) -> str:
    """The title above a column, or above an input and its output."""
    return " → ".join(each.title for each in part)


def align_of(part: tuple[Column, ...]) -> Align:
    """Where the cells of a column stand; shapes and their arrows begin at the left."""
    return part[0].align if len(part) == 1 else "left"


def sort_rows(rows: Iterable[Row], by: Column) -> tuple[Row, ...]:
    """Rows in the order of a column: numbers from the largest, words from A, unknown ones last."""

    def key(row: Row) -> tuple[int, float, str]:
        value = (by.order or by.value)(row)
        if value is None or value == "":
            return (2, 0, "")
        return (1, 0, value) if isinstance(value, str) else (0, -value, "")

    return tuple(sorted(rows, key=key))
