"""The results of every operation that a size rule covers, as expressions.

The arithmetic is that of :mod:`cnnshape.formulas`, handed letters in the place of numbers; its
conditions become what the operation demands of the letters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnshape.analysis.applications import application
from cnnshape.analysis.arguments import bind
from cnnshape.experiments.symbolic.new_tensor_rules import counted_to
from cnnshape.experiments.symbolic.state import Dims, Sizes, over, times
from cnnshape.experiments.symbolic.traced_size import scaled
from cnnshape.formulas import axis_size
from cnnshape.formulas.algebra import Sum, Whole
from cnnshape.formulas.registry import axis_rule
from cnnshape.tracing.trace import Operation

_PER_AXIS = frozenset(
    "kernel_size stride padding dilation output_padding size scale_factor output_size".split()
)


def windowed(op: Operation, sizes: Sizes) -> Sequence[Dims] | None:
    """The sizes of the results; None if no size rule covers the operation."""
    applied = application(sizes.trace, op)
    if applied is None:
        return None
    bound = bind(op) or {}
    given = sizes.of(bound.get("input"))
    if given is None:
        return None
    arguments = {k: sizes.known(v) for k, v in applied.arguments.items()}
    shape = sizes.numbers(op.outputs[0])
    special = _SPECIAL.get(applied.kind)
    if special is not None:
        return special(op, sizes, given, arguments)
    axes = arguments.pop("dims", None) or len(shape) - 2
    lead = len(shape) - axes
    channels = arguments.pop("out_channels", None)
    expected = arguments.pop("in_channels", None)
    arguments.pop("groups", None)
    dims: list[Whole | None] = list(given[:lead])
    if expected is not None and dims[-1] is not None:
        sizes.demand(op, dims[-1], "==", expected)
    if channels is not None:
        dims[-1] = channels
    for axis in range(axes):
        n = given[lead + axis]
        each = {
            name: value[axis] if isinstance(value, tuple) and name in _PER_AXIS else value
            for name, value in arguments.items()
            if value is not None or name == "stride"
        }
        dims.append(None if n is None else _along_axis(op, sizes, applied.kind, n, each))
    return [tuple(dims)]


def _along_axis(
    op: Operation, sizes: Sizes, kind: str, n: Whole, arguments: dict[str, Any]
) -> Whole | None:
    if kind == "upsample":
        arguments.pop("mode", None)
        factor = arguments.get("scale_factor")
        if factor is not None and isinstance(n, Sum):
            return scaled(n, float(factor))
    if kind == "fractional_pool" and arguments.get("output_size") is None:
        return None
    if arguments.get("padding") == "valid":
        arguments["padding"] = 0
    if kind == "max_unpool" and arguments.get("output_size") is not None:
        return arguments["output_size"]
    arguments = {k: v for k, v in arguments.items() if v is not None}
    size = axis_size(kind, n, **arguments)
    if isinstance(size, Sum):
        sizes.demand(op, size, ">=", 1)
    _rule_demands(op, sizes, kind, n, arguments)
    return size


def _rule_demands(
    op: Operation, sizes: Sizes, kind: str, n: Whole, arguments: dict[str, Any]
) -> None:
    rule, defaults = axis_rule(kind, **arguments)
    values = {**defaults, **arguments, "input": n}
    ordered = [values[name] for name in rule.names.values()]
    for condition in rule.conditions:
        try:
            left, right = condition.bounds(*ordered)
        except TypeError:
            continue  # a condition that compares cannot be written down
        if isinstance(left, Sum) or isinstance(right, Sum):
            sizes.demand(op, right, ">=", left)


def _pad(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> Sequence[Dims]:
    pads = arguments["padding"]
    dims = list(given)
    for index in range(len(pads) // 2):
        n = dims[-1 - index]
        before, after = pads[2 * index], pads[2 * index + 1]
        if n is None:
            continue
        dims[-1 - index] = n + before + after
        if isinstance(n, Sum):
            sizes.demand(op, n + before + after, ">=", 1)
            if arguments["mode"] == "reflect":
                sizes.demand(op, n, ">=", before + 1)
                sizes.demand(op, n, ">=", after + 1)
            if arguments["mode"] == "circular":
                sizes.demand(op, n, ">=", before)
                sizes.demand(op, n, ">=", after)
    return [tuple(dims)]


def _shuffle(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    del op, sizes
    r = arguments["upscale_factor"]
    *lead, c, h, w = given
    return [(*lead, over(c, r * r), times(h, r), times(w, r))]


def _unshuffle(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    r = arguments["downscale_factor"]
    *lead, c, h, w = given
    for n in (h, w):
        if isinstance(n, Sum):
            sizes.demand(op, n % r, "==", 0)
    return [(*lead, times(c, r * r), over(h, r), over(w, r))]


def _linear(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    if given[-1] is not None:
        sizes.demand(op, given[-1], "==", arguments["in_features"])
    return [(*given[:-1], arguments["out_features"])]


def _embedding(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    # Positions counted by arange: the table must have one for each. Meta does not look.
    sizes.demand(op, arguments["num_embeddings"], ">=", counted_to(op.inputs[0], sizes))
    return [(*given, arguments["embedding_dim"])]


def _flatten(_op: Operation, _sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    if not given:
        return [(1,)]
    start, end = arguments["start_dim"] % len(given), arguments["end_dim"] % len(given)
    return [(*given[:start], times(*given[start : end + 1]), *given[end + 1 :])]


def _unflatten(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    axis = arguments["dim"] % len(given)
    inner = filled(op, sizes, given[axis], arguments["unflattened_size"])
    return [(*given[:axis], *inner, *given[axis + 1 :])]


def filled(
    op: Operation, sizes: Sizes, total: Whole | None, shape: Sequence[Whole]
) -> tuple[Whole | None, ...]:
    """The sizes of a view, with -1 as what is left of ``total``."""
    fixed = times(*(n for n in shape if not _is_rest(n)))
    if total is None or fixed is None:
        return tuple(None if _is_rest(n) else n for n in shape)
    if any(_is_rest(n) for n in shape):
        rest = over(total, fixed)
        sizes.demand(op, total, "==", times(rest, fixed))
    else:
        rest = None
        sizes.demand(op, total, "==", fixed)
    return tuple(rest if _is_rest(n) else n for n in shape)


def _is_rest(size: Whole) -> bool:
    return isinstance(size, int) and size == -1


def _same(_op: Operation, _sizes: Sizes, given: Dims, _arguments: dict[str, Any]) -> list[Dims]:
    return [given]


def _glu(_op: Operation, _sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    axis = arguments["dim"] % len(given)
    return [(*given[:axis], over(given[axis], 2), *given[axis + 1 :])]


def _unfold(op: Operation, sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    kernel = _pair(arguments["kernel_size"])
    steps: list[Whole | None] = []
    for axis, n in enumerate(given[-2:]):
        each = {
            name: _pair(arguments[name])[axis]
            for name in ("kernel_size", "stride", "padding", "dilation")
        }
        steps.append(None if n is None else _along_axis(op, sizes, "conv", n, each))
    return [(*given[:-3], times(given[-3], kernel[0] * kernel[1]), times(*steps))]


def _fold(_op: Operation, _sizes: Sizes, given: Dims, arguments: dict[str, Any]) -> list[Dims]:
    kernel = _pair(arguments["kernel_size"])
    size = _pair(arguments["output_size"])
    return [(*given[:-2], over(given[-2], kernel[0] * kernel[1]), *size)]


def _pair(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) and len(value) == 2 else (_one(value),) * 2


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


_SPECIAL: dict[str, Callable[[Operation, Sizes, Dims, dict[str, Any]], Sequence[Dims] | None]] = {
    "pad": _pad,
    "pixel_shuffle": _shuffle,
    "pixel_unshuffle": _unshuffle,
    "linear": _linear,
    "embedding": _embedding,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "channel_shuffle": _same,
    "glu": _glu,
    "unfold": _unfold,
    "fold": _fold,
    "bilinear": lambda *_: None,
}
