"""The judgement of one formula, or of several that were given together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnnshape.formulas.judgement import VERDICTS, Judgement
from cnnshape.formulas.paint import Paint, unpainted


@dataclass(frozen=True)
class Judgements:
    """What was found about each equation; for a single one, its findings directly."""

    judgements: tuple[Judgement, ...]

    def __str__(self) -> str:
        return self.text()

    def text(self, paint: Paint = unpainted) -> str:
        """What was found about each formula."""
        return "\n\n".join(each.text(paint) for each in self.judgements)

    def __iter__(self) -> Iterator[Judgement]:
        return iter(self.judgements)

    def __len__(self) -> int:
        return len(self.judgements)

    def __getitem__(self, index: int) -> Judgement:
        return self.judgements[index]

    @property
    def worst(self) -> Judgement:
        """The equation with the worst verdict, the first of them."""
        return max(self.judgements, key=lambda each: VERDICTS.index(each.verdict))

    @property
    def ok(self) -> bool:
        """Whether every equation is exact."""
        return all(each.ok for each in self.judgements)

    @property
    def verdict(self) -> str:
        """The worst verdict."""
        return self.worst.verdict

    @property
    def needs_floor(self) -> bool:
        """Whether any equation must still be rounded."""
        return any(each.needs_floor for each in self.judgements)

    @property
    def holds_when(self) -> tuple[str, ...]:
        """The conditions of the worst equation."""
        return self.worst.holds_when

    @property
    def counterexample(self) -> dict[str, float | None] | None:
        """The smallest counterexample to the worst equation."""
        return self.worst.counterexample

    @property
    def repaired(self) -> str | None:
        """A right formula in place of the worst equation."""
        return self.worst.repaired

    def to_dict(self) -> dict[str, Any] | list[dict[str, Any]]:
        """The contract's JSON: an object, or a list of them for several equations."""
        several = [each.to_dict() for each in self.judgements]
        return several if len(several) > 1 else several[0]
