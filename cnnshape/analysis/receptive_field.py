"""Receptive fields: which input pixels each layer's units depend on, from one recording.

The field of a unit is found backwards: a layer's unit looks at an interval of its input, and
each of those positions at an interval of its own, until the pixels are reached. Done for every
layer at once by carrying *all* intervals of each tensor forward through the graph, which a
handful of integers describes (see :mod:`cnnshape.analysis.fields.reach`). Branches, skips,
concatenation, dilation, transposed convolutions and interpolation are exact.

Convention (Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019): fields are not clipped at the border of the picture; normalisation layers and
activations do not widen them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.fields.layout import Axis, Piece, Spread, plain
from cnnshape.analysis.fields.reach import PIXELS, Interval, bounded_pixels
from cnnshape.analysis.fields.walk import follow
from cnnshape.analysis.fields.windows import SLIDING
from cnnshape.operations.axes import Windowed
from cnnshape.tracing.trace import Trace

Extent = tuple[int | None, ...] | Literal["global"]


@dataclass(frozen=True, slots=True)
class Field:
    """The receptive field of a layer's result, one entry per spatial axis of the input.

    The unit ``y`` depends on the pixels ``offset + y·stride`` to
    ``offset + y·stride + size − 1``, unclipped. Where units differ (behind a transposed
    convolution) this is exact for the central one, and :meth:`interval` for each.

    Attributes:
        size: pixels per axis, or ``"global"`` where every unit may depend on every pixel; an
            axis is None where it alone is global or cannot be followed.
        stride: pixels between neighbouring units, None where it is a fraction.
        offset: the first pixel of unit 0; negative in the padding.
        counts: how many units there are per axis.
    """

    size: Extent
    stride: Extent
    offset: Extent
    counts: tuple[int, ...]
    axes: tuple[Axis, ...]

    def interval(self, axis: int, position: int) -> Interval | Literal["global"] | None:
        """First and last pixel of a unit along one axis; None if unknown, or if it sees none."""
        reach = self.axes[axis]
        if isinstance(reach, str):
            return "global" if reach == "global" else None
        return reach.interval(position)


def receptive_fields(
    trace: Trace, *, clipped: bool = False, accounts: Accounts | None = None
) -> Mapping[int, Field]:
    """The receptive field of every module call's (first) result, by the call's index.

    Calls whose result does not depend on a picture, or in a way that cannot be followed (a roll,
    a sampling grid), are missing. Linear in the number of operations.

    Args:
        trace: a recording with concrete sizes.
        clipped: count only pixels and positions that exist, so that :meth:`Field.interval` is
            exactly what gradients show, border units included. ``size`` then is that of the
            central unit, cut off at the border.
        accounts: what each operation does, if it has been looked up before.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> layers = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.MaxPool2d(2))
    >>> fields = receptive_fields(record(layers, Inputs((torch.zeros(1, 1, 28, 28),))).trace)
    >>> fields[1].size, fields[1].stride, fields[1].offset
    ((5, 5), (1, 1), (-2, -2))
    >>> fields[2].size, fields[2].stride
    ((6, 6), (2, 2))
    """
    found: dict[int, Field] = {}
    for call, (_, spread) in result_spreads(trace, clipped=clipped, accounts=accounts).items():
        field = field_of(spread)
        if field is not None:
            found[call] = field
    return found


def result_spreads(
    trace: Trace, *, clipped: bool = False, accounts: Accounts | None = None
) -> Mapping[int, tuple[int, Spread]]:
    """For each module call, its first result that depends on a picture, and in which way.

    The :class:`~cnnshape.analysis.fields.layout.Spread` also says which dimensions of the result
    hold the spatial axes.
    """
    accounts = accounts or Accounts(trace)
    start = picture_inputs(trace, clipped=clipped, accounts=accounts)
    if not start:
        return {}
    states = follow(accounts, start)
    found: dict[int, tuple[int, Spread]] = {}
    for call in trace.calls:
        value = next((named.value for named in call.outputs if named.value in states), None)
        if value is not None:
            found[call.index] = (value, states[value])
    return found


def field_of(state: Spread) -> Field | None:
    """What a report says of one tensor; None if nothing is known of any axis."""
    if all(axis == "unknown" for axis in state.axes):
        return None
    counts = tuple(state.count(axis) for axis in range(len(state.axes)))
    if all(axis == "global" for axis in state.axes):
        return Field("global", "global", "global", counts, state.axes)
    each = [_central(axis, count) for axis, count in zip(state.axes, counts, strict=True)]
    return Field(
        tuple(size for size, _, _ in each),
        tuple(stride for _, stride, _ in each),
        tuple(offset for _, _, offset in each),
        counts,
        state.axes,
    )


def _central(axis: Axis, count: int) -> tuple[int | None, int | None, int | None]:
    """Size, stride and offset along one axis, such that they are right for the central unit."""
    if isinstance(axis, str):
        return None, None, None
    centre = count // 2
    interval = axis.interval(centre)
    if interval is None:
        return 0, axis.stride, None
    low, high = interval
    stride = axis.stride
    offset = None if stride is None else low - stride * centre
    return high - low + 1, stride, offset


def picture_inputs(
    trace: Trace, *, clipped: bool = False, accounts: Accounts | None = None
) -> dict[int, Spread]:
    """The pictures among the inputs, by value, each with its spatial axes."""
    shapes: dict[int, tuple[int, ...]] = {}
    for named in trace.inputs:
        value = trace.values[named.value]
        if "float" in value.dtype:
            sizes = tuple(n for n in value.shape if isinstance(n, int))
            if len(sizes) == len(value.shape):
                shapes[value.id] = sizes
    if not shapes:
        return {}
    first = next((shape for shape in shapes.values() if len(shape) >= 3), None)
    if first is None:
        return {}
    axes = _spatial_axes(accounts or Accounts(trace), len(first))
    if axes < 1:
        return {}
    size = first[-axes:]
    found: dict[int, Spread] = {}
    for value, shape in shapes.items():
        if len(shape) == len(first) and (shape[-axes:] == size or not clipped):
            lead = len(shape) - axes
            dims = tuple((Piece(n, axis),) for axis, n in enumerate(shape[lead:]))
            reaches = tuple(bounded_pixels(n) if clipped else PIXELS for n in shape[lead:])
            found[value] = Spread((*plain(shape[:lead]), *dims), reaches)
    return found


def _spatial_axes(accounts: Accounts, rank: int) -> int:
    """How many of the input's last axes are spatial: as many as its first window slides over."""
    for op in accounts.trace.operations:
        account = accounts.of(op)
        if account is not None and account.results:
            slid = [o for o in account.results[0] if isinstance(o, Windowed) and o.rule in SLIDING]
            if slid:
                return min(len(slid), rank - 1)
    return rank - 2
