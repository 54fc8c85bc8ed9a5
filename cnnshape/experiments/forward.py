"""Where to run the pass: for real where that is cheap, without memory where it is not.

``auto`` prefers real execution, because only it catches everything. A model or an input beyond
a stated size runs on meta; where that needs real values (a mask, ``item()``, ``nonzero``), fake
tensors may still do; and a real run on the CPU is the last resort.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import nn

from cnnshape.errors import DeviceError
from cnnshape.loading.budget import PARAMETER_BUDGET
from cnnshape.tracing.execute import Inputs, Mode, Recorded, record
from cnnshape.tracing.structure import named_tensors

#: Numbers in all inputs together up to which ``auto`` runs a small model for real: two
#: pictures of 3×400×400, or one of 3×577×577.
INPUT_BUDGET = 1_000_000
#: Bytes of parameters up to which ``auto`` falls back to a real run on the CPU.
REAL_BYTES_LIMIT = 4 * 2**30

MakeInputs = Callable[[str], Inputs]


@dataclass(frozen=True)
class Subject:
    """A model about to be run.

    Attributes:
        module: the model; its parameters may live on meta.
        inputs: makes the arguments on a device (``cpu``, ``meta``).
        rebuild: builds the model once more with real parameters; None if ``module`` has them.
    """

    module: nn.Module
    inputs: MakeInputs
    rebuild: Callable[[], nn.Module] | None = None

    def real(self) -> nn.Module:
        """The model with real parameters."""
        return self.module if self.rebuild is None else self.rebuild()


def run(subject: Subject, *, device: str = "auto", mode: Mode = "eval") -> Recorded:
    """Record one pass of ``subject`` on ``device``, or where ``auto`` finds it right.

    Raises:
        DeviceError: the device ran out of memory, or cannot hold the model.
    """
    if device == "auto":
        return _run_where_it_fits(subject, mode)
    reason = f"--device {device}"
    if device == "meta":
        return record(
            subject.module, subject.inputs("meta"), device="meta", mode=mode, reason=reason
        )
    return _run_for_real(subject, device, mode, reason)


def _run_for_real(subject: Subject, device: str, mode: Mode, reason: str) -> Recorded:
    module = subject.real()
    recorded = record(module, subject.inputs("cpu"), device=device, mode=mode, reason=reason)
    if needs_gradients(recorded.exception):
        recorded = record(
            module, subject.inputs("cpu"), device=device, mode=mode, reason=reason, grad=True
        )
    if isinstance(recorded.exception, torch.OutOfMemoryError):
        raise DeviceError(
            f"{device} has not enough memory for this model and input; "
            "--device meta needs none, a smaller --input needs less"
        ) from recorded.exception
    return recorded


def _run_where_it_fits(subject: Subject, mode: Mode) -> Recorded:
    parameters, size = _count(subject.module)
    where = _device_of(subject.module)
    if where not in ("cpu", "meta"):
        return _run_for_real(subject, where, mode, f"the model is on {where}")
    sizes = subject.inputs("meta")
    numbers = sum(prod(tensor.shape) for tensor in _tensors(sizes))
    small = parameters <= PARAMETER_BUDGET and numbers <= INPUT_BUDGET
    if small and where == "cpu":
        return _run_for_real(subject, "cpu", mode, "a small model runs for real")
    what = (
        f"{parameters:,} parameters are more than {PARAMETER_BUDGET:,}"
        if parameters > PARAMETER_BUDGET
        else f"an input of {numbers:,} numbers is more than {INPUT_BUDGET:,}"
    )
    on_meta = record(
        subject.module,
        sizes,
        device="meta",
        mode=mode,
        reason=f"{what}: sizes only, without memory",
    )
    limit = needs_values(on_meta.exception)
    if limit is None:
        return on_meta
    return _run_with_values(subject, mode, on_meta, limit, affordable=size <= REAL_BYTES_LIMIT)


def _run_with_values(
    subject: Subject, mode: Mode, on_meta: Recorded, limit: str, *, affordable: bool
) -> Recorded:
    """Fake tensors, then the CPU, for a model that meta cannot run."""
    module = subject.module
    fake = record(module, subject.inputs("meta"), device="fake", mode=mode)
    if fake.exception is None and not _has_unknown_sizes(fake):
        return _because(fake, f"meta cannot run {limit}: fake tensors, without memory")
    if affordable:
        return _run_for_real(subject, "cpu", mode, f"{limit} needs real values")
    if fake.exception is None:
        return _because(fake, f"{limit} makes sizes that depend on the values (u0, u1, …)")
    return _because(on_meta, f"{limit} needs real values, and the model is too large for that")


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
    return isinstance(error, RuntimeError) and "not require grad" in _text(error)


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
    name, message = type(error).__name__, _text(error)
    if isinstance(error, NotImplementedError) and ("meta" in message or "aten::" in message):
        return "an operation without a meta kernel"
    if name in ("DynamicOutputShapeException", "UnsupportedOperatorException"):
        return "an operation whose size depends on the values"
    if name in ("DataDependentOutputException", "GuardOnDataDependentSymNode"):
        return "a value read from a tensor"
    for words, what in _MESSAGES:
        if all(word in message for word in words):
            return what
    return None


_MESSAGES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("item()", "meta"), "a value read from a tensor"),
    (("Cannot copy out of meta tensor",), "a value read from a tensor"),
    (("convert meta device type tensor",), "a value read from a tensor"),
    (("numpy", "meta"), "a value read from a tensor"),
    (("meta tensor", "boolean"), "a value read from a tensor"),
    (("bool", "meta"), "a value read from a tensor"),
    (("is not on the expected device",), "a tensor that is kept on another device"),
    (("device", "meta"), "a tensor that is kept on another device"),
    (("Meta", "not supported"), "an operation without a meta kernel"),
    (("data-dependent",), "a value read from a tensor"),
)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's exception may fail to print itself
        return ""


def _has_unknown_sizes(recorded: Recorded) -> bool:
    trace = recorded.trace
    return any(
        isinstance(size, str)
        for call in trace.calls
        for named in (*call.inputs, *call.outputs)
        for size in trace.shape(named.value)
    )


def _tensors(inputs: Inputs) -> list[torch.Tensor]:
    everything = (inputs.args, dict(inputs.kwargs or {}))
    return [tensor for _, tensor in named_tensors("", everything)]


def _count(module: nn.Module) -> tuple[int, int]:
    """Numbers and bytes of the parameters; a lazy one has none yet."""
    listed = [
        parameter
        for parameter in module.parameters()
        if not isinstance(parameter, nn.parameter.UninitializedParameter)
    ]
    return (
        sum(parameter.numel() for parameter in listed),
        sum(parameter.numel() * parameter.element_size() for parameter in listed),
    )


def _device_of(module: nn.Module) -> str:
    """Where the model is: meta if any part of it is, else the first other device than the CPU."""
    devices = {str(t.device) for t in (*module.parameters(), *module.buffers())}
    if "meta" in devices:
        return "meta"
    return next((device for device in sorted(devices) if device != "cpu"), "cpu")
