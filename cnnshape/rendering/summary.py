"""The lines above and below the rows: what was run, the totals, what did not match."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.memory import MemoryTotals
from cnnshape.analysis.report import Check, Report, TensorRow
from cnnshape.messages import joined, say, translated
from cnnshape.rendering.batch import constant_batch
from cnnshape.rendering.escape import visible
from cnnshape.rendering.row import Table
from cnnshape.rendering.styled_text import EMPTY, Line, Span, cells, elide, paragraph, span, wrap
from cnnshape.rendering.units import (
    byte_size,
    count,
    duration,
    expression_text,
    shape_text,
    shapes_text,
    short_count,
)
from cnnshape.words import counted

_INDENT = "  "
_DEVICES: dict[str, str] = {
    "cpu": say("the CPU"),
    "mps": "MPS",
    "meta": say("the meta device"),
    "fake": say("fake tensors"),
}
#: From here on MACs are told with three digits in a sentence; the rows and files have them all.
_MANY = 10_000_000


def header(report: Report, room: int | None) -> list[Line]:
    """The class, where it came from, and the whole shapes of inputs and outputs."""
    words = [title(report.class_name, report.spec, room)]
    for label, rows in (("input", report.inputs), ("output", report.outputs)):
        words += [_tensor(label, row, number == 0) for number, row in enumerate(rows[:_SHOWN])]
        if len(rows) > _SHOWN:
            words.append((span(say("and {left} more", left=len(rows) - _SHOWN), "dim"),))
        if label == "input":
            words += _options(report)
    if report.mode == "train":
        words.append((span(say("in training mode"), "dim"),))
    return wrap(words, room, "   ", "", _INDENT)


_SHOWN = 6


def title(class_name: str, spec: str, room: int | None) -> Line:
    """The class in bold, and how the model was named where that says more."""
    name = visible(class_name)
    origin = "" if spec.partition("(")[0].lower() == class_name.lower() else visible(spec)
    if room is not None:
        name = elide(name, room // 2)
        origin = elide(origin, room - cells(name) - 2)
    return (Span(name, "title-name"), Span(f"  {origin}" if origin else "", "dim"))


def _tensor(label: str, row: TensorRow, first: bool) -> Line:
    name = f"{row.name} " if label == "input" and row.name not in ("", "input") else ""
    said = label == "input" and row.name.startswith("input ")  # "input 1": nobody named it
    return (
        Span(f"{label} " if first and not said else "", "dim"),
        span(name, "name"),
        Span(shape_text(row.shape)),
        Span(f" {row.dtype}", "dim"),
    )


def _options(report: Report) -> list[Line]:
    """What was handed over beside the tensors."""
    rows = report.options
    words: list[Line] = [
        (
            Span("" if report.inputs or number else "input ", "dim"),
            span(f"{row.name} ", "name"),
            Span("" if row.shape is None else f"{shape_text(row.shape)} {row.dtype} "),
            span(row.value, "dim"),
        )
        for number, row in enumerate(rows[:_SHOWN])
    ]
    if len(rows) > _SHOWN:
        more = say("and {left}", left=counted(len(rows) - _SHOWN, "other option"))
        words.append((span(more, "dim"),))
    return words


def footer(report: Report, room: int | None) -> list[Line]:
    """Totals, the size check, the device, and what the reader should know."""
    dot = " · "
    lines = wrap([*_totals(report), *_checks(report)], room, dot, _INDENT)
    if isinstance(report.totals.macs, str):
        told = translated(_partly(report, _macs(report.totals.macs)))
        terms = told.replace(" + ", "\n+ ").split("\n")
        lines += wrap([(Span(term),) for term in terms], room, " ", _INDENT, _INDENT * 2)
    if report.totals.memory is not None:
        lines += wrap([(span(text),) for text in _memory(report.totals.memory)], room, dot, _INDENT)
    lines += paragraph(_execution(report), room, "dim")
    for constraint in report.constraints:
        lines.append((Span(_INDENT), span(say("needs "), "dim"), span(expression_text(constraint))))
    for note in report.notes:
        lines += paragraph(say("note: {note}", note=note), room, "dim")
    return lines


def _totals(report: Report) -> Iterator[Line]:
    totals = report.totals
    if totals.params is None:
        yield (span(say("parameters unknown before the lazy ones have a size")),)
    else:
        text = counted(totals.params, "parameter")
        if totals.params and totals.parameter_bytes is not None:
            size = byte_size(totals.parameter_bytes)
            text = say("{parameters} ({size})", parameters=text, size=size)
        yield (span(text),)
        trainable = totals.trainable_params
        if trainable is not None and trainable != totals.params:
            yield (span(say("{number} of them trainable", number=count(trainable))),)
    if totals.macs is None:
        yield (span(say("MACs unknown")),)
    elif isinstance(totals.macs, int):
        yield (span(_partly(report, _for_batch(report, _macs(totals.macs)))),)
    if totals.time_ms is not None:
        yield (span(say("{time} per pass", time=duration(totals.time_ms / 1000))),)


def _memory(memory: MemoryTotals) -> Iterator[str]:
    def size(number: int | None) -> str:
        return say("unknown") if number is None else byte_size(number)

    yield say("inference peak {size}", size=size(memory.inference_peak_bytes))
    yield say("training peak {size}", size=size(memory.training_peak_bytes))
    yield say("parameters {size}", size=size(memory.parameter_bytes))
    yield say("gradients {size}", size=size(memory.gradient_bytes))
    yield joined(" ", (memory.optimizer, size(memory.optimizer_bytes)))
    yield say("saved for backward {size}", size=size(memory.saved_bytes))


def _for_batch(report: Report, macs: str) -> str:
    """How many examples the MACs are for, where no row shows it."""
    batch = constant_batch(report)
    if not isinstance(batch, int) or batch <= 1:
        return macs
    return say("{macs} for a batch of {batch}", macs=macs, batch=batch)


def _partly(report: Report, macs: str) -> str:
    return say("{macs} up to the failure", macs=macs) if report.error else macs


def _macs(macs: int | str) -> str:
    if isinstance(macs, str):
        return say("{number} MACs", number=expression_text(macs))
    number = short_count(macs) if macs >= _MANY else count(macs)
    return say("{number} MACs", number=number)


def _checks(report: Report) -> Iterator[Line]:
    totals = report.totals
    ruled = totals.match + totals.mismatch
    if totals.mismatch:
        wrong = counted(totals.mismatch, "size")
        text = (
            say("✗ {sizes} of {all} differs from the formula", sizes=wrong, all=count(ruled))
            if totals.mismatch == 1
            else say("✗ {sizes} of {all} differ from the formula", sizes=wrong, all=count(ruled))
        )
        yield (span(text, "bad"),)
    elif ruled:
        sizes = counted(ruled, "size")
        text = (
            say("{number} of {sizes} matches its formula", number=count(ruled), sizes=sizes)
            if ruled == 1
            else say("{number} of {sizes} match their formula", number=count(ruled), sizes=sizes)
        )
        yield (span(text, "good"),)
    if totals.uncovered:
        layers = counted(totals.uncovered, "layer")
        text = (
            say("? {layers} changes the size and no rule covers it", layers=layers)
            if totals.uncovered == 1
            else say("? {layers} change the size and no rule covers it", layers=layers)
        )
        yield (span(text, "dim"),)
    told = not_run(report)
    if told:
        yield (span(told, "dim"),)


def not_run(report: Report) -> str:
    """How many layers are not judged, since the table of operations told their sizes."""
    told = sum(row.check is not None and row.check.by == "table" for row in report.layers)
    if told == 1:
        return say("1 layer was not run, its size is known (--exact runs it)")
    if told:
        return say(
            "{number} layers were not run, their sizes are known (--exact runs them)",
            number=count(told),
        )
    return ""


def _execution(report: Report) -> str:
    where = _DEVICES.get(report.device, report.device.upper())
    run = say("run on {device}", device=where)
    if report.seconds:
        run = say("{run}, {time}", run=run, time=duration(report.seconds))
    return say("{run} ({reason})", run=run, reason=report.reason) if report.reason else run


def mismatches(table: Table, room: int | None) -> list[Line]:
    """Every row whose size is not what its rule says, with both sizes and the substitution."""
    lines: list[Line] = []
    for row in table.rows:
        check = row.check
        if check is None or check.status == "match":
            continue
        name = f"{row.path} {row.type}".strip()
        got = shapes_text(row.outputs, table.hide_batch) or say("nothing")
        told = translated(
            say("{expected}, got {size}", expected=_said(check, table.hide_batch), size=got)
        )
        words: list[Line] = [
            (Span("✗", "bad"),),
            (span(name, "bad"),),
            *((span(word),) for word in told.split(" ")),
        ]
        lines += wrap(words, room, " ", _INDENT)
        for text in (check.note, check.substitution):
            if text:
                pieces: list[Line] = [
                    (span(piece, "dim"),) for piece in translated(text).split("; ")
                ]
                lines += wrap(pieces, room, "; ", _INDENT * 2)
    return [*lines, EMPTY] if lines else []


def _said(check: Check, hide_batch: bool) -> str:
    if check.expected is None:
        return say("cannot be applied here by its rule")
    return say("should give {size} by its rule", size=shapes_text([check.expected], hide_batch))


def formula_legend(table: Table, room: int | None) -> list[Line]:
    """The formula of every rule that occurs, once."""
    formulas: dict[str, str] = {}
    for row in table.rows:
        if row.check is not None and row.check.formula:
            formulas.setdefault(row.check.rule, row.check.formula)
    if not formulas:
        return []
    longest = max(len(rule) for rule in formulas)
    lines: list[Line] = []
    for rule, formula in formulas.items():
        pieces: list[Line] = [(span(piece),) for piece in formula.split("; ")]
        head = Span(f"{_INDENT}{rule:<{longest}}  ", "dim")
        left = None if room is None else room - len(head.text)
        for number, line in enumerate(wrap(pieces, left, "; ", "")):
            lines.append((head if number == 0 else Span(" " * len(head.text)), *line))
    return [*lines, EMPTY]
