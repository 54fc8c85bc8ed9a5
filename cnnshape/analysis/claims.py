"""What ``check`` holds a model to: claims, each of them true or false with both sides shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cnnshape.analysis.report import ErrorReport, Layer, OperationRow, Report
from cnnshape.messages import say
from cnnshape.shown import Shown
from cnnshape.tracing.trace import Shape, Source


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about the model and whether it holds.

    Attributes:
        what: the kind of statement: ``size``, ``shape``, ``formula conv``, ``snapshot``,
            ``max-params``, ``max-macs``, ``runs``.
        path: the layer it is about; ``""`` for the whole model.
        expected, actual: the two sides; shapes are tuples, counts are ints.
        note: what else the reader should know.
        source: the line of the model's code that called the layer, or that raised.
        cause: the index of the failing claim that this one follows from; None for a claim that
            holds or stands for itself.
        row: the layer or operation it is about, if it is about one.
        reason: what a claim fails for, where it says so: those that say the same fail together.
        change: what a snapshot shows beside the sizes: ``added``, ``removed``, ``renamed``,
            ``parameters`` where only their number is another, ``itself`` for anything else.
    """

    what: str
    path: str
    expected: Any
    actual: Any
    ok: bool
    note: str = ""
    source: Source | None = None
    cause: int | None = None
    row: Layer | OperationRow | None = field(default=None, repr=False, compare=False)
    reason: str = field(default="", repr=False)
    change: str = field(default="", repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The claim as the JSON result has it; ``source`` and ``cause`` where there is one."""
        data: dict[str, Any] = {
            "what": self.what,
            "path": self.path,
            "expected": _plain(self.expected),
            "actual": _plain(self.actual),
            "ok": self.ok,
            "note": self.note,
        }
        if self.source is not None:
            data["source"] = str(self.source)
        return data if self.cause is None else data | {"cause": self.cause}


def _plain(side: Any) -> Any:
    if isinstance(side, tuple):
        return [_plain(item) for item in side]  # pyright: ignore[reportUnknownVariableType]
    return side


@dataclass(frozen=True)
class CheckResult(Shown):
    """Every claim that was tested, and what stands beside them; shows itself: ``print(result)``.

    ``ok`` is true if all hold. ``information`` are sentences that claim nothing, such as
    another tool's totals. ``error`` tells why the model raised, if it did. ``brief`` leaves the
    claims that hold out of the table.
    """

    _written_by: ClassVar = "cnnshape.rendering.check"

    claims: tuple[Claim, ...]
    information: tuple[str, ...] = ()
    spec: str = ""
    error: ErrorReport | None = None
    brief: bool = False

    @property
    def failures(self) -> tuple[tuple[Claim, ...], ...]:
        """The claims that do not hold: every cause, each with those that follow from it."""
        groups: dict[int, list[Claim]] = {
            index: [claim]
            for index, claim in enumerate(self.claims)
            if not claim.ok and claim.cause is None
        }
        for claim in self.claims:
            if claim.cause is not None:
                groups[claim.cause].append(claim)
        return tuple(tuple(group) for group in groups.values())

    @property
    def ok(self) -> bool:
        """Whether every claim holds."""
        return all(claim.ok for claim in self.claims)

    def to_dict(self) -> dict[str, Any]:
        """What ``check -f json`` prints."""
        return {
            "ok": self.ok,
            "claims": [claim.to_dict() for claim in self.claims],
            "information": list(self.information),
            "error": self.error.to_dict() if self.error else None,
        }


def row_label(row: Layer | OperationRow) -> str:
    """How a row is named: ``features.0``, ``pooling[1]`` for a second call, ``net: view``."""
    if isinstance(row, Layer):
        return f"{row.path}[{row.call}]" if row.call else row.path
    return f"{row.path}: {row.op}" if row.path else row.op


def runs(report: Report) -> list[Claim]:
    """That the model runs at all; a claim only where it does not."""
    error = report.error
    if error is None:
        return []
    note: str = error.message
    if error.diagnosis:
        note = say("{reason} ({message})", reason=error.diagnosis, message=error.message)
    return [
        Claim(
            "runs",
            error.path,
            "a result",
            error.exception,
            ok=False,
            note=note,
            source=error.source,
        )
    ]


def sizes(report: Report) -> list[Claim]:
    """That every size is the one its rule computes."""
    claims: list[Claim] = []
    for row in _in_order(report):
        if row.check is None or not row.check.mark:
            continue
        actual: Shape | None = row.output_shapes[0] if row.output_shapes else None
        claims.append(
            Claim(
                "size",
                row_label(row),
                row.check.expected,
                actual,
                ok=row.check.status == "match",
                note=row.check.note or row.check.substitution,
                source=row.source,
                row=row,
            )
        )
    return claims


def budgets(
    report: Report, max_params: int | None = None, max_macs: int | None = None
) -> list[Claim]:
    """That the model is no larger than it may be; an unknown total holds no budget."""
    claims: list[Claim] = []
    for what, limit, actual in (
        ("max-params", max_params, report.totals.params),
        ("max-macs", max_macs, report.totals.macs),
    ):
        if limit is None:
            continue
        if isinstance(actual, int):
            claims.append(Claim(what, "", limit, actual, actual <= limit))
            continue
        note = (
            say("the total is not known: some part of it cannot be counted")
            if actual is None
            else say("the total depends on letters of the input: give numbers for them")
        )
        claims.append(Claim(what, "", limit, actual, ok=False, note=note))
    return claims


def _in_order(report: Report) -> Iterable[Layer | OperationRow]:
    """Layers and operations as they ran: an operation after the calls that came before it."""
    calls = report.trace.calls
    layers = [layer for layer in report.layers if layer.index is not None]
    rows = sorted(report.operations, key=lambda row: row.index)
    position = 0
    for layer in layers:
        start = calls[layer.index or 0].operations[0]
        while position < len(rows) and rows[position].index < start:
            yield rows[position]
            position += 1
        yield layer
    yield from rows[position:]
