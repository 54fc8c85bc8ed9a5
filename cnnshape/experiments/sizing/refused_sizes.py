"""Sizes that a model does not accept, and the layers that refuse them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from cnnshape.experiments.sizing.result import AcceptedSizes, Rejection
from cnnshape.experiments.symbolic.letters import Letters
from cnnshape.experiments.symbolic.run_at_sizes import report_at
from cnnshape.loading.prepare import Prepared

#: So far from the usual size a refusal is looked for, where letters are tied.
_STEPS = 32


def rejections(prepared: Prepared, accepted: AcceptedSizes) -> tuple[Rejection, ...]:
    """For each letter, what refuses the first size below and the first above."""
    found: list[Rejection] = []
    for points in _outside(accepted):
        for letters in points:
            error = report_at(prepared, letters, trials=False).error
            if error is not None:
                message = (error.message.strip().splitlines() or [""])[0]
                about = error.path, error.type, message, error.diagnosis, error.source
                found.append(Rejection(letters, *about))
                break
    return tuple(found)


def _outside(accepted: AcceptedSizes) -> Iterator[Iterable[Letters]]:
    """For each letter and direction, the sizes to try until one is refused."""
    low, high = accepted.tested
    for name in accepted.letters:
        usual = accepted.base[name]
        sizes = accepted.letters[name]
        if accepted.joint is not None:
            # Tied to the others, which stay: outwards from the usual size.
            for ways in (range(usual - 1, 0, -1), range(usual + 1, high + 2)):
                yield ({**accepted.base, name: n} for n in islice(ways, _STEPS))
            continue
        below = next((n for n in range(min(usual, high), 0, -1) if n not in sizes), None)
        above = next((n for n in range(max(usual, low), high + 2) if n not in sizes), None)
        yield from ([{**accepted.base, name: n}] for n in (below, above) if n)
