"""A picture without its batch dimension, which many layers take for a batch of something else."""

from __future__ import annotations

from cnnshape.analysis.arguments import base_name
from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.suggest import change_input
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Value

_WINDOWED = frozenset("conv conv_transpose max_pool avg_pool lp_pool batch_norm".split())


def unbatched_input(failing: Failing) -> Value | None:
    """The model's input, if the first layers took it for an unbatched one.

    A convolution over two axes runs on C×H×W just as on N×C×H×W; what follows then breaks.
    """
    trace = failing.trace
    if not trace.inputs:
        return None
    first = trace.values[trace.inputs[0].value]
    rank = len(first.shape)
    for operation in trace.operations:
        base, dims = base_name(operation.name)
        if base in _WINDOWED and dims is not None:
            source = main_input(trace, operation)
            return first if source is not None and len(source.shape) == dims + 1 == rank else None
        if base == "linear":
            break
    # Nothing but flattening so far: 28×28 or 1×28×28 instead of 1×1×28×28.
    flattening = {"flatten", "view", "reshape"}
    only = all(base_name(op.name)[0] in flattening for op in trace.operations if not op.failed)
    return first if only and rank in (1, 2, 3) else None


def unsqueeze_input(value: Value, axis: int = 0) -> Suggestion:
    """``x.unsqueeze(0)`` on the model's input; behind its last dimension ``x.unsqueeze(-1)``."""
    name = value.name or "x"
    before = list(sizes(value) or ())
    after = list(before)
    after.insert(axis, 1)
    place = -1 if axis and axis == len(before) else axis
    steps = (Step("unsqueeze", (place,)),)
    return change_input(name, name, f"{name}.unsqueeze({place})", steps, before, after)
