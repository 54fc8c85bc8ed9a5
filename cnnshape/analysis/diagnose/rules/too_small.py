"""Pictures that have become too small: a kernel larger than its input, an empty pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnnshape.analysis.diagnose.failing import Failing, Sizes, per_axis, sizes
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.size_history import lines, start_line, story
from cnnshape.analysis.diagnose.sizes_that_fit import LARGEST, Way, ways
from cnnshape.analysis.diagnose.suggest import new_input, set_arguments
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.tracing.trace import Module, Value
from cnnshape.words import times


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
) -> Iterator[Candidate]:
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
) -> Candidate | None:
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
