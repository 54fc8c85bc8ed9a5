"""Layers that only give their input another shape: there is no size that a rule could compute."""

from __future__ import annotations

import math

from cnnshape.tracing.trace import ModuleCall, NamedValue, Trace

#: Functions after which every number is still there, in another place or under other axes.
_REARRANGING = frozenset(
    "view view_as reshape reshape_as flatten unflatten squeeze unsqueeze ravel "
    "permute transpose swapaxes swapdims movedim moveaxis t T mT H mH adjoint numpy_T "
    "contiguous clone flip fliplr flipud roll".split()
)


def only_rearranges(trace: Trace, call: ModuleCall) -> bool:
    """Whether a call only moved the numbers of its input: ``Permute``, a window partition.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> class Swap(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.permute(0, 2, 1)
    >>> trace = record(Swap(), Inputs((torch.zeros(1, 2, 3),))).trace
    >>> only_rearranges(trace, trace.calls[0])
    True
    """
    ran = list(trace.own_operations(call.index))
    if not ran or any(operation.name not in _REARRANGING for operation in ran):
        return False
    given, made = (_elements(trace, call.inputs[:1]), _elements(trace, call.outputs[:1]))
    return given is not None and given == made


def _elements(trace: Trace, values: tuple[NamedValue, ...]) -> int | None:
    """How many numbers one tensor holds; None where its sizes are expressions."""
    sizes = [size for shape in trace.shapes(values) for size in shape]
    numbers = [size for size in sizes if isinstance(size, int)]
    return math.prod(numbers) if len(numbers) == len(sizes) else None
