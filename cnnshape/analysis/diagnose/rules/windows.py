"""Windows over a picture: larger than what is left of it, padded too far, of other dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnshape.analysis.arguments import bind
from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, per_axis, sizes
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.sizes_that_fit import LARGEST, Way, ways
from cnnshape.analysis.diagnose.suggest import before_call, new_input, set_arguments, set_class
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import times

_KINDS = frozenset(
    f"{name}{n}d"
    for name in ("MaxPool", "AvgPool", "LPPool", "AdaptiveAvgPool", "AdaptiveMaxPool")
    for n in (1, 2, 3)
)
_ADAPTIVE = ("adaptive_avg_pool", "adaptive_max_pool")


def pooling(failing: Failing) -> Diagnosis | None:
    """Max, average, power-average and adaptive pooling."""
    value = failing.value(failing.argument(0, "input"))
    shape = None if value is None else sizes(value)
    if value is None or shape is None or failing.dims is None:
        return None
    layer = failing.layer(_KINDS)
    count = failing.dims
    if len(shape) not in (count + 1, count + 2):
        return _rank(failing, value, shape, layer)
    if failing.name in _ADAPTIVE or failing.operation is None:
        return None
    bound = bind(failing.operation) or {}
    kernel = per_axis(bound.get("kernel_size"), count)
    padding = per_axis(bound.get("padding", 0), count, 0)
    for k, p in zip(kernel, padding, strict=True):
        if 2 * p > k:
            return _padding(failing, k, p, layer)
    return too_small(failing, value, shape, bound, kernel, layer)


def _padding(failing: Failing, kernel: int, pad: int, layer: Module | None) -> Diagnosis:
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    sentence = (
        f"{name} pads by {pad}, which is more than half of its kernel {kernel}: at most "
        f"{kernel // 2} is allowed"
    )
    found: list[Suggestion | None] = []
    if layer is not None:
        found.append(set_arguments(layer, {"padding": kernel // 2}))
        found.append(set_arguments(layer, {"kernel_size": 2 * pad}))
    return Diagnosis("pool.padding", sentence, (), tuple(c for c in found if c))


def _rank(failing: Failing, value: Value, shape: Sizes, layer: Module | None) -> Diagnosis | None:
    assert failing.dims is not None
    count = failing.dims
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    sentence = (
        f"{name} takes {dims(count + 2)} ({AXES[count]}), or {count + 1} without the batch, but "
        f"{dims(len(shape))} {arrive(len(shape))}: {times(shape)}"
    )
    others = (n for n in (1, 2, 3) if layer is not None and len(shape) == n + 2 and n != count)
    found = [
        set_class(layer, layer.kind.replace(f"{count}d", f"{other}d"))
        for other in others
        if layer is not None
    ]
    if len(shape) == count:
        if value.origin == "input":
            found.append(unsqueeze_input(value))
        elif layer is not None:
            found.append(before_call(failing, "x.unsqueeze(0)", (Step("unsqueeze", (0,)),)))
    return Diagnosis("pool.rank", sentence, (), tuple(found))


# ---- a window larger than the picture -----------------------------------------------------


def too_small(
    failing: Failing,
    value: Value,
    shape: Sizes,
    bound: Mapping[str, Any],
    kernel: Sequence[int],
    layer: Module | None,
) -> Diagnosis | None:
    """The (dilated) kernel must fit into the padded input along every axis."""
    count = len(kernel)
    padding = bound.get("padding", 0)
    dilation = per_axis(bound.get("dilation", 1), count)
    if isinstance(padding, str):
        if padding == "same":
            return None
        padding = 0
    pad = per_axis(padding, count, 0)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    here = shape[-count:]
    if all(n + 2 * p >= span for n, p, span in zip(here, pad, spans, strict=True)):
        return None
    name = who(failing.path, failing.module.type) if layer is not None else failing.name
    pooling = failing.name.endswith("pool")
    noun = "window" if pooling else "kernel"
    dilated = spans != list(kernel)
    wide = f" (spanning {times(spans)} with dilation)" if dilated else ""
    padded = "" if not any(pad) else f" + 2·{pad[0] if len(set(pad)) == 1 else times(pad)} padding"
    least = [max(span - 2 * p, 1) for span, p in zip(spans, pad, strict=True)]
    what = f"the {times(kernel)} {noun} of {name}"
    if count == 1:
        what = f"the {noun} of {name}, {kernel[0]} long,"
    sentence = (
        f"{what}{wide} does not fit into {times(here)}{padded}: it "
        f"needs at least {times(least)}, but {times(here)} {arrive(1)}"
    )
    axes = range(len(shape) - count, len(shape))
    stories = [story(failing.trace, value.id, axis) for axis in axes]
    kind = "pool.too_small" if pooling else "conv.kernel_too_large"
    return Diagnosis(
        kind,
        sentence,
        (*start_line(failing.trace, stories), *lines(stories)),
        tuple(_candidates(failing, value, list(axes), spans, pad, layer)),
    )


def _candidates(
    failing: Failing,
    value: Value,
    axes: Sequence[int],
    spans: Sequence[int],
    pad: Sequence[int],
    layer: Module | None,
) -> Iterator[Suggestion]:
    found = ways(failing.trace, value.id, axes)
    larger = None if found is None else _larger_input(failing, found, spans, pad)
    if larger is not None:
        yield larger
    if layer is None or layer.path != failing.path:
        return
    if layer.kind.startswith("Conv") and len(set(spans)) == 1:
        candidate = set_arguments(layer, {"padding": max(spans[0] // 2, 1)})
        if candidate is not None:
            yield candidate
    if "Pool" in layer.kind:
        if layer.config.get("ceil_mode") is False:
            candidate = set_arguments(layer, {"ceil_mode": True})
            if candidate is not None:
                yield candidate
        least = min((sizes(value) or (1,))[axes[0] :])
        if least > 1:
            candidate = set_arguments(layer, {"kernel_size": least})
            if candidate is not None:
                yield candidate


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
    value = failing.value(failing.argument(0, "input"))
    shape, indices = failing.shape(failing.argument(0)), failing.shape(failing.argument(1))
    if value is None or shape is None or indices is None or shape == indices:
        return None
    sentence = (
        f"{who(failing.path, failing.module.type)} gets {times(shape)} and indices of "
        f"{times(indices)}, but needs an index for every number, as the pooling gave them"
    )
    found: list[Suggestion | None] = []
    derivation: tuple[str, ...] = ()
    if len(shape) == len(indices) >= 3 and shape[2:] == indices[2:]:
        item = story(failing.trace, value.id, 1)
        derivation = (*start_line(failing.trace, [item]), *lines([item]))
        found += other_inputs(failing, value, 1, indices[1])
    return Diagnosis("unpool.indices", sentence, derivation, tuple(c for c in found if c))
