"""Pooling: a window larger than the picture, too much padding, too few dimensions."""

from __future__ import annotations

from cnnshape.analysis.arguments import bind
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, per_axis, sizes
from cnnshape.analysis.diagnose.result import Candidate, Diagnosis
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.rules.too_small import too_small
from cnnshape.analysis.diagnose.suggest import before_call, set_arguments, set_class
from cnnshape.analysis.diagnose.wording import AXES, arrive, dims, who
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
    found: list[Candidate | None] = []
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
