"""One unit of one layer, named ``C2[4,4]``, and the region of the input that it depends on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.receptive_field import Field, picture_inputs, receptive_fields
from cnnshape.errors import UsageError
from cnnshape.messages import say
from cnnshape.tracing.trace import Trace
from cnnshape.words import did_you_mean, times

_UNIT = re.compile(r"(?P<path>.*?)\s*\[\s*(?P<place>\d+(?:\s*,\s*\d+)*)\s*\]\s*")


@dataclass(frozen=True, slots=True)
class UnitField:
    """The region of the input that one unit depends on.

    Attributes:
        path: the layer.
        unit: the unit's position, per spatial axis.
        counts: how many units the layer has, per axis.
        input_sizes: how large the picture is, per axis.
        region: first and last pixel per axis, unclipped: negative or beyond the picture in the
            padding. The whole picture where the field is global.
        is_global: every unit may depend on every pixel.
    """

    path: str
    unit: tuple[int, ...]
    counts: tuple[int, ...]
    input_sizes: tuple[int, ...]
    region: tuple[tuple[int, int], ...]
    is_global: bool = False

    @property
    def inside(self) -> tuple[tuple[int, int], ...]:
        """The part of the region that lies in the picture."""
        return tuple(
            (max(low, 0), min(high, size - 1))
            for (low, high), size in zip(self.region, self.input_sizes, strict=True)
        )

    @property
    def sentence(self) -> str:
        """What the picture shows, in words."""
        name = f"{self.path or 'the result'}[{', '.join(map(str, self.unit))}]"
        if self.is_global:
            return f"{name} may depend on every {'position' if len(self.unit) == 1 else 'pixel'}"
        size = times(high - low + 1 for low, high in self.region)
        if len(self.region) == 1:
            low, high = self.region[0]
            return f"{name} depends on {size} positions: {_signed(low)}…{_signed(high)}"
        axes = ("planes", "rows", "columns")[-len(self.region) :]
        spans = ", ".join(
            f"{axis} {_signed(low)}…{_signed(high)}"
            for axis, (low, high) in zip(axes, self.region, strict=True)
        )
        return f"{name} depends on {size} pixels: {spans}"


def _signed(number: int) -> str:
    return str(number) if number >= 0 else f"−{-number}"


def parse_unit(text: str) -> tuple[str, tuple[int, ...]]:
    """``C2[4,4]`` as a layer and a position.

    >>> parse_unit("layer1.0.conv1[3, 7]")
    ('layer1.0.conv1', (3, 7))

    Raises:
        UsageError: it has another form.
    """
    match = _UNIT.fullmatch(text)
    if match is None:
        raise UsageError(say("--field {field}: give a layer and a unit, as in C2[4,4]", field=text))
    return match["path"], tuple(int(n) for n in match["place"].split(","))


def unit_field(trace: Trace, path: str, unit: tuple[int, ...]) -> UnitField:
    """The field of one unit of the first call of the layer at ``path``.

    Raises:
        UsageError: there is no such layer or unit, or its field is not known.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> layers = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.MaxPool2d(2))
    >>> trace = record(layers, Inputs((torch.zeros(1, 1, 28, 28),))).trace
    >>> print(unit_field(trace, "1", (0, 6)).sentence)
    1[0, 6] depends on 6×6 pixels: rows −2…3, columns 10…15
    """
    call = next((call for call in trace.calls if call.path == path), None)
    if call is None:
        raise UsageError(_no_layer(trace, path))
    accounts = Accounts(trace)
    field = receptive_fields(trace, accounts=accounts).get(call.index)
    if field is None:
        raise UsageError(
            say(
                "the receptive field of {layer} is not known: its result depends on no picture, or "
                "in a way that cannot be followed",
                layer=path or say("the model"),
            )
        )
    sizes = next(
        tuple(spread.count(axis) for axis in range(len(spread.axes)))
        for spread in picture_inputs(trace, accounts=accounts).values()
    )
    if len(unit) != len(field.counts) or any(
        n >= count for n, count in zip(unit, field.counts, strict=True)
    ):
        shape = times(field.counts)
        last = ",".join(str(count - 1) for count in field.counts)
        raise UsageError(
            say(
                "{path} has {shape} units: give one up to {path}[{last}]",
                path=path,
                shape=shape,
                last=last,
            )
        )
    return _at(path, unit, field, sizes)


def _at(path: str, unit: tuple[int, ...], field: Field, sizes: tuple[int, ...]) -> UnitField:
    region: list[tuple[int, int]] = []
    everything = field.size == "global"
    for axis, position in enumerate(unit):
        interval = field.interval(axis, position)
        if interval == "global" or everything:
            region.append((0, sizes[axis] - 1))
        elif interval is None:
            raise UsageError(
                say(
                    "{path}[{unit}] depends on no pixel that is known",
                    path=path,
                    unit=", ".join(map(str, unit)),
                )
            )
        else:
            region.append(interval)
    return UnitField(path, unit, field.counts, sizes, tuple(region), everything)


def _no_layer(trace: Trace, path: str) -> str:
    paths = [call.path for call in trace.calls if call.path]
    first = say("; the first is {layer}", layer=paths[0]) if paths else ""
    return say("no layer {path!r} ran", path=path) + (did_you_mean(path, paths, limit=2) or first)
