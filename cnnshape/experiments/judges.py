"""Whether a correction with which a model runs can be meant: every example stays one.

A Linear made as wide as batch × features runs, and so does a sum of N and N×1, which makes N×N.
Another batch size tells: the corrected model must run with it, and what comes out must have grown
along one axis, by as many examples as there are more. The one that was added is the last once more,
so its result must be that of the last: where it is not, examples see each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import torch
from torch.utils import _pytree as pytree

from cnnshape.analysis.accounts import entry_of
from cnnshape.analysis.diagnose.edits import ChangeInput, Edit, Rewrite
from cnnshape.analysis.diagnose.source_code import text_at
from cnnshape.experiments.attempt import Setup, run_corrected
from cnnshape.experiments.deadline import Deadline
from cnnshape.tracing.execute import Inputs, Recorded
from cnnshape.tracing.trace import Operation, Trace

#: ``doubtful`` where the other batch failed elsewhere, or examples see each other, which a model
#: may be made for; ``intact`` also where it is not clear what a batch is.
Verdict: TypeAlias = Literal["intact", "doubtful", "broken"]


def batch_kept(
    setup: Setup, before: Trace, ran: Trace, edits: Sequence[Edit], deadline: Deadline
) -> Verdict:
    """Run the corrected model with one example more, and look where it went.

    Args:
        setup: the model and the inputs that failed.
        before: the recording of the failure.
        ran: the recording of the corrected model.
        edits: the correction.
        deadline: when to give up.
    """
    recorded = run_corrected(setup, edits, deadline, change_inputs=with_one_more)
    verdict = "intact" if recorded is None else _verdict(before, ran, recorded, edits)
    larger = with_one_more(setup.inputs)
    if verdict == "broken" and larger and any(isinstance(e, ChangeInput) for e in edits):
        # What is done to an input may make other rows of it: the batch grows before that.
        recorded = run_corrected(replace(setup, inputs=larger), edits, deadline)
        verdict = "intact" if recorded is None else _verdict(before, ran, recorded, edits)
    return verdict


def _verdict(before: Trace, ran: Trace, recorded: Recorded, edits: Sequence[Edit]) -> Verdict:
    more = recorded.trace
    if more.failure is not None:
        made_for_it = _fails_there(before, more, edits) or _lost_rows(ran)
        return "broken" if made_for_it else "doubtful"
    if _laid_over_itself(ran, more):
        return "broken"
    seen = {_change(a, b) for a, b in _outputs(ran, more)}
    return "doubtful" if seen - {"kept"} or _mixed(ran, recorded) else "intact"


def with_one_more(inputs: Inputs) -> Inputs | None:
    """Every tensor with its last example once more; None where it is not clear which axis that is.

    >>> with_one_more(Inputs((torch.zeros(4, 3), torch.zeros(4)))).args[0].shape
    torch.Size([5, 3])
    """
    tensors = [t for t in pytree.tree_leaves((inputs.args, inputs.kwargs)) if _has_rows(t)]
    if not tensors:
        return None
    batch, *rest = tensors[0].shape
    # A state of layers × batch × features says that the batch is another axis.
    others = {batch, *rest} - {1}
    if any(t.shape[0] != batch and others & set(t.shape) for t in tensors):
        return None

    def grown(thing: Any) -> Any:
        same = _has_rows(thing) and thing.shape[0] == batch
        return torch.cat([thing, thing[-1:]]) if same else thing

    args = pytree.tree_map(grown, inputs.args)
    kwargs = pytree.tree_map(grown, dict(inputs.kwargs or {}))
    return Inputs(args, kwargs)


def _has_rows(thing: Any) -> bool:
    return isinstance(thing, torch.Tensor) and thing.dim() > 0 and not thing.is_sparse


def _fails_there(before: Trace, more: Trace, edits: Sequence[Edit]) -> bool:
    """Whether the other batch fails where the model failed before, or where it was changed."""
    failure = more.failure
    assert failure is not None
    here = [e for e in edits if isinstance(e, Rewrite) and e.source == failure.source]
    if here:
        # A number that stood there before was made for one batch by the author.
        return any(_numbers(edit.text) - _numbers(text_at(edit.source, edit.span)) for edit in here)
    if before.failure is not None and _place(more) == _place(before):
        return True
    path = None if failure.call is None else more.calls[failure.call].path
    return path is not None and path in {getattr(edit, "path", None) for edit in edits}


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\b\d+\b", text)) - {"0", "1"}


def _lost_rows(ran: Trace) -> bool:
    """Whether no result has as many rows as came in: ``view(-1, 56, 28)`` makes one of two."""
    rows = set(ran.shape(ran.inputs[0].value)[:1]) if ran.inputs else set()
    shapes = [ran.shape(named.value) for named in ran.outputs]
    return bool(rows) and any(shapes) and all(not rows & set(shape) for shape in shapes)


def _place(trace: Trace) -> tuple[Any, ...]:
    failure = trace.failure
    assert failure is not None
    call = None if failure.call is None else trace.calls[failure.call]
    return (None if call is None else (call.path, call.call), failure.source)


def _outputs(ran: Trace, more: Trace) -> list[tuple[Sequence[Any], Sequence[Any]]]:
    pairs = zip(ran.outputs, more.outputs, strict=False)
    return [(ran.shape(a.value), more.shape(b.value)) for a, b in pairs]


def _change(now: Sequence[Any], more: Sequence[Any]) -> str:
    """What one example more did to a shape: ``kept`` it apart, ``merged``, ``spread``, ``lost``."""
    if len(now) != len(more) or not now:
        return "kept"  # a loss
    grown = [b - a for a, b in zip(now, more, strict=True) if a != b]
    if not grown:
        return "lost"
    return "spread" if len(grown) > 1 else "kept" if grown == [1] else "merged"


def _mixed(ran: Trace, recorded: Recorded) -> bool:
    """Whether the example that was added has another result than the one that it repeats."""
    more = recorded.trace
    if more.execution.mode == "train":
        return False  # there they may see each other
    tensors = [t for t in pytree.tree_leaves(recorded.output) if isinstance(t, torch.Tensor)]
    for (now, then), tensor in zip(_outputs(ran, more), tensors, strict=False):
        grown = [axis for axis, pair in enumerate(zip(now, then, strict=False)) if len({*pair}) > 1]
        if len(now) != len(then) or len(grown) != 1 or tuple(tensor.shape) != tuple(then):
            continue
        if tensor.is_meta or not tensor.is_floating_point():
            continue
        last, before = tensor.select(grown[0], -1), tensor.select(grown[0], -2)
        if not torch.allclose(last, before, rtol=1e-3, atol=1e-4, equal_nan=True):
            return True
    return False


def _laid_over_itself(ran: Trace, more: Trace) -> bool:
    """Whether the batch was broadcast against itself: N and N×1 give N×N.

    A product of matrices may well give one number for every two examples.
    """
    if len(ran.operations) != len(more.operations):
        return False
    pairs = zip(ran.operations, more.operations, strict=True)
    return any(_broadcasts(a) and _spread(ran, a, more, b) for a, b in pairs)


def _broadcasts(operation: Operation) -> bool:
    entry = entry_of(operation)
    return entry is not None and entry.family in ("arithmetic", "elementwise", "loss")


def _spread(ran: Trace, one: Operation, more: Trace, other: Operation) -> bool:
    """Whether the result has the batch in two axes, and nothing that went in had."""
    made = zip(one.outputs, other.outputs, strict=False)
    given = zip(one.inputs, other.inputs, strict=False)
    before = [_change(ran.shape(a), more.shape(b)) for a, b in given]
    return "spread" not in before and any(
        _change(ran.shape(a), more.shape(b)) == "spread" for a, b in made
    )
