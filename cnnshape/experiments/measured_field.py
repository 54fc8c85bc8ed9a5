"""The receptive field by measurement: which input pixels have a gradient at one unit.

So that nothing cancels or is cut off, the pass runs with positive weights and no bias, in double
precision, with normalisation and activations left out and maxima replaced by averages. What then
has a gradient is exactly what the unit can depend on through the network's connections.

A comparison that is cut off by the picture's border on both sides would be equal whatever the
field is; it is called inconclusive, not a pass.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.fields.layout import Spread
from cnnshape.analysis.fields.reach import Reach
from cnnshape.analysis.receptive_field import field_of, picture_inputs, result_spreads
from cnnshape.experiments.linear_pass import LinearPass, positive_weights
from cnnshape.interrupts import held, let_through
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import joined, say
from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.preserve import preserved
from cnnshape.tracing.structure import named_tensors
from cnnshape.tracing.trace import Trace

Interval = tuple[int, int]
#: What one unit depends on along one axis: pixels, all of them, or not known (or none).
Expected: TypeAlias = Interval | Literal["global"] | None
Status = Literal["equal", "different", "inconclusive"]
_STATUSES: tuple[Status, ...] = ("equal", "different", "inconclusive")


@dataclass(frozen=True)
class MeasuredField:
    """One unit of one layer: what gradients show, beside what the graph says.

    Attributes:
        path, call: the layer.
        unit: its position on the spatial axes of the layer's result.
        expected: first and last input pixel per axis, by the graph, inside the picture;
            ``global`` where every pixel may count.
        measured: the same by gradients; None where nothing could be measured.
        axes: per axis ``equal``, ``different`` or ``inconclusive``.
        reason: why it is inconclusive.
    """

    path: str
    call: int
    unit: tuple[int, ...]
    expected: tuple[Expected, ...]
    measured: tuple[Interval | None, ...] | None
    axes: tuple[Status, ...]
    reason: str = ""

    @property
    def status(self) -> Status:
        """``different`` if any axis is; ``equal`` only if all are."""
        if "different" in self.axes:
            return "different"
        return "inconclusive" if "inconclusive" in self.axes else "equal"


def measure_fields(
    prepared: Prepared,
    *,
    units: Sequence[Sequence[float]] = ((0.5,),),
    every_layer: bool = False,
    paths: Sequence[str] | None = None,
) -> tuple[MeasuredField, ...]:
    """Compare the receptive fields of a model's layers with their gradients.

    Args:
        prepared: the model and its inputs, with numbers.
        units: places on a layer's grid as fractions per axis: ``(0.5,)`` is the middle of every
            axis, ``(0.25, 0.75)`` a place off it.
        every_layer: also layers whose field is the same as that of one before.
        paths: only these layers.

    The model is copied; the one that was given is not touched.
    """
    real = prepared.real_module()
    trace = record(real, Inputs(*prepared.arguments("meta")), device="meta").trace
    if trace.failure is not None:
        trace = record(real, Inputs(*prepared.arguments("cpu"))).trace
    accounts = Accounts(trace)
    exact = result_spreads(trace, clipped=True, accounts=accounts)
    chosen = _chosen(trace, exact, every_layer=every_layer, paths=paths)
    if not chosen:
        return ()
    with held():
        model = positive_weights(copy.deepcopy(real))
    picture, arguments = _picture(accounts, Inputs(*prepared.arguments("cpu")))
    # For the sake of the process, which the forward may change, and of what may interrupt it.
    with preserved(tuple(model.modules()), grad=True):
        results = _watched(model, {(trace.calls[i].path, trace.calls[i].call) for i in chosen})
        try:
            with LinearPass():
                let_through(model.eval(), *arguments.args, **(arguments.kwargs or {}))
        except Exception as error:  # noqa: BLE001 - it may not run in double precision, or at all
            # What ran before it raised can still be measured.
            if not results:
                message = (str(error).splitlines() or [""])[0]
                return tuple(_unmeasured(trace, i, exact[i][1], message) for i in chosen)
        return tuple(
            let_through(_measured, trace, index, exact[index][1], place, results, picture)
            for index in chosen
            for place in units
        )


def measured_notes(fields: Sequence[MeasuredField]) -> tuple[str, ...]:
    """What a report says of the comparison: the counts, then what is not equal."""
    if not fields:
        return (
            say("no receptive field could be measured: no layer's result depends on a picture"),
        )
    counts = Counter(field.status for field in fields)
    notes = [
        say(
            "receptive fields measured by gradients: {equal} equal, {different} different, "
            "{inconclusive} inconclusive",
            **{status: counts[status] for status in _STATUSES},
        )
    ]
    for field in fields:
        if field.status == "different":
            unit = ", ".join(map(str, field.unit))
            notes.append(
                say(
                    "{layer}[{unit}]: gradients reach {reached}, the graph says {expected}",
                    layer=field.path,
                    unit=unit,
                    reached=_spans(field.measured),
                    expected=_spans(field.expected),
                )
            )
    unclear: dict[str, list[str]] = {}
    for field in fields:
        if field.status == "inconclusive":
            unclear.setdefault(field.reason, []).append(field.path or say("the result"))
    notes += [
        say("inconclusive: {layers} ({reason})", layers=joined(say(", "), paths), reason=reason)
        for reason, paths in unclear.items()
    ]
    return tuple(notes)


def _spans(intervals: Sequence[Expected] | None) -> str:
    return "×".join(
        "nothing" if i is None else i if isinstance(i, str) else f"{i[0]}…{i[1]}"
        for i in intervals or ()
    )


def _chosen(
    trace: Trace,
    spreads: Mapping[int, tuple[int, Spread]],
    *,
    every_layer: bool,
    paths: Sequence[str] | None,
) -> list[int]:
    """Calls to measure: each distinct field once, where it last occurs."""
    by_field: dict[object, int] = {}
    for index, (_, spread) in spreads.items():
        if paths is not None and trace.calls[index].path not in paths:
            continue
        if field_of(spread) is None or (paths is None and not _readable(spread)):
            continue
        key = index if every_layer or paths is not None else (spread.axes, _counts(spread))
        by_field[key] = index
    return sorted(by_field.values())


def _readable(spread: Spread) -> bool:
    """Whether every dimension holds either spatial axes or something else, not both mixed."""
    return all(
        all(piece.axis is None for piece in pieces)
        or all(piece.axis is not None for piece in pieces)
        for pieces in spread.dims
    ) and all(
        spread.homes(axis) or spread.axes[axis] == "global" for axis in range(len(spread.axes))
    )


def _counts(spread: Spread) -> tuple[int, ...]:
    return tuple(spread.count(axis) for axis in range(len(spread.axes)))


def _watched(model: nn.Module, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], Tensor]:
    """Will hold the first tensor that each wanted call returns, once the model is run."""
    results: dict[tuple[str, int], Tensor] = {}
    runs: dict[str, int] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _arguments: Any, result: Any) -> None:
            run = runs.get(path, 0)
            runs[path] = run + 1
            tensor = next((t for _, t in named_tensors("", result) if t.requires_grad), None)
            if (path, run) in wanted and tensor is not None:
                results[path, run] = tensor

        return hook

    for path, module in model.named_modules():
        module.register_forward_hook(keep(path))
    return results


def _picture(accounts: Accounts, inputs: Inputs) -> tuple[Tensor, Inputs]:
    """The input whose gradient is taken, and the arguments with it in its place."""
    pictures = picture_inputs(accounts.trace, accounts=accounts)
    names = [named.value in pictures for named in accounts.trace.inputs]
    found: list[Tensor] = []
    position = 0

    def convert(tensor: Tensor) -> Tensor:
        nonlocal position
        here = position < len(names) and names[position]
        position += 1
        if not tensor.is_floating_point():
            return tensor
        ones = torch.ones(tensor.shape, dtype=torch.float64)
        if not here or found:
            return ones
        found.append(ones.requires_grad_())
        # Not the leaf itself: a model may write into its input.
        return found[0] * 1.0

    with held(), torch.enable_grad():
        moved = inputs.to(convert)
    return found[0], moved


def _measured(
    trace: Trace,
    index: int,
    spread: Spread,
    place: Sequence[float],
    results: Mapping[tuple[str, int], Tensor],
    picture: Tensor,
) -> MeasuredField:
    call = trace.calls[index]
    counts = _counts(spread)
    unit = tuple(
        min(int(count * place[min(axis, len(place) - 1)]), count - 1)
        for axis, count in enumerate(counts)
    )
    expected = _all_expected(spread, unit)
    tensor = results.get((call.path, call.call))
    chosen = None if tensor is None else _select(tensor, spread, unit)
    if chosen is None:
        reason = say("its result cannot be read unit by unit")
        return MeasuredField(
            call.path, call.call, unit, expected, None, _inconclusive(unit), reason
        )
    gradient = cast(
        "Tensor | None",  # the stubs leave out that an unused input has none
        torch.autograd.grad(chosen, picture, retain_graph=True, allow_unused=True)[0],
    )
    measured = _support(gradient, len(counts)) if gradient is not None else (None,) * len(counts)
    sizes = tuple(picture.shape[-len(counts) :])
    each = [_compare(*axis) for axis in zip(expected, measured, sizes, strict=True)]
    reasons = dict.fromkeys(reason for _, reason in each if reason)
    return MeasuredField(
        call.path,
        call.call,
        unit,
        expected,
        measured,
        tuple(status for status, _ in each),
        joined(say("; "), reasons),
    )


def _inconclusive(unit: Sequence[int]) -> tuple[Status, ...]:
    return tuple("inconclusive" for _ in unit)


def _expected(spread: Spread, axis: int, position: int) -> Expected:
    reach = spread.axes[axis]
    if reach == "global":
        return "global"
    return None if reach == "unknown" else reach.interval(position)


def _all_expected(spread: Spread, unit: Sequence[int]) -> tuple[Expected, ...]:
    axes = list(zip(spread.axes, unit, strict=True))
    if any(isinstance(axis, Reach) and axis.interval(n) is None for axis, n in axes):
        return (None,) * len(axes)  # nothing along one axis is nothing at all
    return tuple(_expected(spread, axis, position) for axis, position in enumerate(unit))


def _select(tensor: Tensor, spread: Spread, unit: Sequence[int]) -> Tensor | None:
    """The sum over everything that is no spatial axis, at one unit."""
    if tensor.dim() != len(spread.dims):
        return None
    index: list[Any] = []
    for pieces in spread.dims:
        spatial = [piece for piece in pieces if piece.axis is not None]
        if not spatial:
            index.append(slice(None))
            continue
        if len(spatial) != len(pieces):
            return None
        place = 0
        for piece in spatial:
            assert piece.axis is not None
            place = place * piece.size + unit[piece.axis] // piece.step % piece.size
        index.append(place)
    return tensor[tuple(index)].sum()


def _support(gradient: Tensor, axes: int) -> tuple[Interval | None, ...]:
    touched = gradient != 0
    found: list[Interval | None] = []
    for axis in range(axes):
        dim = gradient.dim() - axes + axis
        others = [d for d in range(gradient.dim()) if d != dim]
        where = touched.sum(dim=others).nonzero().flatten().tolist()
        found.append((where[0], where[-1]) if where else None)
    return tuple(found)


def _compare(expected: Expected, measured: Interval | None, size: int) -> tuple[Status, str]:
    """The verdict along one axis, and why it is inconclusive."""
    whole = (0, size - 1)
    if expected == "global":
        if measured == whole:
            return "equal", ""
        return "inconclusive", say("global is an upper bound, and this unit sees less")
    if expected is None and measured is not None:
        return "inconclusive", say("the graph does not tell the field")
    if expected != measured:
        return "different", ""
    if expected == whole:
        return "inconclusive", say("cut off by the picture on both sides: give a larger input")
    return "equal", ""


def _unmeasured(trace: Trace, index: int, spread: Spread, message: str) -> MeasuredField:
    call = trace.calls[index]
    unit = tuple(count // 2 for count in _counts(spread))
    expected = _all_expected(spread, unit)
    reason = say("the model does not run in double precision: {message}", message=message)
    return MeasuredField(call.path, call.call, unit, expected, None, _inconclusive(unit), reason)
