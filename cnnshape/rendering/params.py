"""What ``cnnshape params`` shows: every parameter, buffer and hook, module by module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnshape.experiments.parameters import HookEntry, Parameters, TensorEntry
from cnnshape.messages import say
from cnnshape.rendering import escape
from cnnshape.rendering.json_ import dump
from cnnshape.rendering.parameter_tree import tree_lines
from cnnshape.rendering.styled_text import EMPTY, Line, draw_grid, span, width, wrap
from cnnshape.rendering.summary import title
from cnnshape.rendering.units import byte_size, count, shape_text
from cnnshape.rendering.writer import Writer, csv_text
from cnnshape.words import counted

_TITLES = ("name", "what", "shape", "dtype", "count", "values")
_ALIGNS = ("left", "left", "left", "left", "right", "left")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: a tensor, or a hook."""

    module: str
    name: str
    what: str
    shape: str
    dtype: str
    count: int | None
    values: tuple[str, ...]
    more: bool


def _rows(report: Parameters) -> Iterator[_Row]:
    """Module by module: parameters, buffers, hooks."""
    tensors: dict[str, list[_Row]] = {}
    for entry in report.parameters:
        tensors.setdefault(entry.module, []).append(_tensor_row(entry, _parameter(entry)))
    for entry in report.buffers:
        what = "buffer" if entry.persistent else "buffer, not saved"
        tensors.setdefault(entry.module, []).append(_tensor_row(entry, what))
    for hook in report.hooks:
        tensors.setdefault(hook.path, []).append(_hook_row(hook))
    for module in report.modules:
        yield from tensors.get(module.path, [])


def _parameter(entry: TensorEntry) -> str:
    words = ["parameter" if entry.trainable is not None else "tensor"]
    if entry.shape is None:
        words.append("uninitialised")
    if entry.trainable is False:
        words.append("frozen")
    if entry.shared_with:
        words.append(f"also {', '.join(entry.shared_with)}")
    return ", ".join(words)


def _tensor_row(entry: TensorEntry, what: str) -> _Row:
    values = entry.values or ()
    return _Row(
        module=entry.module,
        name=entry.name,
        what=what,
        shape="?" if entry.shape is None else shape_text(entry.shape),
        dtype=entry.dtype,
        count=entry.count,
        values=tuple(_value(value) for value in values),
        more=entry.count is not None and 0 < len(values) < entry.count,
    )


def _hook_row(hook: HookEntry) -> _Row:
    name = hook.tensor or hook.path or "(model)"
    what = hook.kind.replace("_", " ")
    return _Row(hook.path, name, what, "", "", 0, (hook.function,), more=False)


def _value(value: float | str) -> str:
    """Four decimals are enough to recognise a value.

    >>> _value(-0.17110961), _value(1.0), _value(3), _value(1e-9), _value(True)
    ('-0.1711', '1', '3', '1.0e-09', 'True')
    """
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.1e}"


def _lines(report: Parameters, room: int | None) -> list[Line]:
    rows = list(_rows(report))
    named = (report.class_name, report.spec) if report.class_name else (report.spec, "")
    lines: list[Line] = [title(*named, room), EMPTY]
    if report.tree:
        lines += [*tree_lines(report, room), EMPTY]
    elif rows:
        lines += [*_grid(rows, room), EMPTY]
    return [*lines, *wrap([(span(text),) for text in _totals(report)], room, " · ", "  ")]


def _grid(rows: Sequence[_Row], room: int | None) -> list[Line]:
    """The table; where it is too wide, values go one by one, then the dtype."""
    most = max(len(row.values) for row in rows)
    lines: list[Line] = []
    values = [value for row in rows if not row.what.endswith("hook") for value in row.values]
    digits = max((len(value) for value in values), default=0)
    fewer = [(number, True) for number in range(most - 1, 0, -1)]
    for shown, dtype in [(most, True), *fewer, (min(most, 1), False), (0, False)]:
        cells = [_cells(row, shown, dtype, digits) for row in rows]
        lines = draw_grid(_TITLES, _ALIGNS, cells)
        if room is None or max(width(line) for line in lines) <= room:
            break
    return lines


def _cells(row: _Row, shown: int, dtype: bool, digits: int) -> list[Line]:
    above, _, own = row.name.rpartition(".")
    hook = row.what.endswith("hook")
    values = [value if hook else value.rjust(digits) for value in row.values[:shown]]
    more = " …" if values and (row.more or len(row.values) > shown) else ""
    kind = "linear" if hook else "norm" if row.what.startswith("buffer") else "convolution"
    amount = "" if hook else "?" if row.count is None else count(row.count)
    return [
        (span(f"{above}." if above else "", "dim"), span(own, "strong")),
        (span(row.what, kind),),
        (span(row.shape),),
        (span(row.dtype if dtype else "", "dim"),),
        (span(amount),),
        (span("  ".join(values) + more, "dim"),),
    ]


def _totals(report: Parameters) -> Iterator[str]:
    lazy = sum(entry.count is None for entry in report.parameters)
    number = sum(entry.count or 0 for entry in report.parameters)
    size = sum(entry.bytes or 0 for entry in report.parameters)
    frozen = sum(entry.count or 0 for entry in report.parameters if entry.trainable is False)
    checkpoint = not report.class_name
    text = counted(number, "number" if checkpoint else "parameter")
    if report.parameters:
        tensors = counted(len(report.parameters), "tensor")
        text = say("{numbers} in {tensors}", numbers=text, tensors=tensors)
    yield say("{parameters} ({size})", parameters=text, size=byte_size(size)) if size else text
    if checkpoint:
        yield say("the file does not say which are parameters and which buffers")
        return
    if lazy:
        yield say("{number} not counted", number=counted(lazy, "uninitialised one"))
    if frozen:
        yield say("{number} of them frozen", number=count(frozen))
    buffered = sum(entry.count or 0 for entry in report.buffers)
    buffers = counted(len(report.buffers), "buffer")
    numbers = counted(buffered, "number")
    yield (
        say("{buffers} of {numbers}", buffers=buffers, numbers=numbers)
        if report.buffers
        else buffers
    )
    yield counted(len(report.hooks), "hook")


def _csv(report: Parameters) -> str:
    return csv_text(_TITLES, map(_csv_row, _rows(report)))


def _csv_row(row: _Row) -> list[object]:
    cells = [row.name, row.what, row.shape.replace("×", "x"), row.dtype]
    safe = [escape.spreadsheet(escape.visible(cell)) for cell in cells]
    return [*safe, row.count, escape.visible(" ".join(row.values))]


def _markdown(report: Parameters) -> str:
    lines = [
        f"**{escape.markdown(report.class_name or report.spec)}**",
        "",
        f"| {' | '.join(_TITLES)} |",
        "| :--- | :--- | :--- | :--- | ---: | :--- |",
    ]
    for row in _rows(report):
        values = " ".join(row.values) + (" …" if row.more else "")
        cells = [row.what, row.shape, row.dtype, "" if row.count is None else count(row.count)]
        plain = [escape.markdown(cell) for cell in (*cells, values)]
        lines.append(f"| {escape.markdown_code(row.name)} | {' | '.join(plain)} |")
    return "\n".join([*lines, "", " · ".join(_totals(report))])


WRITER: Writer[Parameters] = Writer(
    _lines,
    {"json": lambda report: dump(report.to_dict()), "csv": _csv, "markdown": _markdown},
)
