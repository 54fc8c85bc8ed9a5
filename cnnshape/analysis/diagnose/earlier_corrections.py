"""Corrections before the failing layer: padding, channels, an input without its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from cnnshape.analysis.accounts import base_name
from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.size_history import story
from cnnshape.analysis.diagnose.sizes_that_fit import (
    Changes,
    Layer,
    Way,
    arrives,
    input_sizes,
    start_sizes,
)
from cnnshape.analysis.diagnose.suggest import new_input, present, set_arguments, together
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Operation, Value

#: Convolutions that may be given padding together.
_TOGETHER = 6
#: A picture with less than one of so many parts of its side is none that somebody meant.
_SMALLEST = 4
_WINDOWED = frozenset("conv conv_transpose max_pool avg_pool lp_pool batch_norm".split())


def with_padding(
    failing: Failing, found: list[Way], fits: Callable[[Changes], bool], *, kernels: bool = False
) -> Iterator[Suggestion]:
    """Convolutions on the way padded so that they keep the size: one that fits, or all.

    Those without any padding come first, then those with another one, the last on the way
    before the others. With ``kernels`` also one whose kernel is made to fit its padding.
    """
    layers = {layer.path: layer for one in found for layer in one.layers if _convolves(layer)}
    bare = [layer for layer in layers.values() if layer.arguments["padding"] == 0]
    others = [layer for layer in layers.values() if layer.arguments["padding"] != 0]
    for layer in (*bare, *reversed(others)):
        same = _same_padding(layer)
        if same not in (None, layer.arguments["padding"]):
            changes = {layer.path: {"padding": same}}
            if fits(changes):
                yield from present([together(failing, changes)])
                return
    unpadded = {layer.path: {"padding": _same_padding(layer) or 0} for layer in bare}
    for count in range(min(len(unpadded), _TOGETHER), 1, -1):
        for some in combinations(list(unpadded.items())[:_TOGETHER], count):
            if fits(dict(some)):
                yield from present([together(failing, dict(some))])
                return
    if not kernels:
        return
    for layer in reversed(layers.values()):
        kernel = 2 * layer.arguments["padding"] // layer.arguments["dilation"] + 1
        changes = {layer.path: {"kernel_size": kernel}}
        if kernel != layer.arguments["kernel_size"] and fits(changes):
            yield from present([together(failing, changes)])
            return


def padded_to(failing: Failing, found: list[Way], product: int) -> Iterator[Suggestion]:
    """Convolutions on the way padded so that the sizes that arrive multiply to ``product``."""
    now = start_sizes(failing.trace, found)
    if now is None:
        return
    yield from with_padding(failing, found, lambda changes: arrives(found, now, changes) == product)


def other_input_size(failing: Failing, found: list[Way], product: int) -> Iterator[Suggestion]:
    """The input of another size, so that the sizes that arrive multiply to ``product``."""
    first = failing.trace.values[found[0].start[0]]
    whole, now = sizes(first), start_sizes(failing.trace, found)
    if whole is None or now is None or not first.name:
        return
    moved = input_sizes(lambda n: arrives(found, n) == product, now)
    if moved is not None and all(_SMALLEST * n >= size for n, size in zip(moved, now, strict=True)):
        after = list(whole)
        for one, n in zip(found, moved, strict=True):
            after[one.start[1]] = n
        yield new_input(first.name, whole, after)


def with_output_padding(
    failing: Failing, found: list[Way], fits: Callable[[Changes], bool]
) -> Iterator[Suggestion]:
    """Transposed convolutions given the pixel that a stride of 2 lost: one that fits, or all."""
    layers = {layer.path: layer for one in found for layer in one.layers}
    strided = {
        layer.path: {"output_padding": layer.arguments["stride"] - 1}
        for layer in layers.values()
        if layer.kind == "conv_transpose"
        and layer.arguments["stride"] > 1
        and layer.arguments["output_padding"] == 0
    }
    for count in range(1, min(len(strided), _TOGETHER) + 1):
        for some in combinations(list(strided.items())[-_TOGETHER:], count):
            if fits(dict(some)):
                yield from present([together(failing, dict(some))])
                return


def with_stride(
    failing: Failing, found: list[Way], fits: Callable[[Changes], bool]
) -> Iterator[Suggestion]:
    """A convolution with the larger stride of another; one of the shorter way first."""
    strides = {layer.arguments.get("stride", 1) for one in found for layer in one.layers}
    shorter = sorted(found, key=lambda one: len(one.layers))
    for layer in (layer for one in shorter for layer in one.layers):
        for stride in sorted(strides):
            larger = _convolves(layer) and stride > layer.arguments["stride"]
            if larger and fits({layer.path: {"stride": stride}}):
                yield from present([together(failing, {layer.path: {"stride": stride}})])
                return


def _convolves(layer: Layer) -> bool:
    return layer.kind == "conv" and {"padding", "kernel_size", "dilation"} <= set(layer.arguments)


def _same_padding(layer: Layer) -> int | None:
    """The padding with which a convolution of stride 1 keeps the size; None for even kernels."""
    kernel = layer.arguments["kernel_size"]
    return None if kernel % 2 == 0 else layer.arguments["dilation"] * (kernel // 2)


def other_inputs(failing: Failing, value: Value, axis: int, expected: int) -> Iterator[Suggestion]:
    """What made the axis, changed to make ``expected``: the layer before, or the input."""
    trace = failing.trace
    item = story(trace, value.id, axis)
    if item.made and item.notes:
        operation = trace.operations[item.notes[0].operation]
        if operation.name == "cat":
            # Counted from the end: dimensions may have come in front since they were joined.
            yield from _other_part(failing, operation, axis - len(value.shape), expected)
        module = trace.module(trace.calls[operation.call].path)
        argument = OUTPUTS.get(module.kind)
        if argument is not None and module.builtin and module.path != failing.path:
            yield from present([set_arguments(module, {argument: expected})])
    elif item.start is not None:
        first = trace.values[item.start[0]]
        shape = sizes(first)
        if first.origin == "input" and first.name and shape:
            after = list(shape)
            after[item.start[1]] = expected
            if after != list(shape):
                yield new_input(first.name, shape, after)


def _other_part(
    failing: Failing, joined: Operation, from_end: int, expected: int
) -> Iterator[Suggestion]:
    """One of the tensors that were joined, made so that the sum is what is expected."""
    trace = failing.trace
    whole = trace.shape(joined.outputs[0]) if joined.outputs else ()
    if len(whole) < -from_end:
        return
    total = whole[from_end]
    for part in reversed(joined.inputs):
        size = trace.shape(part)[from_end]
        item = story(trace, part, from_end % len(whole))
        if not isinstance(total, int) or not isinstance(size, int) or not item.notes:
            continue
        operation = trace.operations[item.notes[0].operation]
        module = trace.module(trace.calls[operation.call].path)
        argument, wanted = OUTPUTS.get(module.kind), size - total + expected
        if item.made and argument is not None and module.builtin and wanted > 0:
            made = present([set_arguments(module, {argument: wanted})])
            yield from made
            if made:
                return


#: The argument that says how many channels or features a layer makes.
OUTPUTS = {
    **{f"Conv{n}d": "out_channels" for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": "out_channels" for n in (1, 2, 3)},
    "Linear": "out_features",
    "Embedding": "embedding_dim",
}


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
