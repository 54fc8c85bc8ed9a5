"""What a rule says about a failure."""

from __future__ import annotations

from dataclasses import dataclass

from cnnshape.analysis.report import Suggestion


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a model failed.

    Attributes:
        kind: a stable name, ``family.reason``; ``docs/errors`` has a page for each.
        sentence: the reason in the reader's own numbers.
        derivation: where the arriving size comes from, oldest step first.
        suggestions: changes that may help, most likely first; none of them is tried yet.
    """

    kind: str
    sentence: str
    derivation: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
