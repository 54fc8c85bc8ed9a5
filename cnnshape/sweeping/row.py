"""What a sweep finds out about one model."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from cnnshape.loading.run_options import Mode
from cnnshape.rendering.escape import visible
from cnnshape.sweeping.subjects import Subject

#: ``no_input``: nobody knows what the model is usually run on, and nothing was given.
Status = Literal["ok", "failed", "no_input", "timeout", "memory", "killed"]
Shape = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One model in one mode.

    Attributes:
        model: the MODEL argument.
        input: what it was run on, as ``-i`` takes it; empty where it did not come to that.
        usual_input: whether that is what the model is usually run on, none having been given.
        mode: ``eval`` or ``train``.
        status: ``ok``, or how it ended; ``error`` has the cause.
        device: where it ran: ``cpu``, ``meta``, ``fake``, …
        params, trainable_params, macs: the totals; None where they are not known.
        output: the shape of every output.
        match, mismatch, uncovered: the size check, as in the totals of a report.
        seconds: that the inspection took.
        error: why there is no result, in a sentence; where the model raised, and why.
        package: that the model comes from, with its version; empty for the user's own code.
        torch: the version.
        date: of the inspection, as 2026-01-31.
    """

    model: str
    input: tuple[str, ...] = ()
    usual_input: bool = True
    mode: Mode = "eval"
    status: Status = "ok"
    device: str = ""
    params: int | None = None
    trainable_params: int | None = None
    macs: int | None = None
    output: tuple[Shape, ...] = ()
    match: int | None = None
    mismatch: int | None = None
    uncovered: int | None = None
    seconds: float | None = None
    error: str = ""
    package: str = ""
    torch: str = ""
    date: str = ""

    @property
    def key(self) -> tuple[str, tuple[str, ...], str]:
        """What it is the row of: the model, what was given, the mode."""
        return self.model, () if self.usual_input else self.input, self.mode

    @property
    def subject(self) -> Subject:
        """What was to be looked at."""
        return Subject(self.model, () if self.usual_input else self.input, self.mode)

    def to_dict(self) -> dict[str, Any]:
        """The row as a line of JSON has it."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return values | {
            "input": list(self.input),
            "output": [list(shape) for shape in self.output],
        }


COLUMNS = tuple(field.name for field in fields(Row))


def key_of(subject: Subject) -> tuple[str, tuple[str, ...], str]:
    """The key of its row.

    >>> key_of(Subject("lenet", ("1,1,32,32",))) == Row("lenet", ("1,1,32,32",), False).key
    True
    """
    return visible(subject.model), tuple(map(visible, subject.inputs)), subject.mode
