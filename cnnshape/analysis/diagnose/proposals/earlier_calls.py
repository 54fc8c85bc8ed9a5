"""A call that turned, merged or joined axes on the way here, left out or along another dimension.

What follows such a call runs a while before an axis is in the wrong place. Where the model runs
without it, all layers as they are, the call was the mistake: two layers would hardly agree by
chance. Only calls since the last layer are looked at: that one got what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from cnnshape.analysis.accounts import bind
from cnnshape.analysis.diagnose.axis_origin import main_input, step_back
from cnnshape.analysis.diagnose.failing import Failing, Sizes
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.diagnose.source_call import CallText, Written
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Operation, Trace, Value

#: Calls that only arrange axes, or take one away.
_TURNING = frozenset({"transpose", "swapaxes", "movedim", "permute"})
_REDUCING = frozenset({"mean", "sum", "amax"})
_ARRANGING = _TURNING | _REDUCING | {"unsqueeze", "squeeze", "flatten"}
#: Calls that join or cut along a dimension.
_ALONG = frozenset({"cat", "stack", "split", "chunk", "unbind", "tensor_split"})
_VIEWS = frozenset({"view", "reshape"})
#: The axes of a sequence of vectors; pictures have more.
_SEQUENCE = 3
_FARTHEST = 48
#: As many calls are looked at, the nearest first.
_MOST = 3
#: So many other dimensions are proposed for one call.
_MOST_DIMS = 2


@dataclass(frozen=True, slots=True)
class _Need:
    """How many times larger an axis must be, and where it is in the results on its way."""

    arriving: int
    wanted: int
    axes: dict[int, int]

    def met(self, operation: Operation, after: Sizes, new: Sizes) -> bool:
        """Whether the axis would have the wanted size if ``after`` were ``new``."""
        axis = self.axes.get(operation.index)
        if axis is None and operation.name in _ALONG:
            axis = 1  # channels, behind a view that shuffles them
        if axis is None:
            # Behind a pooling or merged with others, where fewer or other numbers do.
            fewer = prod(new) != prod(after) or new[:1] != after[:1]
            return fewer or operation.name in _TURNING
        if len(new) != len(after):
            return any(size * self.arriving == self.wanted * after[axis] for size in new[1:])
        return new[axis] * self.arriving == self.wanted * after[axis]


def earlier_calls(failing: Failing) -> Iterator[Suggestion]:
    """The calls on the way here as they may have been meant, the nearest first."""
    if _only_laid_out_otherwise(failing) or _not_flattened(failing):
        return
    need, count = _need(failing), 0
    x = failing.operand()
    if need is None and x is not None and failing.dims is not None and x.rank == failing.dims + 2:
        return  # a window that is too large, say: the axes are where they belong
    if failing.name == "cat" and len({operand.rank for operand in failing.operands}) == 1:
        return  # whose rule knows along which dimension they fit
    for operation in _on_the_way(failing, need):
        call = CallText(_at(failing, operation))
        if call.found is None or call.failing.module.builtin:
            continue
        made = list(_written_otherwise(call, call.found, need))
        for one in made:
            # Not the line that failed, most often: the reader must see which call is meant.
            yield replace(
                one,
                text=say("{change} instead of {call}", change=one.text, call=call.found.text),
            )
        count += bool(made)
        if count == _MOST:
            return


def _only_laid_out_otherwise(failing: Failing) -> bool:
    """A view for which the numbers suffice: what turned the axes may stay."""
    x, wanted = failing.operand(), failing.argument("size")
    if failing.name != "view" or x is None or not isinstance(wanted, tuple):
        return False
    known = prod(n for n in wanted if isinstance(n, int) and n != -1)
    return known != 0 and (prod(x.shape) % known if -1 in wanted else prod(x.shape) - known) == 0


def _not_flattened(failing: Failing) -> bool:
    """All numbers of a picture are there, and nothing is missing but to put them in a row."""
    x, weight = failing.operand(), failing.operand("weight")
    if failing.name != "linear" or x is None or weight is None or x.rank < 3:
        return False
    return prod(x.shape[1:]) == weight.shape[-1]


def _written_otherwise(call: CallText, found: Written, need: _Need | None) -> Iterator[Suggestion]:
    trace, operation = call.failing.trace, call.operation
    befores = [_sizes(trace, value) for value in operation.inputs]
    before, after = befores[0], _sizes(trace, operation.outputs[0])

    def helps(new: Sizes) -> bool:
        return need is None or need.met(operation, after, new)

    if operation.name in _ALONG:
        yield from _along_others(call, found, befores, helps=helps, after=after)
    if operation.name == "flatten" and len(after) == 1 < len(before):
        text = _with_number(found, "start_dim", 0, 1)
        yield call.candidate(text or f"{found.operands[0]}.flatten(1)")
    if operation.name in _VIEWS and _regroups(trace, before, after):
        yield replace(call.flattened(), otherwise=None)
    tokens = operation.name == "flatten" and len(before) == 4 and before[:2] == after[:-1]
    if tokens and helps((*after[:-2], after[-1], after[-2])):
        yield call.candidate(f"{found.text}.transpose(1, 2)")
    unmerged = operation.name == "transpose" and len(before) == 4
    if (
        unmerged
        and after[1:3] == before[2:0:-1]
        and helps((before[0], prod(before[2:]), before[1]))
    ):
        yield call.candidate(f"{found.operands[0]}.flatten(2).transpose(1, 2)")
    # A picture left as it is would be taken column by column, where its width happens to fit.
    picture = operation.name == "flatten" and len(before) > _SEQUENCE
    arranges = operation.name in _ARRANGING and not _reduces_all(operation) and not picture
    if arranges and found.operands and helps(before):
        yield call.candidate(found.operands[0])


def _reduces_all(operation: Operation) -> bool:
    return operation.name in _REDUCING and (bind(operation) or {}).get("dim") is None


def _regroups(trace: Trace, before: Sizes, after: Sizes) -> bool:
    """Whether a view into rows made more or fewer of them than there are in the batch."""
    first = trace.shape(trace.inputs[0].value)[:1] if trace.inputs else ()
    return len(after) == 2 and before[:1] == first != after[:1] and before[-1:] != after[-1:]


def _along_others(
    call: CallText,
    found: Written,
    befores: Sequence[Sizes],
    after: Sizes,
    helps: Callable[[Sizes], bool],
) -> Iterator[Suggestion]:
    """``torch.cat((a, b), 1)`` for ``torch.cat((a, b), 2)``; 1 is where channels are."""
    operation, rank, count = call.operation, len(befores[0]), 0
    now = (bind(operation) or {}).get("dim")
    if not isinstance(now, int) or _joins_features(call, now % max(rank, 1)):
        return
    for dim in range(1, rank):
        text = _with_number(found, "dim", now, dim)
        if text is None or dim == now % rank or count == _MOST_DIMS:
            continue
        if helps(_along(operation, befores, after, now % rank, dim)):
            yield call.candidate(text)
            count += 1


def _joins_features(call: CallText, axis: int) -> bool:
    """Whether the axis is one that a layer made, its channels: there they are joined and cut."""
    trace, operation = call.failing.trace, call.operation
    named = operation.name in ("cat", "split", "chunk", "tensor_split")
    return named and all(story(trace, value, axis).made for value in operation.inputs)


def _along(
    operation: Operation, befores: Sequence[Sizes], after: Sizes, now: int, dim: int
) -> Sizes:
    """The shape of the result if it were joined or cut along another dimension."""
    new, piece = list(befores[0]), operation.args[1] if len(operation.args) > 1 else None
    if operation.name == "split" and isinstance(piece, int):
        new[dim] = min(piece, new[dim])
    elif operation.name in ("cat", "stack"):
        rests = {shape[:dim] + shape[dim + 1 :] for shape in befores}
        new[dim] = sum(shape[dim] for shape in befores) if len(rests) == 1 else 0
    elif len(after) == len(new):
        new[dim] = max(new[dim] * after[now] // max(new[now], 1), 1)
    else:
        del new[dim]
    return tuple(new)


def _with_number(found: Written, name: str, now: int, new: int) -> str | None:
    """The call with one of its arguments another number; None where it is not written there."""
    for index in reversed(range(len(found.arguments))):
        written = found.arguments[index]
        if written.removeprefix(f"{name}=").strip() == str(now):
            keyword = f"{name}=" if "=" in written else ""
            inside = [*found.arguments]
            inside[index] = f"{keyword}{new}"
            return f"{found.function}({', '.join(inside)})"
    return None


# ---- the way back ---------------------------------------------------------------------------


def _need(failing: Failing) -> _Need | None:
    """Which axis of the failing layer's input has another size than it takes."""
    x, weight = failing.operand(), failing.operand("weight") or failing.operand("running_mean")
    if x is None or weight is None or not weight.shape or x.rank < 2:
        return None
    axis, wanted = 1, weight.shape[0]
    if failing.name == "conv":
        axis = x.rank - (failing.dims or 0) - 1
        wanted = weight.shape[1] * failing.bound.get("groups", 1)
    elif failing.name in ("linear", "layer_norm"):
        axis, wanted = x.rank - 1, weight.shape[-1]
    elif failing.name not in ("batch_norm", "group_norm", "instance_norm", "conv_transpose"):
        return None
    if axis < 0 or x.shape[axis] == wanted:
        return None
    axes: dict[int, int] = {}
    at: tuple[int, int] | None = (x.value.id, axis)
    while at is not None:
        operation, before = step_back(failing.trace, *at)
        if operation is not None:
            axes[operation.index] = at[1]
            if before is not None and _size(failing.trace, at) != _size(failing.trace, before):
                break  # merged with others, or pooled
        at = before
    return _Need(x.shape[axis], wanted, axes)


def _size(trace: Trace, at: tuple[int, int]) -> object:
    return trace.values[at[0]].shape[at[1]]


def _on_the_way(failing: Failing, need: _Need | None) -> Iterator[Operation]:
    """The calls that made the tensors of the failing one, the last first.

    Where a layer gets another width than it takes, those since the last layer.
    """
    trace = failing.trace
    made_by: dict[int, Operation] = {}
    for value in _arrived(failing):
        made_by |= {step.index: step for step in _back(trace, value, layers=need is None)}
    for index in sorted(made_by, reverse=True):
        if made_by[index].name in (*_ARRANGING, *_ALONG, *_VIEWS):
            yield made_by[index]


def _arrived(failing: Failing) -> list[Value]:
    """The tensors of the failing call that come from the model's inputs."""
    if failing.operation is not None:
        values = list(failing.tensors)
    else:
        given = () if failing.call is None else failing.call.inputs
        values = [failing.trace.values[item.value] for item in given]
    return [value for value in values if not value.static]


def _back(trace: Trace, value: Value, *, layers: bool) -> Iterator[Operation]:
    now: Value | None = value
    for _ in range(_FARTHEST):
        operation = None if now is None or now.producer is None else trace.operations[now.producer]
        if operation is None:
            return
        if not layers and any(_is_weight(trace.values[v]) for v in operation.inputs):
            return
        yield operation
        now = main_input(trace, operation)


def _is_weight(value: Value) -> bool:
    return value.origin == "parameter" or bool(value.parameters)


def _sizes(trace: Trace, value: int) -> Sizes:
    return tuple(n for n in trace.values[value].shape if isinstance(n, int))


def _at(failing: Failing, operation: Operation) -> Failing:
    """The same failure, looked at from an operation before it."""
    call = failing.trace.calls[operation.call]
    module = failing.trace.module(call.path)
    return replace(failing, operation=operation, call=call, module=module)
