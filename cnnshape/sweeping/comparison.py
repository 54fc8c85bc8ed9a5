"""What is different between two sweeps of the same models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from cnnshape.sweeping.results import output_text
from cnnshape.sweeping.row import Row

What = Literal["added", "gone", "fails now", "runs now", "params", "macs", "output", "mismatch"]

#: What is held against each other where both ran.
_NUMBERS: dict[What, Callable[[Row], int | str | None]] = {
    "params": lambda row: row.params,
    "macs": lambda row: row.macs,
    "output": output_text,
    "mismatch": lambda row: row.mismatch,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; ``before`` and ``after`` are the values, or the causes of a failure."""

    model: str
    input: tuple[str, ...]
    mode: str
    what: What
    before: int | str | None = None
    after: int | str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The change as ``-f json`` has it."""
        return {
            "model": self.model,
            "input": list(self.input),
            "mode": self.mode,
            "what": self.what,
            "before": self.before,
            "after": self.after,
        }


def changes(before: Iterable[Row], after: Iterable[Row]) -> tuple[Change, ...]:
    """Every difference, in the order of the later rows; models that are gone stand last.

    >>> old = [Row("a", params=1), Row("b", params=2), Row("c")]
    >>> new = [Row("a", params=1), Row("b", params=3), Row("d")]
    >>> [(each.model, each.what, each.before, each.after) for each in changes(old, new)]
    [('b', 'params', 2, 3), ('d', 'added', None, None), ('c', 'gone', None, None)]
    """
    old, new = _by_key(before), _by_key(after)
    return (
        *(change for key, row in new.items() for change in _of(old.get(key), row)),
        *(_change(row, "gone") for key, row in old.items() if key not in new),
    )


def _by_key(rows: Iterable[Row]) -> dict[object, Row]:
    return {row.key: row for row in rows}


def _of(old: Row | None, new: Row) -> Iterator[Change]:
    if old is None:
        yield _change(new, "added", after=new.error or None)
    elif old.status == "ok" and new.status != "ok":
        yield _change(new, "fails now", after=new.error)
    elif old.status != "ok" and new.status == "ok":
        yield _change(new, "runs now", before=old.error)
    elif new.status == "ok":
        for what, value in _NUMBERS.items():
            if value(old) != value(new):
                yield _change(new, what, value(old), value(new))


def _change(
    row: Row, what: What, before: int | str | None = None, after: int | str | None = None
) -> Change:
    return Change(row.model, row.input, row.mode, what, before, after)
