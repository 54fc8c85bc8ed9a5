"""What is known of the sizes that a model accepts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Any, ClassVar, Literal

from cnnshape.analysis.report import Suggestion
from cnnshape.experiments.symbolic.letters import Letters
from cnnshape.shown import Shown
from cnnshape.tracing.trace import Source

#: The sorts of changes that make a model take a size, in the order in which they are shown.
How = Literal["pad", "join", "interpolate", "crop", "pool", "layer"]
_ORDER: tuple[How, ...] = ("pad", "join", "interpolate", "crop", "pool", "layer")


@dataclass(frozen=True)
class Rejection:
    """Sizes outside, and what refuses them: ``path`` is the layer that raised."""

    letters: Letters
    path: str
    type: str
    message: str
    diagnosis: str | None
    source: Source | None = None

    def to_dict(self) -> dict[str, Any]:
        """The rejection as the JSON has it."""
        return {
            "sizes": dict(self.letters),
            "path": self.path,
            "type": self.type,
            "message": self.message,
            "diagnosis": self.diagnosis,
            "source": str(self.source) if self.source else None,
        }


@dataclass(frozen=True)
class Adaptation:
    """A change that makes the model take a size; ``verified``: it was made on a copy and ran.

    Attributes:
        action, text, path: what is done, and where.
        how: what sort of change it is; the first sorts leave the model as it is.
        leads_to: the sizes that the model is then given.
        tried: so many other sizes were tried with it that the model took before.
        costs: those among them that it then refuses, or gives a result of another shape for.
        suggestion: the correction that it is, with all that belongs to it.
    """

    action: str
    text: str
    path: str
    verified: bool
    how: How = "layer"
    leads_to: Letters | None = None
    tried: int = 0
    costs: tuple[Letters, ...] = ()
    suggestion: Suggestion | None = field(default=None, repr=False)

    @property
    def keeps_the_model(self) -> bool:
        """Whether only the input is changed, so that no other size can be lost."""
        return self.leads_to is not None

    @property
    def rank(self) -> tuple[float, int]:
        """What loses the fewest sizes first; where nobody tried, nothing is known to be kept."""
        known = self.keeps_the_model or self.tried
        lost = len(self.costs) / max(self.tried, 1) if known else 0.5
        return lost, _ORDER.index(self.how)

    def to_dict(self) -> dict[str, Any]:
        """The change as the JSON has it; ``tried`` is null where no other size is concerned."""
        then = self.suggestion.then if self.suggestion else ()
        return {
            "action": self.action,
            "text": self.text,
            "path": self.path,
            "verified": self.verified,
            "then": [further.to_dict() for further in then],
            "leads_to": None if self.leads_to is None else dict(self.leads_to),
            "tried": None if self.keeps_the_model else self.tried,
            "costs": [dict(letters) for letters in self.costs],
        }


@dataclass(frozen=True)
class Fit:
    """The answer to ``--fit``: whether the sizes are accepted as they are, else what to change."""

    letters: Letters
    accepted: bool
    reason: str
    changes: tuple[Adaptation, ...] = ()
    source: Source | None = None

    def to_dict(self) -> dict[str, Any]:
        """The answer as the JSON has it."""
        return {
            "sizes": dict(self.letters),
            "accepted": self.accepted,
            "reason": self.reason,
            "source": str(self.source) if self.source else None,
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(frozen=True)
class AcceptedSizes(Shown):
    """The sizes that a model accepts; shows itself: ``print(sizes)``.

    Attributes:
        spec: how the model was named.
        class_name: its class.
        shape: the input as it was given, with letters.
        letters: per letter the accepted sizes; where letters are tied, those that some value of
            the others goes with.
        joint: the condition that ties letters, None where each is free of the others.
        examples: some accepted sizes, where letters are tied.
        tested: the smallest and the largest size that was tried.
        tries: how many inputs were tried.
        every_size: every size of every letter was tried; otherwise the conditions were trusted
            between those that were.
        batch_changing: per letter, sizes that run only because the model tears rows of the batch
            apart or glues them together; they are not among the accepted.
        exceptions: sizes that were tried and do not follow the conditions.
        base: the usual sizes, which the others were held at while one was varied.
        notes, why, fit: what else there is to say, if it was asked.
    """

    _written_by: ClassVar = "cnnshape.rendering.sizes"

    spec: str
    class_name: str
    shape: str
    letters: Mapping[str, SizeSet]
    joint: str | None
    examples: tuple[Letters, ...]
    tested: tuple[int, int]
    tries: int
    every_size: bool
    batch_changing: Mapping[str, SizeSet]
    exceptions: tuple[Letters, ...]
    base: Letters
    device: str = "meta"
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    why: tuple[Rejection, ...] = ()
    fit: Fit | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data: what ``-f json`` prints."""
        data: dict[str, Any] = {
            "schema": 1,
            "model": {"spec": self.spec, "class": self.class_name},
            "input": self.shape,
            "letters": {name: _set(sizes) for name, sizes in self.letters.items()},
            "joint": self.joint,
            "examples": [dict(example) for example in self.examples],
            "tested": list(self.tested),
            "tries": self.tries,
            "every_size": self.every_size,
            "batch_changing": {name: _set(sizes) for name, sizes in self.batch_changing.items()},
            "exceptions": [dict(letters) for letters in self.exceptions],
            "notes": list(self.notes),
        }
        if self.why:
            data["why"] = [rejection.to_dict() for rejection in self.why]
        if self.fit is not None:
            data["fit"] = self.fit.to_dict()
        return data


def _set(sizes: SizeSet) -> dict[str, Any]:
    data: dict[str, Any] = {
        "ranges": [list(ends) for ends in sizes.ranges],
        "multiple_of": sizes.multiple_of,
    }
    if sizes.remainders:
        data |= {"period": sizes.period, "remainders": list(sizes.remainders)}
    return data


# ---- a set of sizes said shortly: 28…31, ≥ 32, multiples of 16 --------------------------

#: Sets in more pieces than this are described by their remainders, if those repeat.
_MANY = 4
_LARGEST_PERIOD = 128


@dataclass(frozen=True, slots=True)
class SizeSet:
    """The sizes of one letter that are accepted, within what was tested.

    Every size in one of ``ranges`` (both ends included) that is a multiple of ``multiple_of``
    and, where ``remainders`` is not empty, leaves one of them when divided by ``period``.
    """

    ranges: tuple[tuple[int, int], ...]
    multiple_of: int = 1
    period: int = 1
    remainders: tuple[int, ...] = ()

    def __contains__(self, size: int) -> bool:
        return (
            any(low <= size <= high for low, high in self.ranges)
            and size % self.multiple_of == 0
            and (not self.remainders or size % self.period in self.remainders)
        )


def describe(sizes: Collection[int], low: int, high: int) -> SizeSet:
    """The shortest description of a set of sizes between ``low`` and ``high``.

    >>> describe([28, 29, 30, 31], 1, 256)
    SizeSet(ranges=((28, 31),), multiple_of=1, period=1, remainders=())
    >>> describe(range(16, 257, 16), 1, 256)
    SizeSet(ranges=((16, 256),), multiple_of=16, period=1, remainders=())
    >>> describe([n for n in range(1, 257) if n % 8 in (1, 2)], 1, 256).remainders
    (1, 2)
    """
    ordered = sorted(sizes)
    if not ordered:
        return SizeSet(())
    common = gcd(*ordered)
    if common > 1 and len(ordered) > 1:
        steps = _runs([n // common for n in ordered])
        if len(steps) <= _MANY and len(steps) < len(ordered):
            return SizeSet(tuple((a * common, b * common) for a, b in steps), common)
    runs = _runs(ordered)
    if len(runs) > _MANY:
        periodic = _periodic(ordered, low, high)
        if periodic is not None:
            return periodic
    return SizeSet(tuple(runs))


def _runs(ordered: list[int]) -> list[tuple[int, int]]:
    """Maximal runs of neighbouring numbers."""
    runs: list[tuple[int, int]] = []
    for n in ordered:
        if runs and n == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], n)
        else:
            runs.append((n, n))
    return runs


def _periodic(ordered: list[int], low: int, high: int) -> SizeSet | None:
    """The set as remainders that repeat from its first member on."""
    accepted = set(ordered)
    first, last = ordered[0], high
    for period in range(2, min(_LARGEST_PERIOD, (last - first + 1) // 2) + 1):
        remainders = {n % period for n in range(first, first + period) if n in accepted}
        if all((n in accepted) == (n % period in remainders) for n in range(first, last + 1)):
            start = low if all(n % period not in remainders for n in range(low, first)) else first
            return SizeSet(((start, last),), 1, period, tuple(sorted(remainders)))
    return None
