"""What refuses the first sizes outside: the layer, and its diagnosis."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.experiments.sizing.result import AcceptedSizes, Letters, Rejection
from cnnshape.experiments.subject import Prepared
from cnnshape.experiments.symbolic.at_sizes import report_at
from cnnshape.tracing.execute import Mode


def rejections(
    prepared: Prepared, accepted: AcceptedSizes, mode: Mode = "eval"
) -> tuple[Rejection, ...]:
    """For each letter, what refuses the first size below and the first above."""
    found: list[Rejection] = []
    for letters in _outside(accepted):
        error = report_at(prepared, letters, mode).error
        if error is not None:
            message = (error.message.strip().splitlines() or [""])[0]
            found.append(Rejection(letters, error.path, error.type, message, error.diagnosis))
    return tuple(found)


def _outside(accepted: AcceptedSizes) -> Iterator[Letters]:
    low, high = accepted.tested
    for name in accepted.letters:
        usual = accepted.base[name]
        sizes = accepted.letters[name]
        inside = [n for n in range(low, high + 1) if n in sizes]
        if accepted.joint is not None:
            # Tied to the others, which stay: the nearest sizes on either side are tried.
            yield from ({**accepted.base, name: n} for n in (usual - 1, usual + 1) if n >= 1)
            continue
        below = next((n for n in range(min(usual, high), 0, -1) if n not in inside), None)
        above = next((n for n in range(max(usual, low), high + 2) if n not in inside), None)
        yield from ({**accepted.base, name: n} for n in (below, above) if n)
