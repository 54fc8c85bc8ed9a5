"""What to change so that a model takes a size, and which other sizes each change costs.

Every change is made on a copy and run at the size; then the copy is given sizes that the model took
before. What keeps them comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cnnshape.analysis.diagnose.edits import AfterCall, Edit, Step
from cnnshape.analysis.report import Report, Suggestion
from cnnshape.errors import UsageError
from cnnshape.experiments.attempt import Setup, attempt
from cnnshape.experiments.deadline import Deadline
from cnnshape.experiments.search_fixes import setup_for_trials, tried
from cnnshape.experiments.sizing.costs import lost_sizes
from cnnshape.experiments.sizing.input_changes import input_changes
from cnnshape.experiments.sizing.result import AcceptedSizes, Adaptation, Fit
from cnnshape.experiments.symbolic.letters import Letters, batch_letters
from cnnshape.experiments.symbolic.run_at_sizes import at_sizes, report_at
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.tracing.trace import Trace

#: Changes that are tried, and those that are shown.
_MOST_TRIED, _MOST_SHOWN = 8, 6
#: Seconds for all corrections of the model, and for each.
_SECONDS, _EACH = 5.0, 1.0
_CROSS = re.compile(r"[x×,]")


def _sizes_from_text(text: str, prepared: Prepared, base: Letters) -> Letters:
    """``64x64`` as values of the letters, the batch left as it is."""
    batches = batch_letters(prepared.inputs)
    names = [name for name in prepared.inputs.letters if name not in batches]
    parts = [part.strip() for part in _CROSS.split(text)]
    if not all(part.isdecimal() and 0 < len(part) < 10 and int(part) > 0 for part in parts):
        raise UsageError(
            say("--fit {sizes}: give sizes, as in 64x64, of up to nine digits", sizes=text[:40])
        )
    if len(parts) == 1:
        parts *= len(names)
    if len(parts) != len(names):
        letters = ", ".join(names)
        raise UsageError(
            say(
                "--fit {sizes}: give {count} sizes, one each for {letters}",
                sizes=text,
                count=len(names),
                letters=letters,
            )
        )
    return {**base, **dict(zip(names, map(int, parts), strict=True))}


def fit_to(prepared: Prepared, text: str, accepted: AcceptedSizes) -> Fit:
    """Whether the model takes sizes, and if not, changes that were tried and make it run.

    Args:
        prepared: the model, with letters in its input.
        text: the sizes, ``64x64``.
        accepted: the sizes that it takes; the batch stays as it is there.

    Raises:
        UsageError: there are more or fewer sizes than letters.
    """
    letters = _sizes_from_text(text, prepared, accepted.base)
    failed = report_at(prepared, letters, trials=False)
    if failed.error is None:
        return Fit(letters, accepted=True, reason="")
    changes = list(input_changes(prepared, accepted, letters, failed))
    numbered = at_sizes(prepared, letters)
    setup = setup_for_trials(failed, numbered)
    if setup is not None:
        changes += [
            _with_costs(change, prepared, accepted)
            for change in (
                *_corrections(failed, setup),
                *_pools(setup, failed, report_at(prepared, accepted.base, trials=False).trace),
            )
        ]
    reason = failed.error.diagnosis or failed.error.message.strip().splitlines()[0]
    ordered = sorted(changes, key=lambda change: change.rank)
    shown = tuple(ordered[:_MOST_SHOWN])
    return Fit(letters, accepted=False, reason=reason, changes=shown, source=failed.error.source)


def _with_costs(change: Adaptation, prepared: Prepared, accepted: AcceptedSizes) -> Adaptation:
    assert change.suggestion is not None
    lost, number = lost_sizes(prepared, accepted, change.suggestion.edits)
    return replace(change, costs=lost, tried=number)


def _corrections(failed: Report, setup: Setup) -> Iterator[Adaptation]:
    """What the diagnosis proposes for the model itself, each tried alone."""
    assert failed.error is not None
    until = Deadline.after(_SECONDS)
    own = [each for each in failed.error.suggestions if each.action != "set_input"]
    for candidate in own[:_MOST_TRIED]:
        if until.over:
            return
        for found in tried((candidate,), failed.trace, setup, Deadline.after(_EACH)):
            if found.runs and found.verified and found.action == candidate.action:
                how = "join" if found.action == "change_call" else "layer"
                yield Adaptation(
                    found.action, found.text, found.path, verified=True, how=how, suggestion=found
                )


def _pools(setup: Setup, failed: Report, usual: Trace) -> Iterator[Adaptation]:
    """An adaptive pool behind the last layer with spatial axes, giving the size it usually has."""
    found = _before_flattening(usual, failed)
    if found is None:
        return
    path, size = found
    made = f"nn.AdaptiveAvgPool{len(size)}d({size})"
    text = say("{layer} after {path}", layer=made, path=path)
    edits: tuple[Edit, ...] = (AfterCall(path, (Step("adaptive_avg_pool", (size,)),)),)
    if attempt(setup, failed.trace, edits, Deadline.after(_EACH)).runs:
        pool = Suggestion("insert_after", text, path, edits=edits)
        yield Adaptation("insert_after", text, path, verified=True, how="pool", suggestion=pool)


def _before_flattening(usual: Trace, failed: Report) -> tuple[str, tuple[int, ...]] | None:
    """The last layer that ran before the failure on spatial axes, and its usual sizes there."""
    ran = failed.trace
    has_children = {call.parent for call in ran.calls}
    usually = {call.path: call for call in usual.calls if call.outputs}
    for call in reversed(ran.calls):
        known = usually.get(call.path)
        if call.index in has_children or not call.outputs or known is None:
            continue
        shape = usual.shape(known.outputs[0].value)
        sizes = tuple(int(n) for n in shape[2:])
        if len(shape) in (3, 4, 5) and sizes:
            return call.path, sizes
    return None
