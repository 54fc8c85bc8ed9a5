"""One attempt: the pass run again with corrections, and how far it got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, cast

from torch import nn
from torch.overrides import TorchFunctionMode

from cnnshape.analysis.accounts import Accounts, application
from cnnshape.analysis.conditions import cut_at_broken_condition
from cnnshape.analysis.diagnose.edits import Edit, Rewrite
from cnnshape.analysis.verify import verify
from cnnshape.experiments.deadline import Deadline, TimeIsUpError, ended_by_alarm
from cnnshape.experiments.fixes.apply import applied
from cnnshape.interrupts import let_through
from cnnshape.tracing.execute import Inputs, Mode, Recorded, record
from cnnshape.tracing.names import operation_name
from cnnshape.tracing.real_call import SMALL, bytes_of, run_for_real
from cnnshape.tracing.recorder import Recorder
from cnnshape.tracing.source import caller
from cnnshape.tracing.trace import ModuleCall, Operation, Source, Trace

#: Layers that check all their arguments themselves, the same on every device.
_CHECKING = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})


@dataclass(frozen=True)
class Setup:
    """A model with inputs that made it fail, where it was run, and in which mode.

    ``device`` is where trials run; on ``meta`` the failing call is run for real beside it.
    """

    model: nn.Module
    inputs: Inputs
    device: str
    mode: str


@dataclass(frozen=True)
class Outcome:
    """How far the corrected pass got.

    Attributes:
        trace: its recording, cut at the first call that a rule says cannot run.
        passed: it got beyond the point where the first pass failed, and that is certain.
        runs: the whole model ran; None if time was up before that was known.
    """

    trace: Trace
    passed: bool
    runs: bool | None


def attempt(setup: Setup, before: Trace, edits: Sequence[Edit], deadline: Deadline) -> Outcome:
    """Run the corrected model until it ends, fails or ``deadline`` is over.

    Raises:
        CannotApplyError: a correction cannot be carried out.
    """
    without_memory = setup.device == "meta"
    lines = frozenset(edit.source for edit in edits if isinstance(edit, Rewrite))
    watch = _RealCall(_point(before), lines) if without_memory else None
    recorded = run_corrected(setup, edits, deadline, watch)
    assert recorded is not None
    trace = recorded.trace
    out_of_time = isinstance(recorded.exception, TimeIsUpError)
    if without_memory:
        trace = cut_at_broken_condition(trace, verify(trace, Accounts(trace)))
    passed = beyond(before, trace, lines)
    if watch is not None and passed:
        # Meta alone accepts what a real run rejects: the call itself must have been run for
        # real, or a size rule must vouch for it.
        passed = watch.confirmed or _vouched(before, trace, reached=watch.reached)
    runs = None if out_of_time and trace.failure is not None else trace.failure is None
    return Outcome(trace, passed, runs)


def run_corrected(
    setup: Setup,
    edits: Sequence[Edit],
    deadline: Deadline,
    watch: AbstractContextManager[object] | None = None,
    change_inputs: Callable[[Inputs], Inputs | None] | None = None,
) -> Recorded | None:
    """Record the corrected model; None where ``change_inputs`` makes none of its inputs."""
    without_memory = setup.device == "meta"
    with ExitStack() as stack:
        stack.enter_context(ended_by_alarm(deadline))
        corrected = stack.enter_context(
            applied(setup.model, setup.inputs, setup.mode, edits, without_memory=without_memory)
        )
        inputs = corrected.inputs if change_inputs is None else change_inputs(corrected.inputs)
        if inputs is None:
            return None
        if watch is not None:
            stack.enter_context(watch)
        return let_through(
            record,
            setup.model,
            inputs,
            device=setup.device,
            mode=cast("Mode", corrected.mode),
            recorder_type=_until(deadline),
        )


# ---- did it get further? ------------------------------------------------------------------


def beyond(before: Trace, after: Trace, rewritten: AbstractSet[Source] = frozenset()) -> bool:
    """Whether the second pass got past the call at which the first one failed.

    On ``rewritten`` lines another function may stand in the place of the one that failed.
    """
    failure = before.failure
    if after.failure is None:
        return True
    if failure is None or failure.call is None:
        return False
    failed = before.calls[failure.call]
    again = _same_call(after, failed)
    if again is None:
        return False
    if again.finished:
        return True
    if failure.operation is None:
        same_line = after.failure.source == failure.source and after.failure.call == again.index
        return not same_line and _progress(after, again) > _progress(before, failed)
    operation = before.operations[failure.operation]
    if operation.source in rewritten:
        elsewhere = after.failure.source != operation.source
        done = _run_on(after, again, operation.source)
        return done > _run_on(before, failed, operation.source) or (elsewhere and done > 0)
    return _times_run(after, again, operation) >= _times_begun(before, failed, operation)


def _same_call(trace: Trace, call: ModuleCall) -> ModuleCall | None:
    for other in trace.calls:
        if other.path == call.path and other.call == call.call:
            return other
    return None


def _progress(trace: Trace, call: ModuleCall) -> int:
    """How much a call's own forward has done."""
    operations = sum(not op.failed for op in trace.own_operations(call.index))
    return operations + sum(child.finished for child in trace.children(call.index))


def _times_begun(trace: Trace, call: ModuleCall, operation: Operation) -> int:
    return sum(_alike(op, operation) for op in trace.own_operations(call.index))


def _times_run(trace: Trace, call: ModuleCall, operation: Operation) -> int:
    own = trace.own_operations(call.index)
    return sum(_alike(op, operation) and not op.failed for op in own)


def _run_on(trace: Trace, call: ModuleCall, line: Source | None) -> int:
    """How many operations of a line have run."""
    return sum(op.source == line and not op.failed for op in trace.own_operations(call.index))


def _alike(one: Operation, other: Operation) -> bool:
    return one.name == other.name and one.source == other.source


def _vouched(before: Trace, after: Trace, *, reached: bool) -> bool:
    """A size rule covers the failing call, and its conditions held in the second pass.

    A call that ran without reaching torch was answered by the recorder (``by_table``), which knows
    when the real function would refuse.
    """
    failure = before.failure
    if failure is None or failure.operation is None:
        return failure is not None and after.failure is None and _checked_in_python(before)
    operation = before.operations[failure.operation]
    for other in after.operations:
        if _alike(other, operation) and not other.failed:
            return not reached or application(after, other) is not None
    # Another class of layer calls another function.
    again = _same_call(after, before.calls[operation.call])
    if again is None or not again.finished:
        return False
    # What works on constants alone, such as the zeros that a state starts from, proves nothing.
    own = [
        operation
        for operation in after.own_operations(again.index)
        if not all(after.values[output].static for output in operation.outputs)
    ]
    return bool(own) and all(
        op.by_table or op.name in _CHECKING or application(after, op) for op in own
    )


def _checked_in_python(before: Trace) -> bool:
    """The failing module looks at its input itself, the same on every device."""
    assert before.failure is not None
    return before.failure.call is not None


# ---- watching -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    """A torch function at a source line, the ``nth`` time it is called there."""

    name: str
    source: Any
    nth: int


def _point(trace: Trace) -> _Point | None:
    failure = trace.failure
    if failure is None or failure.operation is None:
        return None
    operation = trace.operations[failure.operation]
    nth = sum(_alike(op, operation) for op in trace.operations)
    return _Point(operation.name, operation.source, nth)


def _until(deadline: Deadline) -> type[Recorder]:
    """A recorder that ends the pass when time is up.

    Only the model's own calls come to a recorder: putting everything back is never cut short.
    """

    class Timed(Recorder):
        def __torch_function__(
            self,
            func: Any,
            types: Any,
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:
            if deadline.over:
                raise TimeIsUpError
            return super().__torch_function__(func, types, args, kwargs)

    return Timed


class _RealCall(TorchFunctionMode):
    """Runs one call of a pass on meta for real, or all that a rewritten line makes."""

    def __init__(self, point: _Point | None, rewritten: AbstractSet[Source]) -> None:
        super().__init__()
        self._rewritten = rewritten
        self.confirmed = False
        self.reached = False
        self._point = point
        self._seen = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the function; for real as well if it is the call that failed."""
        kwargs = kwargs or {}
        point = self._point
        if point is None:
            return func(*args, **kwargs)
        if point.source in self._rewritten:
            if caller() == point.source and bytes_of((args, kwargs)) <= SMALL:
                self.reached = self.confirmed = True
                run_for_real(func, args, kwargs)
            return func(*args, **kwargs)
        if operation_name(func, getattr(func, "__name__", "")) != point.name:
            return func(*args, **kwargs)
        if caller() == point.source:
            self._seen += 1
            self.reached = self.reached or self._seen == point.nth
            if self._seen == point.nth and bytes_of((args, kwargs)) <= SMALL:
                run_for_real(func, args, kwargs)
                self.confirmed = True
        return func(*args, **kwargs)
