"""An architecture held against a report of an earlier day: what came, went, moved or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnshape.analysis.claims import Claim
from cnnshape.analysis.report import Layer, Report
from cnnshape.messages import joined, say
from cnnshape.tracing.trace import Shape


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """One layer of the earlier report, as far as it is compared."""

    path: str
    call: int
    type: str
    shapes: tuple[Shape, ...]
    params: int | None
    called: bool

    @property
    def label(self) -> str:
        """The path, with the call's number from the second on."""
        return f"{self.path}[{self.call}]" if self.call else self.path

    @property
    def kept_when_renamed(self) -> tuple[Any, ...]:
        """What two rows share that differ in nothing but their name."""
        return self.type, self.shapes, self.params, self.call, self.called


def snapshot_rows(layers: Sequence[Mapping[str, Any]]) -> tuple[SnapshotRow, ...]:
    """The rows of a report's JSON."""
    return tuple(
        SnapshotRow(
            path=str(layer["path"]),
            call=int(layer.get("call", 0)),
            type=str(layer.get("type", "")),
            shapes=tuple(tuple(shape) for shape in layer.get("output_shapes", ())),
            params=layer.get("params"),
            called=bool(layer.get("called", True)),
        )
        for layer in layers
    )


def compare_with_snapshot(report: Report, before: Sequence[SnapshotRow]) -> list[Claim]:
    """One claim per layer of either side: unchanged, reshaped, renamed, removed or added."""
    after = snapshot_rows([layer.to_dict() for layer in report.layers])
    now = {(layer.path, layer.call): layer for layer in report.layers}
    old = {(row.path, row.call): row for row in before}
    new = {(row.path, row.call): row for row in after}
    removed = [row for key, row in old.items() if key not in new]
    added = [row for key, row in new.items() if key not in old]
    renamed = _renamed(removed, added)
    arrived = {(row.path, row.call) for row in renamed.values()}
    claims: list[Claim] = []
    for key, row in old.items():
        if key in new:
            claims.append(_compared(row, new[key], now[key]))
        elif key in renamed:
            note = say("renamed to {layer}", layer=renamed[key].label)
            claims.append(_claim(row, renamed[key], note, "renamed"))
        else:
            claims.append(_claim(row, None, say("removed {type}", type=row.type), "removed"))
    claims += [
        _claim(None, row, say("added {type}", type=row.type), "added", now[key])
        for row in added
        if (key := (row.path, row.call)) not in arrived
    ]
    return claims


def _renamed(
    removed: list[SnapshotRow], added: list[SnapshotRow]
) -> dict[tuple[str, int], SnapshotRow]:
    """Pairs that differ in the name alone, matched in order."""
    free = list(added)
    pairs: dict[tuple[str, int], SnapshotRow] = {}
    for row in removed:
        for candidate in free:
            if candidate.kept_when_renamed == row.kept_when_renamed:
                pairs[row.path, row.call] = candidate
                free.remove(candidate)
                break
    return pairs


def _compared(old: SnapshotRow, new: SnapshotRow, layer: Layer) -> Claim:
    notes: list[str] = []
    if old.shapes != new.shapes:
        notes.append(say("reshaped"))
    if old.type != new.type:
        notes.append(say("was a {before}, is a {now}", before=old.type, now=new.type))
    if old.params != new.params:
        before, now = _count(old.params), _count(new.params)
        notes.append(say("{before} parameters before, {now} now", before=before, now=now))
    if old.called != new.called:
        notes.append(say("is called now") if new.called else say("is not called any more"))
    itself = old.type != new.type or old.called != new.called
    change = "itself" if itself else "parameters" if old.params != new.params else ""
    return _claim(old, new, joined(say("; "), notes), change, layer)


def _count(params: int | None) -> str:
    return say("unknown") if params is None else f"{params:,}"


def _claim(
    old: SnapshotRow | None,
    new: SnapshotRow | None,
    note: str,
    change: str,
    layer: Layer | None = None,
) -> Claim:
    named = old or new
    assert named is not None
    return Claim(
        what="snapshot",
        path=named.label,
        expected=_shapes(old),
        actual=_shapes(new),
        ok=not note,
        note=note,
        source=layer.source if layer else None,
        row=layer,
        change=change,
    )


def _shapes(row: SnapshotRow | None) -> Any:
    if row is None or not row.shapes:
        return None
    return row.shapes[0] if len(row.shapes) == 1 else row.shapes
