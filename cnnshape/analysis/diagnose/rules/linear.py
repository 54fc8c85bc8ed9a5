"""Linear layers: ``mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import (
    other_input_size,
    other_inputs,
    padded_to,
    unbatched_input,
)
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Operand
from cnnshape.analysis.diagnose.size_history import (
    Factor,
    factors,
    lines,
    maker,
    product_of,
    product_text,
    start_line,
    story,
)
from cnnshape.analysis.diagnose.sizes_that_fit import ways
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    made_for,
    present,
    set_arguments,
    set_parameter,
    unsqueeze_input,
)
from cnnshape.analysis.diagnose.wording import expects, who
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import joined, say
from cnnshape.tracing.trace import Module, Operation
from cnnshape.words import plural, times

_KINDS = frozenset({"Linear", "NonDynamicallyQuantizableLinear"})


def linear(failing: Failing) -> Diagnosis | None:
    """``F.linear``, whoever called it: the last axis must be ``in_features``."""
    x, weight = failing.operand(), failing.operand("weight")
    if x is None or weight is None or not x.shape or weight.rank != 2:
        return None
    shape, arriving, expected = x.shape, x.shape[-1], weight.shape[1]
    if arriving == expected:
        return None
    layer = failing.layer(_KINDS, failing.argument("weight"))
    name = who(failing.path, failing.module.type)
    if layer is None or layer.path != failing.path:
        name = say("linear with {weight}", weight=weight.value.name or say("its weight"))
    plain = expects(name, plural(expected, "feature"), arriving)
    sentence = plain + failing.which_call()
    batchless = unbatched_input(failing)
    if batchless is not None and shape[0] * arriving == expected and x.rank == 2:
        sentence += say(
            ": {input} {shape} has no batch dimension, so the first of {rows}×{columns} = "
            "{expected} was taken for it",
            input=batchless.name,
            shape=times(batchless.shape),
            rows=shape[0],
            columns=arriving,
            expected=expected,
        )
        return Diagnosis("input.missing_batch", sentence, (), (unsqueeze_input(batchless),))
    axis = _flattened_from(x, expected)
    if axis is not None:
        text = " × ".join(map(str, shape[axis:]))
        flattened = _before(failing, f"torch.flatten({{x}}, {axis})", Step("flatten", (axis,)))
        sentence = plain + say(
            ": {shape} is not flattened ({product} = {expected})",
            shape=times(shape),
            product=text,
            expected=expected,
        )
        return Diagnosis("linear.missing_flatten", sentence, (), (flattened,))
    parts, merged_by = factors(failing.trace, x.value.id)
    if len(parts) > 1 and merged_by is not None:
        sentence += say(
            ": {factors} after {operation}",
            factors=product_text(parts),
            operation=maker(failing.trace, merged_by),
        )
    if x.rank == 4 and shape[1] == expected:
        sentence += say(
            ": the {expected} are dimension 1 of {shape}, which is not pooled",
            expected=expected,
            shape=times(shape),
        )
    found = present(
        (
            *_averaged(failing, x, expected),
            _pooled(failing, parts, merged_by, expected),
            *_candidates(failing, x, weight, layer, parts),
        )
    )
    return Diagnosis("linear.in_features", sentence, _derivation(failing, parts), found)


def _flattened_from(x: Operand, expected: int) -> int | None:
    """The axis from which on flattening would give what is expected."""
    if x.rank < 3:
        return None
    axes = (1, 0, *range(2, x.rank - 1))
    return next((axis for axis in axes if prod(x.shape[axis:]) == expected), None)


def _averaged(failing: Failing, x: Operand, expected: int) -> Iterator[Suggestion]:
    """A picture of as many channels as there are features, averaged away or turned."""
    if x.rank == 4 and x.shape[1] == expected:
        yield _before(failing, "{x}.mean((2, 3))", Step("mean", ((2, 3),)))
        yield _before(failing, "{x}.permute(0, 2, 3, 1)", Step("permute", (0, 2, 3, 1)))


def _pooled(
    failing: Failing, parts: tuple[Factor, ...], merged_by: Operation | None, expected: int
) -> Suggestion | None:
    """As many features as there are channels: the picture was to be pooled to one pixel."""
    trace = failing.trace
    alone = prod(part.size for part in parts if part.word == "channels") == expected
    if merged_by is None or not alone or len(parts) not in (2, 3):
        return None
    picture = trace.values[parts[0].value]
    made = None if picture.producer is None else trace.operations[picture.producer]
    pool = None if made is None else trace.module(trace.calls[made.call].path)
    if pool is not None and pool.builtin and pool.kind.startswith("Adaptive"):
        return set_arguments(pool, {"output_size": 1})
    size = len(parts) - 1
    if trace.module(trace.calls[merged_by.call].path).builtin or len(picture.shape) != size + 2:
        return None
    call = CallText(replace(failing, operation=merged_by))
    if call.found is None:
        return None
    return call.on(0, f"F.adaptive_avg_pool{size}d({{x}}, 1)")


def _derivation(failing: Failing, parts: tuple[Factor, ...]) -> tuple[str, ...]:
    stories = [story(failing.trace, part.value, part.axis) for part in parts]
    found = (*start_line(failing.trace, stories), *lines(stories))
    if len(parts) > 1:
        return (joined(" = ", (str(product_of(parts)), product_text(parts))), *found)
    return found


def _before(failing: Failing, template: str, step: Step) -> Suggestion:
    """Something done to the input of the linear layer: a module's, or a functional call's."""
    if failing.module.kind in _KINDS:
        return before_call(failing, template.format(x="x"), (step,))
    return CallText(failing).on(0, template)


def _candidates(
    failing: Failing,
    x: Operand,
    weight: Operand,
    layer: Module | None,
    parts: tuple[Factor, ...],
) -> Iterator[Suggestion | None]:
    expected, arriving = weight.shape[1], x.shape[-1]
    if x.rank in (3, 4) and x.shape[1] == expected:
        return  # another in_features would run, and take pixels for features
    if layer is None:
        yield set_parameter(weight.value, (weight.shape[0], arriving))
    yield made_for(failing, layer, {"in_features": arriving})
    found = ways(failing.trace, parts[0].value, [p.axis for p in parts if p.word != "channels"])
    fixed = prod(p.size for p in parts if p.word == "channels")
    if found and len(parts) > 1:
        if fixed and expected % fixed == 0:
            yield from padded_to(failing, found, expected // fixed)
            yield from other_input_size(failing, found, expected // fixed)
    elif x.rank == 2 or len(parts) == 1:
        yield from other_inputs(failing, x.value, x.rank - 1, expected)
