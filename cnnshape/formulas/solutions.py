"""Every answer to which arguments give a wanted size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnshape.formulas.paint import Paint, unpainted
from cnnshape.words import listed, plural

#: Solutions beyond this many are counted, not listed.
MOST_LISTED = 40


@dataclass(frozen=True)
class Solutions:
    """Every answer within the ranges."""

    kind: str
    solve: tuple[str, ...]
    solutions: tuple[dict[str, int], ...]
    range: dict[str, tuple[int, int]]
    formula: str
    #: What was given, defaults included.
    known: dict[str, int]
    #: The wanted size; "same" is the input's.
    output: int | str
    #: The formula with the answer put in, for the first of them.
    substitution: str | None = None
    #: What holds beyond the numbers, such as when kernel // 2 keeps the size.
    note: str | None = None
    source: str = ""

    def __str__(self) -> str:
        return self.text()

    def text(self, paint: Paint = unpainted) -> str:
        """The answers, the usual ones first, and where they were looked for."""
        known = ", ".join(f"{role} {value}" for role, value in self.known.items())
        wanted = "the input's size" if self.output == "same" else str(self.output)
        asked = listed(self.solve)
        lines = [
            f"{self.formula} = {wanted}   with {known}" if known else f"{self.formula} = {wanted}"
        ]
        lines.append("")
        every = self._lines()
        lines += ["  " + paint(text, "good") for text in every[:MOST_LISTED]]
        if len(every) > MOST_LISTED:
            lines.append(f"  … and {len(every) - MOST_LISTED} more; -f json lists all")
        if self.substitution and len(self.solutions) == 1:
            lines.append(f"    {self.substitution}")
        ranges = ", ".join(f"{role} {low}…{high}" for role, (low, high) in self.range.items())
        if self.solutions:
            answers = plural(len(self.solutions), "answer")
            lines += ["", paint(f"  {answers} for {ranges}", "quiet")]
        else:
            lines.append(paint(f"  no {asked} gives {wanted}", "bad") + f"   (tried {ranges})")
        if self.note:
            from textwrap import wrap

            lines += wrap(self.note, 76, initial_indent="  ", subsequent_indent="  ")
        return "\n".join(lines)

    def _lines(self) -> list[str]:
        """One line for each answer; inputs, which lie side by side, as ranges."""
        if self.solve == ("input",) and self.solutions:
            sizes = [solution["input"] for solution in self.solutions]
            first, last = sizes[0], sizes[-1]
            return [f"input = {first}" if first == last else f"input = {first}…{last}"]
        return [
            "   ".join(f"{role} = {value}" for role, value in solution.items())
            for solution in self.solutions
        ]

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return bool(self.solutions)

    def to_dict(self) -> dict[str, Any]:
        """The contract's JSON."""
        return {
            "kind": self.kind,
            "solve": list(self.solve),
            "solutions": [dict(solution) for solution in self.solutions],
            "range": {role: list(bounds) for role, bounds in self.range.items()},
            "given": {**self.known, "output": self.output},
            "formula": self.formula,
            "substitution": self.substitution,
            "note": self.note,
        }
