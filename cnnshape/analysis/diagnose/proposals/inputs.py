"""The model's input with its axes as the first convolution takes them."""

from __future__ import annotations

from collections.abc import Iterator

from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.suggest import change_input, new_input, unsqueeze_input
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Trace

#: The axes of a sequence, of which two are exchanged rather than all put in order.
_SEQUENCE = 3
_CONVOLUTIONS = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3}


def as_first_taken(failing: Failing) -> Iterator[Suggestion]:
    """A batch put in front, a superfluous axis taken out, channels moved to their place.

    A convolution takes one picture without a batch as well; what comes behind it does not.
    """
    trace = failing.trace
    taken = _first_convolution(trace)
    first = trace.values[trace.inputs[0].value] if trace.inputs else None
    shape = None if first is None else sizes(first)
    if taken is None or first is None or shape is None or not first.name:
        return
    channels, rank = taken
    name = first.name

    def changed(text: str, step: Step, after: Sizes) -> Suggestion:
        return change_input(name, f"{{x}}.{text}", (step,), (list(shape), list(after)))

    if len(shape) == rank - 1 and shape[0] == channels:
        yield unsqueeze_input(first)
    elif len(shape) == rank + 1:
        for axis in (1, 0):
            after = (*shape[:axis], *shape[axis + 1 :])
            if shape[axis] == 1 and after[1] == channels:
                yield changed(f"squeeze({axis})", Step("squeeze", (axis,)), after)
    elif len(shape) == rank > _SEQUENCE and shape[1] != channels == shape[-1]:
        order = (0, rank - 1, *range(1, rank - 1))
        text = f"permute({', '.join(map(str, order))})"
        after = tuple(shape[axis] for axis in order)
        yield changed(text, Step("permute", order), after)


def as_viewed(failing: Failing) -> Iterator[Suggestion]:
    """Pictures of the size that a view of the input has written: ``view(-1, 1, 28, 28)``."""
    x, wanted = failing.operand(), failing.argument("size")
    if failing.name not in ("view", "reshape") or x is None or not isinstance(wanted, tuple):
        return
    numbers = tuple(n for n in wanted[1:] if isinstance(n, int) and n > 0)
    batch = wanted[:1] in ((-1,), x.shape[:1])
    square = len(set(numbers[1:])) == 1
    if x.input_name and batch and square and len(numbers) == len(wanted) - 1 == x.rank - 1:
        yield new_input(x.input_name, x.shape, (x.shape[0], *numbers))


def _first_convolution(trace: Trace) -> tuple[int, int] | None:
    """The channels that it takes, and the dimensions with the batch."""
    called = [trace.module(call.path) for call in trace.calls]
    for module in (*called, *trace.modules):
        channels, count = module.config.get("in_channels"), _CONVOLUTIONS.get(module.kind)
        if isinstance(channels, int) and count is not None:
            return channels, count + 2
    return None
