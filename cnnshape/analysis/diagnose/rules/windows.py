"""Windows over a picture: larger than what is left of it, padded too far, of other dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand, per_axis, sizes
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.sizes_that_fit import LARGEST, Way, ways
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    new_input,
    present,
    set_arguments,
    set_class,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Module
from cnnshape.words import times

_KINDS = frozenset(
    f"{name}{n}d"
    for name in ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
    for n in (1, 2, 3)
)
_ADAPTIVE = ("adaptive_avg_pool", "adaptive_max_pool")


def pooling(failing: Failing) -> Diagnosis | None:
    """Max, average, power-average and adaptive pooling."""
    x = failing.operand()
    if x is None or failing.dims is None:
        return None
    layer = failing.layer(_KINDS)
    count = failing.dims
    if x.rank not in (count + 1, count + 2):
        return _rank(failing, x, layer)
    if failing.name in _ADAPTIVE:
        return None
    kernel = per_axis(failing.bound.get("kernel_size"), count)
    padding = per_axis(failing.bound.get("padding", 0), count, 0)
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            return _padding(failing, k, p, layer)
    return too_small(failing, x, kernel, layer)


def _padding(failing: Failing, kernel: int, pad: int, layer: Module | None) -> Diagnosis:
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    sentence = say(
        "{layer} pads by {padding}, which is more than half of its kernel {kernel}: at "
        "most {most} is allowed",
        layer=name,
        padding=pad,
        kernel=kernel,
        most=kernel // 2,
    )
    changes = ({"padding": kernel // 2}, {"kernel_size": 2 * pad})
    found = () if layer is None else present(set_arguments(layer, change) for change in changes)
    return Diagnosis("pool.padding", sentence, (), found)


def _rank(failing: Failing, x: Operand, layer: Module | None) -> Diagnosis:
    assert failing.dims is not None
    count = failing.dims
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    sentence = say(
        "{layer} takes {dims} ({axes}), or {fewer} without the batch, but {arriving} "
        "{arrive}: {shape}",
        layer=name,
        dims=dims(count + 2),
        axes=AXES[count],
        fewer=count + 1,
        arriving=dims(x.rank),
        arrive=arrive(x.rank),
        shape=times(x.shape),
    )
    found: list[Suggestion] = []
    if layer is not None and x.rank - 2 in {1, 2, 3} - {count}:
        found.append(set_class(layer, layer.kind.replace(f"{count}d", f"{x.rank - 2}d")))
    if x.rank == count:
        if x.value.origin == "input":
            found.append(unsqueeze_input(x.value))
        elif layer is not None:
            found.append(before_call(failing, "x.unsqueeze(0)", (Step("unsqueeze", (0,)),)))
    return Diagnosis("pool.rank", sentence, (), tuple(found))


# ---- a window larger than the picture -----------------------------------------------------


def too_small(
    failing: Failing, x: Operand, kernel: Sequence[int], layer: Module | None
) -> Diagnosis | None:
    """The (dilated) kernel must fit into the padded input along every axis."""
    count = len(kernel)
    padding = failing.bound.get("padding", 0)
    dilation = per_axis(failing.bound.get("dilation", 1), count)
    if isinstance(padding, str):
        if padding == "same":
            return None
        padding = 0
    pad = per_axis(padding, count, 0)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    here = x.shape[-count:]
    if all(n + 2 * p >= span for n, p, span in zip(here, pad, spans, strict=True)):
        return None
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    pooling = failing.name.endswith("pool")
    dilated = spans != list(kernel)
    wide = say(" (spanning {spans} with dilation)", spans=times(spans)) if dilated else ""
    room = times(here)
    if any(pad):
        each = pad[0] if len(set(pad)) == 1 else times(pad)
        room = say("{shape} + 2·{padding} padding", shape=room, padding=each)
    least = [max(span - 2 * p, 1) for span, p in zip(spans, pad, strict=True)]
    noun = say("window") if pooling else say("kernel")
    what = say("the {sizes} {noun} of {layer}", sizes=times(kernel), noun=noun, layer=name)
    if count == 1:
        what = say("the {noun} of {layer}, {size} long,", noun=noun, layer=name, size=kernel[0])
    sentence = say(
        "{window}{spanning} does not fit into {room}: it needs at least {least}, but {shape} "
        "{arrive}",
        window=what,
        spanning=wide,
        room=room,
        least=times(least),
        shape=times(here),
        arrive=arrive(1),
    )
    stories = [story(failing.trace, x.value.id, axis) for axis in range(x.rank - count, x.rank)]
    kind = "pool.too_small" if pooling else "conv.kernel_too_large"
    return Diagnosis(
        kind,
        sentence,
        (*start_line(failing.trace, stories), *lines(stories)),
        present(_candidates(failing, x, spans, pad, layer)),
    )


def _candidates(
    failing: Failing, x: Operand, spans: Sequence[int], pad: Sequence[int], layer: Module | None
) -> Iterator[Suggestion | None]:
    here = x.shape[-len(spans) :]
    found = ways(failing.trace, x.value.id, range(x.rank - len(spans), x.rank))
    if found is not None:
        yield _larger_input(failing, found, spans, pad)
    if layer is None or layer.path != failing.path:
        return
    if layer.kind.startswith("Conv") and len(set(spans)) == 1:
        yield set_arguments(layer, {"padding": max(spans[0] // 2, 1)})
    if "Pool" in layer.kind:
        if layer.config.get("ceil_mode") is False:
            yield set_arguments(layer, {"ceil_mode": True})
        if min(here) > 1:
            yield set_arguments(layer, {"kernel_size": min(here)})


def _larger_input(
    failing: Failing, found: Sequence[Way], spans: Sequence[int], pad: Sequence[int]
) -> Suggestion | None:
    """The smallest input with which something is left here."""
    first = failing.trace.values[found[0].start[0]]
    whole = sizes(first)
    if whole is None or not first.name:
        return None
    after = list(whole)
    square = len({whole[one.start[1]] for one in found}) == 1
    for one, span, p in zip(found, spans, pad, strict=True):
        axis = one.start[1]
        for n in range(whole[axis], LARGEST + 1):
            size = one.size(n)
            if size is not None and size + 2 * p >= span:
                after[axis] = n
                break
        else:
            return None
    if square:
        most = max(after[one.start[1]] for one in found)
        for one in found:
            after[one.start[1]] = most
    return new_input(first.name, whole, after) if after != list(whole) else None


# ---- back to where the maxima were --------------------------------------------------------


def unpooling(failing: Failing) -> Diagnosis | None:
    """``MaxUnpool`` puts every number back where the pooling took it from: one index for each."""
    x, indices = failing.operand(), failing.operand("indices")
    if x is None or indices is None or x.shape == indices.shape:
        return None
    sentence = say(
        "{layer} gets {shape} and indices of {indices}, but needs an index for every "
        "number, as the pooling gave them",
        layer=who(failing.path, failing.module.type),
        shape=times(x.shape),
        indices=times(indices.shape),
    )
    if x.rank < 3 or x.rank != indices.rank or x.shape[2:] != indices.shape[2:]:
        return Diagnosis("unpool.indices", sentence)
    item = story(failing.trace, x.value.id, 1)
    derivation = (*start_line(failing.trace, [item]), *lines([item]))
    found = tuple(other_inputs(failing, x.value, 1, indices.shape[1]))
    return Diagnosis("unpool.indices", sentence, derivation, found)
