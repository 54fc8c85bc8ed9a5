"""Linear layers: ``mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.earlier_corrections import other_inputs, with_padding
from cnnshape.analysis.diagnose.edits import Step
from cnnshape.analysis.diagnose.failing import Failing, Sizes, sizes
from cnnshape.analysis.diagnose.rules.missing_batch import unbatched_input, unsqueeze_input
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
from cnnshape.analysis.diagnose.sizes_that_fit import Way, input_sizes, ways
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.diagnose.suggest import (
    before_call,
    new_input,
    own_layer,
    set_arguments,
    set_parameter,
)
from cnnshape.analysis.diagnose.wording import arrive, who
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Module, Operation, Value
from cnnshape.words import plural, times

_KINDS = frozenset({"Linear", "NonDynamicallyQuantizableLinear"})


def linear(failing: Failing) -> Diagnosis | None:
    """``F.linear``, whoever called it: the last axis must be ``in_features``."""
    arriving = failing.value(failing.argument(0, "input"))
    weight = failing.value(failing.argument(1, "weight"))
    if arriving is None or weight is None:
        return None
    shape, matrix = sizes(arriving), sizes(weight)
    if not shape or matrix is None or len(matrix) != 2 or shape[-1] == matrix[1]:
        return None
    layer = failing.layer(_KINDS, failing.argument(1, "weight"))
    expected = matrix[1]
    name = who(failing.path, failing.module.type)
    if layer is None or layer.path != failing.path:
        name = f"linear with {weight.name or 'its weight'}"
    parts, merged_by = factors(failing.trace, arriving.id)
    merged = len(parts) > 1 and merged_by is not None
    sentence = f"{name} expects {plural(expected, 'feature')}, but {shape[-1]} {arrive(shape[-1])}"
    sentence += failing.which_call()
    batchless = unbatched_input(failing)
    if batchless is not None and shape[0] * shape[-1] == expected and len(shape) == 2:
        sentence += (
            f": {batchless.name} {times(batchless.shape)} has no batch dimension, so the first of "
            f"{shape[0]}×{shape[-1]} = {expected} was taken for it"
        )
        return Diagnosis("input.missing_batch", sentence, (), (unsqueeze_input(batchless),))
    if merged and merged_by is not None:
        after = maker(failing.trace, merged_by)
        sentence += f": {product_text(parts)} after {after}"
    flattened = _unflattened(failing, arriving, shape, expected)
    if flattened is not None:
        from_axis, candidate = flattened
        text = " × ".join(map(str, shape[from_axis:]))
        sentence = (
            f"{name} expects {plural(expected, 'feature')}, but {shape[-1]} {arrive(shape[-1])}: "
            f"{times(shape)} is not flattened ({text} = {expected})"
        )
        return Diagnosis("linear.missing_flatten", sentence, (), (candidate,))
    if len(shape) == 4 and shape[1] == expected:
        sentence += f": the {expected} are dimension 1 of {times(shape)}, which is not pooled"
    found: list[Suggestion | None] = [*_pooled(failing, shape, parts, merged_by, expected)]
    found += _candidates(failing, layer, parts)
    return Diagnosis(
        "linear.in_features", sentence, _derivation(failing, parts), tuple(_present(found))
    )


def _pooled(
    failing: Failing,
    shape: Sizes,
    parts: tuple[Factor, ...],
    merged_by: Operation | None,
    expected: int,
) -> Iterator[Suggestion | None]:
    """As many features as there are channels: the picture was to be averaged away."""
    trace = failing.trace
    if len(shape) == 4 and shape[1] == expected:
        yield _before(failing, "{x}.mean((2, 3))", (Step("mean", ((2, 3),)),))
        yield _before(failing, "{x}.permute(0, 2, 3, 1)", (Step("permute", (0, 2, 3, 1)),))
    alone = prod(part.size for part in parts if part.word == "channels") == expected
    if merged_by is None or not alone or len(parts) not in (2, 3):
        return
    picture = trace.values[parts[0].value]
    made = None if picture.producer is None else trace.operations[picture.producer]
    pool = None if made is None else trace.module(trace.calls[made.call].path)
    if pool is not None and pool.builtin and pool.kind.startswith("Adaptive"):
        yield set_arguments(pool, {"output_size": 1})
        return
    size = len(parts) - 1
    if trace.module(trace.calls[merged_by.call].path).builtin or len(picture.shape) != size + 2:
        return
    call = CallText(replace(failing, operation=merged_by))
    if call.found is not None:
        new = f"F.adaptive_avg_pool{size}d({call.operand(0)}, 1)"
        yield call.candidate(call.with_operand(0, new, new), operands=((0, (Step("pool"),)),))


def _present(candidates: list[Suggestion | None]) -> Iterator[Suggestion]:
    return (candidate for candidate in candidates if candidate is not None)


def _derivation(failing: Failing, parts: tuple[Factor, ...]) -> tuple[str, ...]:
    stories = [story(failing.trace, part.value, part.axis) for part in parts]
    found = (*start_line(failing.trace, stories), *lines(stories))
    if len(parts) > 1:
        return (f"{product_of(parts)} = {product_text(parts)}", *found)
    return found


def _unflattened(
    failing: Failing, arriving: Value, shape: Sizes, expected: int
) -> tuple[int, Suggestion] | None:
    """Flattening the axes behind the batch would give what is expected."""
    if len(shape) < 3:
        return None
    for axis in (1, 0, *range(2, len(shape) - 1)):
        if prod(shape[axis:]) == expected:
            steps = (Step("flatten", (axis,)),)
            return axis, _before(failing, f"torch.flatten({{x}}, {axis})", steps)
    del arriving
    return None


def _before(failing: Failing, text: str, steps: tuple[Step, ...]) -> Suggestion:
    """Something done to the input of the linear layer: a module's, or a functional call's."""
    if failing.module.kind in _KINDS:
        return before_call(failing, text.format(x="x"), steps)
    call = CallText(failing)
    operand = call.operand(0)
    new = text.format(x=operand)
    return call.candidate(call.with_operand(0, new, new), operands=((0, steps),))


def _candidates(
    failing: Failing, layer: Module | None, parts: tuple[Factor, ...]
) -> Iterator[Suggestion | None]:
    arriving = failing.value(failing.argument(0, "input"))
    weight = failing.value(failing.argument(1, "weight"))
    assert arriving is not None and weight is not None  # noqa: PT018
    shape, matrix = sizes(arriving), sizes(weight)
    assert shape is not None and matrix is not None  # noqa: PT018
    expected = matrix[1]
    if len(shape) == 3 and shape[1] == expected:
        yield _before(failing, "{x}.transpose(1, -1)", (Step("transpose", (1, -1)),))
    if len(shape) in (3, 4) and shape[1] == expected:
        return  # another in_features would run, and take pixels for features
    if failing.earlier_call() is not None and layer is not None:
        # The first call ran with what the layer expects: it cannot be rebuilt for the second.
        yield own_layer(failing, layer, {"in_features": shape[-1]})
    elif layer is not None:
        yield set_arguments(layer, {"in_features": shape[-1]})
    else:
        yield set_parameter(failing, weight, (matrix[0], shape[-1]))
    found = ways(failing.trace, parts[0].value, [p.axis for p in parts if p.word != "channels"])
    fixed = prod(p.size for p in parts if p.word == "channels")
    if found and len(parts) > 1:
        yield from _other_ways(failing, found, fixed, expected)
    elif len(shape) == 2 or len(parts) == 1:
        yield from other_inputs(failing, arriving, len(shape) - 1, expected)


def _other_ways(
    failing: Failing, found: list[Way], fixed: int, expected: int
) -> Iterator[Suggestion | None]:
    """Padding in a convolution before it, or another input size, so that ``expected`` arrive."""

    def arrives(now: list[int], changes: dict[str, dict[str, int]] | None = None) -> bool:
        got = [one.size(n, changes) for one, n in zip(found, now, strict=True)]
        known = [n for n in got if n is not None]
        return len(known) == len(got) and fixed * prod(known) == expected

    trace = failing.trace
    value = trace.values[found[0].start[0]]
    whole = sizes(value)
    if whole is None:
        return
    now = [whole[one.start[1]] for one in found]
    yield from with_padding(failing, found, lambda changes: arrives(now, changes))
    moved = input_sizes(lambda n: arrives(list(n)), now)
    if moved is not None and value.name:
        after = list(whole)
        for one, n in zip(found, moved, strict=True):
            after[one.start[1]] = n
        yield new_input(value.name, whole, after)
