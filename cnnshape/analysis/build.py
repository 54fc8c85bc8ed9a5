"""Gathering the readers of one trace into a report."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.backward import backward_costs
from cnnshape.analysis.conditions import cut_at_broken_condition
from cnnshape.analysis.cost import (
    CallCost,
    ParameterCost,
    call_costs,
    in_plain,
    operation_costs,
    own_parameters,
    parameter_cost,
    subtree_parameters,
)
from cnnshape.analysis.followed import follow
from cnnshape.analysis.remarks import remarks
from cnnshape.analysis.report import (
    Check,
    ErrorReport,
    Layer,
    OperationRow,
    OptionRow,
    Report,
    TensorRow,
    Totals,
)
from cnnshape.analysis.unread_fields import Fields
from cnnshape.analysis.verify import combined, verify
from cnnshape.errors import ModelFailedError
from cnnshape.garbage import uncollected
from cnnshape.operations.axes import Size, total
from cnnshape.tracing.trace import UNSEEN, ModuleCall, NamedValue, Operation, Trace

#: Devices whose tensors have no memory, where torch skips checks of its own.
_WITHOUT_MEMORY = ("meta", "fake")


def build_report(
    trace: Trace,
    *,
    spec: str = "",
    exception: BaseException | None = None,
    notes: tuple[str, ...] = (),
) -> Report:
    """Everything cnnshape has to say about one recorded pass.

    Args:
        trace: the recording.
        spec: how the model was named, for the reader.
        exception: the model's own exception, kept for ``raise_for_error``.
        notes: sentences for the reader about how the model was loaded or run.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> report = build_report(record(torch.nn.Linear(4, 2), Inputs((torch.zeros(1, 4),))).trace)
    >>> report.totals.params, report.totals.macs, report.layers[0].check.status
    (10, 8, 'match')
    """
    return uncollected(_built, trace, spec, exception, notes)


def _built(
    trace: Trace, spec: str, exception: BaseException | None, notes: tuple[str, ...]
) -> Report:
    accounts = Accounts(trace)
    checks = verify(trace, accounts)
    if trace.execution.device in _WITHOUT_MEMORY:
        cut = cut_at_broken_condition(trace, checks)
        if cut is not trace and cut.failure is not None:
            trace, exception = cut, ModelFailedError(cut.failure.message)
            accounts = Accounts(trace)
            last = len(cut.operations) - 1
            checks = {index: check for index, check in checks.items() if index < last}
    macs = operation_costs(trace, accounts)
    placed = _Placement(trace, checks, accounts)
    layers = tuple(_layers(trace, placed, macs))
    rows = tuple(_operation_rows(trace, placed, checks, macs))
    return Report(
        spec=spec or trace.modules[0].type,
        class_name=trace.modules[0].type,
        device=trace.execution.device,
        mode=trace.execution.mode,
        reason=trace.execution.reason,
        seconds=trace.execution.seconds,
        inputs=_tensor_rows(trace, trace.inputs),
        outputs=_tensor_rows(trace, trace.outputs),
        layers=layers,
        operations=rows,
        totals=_totals(trace, layers, rows, macs),
        trace=trace,
        error=_error(trace),
        notes=(*notes, *remarks(trace, accounts, macs)),
        exception=exception,
        options=tuple(OptionRow(o.name, o.text, o.shape, o.dtype) for o in trace.options),
    )


class _Placement:
    """Which checks stand at a layer's row and which at an operation's own row.

    A layer of torch, or a leaf module that ran one covered operation, shows the check itself;
    in the forward of a module that calls others, a functional call is a row of its own.
    """

    def __init__(self, trace: Trace, checks: dict[int, Check], accounts: Accounts) -> None:
        self.accounts = accounts
        self.has_children = {call.parent for call in trace.calls}
        own: dict[int, list[Operation]] = {}
        for operation in trace.operations:
            own.setdefault(operation.call, []).append(operation)
        self.layer_checks: dict[int, Check] = {}
        self.hidden: set[int] = set()
        #: Calls whose own operations have checks, in their own row or in the layer's.
        self.covered = {trace.operations[index].call for index in checks}
        for call in trace.calls:
            builtin = trace.module(call.path).builtin
            if call.index in self.has_children and not builtin:
                continue
            operations = own.get(call.index, [])
            covered = [op for op in operations if op.index in checks]
            if covered and (builtin or len(covered) == 1):
                self.layer_checks[call.index] = combined([checks[op.index] for op in covered])
                self.hidden.update(op.index for op in covered)
            if builtin:
                self.hidden.update(op.index for op in operations)

    def told(self, call: ModuleCall) -> bool:
        """Whether nothing is left to be said of the size that a call made."""
        return call.index in self.covered or self._only_rearranges(call)

    def _only_rearranges(self, call: ModuleCall) -> bool:
        """Whether a call only moved the numbers of its input: a window partition, a permutation.

        There is no size then that a rule could compute.
        """
        trace = self.accounts.trace
        ran = [self.accounts.of(operation) for operation in trace.own_operations(call.index)]
        if not ran or not all(account is not None and account.rearranges for account in ran):
            return False
        given, made = (_elements(trace, values) for values in (call.inputs[:1], call.outputs[:1]))
        return given is not None and given == made


def _elements(trace: Trace, values: tuple[NamedValue, ...]) -> int | None:
    """How many numbers one tensor holds; None where its sizes are expressions."""
    sizes = [size for shape in trace.shapes(values) for size in shape]
    numbers = [size for size in sizes if isinstance(size, int)]
    return prod(numbers) if len(numbers) == len(sizes) else None


class _Parameters(NamedTuple):
    """A module's own parameters, and how many there are with those of all modules below."""

    own: ParameterCost
    below: int | None


_COUNTED_BEFORE = _Parameters(ParameterCost(0, 0, 0), 0)


def _layers(trace: Trace, placed: _Placement, macs: list[Size]) -> Iterable[Layer]:
    own = own_parameters(trace)
    below = subtree_parameters(own)
    costs = call_costs(trace, macs)
    undone = call_costs(trace, backward_costs(trace, placed.accounts, macs))
    fields = Fields(trace, placed.accounts)
    for call in trace.calls:
        # A module's parameters count where it first runs.
        first = call.call == 0
        parameters = _Parameters(own[call.path], below[call.path]) if first else _COUNTED_BEFORE
        both = costs[call.index], undone[call.index]
        yield _called_layer(trace, call, placed, parameters, both, fields)
    called = {call.path for call in trace.calls}
    for module in trace.modules:
        if module.path not in called:
            cost = own[module.path]
            yield Layer(
                path=module.path,
                type=module.type,
                kind=module.kind,
                depth=module.depth,
                call=0,
                called=False,
                input_shapes=(),
                output_shapes=(),
                params=cost.params,
                trainable_params=cost.trainable,
                subtree_params=below[module.path],
                macs=0,
                subtree_macs=0,
                parameter_bytes=cost.bytes,
                activation_bytes=0,
                config=module.config,
            )


def _called_layer(
    trace: Trace,
    call: ModuleCall,
    placed: _Placement,
    parameters: _Parameters,
    costs: tuple[CallCost, CallCost],
    fields: Fields,
) -> Layer:
    cost, undone = costs
    module = trace.module(call.path)
    inputs, outputs = trace.shapes(call.inputs), trace.shapes(call.outputs)
    leaf = call.index not in placed.has_children
    # What depends on parameters alone, as a normed weight does, is no size on the data's way.
    static = all(trace.values[item.value].static for item in call.outputs)
    changed = call.finished and bool(inputs) and not static and outputs[:1] != inputs[:1]
    unruled = leaf and changed and not placed.told(call)
    check = follow(trace, call, placed.accounts) if unruled else placed.layer_checks.get(call.index)
    return Layer(
        path=call.path,
        type=module.type,
        kind=module.kind,
        depth=module.depth,
        call=call.call,
        called=True,
        input_shapes=inputs,
        output_shapes=outputs,
        params=parameters.own.params,
        trainable_params=parameters.own.trainable,
        subtree_params=parameters.below,
        macs=cost.macs,
        subtree_macs=cost.subtree_macs,
        parameter_bytes=parameters.own.bytes,
        activation_bytes=cost.activation_bytes,
        config=module.config,
        output_dtypes=trace.dtypes(item.value for item in call.outputs),
        fields=fields,
        check=check,
        covered=not unruled or check is not None,
        backward_macs=undone.macs,
        subtree_backward_macs=undone.subtree_macs,
        source=call.source,
        finished=call.finished,
        index=call.index,
    )


def _operation_rows(
    trace: Trace, placed: _Placement, checks: dict[int, Check], macs: list[Size]
) -> Iterable[OperationRow]:
    for operation in trace.operations:
        if operation.index in placed.hidden or operation.name == UNSEEN:
            continue
        check = checks.get(operation.index)
        costs = macs[operation.index] != 0
        moving = [value for value in operation.inputs if not trace.values[value].static]
        inputs = tuple(map(trace.shape, moving or (operation.inputs if costs else ())))
        outputs = tuple(trace.shape(value) for value in operation.outputs)
        if operation.inplace or not inputs:
            continue
        same = not outputs or outputs[0] == inputs[0]
        if check is None and same and not costs and not operation.failed:
            continue
        yield OperationRow(
            op=operation.name,
            path=trace.calls[operation.call].path,
            input_shapes=inputs,
            output_shapes=outputs,
            macs=in_plain(macs[operation.index]),
            check=check,
            output_dtypes=trace.dtypes(operation.outputs),
            source=operation.source,
            index=operation.index,
            call=operation.call,
        )


def _totals(
    trace: Trace,
    layers: tuple[Layer, ...],
    rows: tuple[OperationRow, ...],
    macs: list[Size],
) -> Totals:
    cost = parameter_cost(trace.parameters)
    buffers = parameter_cost(trace.buffers)
    checks = [row.check for row in (*layers, *rows) if row.check is not None]
    return Totals(
        params=cost.params,
        trainable_params=cost.trainable,
        buffers=buffers.params or 0,
        macs=in_plain(total(macs)),
        parameter_bytes=cost.bytes,
        buffer_bytes=buffers.bytes or 0,
        activation_bytes=total(layer.activation_bytes for layer in layers),
        match=sum(check.mark == "match" for check in checks),
        mismatch=sum(check.mark == "mismatch" for check in checks),
        uncovered=sum(not layer.covered for layer in layers),
        backward_macs=layers[0].subtree_backward_macs,
    )


def _tensor_rows(trace: Trace, named: tuple[NamedValue, ...]) -> tuple[TensorRow, ...]:
    values = [(item.name, trace.values[item.value]) for item in named]
    return tuple(TensorRow(name, value.shape, value.dtype) for name, value in values)


def _error(trace: Trace) -> ErrorReport | None:
    if trace.failure is None:
        return None
    from cnnshape.analysis.diagnose.built_at import built_at
    from cnnshape.analysis.diagnose.dispatch import diagnose
    from cnnshape.analysis.diagnose.failing import Failing
    from cnnshape.analysis.patterns import turned_before

    failing = Failing.of(trace)
    assert failing is not None
    diagnosis = diagnose(failing)
    return ErrorReport(
        path=failing.path,
        type=failing.module.type,
        op=failing.operation.name if failing.operation else None,
        message=failing.failure.message,
        exception=failing.failure.type,
        call=failing.call.call if failing.call else 0,
        kind=diagnosis.kind if diagnosis else None,
        diagnosis=diagnosis.sentence if diagnosis else None,
        source=failing.failure.source,
        suggestions=diagnosis.suggestions if diagnosis else (),
        derivation=diagnosis.derivation if diagnosis else (),
        arguments=failing.received(),
        built=built_at(failing),
        patterns=turned_before(trace, failing.operation) if failing.operation else (),
    )
