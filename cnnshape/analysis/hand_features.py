"""A formula for ``in_features``, held against what a model flattens before its linear layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnnshape.analysis.claims import Claim
from cnnshape.analysis.lettered_formula import LetteredAxis, LetteredSizes
from cnnshape.errors import UsageError
from cnnshape.formulas.algebra import Whole
from cnnshape.formulas.flattened import is_product
from cnnshape.formulas.reading.equations import Equation
from cnnshape.messages import joined, say
from cnnshape.tracing.trace import Operation, Trace
from cnnshape.words import listed

#: What the flattened axes are called, by how many there are.
_AXES = {
    2: ("channels", "length"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}


class _Flatten(NamedTuple):
    """An operation that makes one axis of several, and the one that the claim is about."""

    flattens: Operation
    shown: Operation


def feature_claims(trace: Trace, kind: str, equations: Sequence[Equation]) -> list[Claim]:
    """One claim per formula and linear layer that gets a flattened tensor, or per flatten.

    H and W in a formula are those of the flattened tensor, or those of the model's input where
    these fit: ``16*((H - 4)//2)*((W - 4)//2)`` is a rule for a whole network. Channels and batch
    are those of the flattened tensor. A layer that raised for its features is among them.

    Raises:
        UsageError: the kind has no such formula, or nothing is flattened.
    """
    if kind not in ("linear", "flatten"):
        raise UsageError(
            say(
                "a formula for in_features is tested on the linear layers that get a flattened "
                "tensor, or on each flatten: write linear='in_features = …' or flatten='…'"
            )
        )
    sizes = LetteredSizes(trace)
    found = list(_linear(sizes) if kind == "linear" else _flattens(sizes))
    if not found:
        if kind == "linear":
            raise UsageError(
                say(
                    "no linear layer gets a flattened tensor in this model, so there is nothing to "
                    "test a formula on"
                )
            )
        raise UsageError(
            say("no tensor is flattened in this model, so there is nothing to test a formula on")
        )
    return [_claim(sizes, kind, one, equation) for one in found for equation in equations]


# ---- what is flattened ------------------------------------------------------------------


def _flattens(sizes: LetteredSizes) -> Iterator[_Flatten]:
    for operation in sizes.trace.operations:
        if _is_flatten(sizes, operation):
            yield _Flatten(operation, operation)


def _is_flatten(sizes: LetteredSizes, operation: Operation) -> bool:
    """Whether all axes, or all but the first, become one."""
    entry = sizes.accounts.entry(operation)
    if entry is None or entry.family != "moving" or operation.failed or not operation.inputs:
        return False
    before, after = (
        sizes.trace.shape(value) for value in (operation.inputs[0], operation.outputs[0])
    )
    batched = len(after) == 2 and before[0] == after[0]
    return (batched or len(after) == 1) and len(_flattened(before, after)) in _AXES


def _flattened(before: Sequence[Any], after: Sequence[Any]) -> Sequence[Any]:
    """The axes that became one, without the batch."""
    return before[1:] if len(after) == 2 or len(before) > 3 else before


def _linear(sizes: LetteredSizes) -> Iterator[_Flatten]:
    for operation in sizes.trace.operations:
        found = sizes.application(operation)
        if found is not None and found.kind == "linear":
            flatten = _flatten_before(sizes, operation)
            if flatten is not None:
                yield _Flatten(flatten, operation)


def _flatten_before(sizes: LetteredSizes, operation: Operation) -> Operation | None:
    """What flattened the tensor that an operation gets, an activation or a dropout ago."""
    trace, value = sizes.trace, operation.inputs[0]
    while (producer := trace.values[value].producer) is not None:
        maker = trace.operations[producer]
        if _is_flatten(sizes, maker):
            return maker
        if not maker.inputs or trace.shape(maker.inputs[0]) != trace.shape(value):
            return None
        value = maker.inputs[0]
    return None


_FLATTENED, _INPUT = say("of what is flattened"), say("of the model's input")

# ---- the claim --------------------------------------------------------------------------


def _claim(sizes: LetteredSizes, kind: str, one: _Flatten, equation: Equation) -> Claim:
    before = sizes.sizes(one.flattens.inputs[0])
    after = sizes.sizes(one.flattens.outputs[0])
    axes = _flattened(before, after)
    own = _roles(before[0] if axes is not before else 1, axes)
    ways = {_FLATTENED: own, _INPUT: _from_input(sizes, own)}
    sized = sorted(equation.expression.names() - {"channels", "batch"})
    if not sized:
        ways = {"": own}
    compared = {
        way: sizes.compare(equation.expression, roles, after[-1], sizes=axes)
        for way, roles in ways.items()
        if roles
    }
    way = next((way for way, axis in compared.items() if _fits(axis)), "")
    if way not in compared:  # none fits: a product is one of what is flattened
        way = list(compared)[0 if is_product(equation.expression) else -1]
    axis, call = compared[way], sizes.trace.calls[one.shown.call]
    names = [equation.written.get(role, role) for role in sized]
    notes: list[str] = [
        say("with {sizes} {origin}", sizes=listed(names), origin=way) if way else ""
    ]
    if sizes.letters or axis.expected is None:
        notes.append(axis.note)
    if axis.rounded:
        notes.append(say("a fraction, because nothing rounds it"))
    elif _fits(axis) and way == _INPUT and not sizes.letters:
        notes.append(say("letters in -i test it at every size"))
    path = f"{call.path}[{call.call}]" if call.call else call.path
    return Claim(
        what=f"formula {kind} in_features",
        path=path or one.shown.name,
        expected=(_number(axis.expected),),
        actual=(_number(axis.actual),),
        ok=_fits(axis),
        note=joined(say("; "), filter(None, notes)),
        source=one.shown.source,
        reason=f"{kind} in_features {equation.expression}",
    )


def _fits(axis: LetteredAxis) -> bool:
    return axis.same and not axis.rounded


def _roles(batch: Whole, axes: Sequence[Whole]) -> dict[str, Whole]:
    """The sizes by what a formula may call them; ``input`` is the side of a square."""
    roles = dict(zip(_AXES[len(axes)], axes, strict=True)) | {"batch": batch}
    sides = axes[1:]
    return roles | ({"input": sides[0]} if all(side == sides[0] for side in sides) else {})


def _from_input(sizes: LetteredSizes, own: Mapping[str, Whole]) -> dict[str, Whole]:
    """The same with the model's input in the place of height and width; empty if it has none."""
    count = len(own.keys() - {"batch", "input"}) - 1
    inputs = (value.id for value in sizes.trace.values if value.origin == "input")
    shapes = (sizes.sizes(value) for value in inputs)
    shape = next((one for one in shapes if count < len(one) <= count + 2), None)
    if shape is None:
        return {}
    return _roles(own["batch"], (own["channels"], *shape[-count:]))


def _number(size: str | None) -> int | str | None:
    return int(size) if size is not None and size.lstrip("-").isdigit() else size
