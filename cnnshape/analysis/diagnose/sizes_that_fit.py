"""Which input size, or which padding, would make a wanted size arrive.

The layers on an axis's way are put together into one function of the input size, by the rules'
bare arithmetic. Nothing here is verified; what is found is tried afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

from cnnshape.analysis.accounts import application
from cnnshape.analysis.diagnose.axis_origin import SPATIAL, step_back
from cnnshape.analysis.diagnose.size_history import Story, story
from cnnshape.formulas.registry import axis_rule
from cnnshape.tracing.trace import Operation, Trace

#: Arguments of layers that are tried, by the layer's path.
Changes = Mapping[str, Mapping[str, int]]
#: Input sizes tried when looking for one that fits.
LARGEST = 1024
_NEIGHBOURS = 64
_NAMES = {
    "conv": ("kernel_size", "stride", "padding", "dilation"),
    "conv_transpose": ("kernel_size", "stride", "padding", "output_padding", "dilation"),
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool": ("kernel_size", "stride", "padding", "ceil_mode"),
    "lp_pool": ("kernel_size", "stride", "ceil_mode"),
    "upsample": ("scale_factor",),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation on the way, along one axis."""

    operation: int
    path: str
    kind: str
    arguments: Mapping[str, Any]

    def size(self, n: int, changes: Changes | None = None) -> int | None:
        """The size after it; None where it cannot be applied."""
        arguments = self.arguments
        if changes and self.path in changes:
            arguments = {**arguments, **changes[self.path]}
        return _size_function(self.kind, tuple(arguments.items()))(n)


@lru_cache(maxsize=1024)
def _size_function(kind: str, arguments: tuple[tuple[str, Any], ...]) -> Callable[[int], Any]:
    """The size after a layer as a function of the size before it alone; None below 1.

    The rule is looked up once and not for every size: a search asks for thousands.
    """
    given = dict(arguments)
    rule, defaults = axis_rule(kind, **given)
    values = {**defaults, **given}
    rest = [values[name] for name in list(rule.names.values())[1:]]

    def size(n: int) -> int | None:
        found: Any = rule.size(n, *rest)
        return found if found >= 1 else None

    return size


@dataclass(frozen=True, slots=True)
class Way:
    """All operations between an axis of the model's input and an axis of a tensor."""

    layers: tuple[Layer, ...]
    start: tuple[int, int]

    @property
    def stride(self) -> int:
        """By how much the way divides a size, all layers that make it smaller together."""
        return prod(
            layer.arguments.get("stride", 1)
            for layer in self.layers
            if layer.kind not in ("conv_transpose", "upsample")
        )

    def size(self, n: int, changes: Changes | None = None) -> int | None:
        """The size that arrives for an input of ``n``."""
        size: int | None = n
        for layer in self.layers:
            if size is None:
                return None
            size = layer.size(size, changes)
        return size


def way(trace: Trace, item: Story, chain: Sequence[tuple[Operation, int]]) -> Way | None:
    """The way of a story as a function of the input size; None if a step is not understood.

    ``chain`` are the operations on the way that may change the axis, oldest first, each with the
    axis there, counted from the end.
    """
    if item.start is None or trace.values[item.start[0]].origin != "input":
        return None
    layers: list[Layer] = []
    for operation, from_end in chain:
        layer = _layer(trace, operation, from_end)
        if layer is None:
            return None
        layers.append(layer)
    return Way(tuple(layers), item.start)


def _layer(trace: Trace, operation: Operation, from_end: int) -> Layer | None:
    rule = application(trace, operation)
    if rule is None or rule.kind not in SPATIAL or rule.kind not in _NAMES:
        return None
    arguments: dict[str, Any] = {}
    for name in _NAMES[rule.kind]:
        value = rule.arguments.get(name)
        if name == "stride" and value is None:
            value = rule.arguments.get("kernel_size")
        if isinstance(value, tuple):
            if len(value) < -from_end:
                return None
            value = value[from_end]
        if value is None or isinstance(value, str):
            if value == "valid":
                value = 0
            elif value == "same":
                kernel = arguments.get("kernel_size")
                if not isinstance(kernel, int) or kernel % 2 == 0:
                    return None
                dilation = rule.arguments.get("dilation", 1)
                dilation = dilation[from_end] if isinstance(dilation, tuple) else dilation
                value = dilation * (kernel - 1) // 2
            else:
                return None
        arguments[name] = value
    return Layer(operation.index, trace.calls[operation.call].path, rule.kind, arguments)


def spatial_operations(trace: Trace, value: int, axis: int) -> list[tuple[Operation, int]]:
    """The operations with a spatial rule on the way back from one axis, oldest first.

    Each with the axis there, counted from the end.
    """
    found: list[tuple[Operation, int]] = []
    at: tuple[int, int] | None = (value, axis)
    while at is not None:
        from_end = at[1] - len(trace.shape(at[0]))
        operation, at = step_back(trace, *at)
        if operation is not None and at is not None:
            rule = application(trace, operation)
            if rule is not None and rule.kind in SPATIAL:
                found.append((operation, from_end))
    return list(reversed(found))


def ways(trace: Trace, value: int, axes: Iterable[int]) -> list[Way] | None:
    """The way of each axis; None unless all of them lead to the model's input."""
    found: list[Way] = []
    for axis in axes:
        item = way(trace, story(trace, value, axis), spatial_operations(trace, value, axis))
        if item is None:
            return None
        found.append(item)
    return found


def forks(
    trace: Trace, one: int, other: int, axes: Iterable[int]
) -> tuple[list[Way], list[Way]] | None:
    """The ways of two tensors from where they parted, axis by axis; None if they never met."""
    left: list[Way] = []
    right: list[Way] = []
    for axis in axes:
        found = _fork(trace, one, other, axis)
        if found is None:
            return None
        left.append(found[0])
        right.append(found[1])
    return left, right


def _fork(trace: Trace, one: int, other: int, axis: int) -> tuple[Way, Way] | None:
    first, second = _walk(trace, one, axis), _walk(trace, other, axis)
    met = {place: index for index, (place, _) in enumerate(first)}
    for index, (place, _) in enumerate(second):
        if place in met:
            from_end = axis - len(trace.values[one].shape)
            parts = (first[: met[place]], second[:index])
            made = [_way_of(trace, [op for _, op in part], place, from_end) for part in parts]
            return None if made[0] is None or made[1] is None else (made[0], made[1])
    return None


def _walk(trace: Trace, value: int, axis: int) -> list[tuple[tuple[int, int], Operation | None]]:
    """Every place on the way back, with the operation that made it."""
    walked: list[tuple[tuple[int, int], Operation | None]] = []
    at: tuple[int, int] | None = (value, axis)
    while at is not None:
        operation, before = step_back(trace, *at)
        walked.append((at, operation))
        at = before
    return walked


def _way_of(
    trace: Trace, made_by: Sequence[Operation | None], start: tuple[int, int], from_end: int
) -> Way | None:
    """The way along some operations, newest first; None if one of them is not understood."""
    layers: list[Layer] = []
    for operation in made_by:
        rule = None if operation is None else application(trace, operation)
        if operation is None or rule is None or rule.kind not in SPATIAL:
            continue
        layer = _layer(trace, operation, from_end)
        if layer is None:
            return None
        layers.append(layer)
    return Way(tuple(reversed(layers)), start)


def arrives(found: Sequence[Way], now: Sequence[int], changes: Changes | None = None) -> int | None:
    """The product of the sizes that arrive for inputs of ``now``; None if one cannot."""
    got = [way.size(n, changes) for way, n in zip(found, now, strict=True)]
    known = [n for n in got if n is not None]
    return prod(known) if len(known) == len(got) else None


def start_sizes(trace: Trace, found: Sequence[Way]) -> list[int] | None:
    """The sizes with which ways begin."""
    starts = [trace.values[way.start[0]].shape[way.start[1]] for way in found]
    numbers = [size for size in starts if isinstance(size, int)]
    return numbers if len(numbers) == len(starts) else None


def input_sizes(
    accept: Callable[[Sequence[int]], bool], now: Sequence[int], largest: int = LARGEST
) -> tuple[int, ...] | None:
    """The accepted input size nearest to the one given; larger ones first where equally near.

    All axes are moved together: square inputs stay square, others keep their difference. Where
    several neighbours are accepted it is the roundest of them: 32 of 32 to 35.
    """

    def fits(step: int) -> bool:
        moved = [n + step for n in now]
        return min(moved) >= 1 and max(moved) <= largest and accept(moved)

    nearest = next((step for step in nearest_first(largest) if fits(step)), None)
    if nearest is None:
        return None
    neighbours = [nearest]
    for direction in (1, -1):
        step = nearest + direction
        while abs(step - nearest) < _NEIGHBOURS and step != 0 and fits(step):
            neighbours.append(step)
            step += direction
    best = max(neighbours, key=lambda step: (_roundness(now[0] + step), -abs(step)))
    return tuple(n + best for n in now)


def _roundness(number: int) -> int:
    """The largest power of two that divides it."""
    return number & -number


def nearest_first(largest: int) -> Iterator[int]:
    """1, -1, 2, -2 and so on."""
    for distance in range(1, largest):
        yield distance
        yield -distance
