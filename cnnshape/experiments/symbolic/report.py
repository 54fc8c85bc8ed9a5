"""The report of a model whose input sizes are letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cnnshape.analysis.backward import backward_costs
from cnnshape.analysis.build import build_report
from cnnshape.analysis.cost import call_costs, in_plain
from cnnshape.analysis.followed import retold
from cnnshape.analysis.report import Check, Layer, OperationRow, Report, TensorRow
from cnnshape.experiments.symbolic.demands import Demand
from cnnshape.experiments.symbolic.find_expressions import (
    TIME_LIMIT,
    Progress,
    Understanding,
    size_text,
    understand,
)
from cnnshape.experiments.symbolic.lettered_check import symbolic_check
from cnnshape.experiments.symbolic.letters import Letters, shapes_of
from cnnshape.experiments.symbolic.other_steps import ROOT, Key
from cnnshape.experiments.symbolic.refusals import refuse_fixed_letters
from cnnshape.experiments.symbolic.sampling import all_hold, reach
from cnnshape.experiments.symbolic.solve import Solution
from cnnshape.formulas.algebra import plain
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import joined, say
from cnnshape.operations.axes import Size, total
from cnnshape.tracing.trace import Dim, Shape, Trace
from cnnshape.words import listed


def symbolic_report(
    prepared: Prepared,
    *,
    seconds: float = TIME_LIMIT,
    progress: Progress | None = None,
) -> Report:
    """The report of a model with letters in its input: every size an expression.

    Shapes and MACs are strings where they depend on a letter; ``constraints`` has what the model
    demands of the letters, ``notes`` what was checked and where an expression holds only in part.

    Raises:
        ModelFailedError: the model accepts no size that was tried.
        DataDependentError: a size depends on the values of the input.
        UsageError: a letter stands where only one number can, or two letters must be equal.
    """
    found = understand(prepared, seconds=seconds, progress=progress)
    refuse_fixed_letters(found.run, found.demands, _shape_text(prepared))
    return _written(prepared, found)


def _shape_text(prepared: Prepared) -> str:
    specs = prepared.inputs.specs
    return str(specs[0]) if specs else ""


def _written(prepared: Prepared, found: Understanding) -> Report:
    trace, solution = found.run.trace, found.solution
    numbers = build_report(trace, spec=prepared.spec, notes=prepared.notes)
    macs = [solution.macs(op) for op in trace.operations]
    costs = call_costs(trace, macs)
    undone = backward_costs(trace, solution.sizes.accounts, macs)
    backward = call_costs(trace, undone)
    lettered = _with_letters(trace, found)
    below = found.untold.subtree_macs

    def told(layer: Layer, unknown: frozenset[Key], macs: Dim | None) -> Dim | None:
        return None if (layer.path, layer.call) in unknown else macs

    layers = tuple(
        layer
        if layer.index is None
        else replace(
            layer,
            input_shapes=lettered.shapes(trace.calls[layer.index].inputs),
            output_shapes=lettered.shapes(trace.calls[layer.index].outputs),
            macs=told(layer, found.untold.macs, costs[layer.index].macs),
            subtree_macs=told(layer, below, costs[layer.index].subtree_macs),
            backward_macs=told(layer, found.untold.macs, backward[layer.index].macs),
            subtree_backward_macs=told(layer, below, backward[layer.index].subtree_macs),
            activation_bytes=None,
            check=_layer_check(layer, lettered, solution),
        )
        for layer in numbers.layers
    )
    rows = tuple(_operation(row, lettered, macs, solution) for row in numbers.operations)
    demands = {str(demand): demand.index for demand in reversed(found.demands)}  # the first of each
    demands = dict(reversed(demands.items()))
    return replace(
        numbers,
        inputs=tuple(_input_rows(prepared, numbers.inputs)),
        outputs=tuple(
            replace(row, shape=lettered.shape(named.value))
            for row, named in zip(numbers.outputs, trace.outputs, strict=True)
        ),
        layers=layers,
        operations=rows,
        totals=replace(
            numbers.totals,
            macs=None if ROOT in below else in_plain(total(macs)),
            backward_macs=None if ROOT in below else in_plain(total(undone)),
            activation_bytes=None,
        ),
        trace=lettered,
        constraints=tuple(demands),
        demanded_by=tuple(None if index < 0 else index for index in demands.values()),
        letters=dict(found.run.letters),
        notes=(*numbers.notes, *_notes(found)),
    )


def _input_rows(prepared: Prepared, rows: Sequence[TensorRow]) -> Iterable[TensorRow]:
    for row, shape in zip(rows, shapes_of(prepared.inputs), strict=False):
        yield replace(row, shape=shape)


# ---- the trace with expressions in it ---------------------------------------------------


def _with_letters(trace: Trace, found: Understanding) -> Trace:
    """Sizes as texts, as the report shows them; a question mark where none is right."""
    solution, wrong = found.solution, {value for value, _ in found.untold.axes}

    def shape(value: int) -> Shape:
        dims = enumerate(solution.of(value))
        return tuple(
            "?" if size is None or (value, axis) in found.untold.axes else plain(size)
            for axis, size in dims
        )

    values = (
        replace(v, shape=shape(v.id), bytes=0) if v.id in solution.dims or v.id in wrong else v
        for v in trace.values
    )
    return replace(trace, values=tuple(values))


# ---- rows -------------------------------------------------------------------------------


def _layer_check(layer: Layer, lettered: Trace, solution: Solution) -> Check | None:
    if layer.check is None or layer.index is None:
        return layer.check
    ran = [op for op in lettered.own_operations(layer.index) if not op.failed]
    accounts = solution.sizes.accounts
    if layer.check.status == "match" and not any(map(accounts.rule, ran)):
        call = lettered.calls[layer.index]
        expected = lettered.shape(call.outputs[0].value)
        return replace(
            layer.check, expected=expected, substitution=retold(lettered, call, accounts)
        )
    return symbolic_check(layer.check, ran, solution)


def _operation(
    row: OperationRow, lettered: Trace, macs: Sequence[Size], solution: Solution
) -> OperationRow:
    op = lettered.operations[row.index]
    inputs = tuple(
        lettered.shape(value) for value in op.inputs if not lettered.values[value].static
    )
    check = row.check and symbolic_check(row.check, [op], solution)
    return replace(
        row,
        input_shapes=inputs,
        output_shapes=tuple(lettered.shape(value) for value in op.outputs),
        macs=in_plain(macs[row.index]),
        check=check,
    )


# ---- what the reader should know --------------------------------------------------------


def _notes(found: Understanding) -> Iterable[str]:
    fixed = [_fixed(found, name) for name in found.prober.inputs.letters]
    yield from (note for note in fixed if note is not None)
    others = [point for point in found.checked if point != found.run.letters]
    if others:
        yield (
            say(
                "every expression was checked at {count} sizes, {sizes}",
                count=len(others) + 1,
                sizes=_few([found.run.letters, *others]),
            )
        )
    elif not found.failing and None in fixed:
        yield say(
            "the model accepts no other size than {sizes} near it",
            sizes=size_text(found.run.letters),
        )
    yield from _wrong_expressions(found)
    if found.untold.costs_wrong_at:
        points = _few(found.untold.costs_wrong_at)
        if ROOT in found.untold.subtree_macs:
            here = size_text(found.run.letters)
            yield say(
                "MACs unknown: the model runs other steps at {sizes}; the rows are those of {here}",
                sizes=points,
                here=here,
            )
        elif not found.failing:
            yield say(
                "the MACs do not hold at {sizes}, where the model runs other steps", sizes=points
            )
    if found.refused:
        yield say(
            "the model needs more than is listed: it refuses {sizes}", sizes=_few(found.refused)
        )
    if found.solution.unknown:
        names = ", ".join(found.solution.unknown)
        yield say(
            "{layers}: no expression in the letters of the input was found for these sizes",
            layers=names,
        )
    if not found.complete:
        yield say("the time limit was reached: fewer sizes were checked than usual")


def _wrong_expressions(found: Understanding) -> Iterable[str]:
    """One note for all the layers whose expressions are wrong at the same sizes."""
    together: dict[str, list[str]] = {}
    for (path, call), points in found.failing.items():
        where = (path or say("the result")) + (
            say(" (call {number})", number=call + 1) if call else ""
        )
        together.setdefault(_few(points), []).append(where)
    for points, (first, *others) in together.items():
        if not others:
            yield say("{layer}: the expression does not hold at {sizes}", layer=first, sizes=points)
            continue
        few = listed((first, *others))
        if len(others) > 2:
            few = say("{first} and {count} others", first=first, count=len(others))
        yield say("{layers}: the expressions do not hold at {sizes}", layers=few, sizes=points)


def _few(points: Sequence[Letters]) -> str:
    shown = joined(say("; "), map(size_text, points[:3]))
    return shown + say("; …") if len(points) > 3 else shown


def _fixed(found: Understanding, name: str) -> str | None:
    """``H = 224 (fixed by encoder.pos_embedding)``, if the demands leave one value only."""
    own = [demand for demand in found.demands if demand.letters == frozenset((name,))]
    if not any(demand.relation == "==" for demand in own):
        return None
    allowed = [n for n in range(1, reach(found.run.letters[name]) + 1) if all_hold(own, {name: n})]
    if len(allowed) != 1:
        return None
    tied = [demand for demand in found.solution.demands if name in demand.letters]
    return say(
        "{letter} = {size} (fixed by {cause})",
        letter=name,
        size=allowed[0],
        cause=_cause(found, [*own, *tied]),
    )


def _cause(found: Understanding, demands: Sequence[Demand]) -> str:
    """The parameter that fixes a size, else the module whose operation does."""
    equal = [d for d in demands if d.relation == "=="]
    parameter = next((d.parameter for d in equal if d.parameter is not None), None)
    if parameter is not None:
        return parameter
    trace = found.run.trace
    cause = next((d.cause for d in demands if d.cause), None)
    if cause is not None:
        return cause
    index = next(d.index for d in demands if d.index >= 0)
    return trace.calls[trace.operations[index].call].path or trace.modules[0].type
