"""What is known of the sizes that a model accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnshape.experiments.sizing.ranges import SizeSet
from cnnshape.shown import Shown

Letters = Mapping[str, int]


@dataclass(frozen=True)
class Rejection:
    """Sizes outside, and what refuses them: ``path`` is the layer that raised."""

    letters: Letters
    path: str
    type: str
    message: str
    diagnosis: str | None

    def to_dict(self) -> dict[str, Any]:
        """The rejection as the JSON has it."""
        return {
            "sizes": dict(self.letters),
            "path": self.path,
            "type": self.type,
            "message": self.message,
            "diagnosis": self.diagnosis,
        }


@dataclass(frozen=True)
class Adaptation:
    """A change that makes the model take a size; ``verified``: it was made on a copy and ran."""

    action: str
    text: str
    path: str
    verified: bool

    def to_dict(self) -> dict[str, Any]:
        """The change as the JSON has it."""
        return {
            "action": self.action,
            "text": self.text,
            "path": self.path,
            "verified": self.verified,
        }


@dataclass(frozen=True)
class Fit:
    """The answer to ``--fit``: whether the sizes are accepted as they are, else what to change."""

    letters: Letters
    accepted: bool
    reason: str
    changes: tuple[Adaptation, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The answer as the JSON has it."""
        return {
            "sizes": dict(self.letters),
            "accepted": self.accepted,
            "reason": self.reason,
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
