"""What each module costs: parameters at their first owner, operations where they ran.

Every tensor and every operation is counted at exactly one row, so that a column adds up to the
total to the last digit. What cannot be known is None, and so is every sum it is part of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cnnshape.analysis.macs import operation_macs
from cnnshape.tracing.trace import Parameter, Trace


@dataclass(frozen=True, slots=True)
class ParameterCost:
    """Numbers and bytes of some parameters; None where a lazy one is still uninitialised."""

    params: int | None
    trainable: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class CallCost:
    """One call: the multiply-accumulates of its own operations, and the memory they filled."""

    macs: int | None
    subtree_macs: int | None
    activation_bytes: int | None


def total(numbers: Iterable[int | None]) -> int | None:
    """The sum; None if any part is unknown.

    >>> total([1, 2]), total([1, None])
    (3, None)
    """
    result = 0
    for number in numbers:
        if number is None:
            return None
        result += number
    return result


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
    sums: dict[str, int | None] = dict.fromkeys(own, 0)
    for path, cost in own.items():
        if cost.params == 0:
            continue
        above = path
        while True:
            if above in sums:
                sums[above] = total((sums[above], cost.params))
            if not above:
                break
            above = above.rpartition(".")[0]
    return sums


def operation_costs(trace: Trace) -> list[int | None]:
    """Multiply-accumulates per operation, in the trace's order."""
    return [operation_macs(trace, operation) for operation in trace.operations]


def call_costs(trace: Trace, macs: list[int | None]) -> list[CallCost]:
    """Per call, what its own forward ran and what its whole subtree ran."""
    own: list[list[int | None]] = [[] for _ in trace.calls]
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
    sums, unknown = [0], [0]
    for count in macs:
        sums.append(sums[-1] + (count or 0))
        unknown.append(unknown[-1] + (count is None))
    costs: list[CallCost] = []
    for call in trace.calls:
        start, stop = call.operations
        whole = None if unknown[stop] > unknown[start] else sums[stop] - sums[start]
        costs.append(
            CallCost(
                macs=total(own[call.index]),
                subtree_macs=whole,
                activation_bytes=filled[call.index] if known[call.index] else None,
            )
        )
    return costs
