"""Which sizes that a model takes it would refuse after a change."""

from __future__ import annotations

from collections.abc import Sequence

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.conditions import cut_at_broken_condition
from cnnshape.analysis.diagnose.edits import Edit
from cnnshape.analysis.verify import verify
from cnnshape.experiments.attempt import Setup, run_corrected
from cnnshape.experiments.deadline import Deadline, TimeIsUpError
from cnnshape.experiments.sizing.result import AcceptedSizes
from cnnshape.experiments.symbolic.letters import Letters, batch_letters
from cnnshape.experiments.symbolic.run_at_sizes import USUAL_SIDES, at_sizes
from cnnshape.loading.prepare import Prepared
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.trace import Shape

#: So many sizes are tried with each change, for so many seconds.
_MOST_TRIED, _SECONDS = 24, 3.0


def lost_sizes(
    prepared: Prepared, accepted: AcceptedSizes, edits: Sequence[Edit]
) -> tuple[tuple[Letters, ...], int]:
    """The sizes that give no result after ``edits``, or one of another shape; how many were tried.

    None are tried where a pass without memory does not tell.
    """
    deadline = Deadline.after(_SECONDS)
    lost: list[Letters] = []
    number = 0
    for letters in _some(prepared, accepted):
        if deadline.over or accepted.device != "meta":
            break
        before, after = (_result(prepared, letters, e, deadline) for e in ((), edits))
        if before is None or after is None:
            break
        number += 1
        lost += [] if after == before else [letters]
    return tuple(lost), number


def _result(
    prepared: Prepared, letters: Letters, edits: Sequence[Edit], deadline: Deadline
) -> tuple[Shape, ...] | str | None:
    """The shapes of what comes out, or what the model says; None where time was up."""
    inputs = Inputs(*at_sizes(prepared, letters).arguments("meta"))
    setup = Setup(prepared.module, inputs, "meta", prepared.options.mode)
    try:
        recorded = run_corrected(setup, edits, deadline)
    except Exception:  # noqa: BLE001 - what cannot be carried out at this size is not known
        return None
    if recorded is None or isinstance(recorded.exception, TimeIsUpError):
        return None
    trace = cut_at_broken_condition(
        recorded.trace, verify(recorded.trace, Accounts(recorded.trace))
    )
    return trace.shapes(trace.outputs) if trace.failure is None else trace.failure.message


def _some(prepared: Prepared, accepted: AcceptedSizes) -> Sequence[Letters]:
    """Some of the accepted sizes: the usual one, sides of pictures, the ends, others between."""
    names = [n for n in accepted.letters if n not in batch_letters(prepared.inputs)]
    if accepted.joint is not None or not names:
        every = [dict(accepted.base), *map(dict, accepted.examples)]
        return [each for at, each in enumerate(every) if each not in every[:at]][:_MOST_TRIED]
    low, high = accepted.tested
    equal = [n for n in range(low, high + 1) if all(n in accepted.letters[name] for name in names)]
    if not equal:
        return [dict(accepted.base)]
    usual = [n for n in USUAL_SIDES if n in set(equal)][: _MOST_TRIED // 2]
    between = equal[:: max(1, len(equal) // (_MOST_TRIED // 2))]
    chosen = list(dict.fromkeys([*usual, equal[0], equal[-1], *between]))[:_MOST_TRIED]
    return [{**accepted.base, **dict.fromkeys(names, n)} for n in chosen]
