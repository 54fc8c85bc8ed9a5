"""What a sweep found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from cnnshape.shown import Shown
from cnnshape.sweeping.comparison import Change
from cnnshape.sweeping.row import Row


@dataclass(frozen=True)
class Sweep(Shown):
    """What a sweep found.

    Attributes:
        rows: one for each model: those that stood in the file, and then as they ended.
        changes: how they differ from those of an earlier day; None if nothing was compared.
        missing: how many models have no row, because the sweep was ended before.
    """

    rows: tuple[Row, ...]
    changes: tuple[Change, ...] | None = None
    missing: int = 0

    _written_by: ClassVar[str] = "cnnshape.sweeping.shown"

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows without a result, by name: what runs side by side ends in any order."""
        failed = (row for row in self.rows if row.status != "ok")
        return tuple(sorted(failed, key=lambda row: row.model))

    @property
    def ok(self) -> bool:
        """Whether every model ran; where something was compared, whether nothing has changed."""
        return not (self.failed if self.changes is None else self.changes)

    def to_dict(self) -> dict[str, Any]:
        """The object that ``-f json`` prints."""
        return {
            "ok": self.ok,
            "models": len(self.rows),
            "failed": len(self.failed),
            "missing": self.missing,
            "rows": [row.to_dict() for row in self.rows],
            "changes": None if self.changes is None else [each.to_dict() for each in self.changes],
        }
