"""What a rule wants to know and a trace does not hold: signatures, and the values of indices."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cnnshape.analysis.arguments import base_name
from cnnshape.analysis.diagnose import Facts, Signature, diagnose, failing
from cnnshape.experiments.attempt import Setup
from cnnshape.tracing.execute import Mode, record
from cnnshape.tracing.names import operation_name
from cnnshape.tracing.trace import Operation, Trace

#: Functions that fail because of the values of a tensor.
_BY_VALUE = frozenset(
    "embedding embedding_bag gather index_select getitem cross_entropy nll_loss take_along_dim "
    "scatter one_hot".split()
)
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8)


def gather_facts(setup: Setup, trace: Trace) -> Facts:
    """The facts about one failure. Values cost another pass, and are read where they matter."""
    found = failing(trace)
    if found is None:
        return Facts()
    signature = None
    if found.operation is None and found.failure.type == "TypeError" and found.call is not None:
        signature = _signature(setup.model, found.call.path)
    ranges: dict[int, tuple[int, int]] = {}
    by_value = found.operation is not None and base_name(found.operation.name)[0] in _BY_VALUE
    if found.operation is not None and by_value and setup.device != "meta":
        # Shapes that explain it spare the other pass.
        told = diagnose(trace, Facts(signature))
        if told is None or told.kind == "embedding.index":
            ranges = _ranges(setup, trace, found.operation)
    return Facts(signature, ranges)


def _signature(model: nn.Module, path: str) -> Signature | None:
    try:
        module = model.get_submodule(path)
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (AttributeError, TypeError, ValueError):
        return None
    kinds = inspect.Parameter
    named = [
        p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    only = [p for p in parameters if p.kind == kinds.KEYWORD_ONLY]
    every = [*named, *only]
    return Signature(
        required=tuple(p.name for p in every if p.default is kinds.empty),
        optional=tuple(p.name for p in every if p.default is not kinds.empty),
        any_positional=any(p.kind == kinds.VAR_POSITIONAL for p in parameters),
        any_keyword=any(p.kind == kinds.VAR_KEYWORD for p in parameters),
    )


def _ranges(setup: Setup, trace: Trace, operation: Operation) -> dict[int, tuple[int, int]]:
    observer = _Observer(operation)
    with observer:
        record(setup.model, setup.inputs, device=setup.device, mode=cast("Mode", setup.mode))
    found = failing(trace)
    if observer.extremes is None or found is None:
        return {}
    if len(observer.extremes) != len(found.tensors):
        return {}
    pairs = zip(found.tensors, observer.extremes, strict=True)
    return {value.id: extremes for value, extremes in pairs if extremes is not None}


class _Observer(TorchFunctionMode):
    """Notes the smallest and largest value of the integer tensors in the last call."""

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.extremes: list[tuple[int, int] | None] | None = None
        self._name = operation.name

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the function; look at its tensors before it."""
        kwargs = kwargs or {}
        if operation_name(func, getattr(func, "__name__", "")) == self._name:
            from torch.utils import _pytree as pytree

            leaves = pytree.tree_leaves((args, list(kwargs.values())))
            self.extremes = [_extremes(t) for t in leaves if isinstance(t, torch.Tensor)]
        return func(*args, **kwargs)


def _extremes(tensor: torch.Tensor) -> tuple[int, int] | None:
    if tensor.dtype not in _INTEGERS or tensor.is_meta or not tensor.numel():
        return None
    return int(tensor.min()), int(tensor.max())
