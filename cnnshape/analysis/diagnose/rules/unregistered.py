"""Layers in a plain list, which ``.to()``, ``.double()`` and the optimizer pass by."""

from __future__ import annotations

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import Module


def left_behind(failing: Failing) -> Diagnosis | None:
    """A weight of another dtype than all others, which belongs to no registered layer."""
    holder = _holder(failing)
    if holder is None:
        return None
    own = [v for v in failing.tensors if v.origin == "constant" and v.static]
    others = {v.dtype for v in failing.tensors if v not in own}
    behind = [v for v in own if v.dtype not in others and v.dtype.startswith(("float", "bfloat"))]
    if not behind or not others:
        return None
    name = f"{holder.path or holder.type}.{holder.unregistered[0]}"
    sentence = say(
        "{layers} is a plain list or dict, of whose layers torch does not know: what "
        "changed the model to {dtype} left them at {left}",
        layers=name,
        dtype=min(others),
        left=behind[0].dtype,
    )
    return Diagnosis("module.unregistered", sentence, (), (registered(holder),))


def _holder(failing: Failing) -> Module | None:
    """The nearest module around the failing call that keeps layers in a plain list."""
    call = failing.call
    while call is not None:
        module = failing.trace.module(call.path)
        if module.unregistered:
            return module
        call = None if call.parent is None else failing.trace.calls[call.parent]
    return None


def registered(module: Module) -> Suggestion:
    """The list as torch wants it."""
    name = module.unregistered[0]
    return Suggestion(
        action="change_source",
        text=f"self.{name} = nn.ModuleList(self.{name})",
        path=module.path,
        argument=name,
        to="ModuleList",
    )
