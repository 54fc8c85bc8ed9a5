"""What each module costs: parameters at their first owner, operations where they ran.

Every tensor and every operation is counted at exactly one row, so that a column adds up to the
total to the last digit. What cannot be known is None, and so is every sum it is part of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnnshape.analysis.accounts import Accounts
from cnnshape.formulas.algebra import Whole, plain
from cnnshape.operations.axes import Size, total
from cnnshape.tracing.trace import Dim, Operation, Parameter, Trace


@dataclass(frozen=True, slots=True)
class ParameterCost:
    """Numbers and bytes of some parameters; None where a lazy one is still uninitialised."""

    params: int | None
    trainable: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class CallCost:
    """One call: the multiply-accumulates of its own operations, and the memory they filled."""

    macs: Dim | None
    subtree_macs: Dim | None
    activation_bytes: int | None


def parameter_cost(parameters: Iterable[Parameter]) -> ParameterCost:
    """Count some parameters, each of them once."""
    listed = tuple(parameters)
    return ParameterCost(
        params=total(parameter.count for parameter in listed),
        trainable=total(parameter.count for parameter in listed if parameter.trainable),
        bytes=total(parameter.bytes for parameter in listed),
    )


def own_parameters(trace: Trace) -> dict[str, ParameterCost]:
    """Per path, the parameters that the module there is the first owner of."""
    by_owner: dict[str, list[Parameter]] = {module.path: [] for module in trace.modules}
    for parameter in trace.parameters:
        by_owner[parameter.owner].append(parameter)
    return {path: parameter_cost(owned) for path, owned in by_owner.items()}


def subtree_parameters(own: dict[str, ParameterCost]) -> dict[str, int | None]:
    """Per path, the parameters first owned by the module there or by one below it."""
    sums = {path: cost.params for path, cost in own.items()}
    for path in sorted(filter(None, own), key=len, reverse=True):  # what is inside comes first
        above = path.rpartition(".")[0]
        while above and above not in sums:
            above = above.rpartition(".")[0]
        if above in sums:
            sums[above] = total((sums[above], sums[path]))
    return sums


def operation_costs(trace: Trace, accounts: Accounts) -> list[Size]:
    """Multiply-accumulates per operation, in the trace's order; None where unknown.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> layer = torch.nn.Conv2d(1, 6, 5, padding=2)
    >>> trace = record(layer, Inputs((torch.zeros(1, 1, 28, 28),))).trace
    >>> operation_costs(trace, Accounts(trace))  # 28·28 positions × 6 filters × 5·5 weights
    [117600]
    """
    return [_macs(operation, accounts) for operation in trace.operations]


def _macs(operation: Operation, accounts: Accounts) -> Size:
    if operation.failed:
        return 0
    return operation.macs if operation.measured else accounts.macs(operation)


def call_costs(trace: Trace, macs: Sequence[Size]) -> list[CallCost]:
    """Per call, what its own forward ran and what its whole subtree ran."""
    own: list[list[Size]] = [[] for _ in trace.calls]
    filled = [0] * len(trace.calls)
    known = [True] * len(trace.calls)
    for operation, count in zip(trace.operations, macs, strict=True):
        own[operation.call].append(count)
        for output in operation.outputs:
            value = trace.values[output]
            if value.alias_of is None:
                filled[operation.call] += value.bytes
                known[operation.call] &= not any(isinstance(size, str) for size in value.shape)
    # Prefix sums give any range of operations at once; unknown ones are counted apart.
    sums: list[Whole] = [0]
    unknown = [0]
    for count in macs:
        sums.append(sums[-1] + (count or 0))
        unknown.append(unknown[-1] + (count is None))
    costs: list[CallCost] = []
    for call in trace.calls:
        start, stop = call.operations
        whole = None if unknown[stop] > unknown[start] else sums[stop] - sums[start]
        costs.append(
            CallCost(
                macs=in_plain(total(own[call.index])),
                subtree_macs=in_plain(whole),
                activation_bytes=filled[call.index] if known[call.index] else None,
            )
        )
    return costs


def in_plain(size: Size) -> Dim | None:
    """A number, or an expression as text, as reports have it."""
    return None if size is None else plain(size)
