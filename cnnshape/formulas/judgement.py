"""What was found about formulas that somebody derived by hand, one or several together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnshape.cells import cells
from cnnshape.formulas.text_style import Style, unstyled
from cnnshape.messages import say, translated
from cnnshape.shown import told
from cnnshape.words import listed

EXACT, NEEDS_FLOOR, CONDITIONAL, WRONG = "exact", "needs_floor", "conditional", "wrong"
#: From best to worst.
VERDICTS = (EXACT, NEEDS_FLOOR, CONDITIONAL, WRONG)
_TOLD = {
    EXACT: say("exact"),
    NEEDS_FLOOR: say("needs_floor"),
    CONDITIONAL: say("conditional"),
    WRONG: say("wrong"),
}
_COLOURS = {"exact": "good", "needs_floor": "warn", "conditional": "warn", "wrong": "bad"}


@dataclass(frozen=True)
class Judgement:
    """One formula, held against the rule of one kind."""

    kind: str
    verdict: str
    needs_floor: bool
    holds_when: tuple[str, ...]
    #: The smallest configuration where formula and layer differ, with both numbers.
    counterexample: dict[str, float | None] | None
    #: A formula that is right, in the same letters; None where nothing needs repair.
    repaired: str | None
    #: The formula as it was understood.
    read_as: str
    label: str = ""
    #: Where the formula gives a fraction although the rounded value is right.
    rounding_example: dict[str, float | None] | None = None
    #: Arguments that were held fixed while comparing.
    given: dict[str, float] = field(default_factory=dict[str, float])
    #: Whether formula and rule are equal as algebra, not only wherever they were compared.
    proved: bool = False
    compared: int = 0
    ceil_mode: bool = False
    source: str = ""
    #: What the left side names: the output, an argument of the layer, or in_features.
    quantity: str = "output"
    #: What a rule for an argument is to reach, such as "output = input".
    aim: str = ""
    #: What the repaired formula asks for; empty where it is right everywhere.
    repaired_when: tuple[str, ...] = ()
    #: What a rule for an argument does beside what it is judged for.
    note: str = ""

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """The verdict, when it holds, the smallest counterexample, and the repaired formula."""
        return _told((self,), style)

    def heading(self, style: Style) -> str:
        """The formula as it was understood, and for what it is judged."""
        given = "".join(f", {role}={value}" for role, value in self.given.items())
        mode = ", ceil_mode" if self.ceil_mode else ""
        return f"{self.heading_text}   {style(f'({self.kind}{mode}{given})', 'quiet')}"

    @property
    def _named(self) -> str:
        return f"{self.label} = " if self.label else ""

    def right(self, style: Style) -> str:
        """The formula that is right, and when; empty where nothing needs repair."""
        if self.repaired is None:
            return ""
        formula = style(self._named + self.repaired, "strong")
        if not self.repaired_when:
            return formula
        when = listed(self.repaired_when)
        return translated(say("{formula}, when {conditions}", formula=formula, conditions=when))

    @property
    def findings(self) -> tuple[object, ...]:
        """All that is told of a formula but its letters."""
        return (
            self.kind, self.quantity, self.aim, self.verdict, self.needs_floor, self.holds_when,
            self.counterexample, self.rounding_example, self.repaired is None, self.repaired_when,
            self.given, self.ceil_mode, self.note, self.compared, self.proved,
        )  # fmt: skip

    def body(self, style: Style) -> list[str]:
        """The verdict, when it holds, and the smallest counterexample."""
        verdict = style(translated(_TOLD[self.verdict]), _COLOURS[self.verdict])
        lines: list[str] = [say("{verdict}: {summary}", verdict=verdict, summary=self.summary)]
        if self.aim and self.verdict != EXACT:
            argument, aim = self.quantity, self.aim
            lines.append(say("  judged as the {argument} for {aim}", argument=argument, aim=aim))
        if self.note:
            lines.append("  " + self.note)
        if self.rounding_example is not None:
            why = say("  a fraction, because nothing rounds it:")
            lines += ["", why, *self._example(self.rounding_example)]
        if self.counterexample is not None:
            lines += ["", say("  smallest counterexample:"), *self._example(self.counterexample)]
        return [translated(line) for line in lines]

    def _example(self, example: Mapping[str, float | None]) -> list[str]:
        sizes = {
            role: value for role, value in example.items() if role not in ("formula", "actual")
        }
        formula, actual = example["formula"], example["actual"]
        gives = (
            say("the formula is undefined (it divides by 0)")
            if formula is None
            else say("the formula gives {number}", number=_short(formula))
        )
        if self.aim and actual is None:
            right = say("no value works")
        elif self.aim:
            right = say("{number} is right", number=actual)
        elif self.quantity == "in_features":
            right = say("there are {number}", number=actual)
        else:
            right = say("the layer gives {number}", number=actual)
        return [
            "    " + ", ".join(f"{role} {_short(value)}" for role, value in sizes.items()),
            "    " + say("{formula}, {layer}", formula=gives, layer=right),
        ]

    @property
    def heading_text(self) -> str:
        """The formula as it was understood, with its own name for what it computes."""
        return self._named + self.read_as

    @property
    def summary(self) -> str:
        """The verdict in words."""
        rounded = say("rounded up") if self.ceil_mode else say("rounded down")
        match self.verdict:
            case "exact":
                how = (
                    say("proved by algebra")
                    if self.proved
                    else say("equal in all {number} configurations compared",
                             number=f"{self.compared:,}")
                )  # fmt: skip
                return say("{meaning} ({how})", meaning=self._meaning(), how=how)
            case "needs_floor" if self.quantity == "output":
                return say(
                    "right everywhere once it is {rounded}, as the framework rounds",
                    rounded=rounded,
                )
            case "needs_floor":
                return say("right everywhere once it is {rounded}", rounded=rounded)
            case "conditional":
                when = listed(self.holds_when)
                if not self.needs_floor:
                    return say("right when {conditions}", conditions=when)
                return say(
                    "right when {conditions}, once it is {rounded}",
                    conditions=when, rounded=rounded,
                )  # fmt: skip
            case _:
                return say("no simple condition makes it right")

    def _meaning(self) -> str:
        if self.aim:
            return say("this is the {argument} for {aim}", argument=self.quantity, aim=self.aim)
        if self.quantity == "in_features":
            return say("these are the features")
        return say("this is what the layer gives")

    @property
    def ok(self) -> bool:
        """Whether the formula is exact."""
        return self.verdict == EXACT

    def to_dict(self) -> dict[str, Any]:
        """The contract's JSON."""
        return {
            "kind": self.kind,
            "verdict": self.verdict,
            "needs_floor": self.needs_floor,
            "holds_when": list(self.holds_when),
            "counterexample": self.counterexample,
            "repaired": self.repaired,
            "read_as": self.read_as,
            "label": self.label or None,
            "rounding_example": self.rounding_example,
            "given": dict(self.given),
            "proved": self.proved,
            "compared": self.compared,
            "ceil_mode": self.ceil_mode,
            "source": self.source,
            "quantity": self.quantity,
            "aim": self.aim or None,
            "note": self.note or None,
            "repaired_when": list(self.repaired_when),
        }


@dataclass(frozen=True)
class Judgements:
    """What was found about each equation; for a single one, its findings directly."""

    judgements: tuple[Judgement, ...]

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        """The same for Jupyter."""
        return told(self.text)

    def text(self, style: Style = unstyled) -> str:
        """What was found about each formula; once for those of which the same was found."""
        groups: list[list[Judgement]] = []
        for each in self.judgements:
            alike = next((g for g in groups if g[0].findings == each.findings), None)
            if alike is None:
                groups.append([each])
            else:
                alike.append(each)
        return "\n\n".join(_told(group, style) for group in groups)

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


def _told(same: Sequence[Judgement], style: Style) -> str:
    """The formulas of which the same was found, that, and what is right in the letters of each."""
    first = same[0]
    lines = [*(each.heading(style) for each in same), "", *first.body(style)]
    right = [text for each in same if (text := each.right(style))]
    if right:
        label = translated(say("  right: "))
        lines += ["", label + right[0], *(" " * cells(label) + text for text in right[1:])]
    if first.source:
        lines.append(style(f"  {first.source}", "quiet"))
    return "\n".join(lines)


def _short(value: float | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
