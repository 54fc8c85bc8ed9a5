"""One call as it was recorded, and as the page computes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnshape.analysis.accounts import Accounts
from cnnshape.tracing.trace import Operation, Ref


class Refused(Exception):  # noqa: N818 - not an error here: it says why a page cannot do it
    """A page cannot compute this call; the text goes on where the layer's name ends."""


@dataclass(frozen=True, slots=True)
class Given:
    """One call, with the shapes that arrive and leave, without the batch.

    ``arguments`` are those of the call by name, once its signature is known.
    """

    operation: Operation
    accounts: Accounts
    input: tuple[int, ...]
    output: tuple[int, ...]
    batched: bool
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def number(self, name: str) -> float:
        """An argument that JSON can hold; a tensor, an infinity or anything else is refused."""
        value = self.arguments[name]
        if isinstance(value, bool | int | float) and math.isfinite(value):
            return float(value)
        shown = "a tensor" if isinstance(value, Ref) else value
        raise Refused(f"has {name} = {shown}, which is no plain number")

    def weights(self, *names: str) -> dict[str, int]:
        """The tensors among some arguments."""
        found = {name: self.arguments.get(name) for name in names}
        return {name: value.value for name, value in found.items() if isinstance(value, Ref)}

    def axis(self, axis: int) -> int:
        """An axis of the call's input as one without the batch."""
        rank = len(self.input) + self.batched
        found = axis % rank - self.batched
        if found < 0:
            raise Refused("works across the batch")
        return found


@dataclass(frozen=True, slots=True)
class Found:
    """One call as the page computes it.

    Attributes:
        kind: which computation.
        arguments: what it needs beside weights; sizes of windows are pairs, rows first.
        weights: values that are parameters or buffers, by their role.
    """

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    weights: Mapping[str, int] = field(default_factory=dict[str, int])


#: What makes the one of the other; None where a call leaves every number as it is.
Reader = Callable[[Given], Found | None]
