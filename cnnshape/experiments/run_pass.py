"""Where to run the pass: for real where that is cheap, without memory where it is not.

``auto`` prefers real execution, because only it catches everything. A model or an input beyond
a stated size runs on meta; where that needs real values (a mask, ``item()``, ``nonzero``), fake
tensors may still do; and a real run on the CPU is the last resort.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.errors import DeviceError, InputPlacementError
from cnnshape.loading.meta import count_parameters
from cnnshape.loading.model import PARAMETER_BUDGET
from cnnshape.loading.prepare import Prepared
from cnnshape.messages import say
from cnnshape.tracing.exceptions import message_of
from cnnshape.tracing.execute import Inputs, Recorded, record

#: Numbers in all inputs together up to which ``auto`` runs a small model for real: two
#: pictures of 3×400×400, or one of 3×577×577.
INPUT_BUDGET = 1_000_000
#: Bytes of parameters up to which ``auto`` falls back to a real run on the CPU.
REAL_BYTES_LIMIT = 4 * 2**30


def run_pass(prepared: Prepared) -> Recorded:
    """Record one pass on the device that was named, or where ``auto`` finds it right.

    Raises:
        DeviceError: the device ran out of memory, or cannot hold the model.
    """
    device = prepared.options.device
    if device == "auto":
        return _run_where_it_fits(prepared)
    reason = f"--device {device}"
    if device == "meta":
        return _run_without_memory(prepared, "meta", reason)
    return _run_for_real(prepared, device, reason)


def _run_without_memory(
    prepared: Prepared, device: Literal["meta", "fake"], reason: str
) -> Recorded:
    return record(
        prepared.module,
        Inputs(*prepared.arguments("meta")),
        device=device,
        mode=prepared.options.mode,
        reason=reason,
        exact=prepared.options.exact,
    )


def _run_for_real(prepared: Prepared, device: str, reason: str) -> Recorded:
    module = prepared.real_module()

    def run(*, grad: bool) -> Recorded:
        return record(
            module,
            Inputs(*prepared.arguments("cpu")),
            device=device,
            mode=prepared.options.mode,
            reason=reason,
            grad=grad,
        )

    recorded = run(grad=False)
    if needs_gradients(recorded.exception):
        recorded = run(grad=True)
    if isinstance(recorded.exception, torch.OutOfMemoryError):
        raise DeviceError(
            say(
                "{device} has not enough memory for this model and input; --device meta needs "
                "none, a smaller --input needs less",
                device=device,
            )
        ) from recorded.exception
    return recorded


def _run_where_it_fits(prepared: Prepared) -> Recorded:
    parameters = count_parameters(prepared.module)
    where = _device_of(prepared.module)
    if where not in ("cpu", "meta"):
        return _run_for_real(
            prepared,
            where,
            say("the model is on {device}", device=where),
        )
    numbers = prepared.inputs.elements
    small = parameters <= PARAMETER_BUDGET and numbers <= INPUT_BUDGET
    if small and where == "cpu":
        return _run_for_real(prepared, "cpu", say("a small model runs for real"))
    what = say(
        "an input of {numbers:,} numbers is more than {most:,}", numbers=numbers, most=INPUT_BUDGET
    )
    if parameters > PARAMETER_BUDGET:
        what = say(
            "{parameters:,} parameters are more than {most:,}",
            parameters=parameters,
            most=PARAMETER_BUDGET,
        )
    elif small:
        what = say("the model is on meta")
    try:
        on_meta = _run_without_memory(
            prepared,
            "meta",
            say("{reason}: sizes only, without memory", reason=what),
        )
    except InputPlacementError:
        if _bytes(prepared.module) > REAL_BYTES_LIMIT:
            raise
        return _run_for_real(prepared, "cpu", say("an input cannot be put on meta"))
    limit = needs_values(on_meta.exception)
    if limit is None:
        return on_meta
    return _run_with_values(prepared, on_meta, limit)


def _run_with_values(prepared: Prepared, on_meta: Recorded, limit: str) -> Recorded:
    """Fake tensors, then the CPU, for a model that meta cannot run."""
    fake = _run_without_memory(prepared, "fake", "")
    if fake.exception is None and not has_unknown_sizes(fake):
        return _because(
            fake,
            say("meta cannot run {operation}: fake tensors, without memory", operation=limit),
        )
    affordable = _bytes(prepared.module) <= REAL_BYTES_LIMIT
    if affordable and prepared.has_values:
        return _run_for_real(
            prepared,
            "cpu",
            say("{operation} needs real values", operation=limit),
        )
    if fake.exception is None:
        return _because(
            fake,
            say("{operation} makes sizes that depend on the values (u0, u1, …)", operation=limit),
        )
    if affordable:
        why = say("{operation} needs real values, and the model has none", operation=limit)
    else:
        why = say(
            "{operation} needs real values, and the model is too large for that", operation=limit
        )
    return _because(on_meta, why)


def _because(recorded: Recorded, reason: str) -> Recorded:
    trace = recorded.trace
    return replace(
        recorded, trace=replace(trace, execution=replace(trace.execution, reason=reason))
    )


def needs_gradients(error: BaseException | None) -> bool:
    """Whether a forward failed because it differentiates, which runs without gradients cannot.

    >>> needs_gradients(RuntimeError("element 0 of tensors does not require grad"))
    True
    """
    return isinstance(error, RuntimeError) and "not require grad" in message_of(error)


def needs_values(error: BaseException | None) -> str | None:
    """What meta could not run, in words; None if there was no error or it is the model's own.

    >>> needs_values(RuntimeError("Tensor.item() cannot be called on meta tensors"))
    'a value read from a tensor'
    >>> needs_values(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    True
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        found = _limit_of(error)
        if found is not None:
            return found
        error = error.__cause__ or error.__context__
    return None


def _limit_of(error: BaseException) -> str | None:
    name, message = type(error).__name__, message_of(error)
    if isinstance(error, NotImplementedError) and ("meta" in message or "aten::" in message):
        return say("an operation without a meta kernel")
    if name in ("DynamicOutputShapeException", "UnsupportedOperatorException"):
        return say("an operation whose size depends on the values")
    if name in ("DataDependentOutputException", "GuardOnDataDependentSymNode"):
        return _READ
    for words, what in _MESSAGES:
        if all(word in message for word in words):
            return what
    return None


_READ = say("a value read from a tensor")
_ELSEWHERE = say("a tensor that is kept on another device")
_MESSAGES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("item()", "meta"), _READ),
    (("Cannot copy out of meta tensor",), _READ),
    (("convert meta device type tensor",), _READ),
    (("numpy", "meta"), _READ),
    (("meta tensor", "boolean"), _READ),
    (("bool", "meta"), _READ),
    (("is not on the expected device",), _ELSEWHERE),
    (("device", "meta"), _ELSEWHERE),
    (("Meta", "not supported"), say("an operation without a meta kernel")),
    (("data-dependent",), _READ),
    (("not supported for NJT",), say("a nested tensor")),
)


def has_unknown_sizes(recorded: Recorded) -> bool:
    """Whether a size that a module gets or gives depends on the values (fake tensors: ``u0``)."""
    trace = recorded.trace
    return any(
        isinstance(size, str)
        for call in trace.calls
        for named in (*call.inputs, *call.outputs)
        for size in trace.shape(named.value)
    )


def _bytes(module: nn.Module) -> int:
    """Bytes of the parameters; a lazy one has none yet."""
    return sum(
        parameter.numel() * parameter.element_size()
        for parameter in module.parameters()
        if not is_lazy(parameter)
    )


def _device_of(module: nn.Module) -> str:
    """Where the model is: meta if any part of it is, else the first other device than the CPU."""
    devices = {str(t.device) for t in (*module.parameters(), *module.buffers())}
    if "meta" in devices:
        return "meta"
    return next((device for device in sorted(devices) if device != "cpu"), "cpu")
