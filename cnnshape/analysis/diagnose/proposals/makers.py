"""What made a size, made to give the size that the layers around it are built for.

Where a convolution gives 72 channels and the norm behind it takes 64, either may be wrong. The next
layers that take 64 or 72 tell which.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.earlier_corrections import OUTPUTS
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.diagnose.suggest import present, set_arguments, set_parameter
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Trace, Value

#: The argument that says how many channels or features a layer takes.
_WIDTHS = (
    *("in_channels", "in_features", "num_features", "num_channels", "normalized_shape"),
    *("embed_dim", "input_size"),
)
#: So many operations are followed back.
_FARTHEST = 48
#: Layers of which nothing but the width goes on: what they take is what the next ones get.
_NORMS = {
    "batch_norm": "running_mean",
    "instance_norm": "running_mean",
    "group_norm": "weight",
    "layer_norm": "weight",
    "rms_norm": "weight",
}


def makers(failing: Failing) -> Iterator[Suggestion]:
    """The layer or parameter that gives a size which the next layers contradict."""
    for value, axis, has, wanted in (*_of_norm(failing), *_of_two(failing), *_of_view(failing)):
        if _next_width(failing.trace, failing.path, (has, wanted)) == wanted:
            found = list(_made(failing, value, axis, wanted))
            yield from found or _last_of(failing, value, has, wanted)


def _made(failing: Failing, value: Value, axis: int, wanted: int) -> Iterator[Suggestion]:
    """What the axis comes from with another size: a layer before, or a parameter."""
    trace = failing.trace
    item = story(trace, value.id, axis)
    if item.made and item.notes:
        operation = trace.operations[item.notes[0].operation]
        module = trace.module(trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument is not None and module.builtin and module.path != failing.path:
            yield from present([set_arguments(module, {argument: wanted})])
    elif item.start is not None:
        first, place = trace.values[item.start[0]], item.start[1]
        shape = tuple(n for n in first.shape if isinstance(n, int))
        if first.origin == "parameter" and len(shape) == len(first.shape):
            after = (*shape[:place], wanted, *shape[place + 1 :])
            yield from present([set_parameter(first, after)])


def _last_of(failing: Failing, value: Value, has: int, wanted: int) -> Iterator[Suggestion]:
    """The last layer before that gives such a width, where an axis cannot be followed back."""
    trace, now = failing.trace, value
    for _ in range(_FARTHEST):
        operation = None if now.producer is None else trace.operations[now.producer]
        before = None if operation is None else main_input(trace, operation)
        if operation is None or before is None:
            return
        module, now = trace.module(trace.calls[operation.call].path), before
        argument = OUTPUTS.get(module.kind)
        if argument is not None and module.builtin and module.config.get(argument) == has:
            yield from present([set_arguments(module, {argument: wanted})])
            return


def _next_width(trace: Trace, path: str, either: tuple[int, int]) -> int | None:
    """Which of two widths the next layer takes that takes one of them."""
    paths = [module.path for module in trace.modules]
    behind = trace.modules[paths.index(path) + 1 :] if path in paths else ()
    return next((width for module in behind if (width := _width(module)) in either), None)


def _width(module: Module) -> int | None:
    for name in _WIDTHS:
        value = module.config.get(name)
        value = value[-1] if isinstance(value, tuple) and value else value
        if isinstance(value, int):
            return value
    return None


# ---- sizes that differ ----------------------------------------------------------------------

#: A value, its axis, the size that it has there, and the one that it should have.
_Size = tuple[Value, int, int, int]


def _of_norm(failing: Failing) -> Iterator[_Size]:
    x, weight = failing.operand(), failing.operand(_NORMS.get(failing.name, ""))
    if x is not None and weight is not None and weight.shape:
        axis = x.rank - 1 if failing.name in ("layer_norm", "rms_norm") else 1
        if axis < x.rank:
            yield x.value, axis, x.shape[axis], weight.shape[-1]


def _of_two(failing: Failing) -> Iterator[_Size]:
    """Tensors that are added or joined: either may be the wrong one."""
    family = "" if failing.entry is None else failing.entry.family
    joined = failing.argument("dim") if failing.name == "cat" else None
    if failing.name != "cat" and family != "arithmetic":
        return
    first, *others = failing.operands
    for other in others:
        for axis in range(-min(first.rank, other.rank), 0):
            a, b = first.shape[axis], other.shape[axis]
            if a != b and joined not in (axis, axis + first.rank) and (joined or 1 not in (a, b)):
                yield other.value, axis % other.rank, b, a
                yield first.value, axis % first.rank, a, b


def _of_view(failing: Failing) -> Iterator[_Size]:
    """A size that is asked for, where all that arrives fits but for one axis."""
    x, given = failing.operand(), failing.argument("size")
    if failing.name not in ("view", "reshape") or x is None or not isinstance(given, tuple):
        return
    wanted = [n for n in given if isinstance(n, int) and n > 0]
    if len(wanted) != len(given):
        return
    for axis, size in enumerate(x.shape):
        others = prod(x.shape) // size if size else 0
        if others and prod(wanted) % others == 0 and prod(wanted) // others in wanted:
            yield x.value, axis, size, prod(wanted) // others
