"""The columns a table can have: their names, titles, and what a row says in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cnnshape.analysis.report import Extent
from cnnshape.rendering.row import Row
from cnnshape.rendering.shapes import shapes_text
from cnnshape.rendering.tree import Role
from cnnshape.rendering.units import (
    amount_text,
    byte_size,
    expression_text,
    plain_shape,
    short_count,
)
from cnnshape.tracing.trace import Dim, Shape

Value = int | str | None
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
        value: the same for programs: CSV and sorting.
        letter: the title where room is short: its symbol in the size formulas.
    """

    name: str
    title: str
    align: Align
    text: Callable[[Row, bool], str]
    value: Callable[[Row], Value]
    short: Callable[[Row, bool], str] | None = None
    aliases: tuple[str, ...] = ()
    letter: str = ""


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


def _extent(extent: Extent) -> str:
    if extent is None or isinstance(extent, str):
        return extent or ""
    return "×".join("?" if size is None else str(size) for size in extent)


def _shapes_value(shapes: Sequence[Shape]) -> str:
    return " ".join(plain_shape(shape) for shape in shapes)


def _substitution(row: Row) -> str:
    """How the size was computed; axes that are computed alike are written once.

    A row that stands for several modules has no substitution of its own.
    """
    if row.check is None:
        return ""
    parts = [part.strip() for part in row.check.substitution.split(";")]
    return "; ".join(dict.fromkeys(expression_text(part) for part in parts if part))


def _known(amount: Dim | None) -> Value:
    return amount


def shown_input(row: Row, hide_batch: bool) -> str:
    """What stands before the arrow: nothing where the output says the same."""
    if row.state in ("failed", "unfinished") or (row.state == "ran" and row.changed):
        return _inputs(row, hide_batch)
    return ""


def in_and_out(row: Row, hide_batch: bool) -> str:
    """``6×28×28 → 6×14×14``; one shape where nothing changed."""
    shown, out = shown_input(row, hide_batch), _outputs(row, hide_batch)
    return f"{shown} → {out}" if shown else out


COLUMNS: tuple[Column, ...] = (
    Column("layer", "layer", "left", _layer, lambda r: r.path, aliases=("path", "name")),
    Column(
        "type", "type", "left", lambda r, _: r.type, lambda r: r.type, aliases=("class", "kind")
    ),
    Column("input", "in", "right", _inputs, lambda r: _shapes_value(r.inputs), aliases=("in",)),
    Column("output", "out", "left", _outputs, lambda r: _shapes_value(r.outputs), aliases=("out",)),
    Column(
        "kernel",
        "kernel",
        "center",
        lambda r, _: r.settings.kernel,
        lambda r: r.settings.kernel,
        aliases=("kernel_size",),
        letter="K",
    ),
    Column(
        "stride",
        "stride",
        "center",
        lambda r, _: r.settings.stride,
        lambda r: r.settings.stride,
        letter="S",
    ),
    Column(
        "padding",
        "pad",
        "center",
        lambda r, _: r.settings.padding,
        lambda r: r.settings.padding,
        aliases=("pad",),
        letter="P",
    ),
    Column(
        "dilation",
        "dil",
        "center",
        lambda r, _: r.settings.dilation,
        lambda r: r.settings.dilation or ("1" if r.settings.kernel else ""),
        letter="D",
    ),
    Column(
        "groups",
        "groups",
        "center",
        lambda r, _: r.settings.groups,
        lambda r: r.settings.groups or ("1" if r.settings.kernel else ""),
        letter="G",
    ),
    Column(
        "window", "window", "left", lambda r, _: r.settings.compact, lambda r: r.settings.compact
    ),
    Column(
        "params",
        "params",
        "right",
        lambda r, _: _amount(r.params),
        lambda r: _known(r.params),
        lambda r, _: _short_amount(r.params),
        aliases=("parameters",),
    ),
    Column(
        "trainable",
        "trainable",
        "right",
        lambda r, _: _amount(r.trainable),
        lambda r: _known(r.trainable),
        lambda r, _: _short_amount(r.trainable),
        aliases=("trainable_params",),
    ),
    Column(
        "macs",
        "MACs",
        "right",
        lambda r, _: _amount(r.macs),
        lambda r: _known(r.macs),
        lambda r, _: _short_amount(r.macs),
        aliases=("mult_adds",),
    ),
    Column(
        "memory",
        "memory",
        "right",
        lambda r, _: _bytes(r.parameter_bytes),
        lambda r: r.parameter_bytes,
        aliases=("parameter_bytes", "bytes"),
    ),
    Column(
        "activations",
        "activations",
        "right",
        lambda r, _: _bytes(r.activation_bytes),
        lambda r: r.activation_bytes,
        aliases=("activation_bytes",),
    ),
    Column(
        "receptive-field",
        "field",
        "center",
        lambda r, _: _extent(r.receptive_field),
        lambda r: _extent(r.receptive_field),
        aliases=("receptive_field", "field", "rf"),
    ),
    Column(
        "check",
        "size",
        "center",
        lambda r, _: MARKS[r.status],
        lambda r: r.status,
        aliases=("size", "status"),
    ),
    Column("formula", "formula", "left", lambda r, _: _substitution(r), _substitution),
    Column(
        "source",
        "source",
        "left",
        lambda r, _: str(r.source or ""),
        lambda r: str(r.source or ""),
    ),
    Column("row", "row", "left", lambda r, _: _ROLES[r.role], lambda r: _ROLES[r.role]),
    Column("depth", "depth", "right", lambda r, _: str(r.depth), lambda r: r.depth),
    Column("call", "call", "right", lambda r, _: str(r.call + 1), lambda r: r.call),
)
