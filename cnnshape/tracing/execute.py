"""Running the pass: for real, on meta (no memory), or with fake tensors (no memory, real devices).

:func:`record` runs a model once where it is told to. Which place is right for a model is
decided by :mod:`cnnshape.experiments.run_pass`.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from traceback import clear_frames
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from cnnshape.errors import InputPlacementError
from cnnshape.interrupts import let_through
from cnnshape.tracing.copies import with_tensors
from cnnshape.tracing.describe import describe
from cnnshape.tracing.names import input_names
from cnnshape.tracing.options import options_in
from cnnshape.tracing.preserve import preserved
from cnnshape.tracing.recorder import Recorder
from cnnshape.tracing.shortcuts import meta_shortcuts
from cnnshape.tracing.structure import named_tensors
from cnnshape.tracing.trace import Execution, NamedValue, Trace

#: ``own`` leaves every module in the mode that it is in.
Mode = Literal["eval", "train", "own"]


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward pass, on one device."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None

    def named(self, model: nn.Module) -> list[tuple[str, Any]]:
        """Every argument with the name that a trace of ``model`` gives it.

        >>> [name for name, _ in Inputs((torch.zeros(1), torch.zeros(1))).named(nn.Linear(1, 1))]
        ['input', 'input 2']
        """
        names = input_names(model)
        given = [
            (names[place] if place < len(names) else f"input {place + 1}", argument)
            for place, argument in enumerate(self.args)
        ]
        return [*given, *(self.kwargs or {}).items()]

    def to(self, convert: Callable[[torch.Tensor], torch.Tensor]) -> Inputs:
        """The same arguments with every tensor converted, in copies of what holds them."""
        return Inputs(
            with_tensors(self.args, convert), with_tensors(dict(self.kwargs or {}), convert)
        )


@dataclass(frozen=True)
class Recorded:
    """A trace with what it cannot hold: the result and the exception themselves."""

    trace: Trace
    output: Any
    exception: BaseException | None


def record(
    model: nn.Module,
    inputs: Inputs,
    *,
    device: str = "cpu",
    mode: Mode = "eval",
    reason: str = "",
    grad: bool = False,
    exact: bool = False,
    recorder_type: type[Recorder] = Recorder,
) -> Recorded:
    """Run ``model`` once and record the pass. The model is afterwards as it was.

    Args:
        model: any module, on any device.
        inputs: its arguments; moved to where the pass runs.
        device: ``cpu``, ``cuda:0``, ``mps``: the model's tensors are moved there for the pass;
            ``meta`` and ``fake``: replaced by tensors without memory.
        mode: ``eval`` or ``train``, for every module of the model; ``own``: each as it is.
        reason: why this device; kept in the trace.
        grad: whether gradients are tracked, which costs memory and which few forwards need.
        exact: on meta every function runs, also those that have a shortcut.
        recorder_type: a recorder that notes more than the usual one.

    An exception of the model is recorded, not raised, ``sys.exit()`` too; Ctrl-C passes through.

    >>> recorded = record(nn.Linear(4, 2), Inputs((torch.zeros(1, 4),)))
    >>> [op.name for op in recorded.trace.operations]
    ['linear']
    """
    every = tuple(model.modules())
    with ExitStack() as stack:
        before_write = stack.enter_context(preserved(every, grad=grad))
        for module in every if mode != "own" else ():
            # Set on each module's own dict: `train()` may be overridden by its author.
            vars(module)["training"] = mode == "train"
        moved = stack.enter_context(placed(every, inputs, device))
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - of no concern to the modes in force
            described = describe(model)
            recorder = recorder_type(
                every,
                described,
                before_write=before_write,
                shortcuts=meta_shortcuts() if device == "meta" and not exact else None,
            )
            named_inputs = _name_inputs(model, moved, recorder)
        stack.enter_context(recorder.watching_modules())
        options = tuple(
            option for label, given in inputs.named(model) for option in options_in(label, given)
        )
        output: Any = None
        exception: BaseException | None = None
        started = time.perf_counter()
        try:
            with recorder:
                output = _interruptible(model, moved)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the model raises is a result here
            exception = error
            recorder.note_failure(error)
        seconds = time.perf_counter() - started
        if any(parameter.count is None for parameter in described.parameters):
            described = replace(describe(model), modules=described.modules)  # lazy ones have grown
        root = recorder.recording.calls[0] if recorder.recording.calls else None
        trace = Trace(
            modules=described.modules,
            parameters=described.parameters,
            buffers=described.buffers,
            calls=tuple(recorder.recording.calls),
            operations=tuple(recorder.recording.operations),
            values=tuple(recorder.values.values),
            inputs=named_inputs,
            outputs=root.outputs if root is not None else (),
            execution=Execution(
                device=device, mode=_mode_of(model, mode), reason=reason, seconds=seconds
            ),
            failure=recorder.recording.failure,
            options=options,
        )
    return Recorded(trace, output, exception)


def _mode_of(model: nn.Module, mode: Mode) -> Literal["eval", "train"]:
    if mode == "own":
        return "train" if model.training else "eval"
    return mode


def _name_inputs(model: nn.Module, inputs: Inputs, recorder: Recorder) -> tuple[NamedValue, ...]:
    return tuple(
        recorder.add_input(name, tensor)
        for label, argument in inputs.named(model)
        for name, tensor in named_tensors(label, argument)
    )


@contextmanager
def placed(modules: Sequence[nn.Module], inputs: Inputs, device: str) -> Generator[Inputs]:
    """The model's tensors replaced by ones on ``device`` (``preserved`` puts them back)."""
    if device == "fake":
        with faked(modules) as fake:
            yield inputs.to(fake)
        return
    target = torch.device(device)

    def convert(tensor: torch.Tensor) -> torch.Tensor:
        return tensor if tensor.device == target else tensor.to(target)

    copies: dict[int, torch.Tensor] = {}

    def own(tensor: torch.Tensor) -> torch.Tensor:
        """A copy that the model may write into; one tensor given twice stays one."""
        if id(tensor) not in copies:
            moved = convert(tensor)
            if moved is tensor and not tensor.is_meta:
                moved = tensor.detach().clone().requires_grad_(tensor.requires_grad)
            copies[id(tensor)] = moved
        return copies[id(tensor)]

    def placed(tensor: torch.Tensor) -> torch.Tensor:
        try:
            return own(tensor)
        except Exception as error:  # a nested tensor, a subclass with rules of its own
            raise InputPlacementError(tensor, device, error) from error

    swap_tensors(modules, convert, target)
    moved = inputs.to(placed)
    if target.type == "meta":
        # A tensor that the forward makes itself (torch.arange) must land where the others are.
        with target:
            yield moved
    else:
        yield moved


@contextmanager
def faked(modules: Sequence[nn.Module]) -> Generator[Callable[[torch.Tensor], torch.Tensor]]:
    """The model's tensors replaced by fake ones, as those are that the function yielded makes."""
    mode = fake_mode()

    def fake(tensor: torch.Tensor) -> torch.Tensor:
        return mode.from_tensor(tensor, static_shapes=True)

    swap_tensors(modules, fake, torch.device("cpu"))
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before, log.disabled = log.disabled, True  # it prints what the model raises, as if lost
    try:
        with mode:
            yield fake
    finally:
        log.disabled = before


def fake_mode() -> Any:
    """In force, every tensor that is made has sizes, a device and a dtype, but no memory."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    return FakeTensorMode(
        allow_non_fake_inputs=True,
        shape_env=ShapeEnv(allow_scalar_outputs=True, allow_dynamic_output_shape_ops=True),
    )


def swap_tensors(
    modules: Sequence[nn.Module],
    convert: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device,
) -> None:
    """Replace every registered parameter and buffer, tied ones by the same new tensor.

    Lazy ones are replaced by new lazy ones in any case: the pass would find their size, and
    the model's own must stay lazy.
    """
    memo: dict[int, torch.Tensor] = {}

    def converted(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in memo:
            new = _fresh_lazy(tensor, device) if is_lazy(tensor) else convert(tensor)
            if new is not tensor and isinstance(tensor, nn.Parameter):
                new = _as_parameter(new, tensor)
            memo[id(tensor)] = new
        return memo[id(tensor)]

    for module in modules:
        if isinstance(module, torch.jit.ScriptModule):
            continue
        for registry in (module._parameters, module._buffers):  # noqa: SLF001
            for name, tensor in registry.items():
                if tensor is not None:
                    registry[name] = converted(tensor)  # type: ignore[assignment]
        if isinstance(module, nn.RNNBase):
            # It hands its weights over as a list of its own.
            own = vars(module)
            own["_flat_weights"] = [memo.get(id(tensor), tensor) for tensor in own["_flat_weights"]]


def _fresh_lazy(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    # torch's own type stubs leave out the arguments of both.
    kinds: Any = torch.nn.parameter
    cls = (
        kinds.UninitializedParameter
        if isinstance(tensor, nn.Parameter)
        else kinds.UninitializedBuffer
    )
    return cls(tensor.requires_grad, device=device, dtype=tensor.dtype)


def _as_parameter(new: torch.Tensor, old: nn.Parameter) -> torch.Tensor:
    if isinstance(new, nn.Parameter):
        return new
    try:
        return nn.Parameter(new, requires_grad=old.requires_grad)
    except RuntimeError:  # integer parameters cannot require gradients
        return nn.Parameter(new, requires_grad=False)


def _interruptible(model: nn.Module, inputs: Inputs) -> Any:
    """The forward pass; what Ctrl-C leaves half begun is ended before anything is put back.

    A generator that is interrupted at the beginning of its ``with`` ends with the frames that hold
    it, some collection of garbage later, and puts back then what it had found: torch takes the mode
    in force off the stack for a call, like this.
    """
    try:
        return let_through(model, *inputs.args, **(inputs.kwargs or {}))
    except KeyboardInterrupt as interrupt:
        error: BaseException | None = interrupt
        while error is not None:
            clear_frames(error.__traceback__)
            error = error.__context__
        gc.collect()
        raise
