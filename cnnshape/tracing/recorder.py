"""Recording one forward pass: which modules were called, which torch functions ran on what.

Two observers, both removed afterwards:

* a ``TorchFunctionMode`` sees every torch function, functional calls and operators included;
* every module gets its call intercepted on the instance, so that ``layer(x)`` and
  ``layer.forward(x)`` both appear, user hooks included, and an exception passes through us.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, cast

import torch
from torch import nn, overrides
from torch.overrides import TorchFunctionMode

from cnnshape.tracing.absent import absent_of
from cnnshape.tracing.describe import Described
from cnnshape.tracing.exceptions import caused_by, message_of, range_of, signature_of
from cnnshape.tracing.names import SILENT, TENSOR_ATTRIBUTES, input_names, operation_name, writes
from cnnshape.tracing.opaque import count_macs, in_transform, is_free, scripted_functions
from cnnshape.tracing.open_calls import OpenCall, OpenCalls
from cnnshape.tracing.real_call import real_message
from cnnshape.tracing.shortcuts import ASKING_TORCH
from cnnshape.tracing.source import caller, innermost
from cnnshape.tracing.structure import named_tensors, to_plain
from cnnshape.tracing.trace import (
    UNSEEN,
    Failure,
    ModuleCall,
    NamedValue,
    Operation,
    Plain,
    Source,
)
from cnnshape.tracing.values import ValueTable
from cnnshape.tracing.writing import out_tensors, refused_write, written

Shortcut = Callable[..., Any]

_ATOMS = (int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device)


@dataclass(slots=True)
class _Draft:
    """An operation about to run: all that is known of it before its result."""

    name: str
    call: int
    args: tuple[Plain, ...]
    kwargs: dict[str, Plain]
    inputs: tuple[int, ...]
    parameters: tuple[str, ...]

    def operation(
        self,
        index: int,
        outputs: tuple[int, ...],
        source: Source | None,
        *,
        inplace: bool = False,
        failed: bool = False,
        by_table: bool = False,
    ) -> Operation:
        return Operation(
            index=index,
            name=self.name,
            call=self.call,
            args=self.args,
            kwargs=self.kwargs,
            inputs=self.inputs,
            outputs=outputs,
            parameters=self.parameters,
            source=source,
            inplace=inplace,
            failed=failed,
            by_table=by_table,
        )


@dataclass(frozen=True, slots=True)
class _Raised:
    """An operation that raised, with the ranges of the whole numbers that it was given.

    ``said`` is what torch says of it on the CPU, where it ran without memory.
    """

    error: BaseException
    operation: Operation
    ranges: dict[int, tuple[int, int]]
    said: str | None


@dataclass
class Recording:
    """What the recorder has seen so far; becomes a trace when the pass is over."""

    operations: list[Operation] = field(default_factory=list[Operation])
    calls: list[ModuleCall] = field(default_factory=list[ModuleCall])
    failure: Failure | None = None


class Recorder(TorchFunctionMode):
    """Watches a pass of a model while it is entered; ``recording`` has the result.

    Args:
        modules: every module of the model, each once.
        described: its records, made from the parameters that will be used.
        before_write: called with a tensor before an operation writes into it.
        shortcuts: replacements for slow functions (on meta), by function; one that returns
            ``NotImplemented`` lets the real function run.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        described: Described,
        *,
        before_write: Callable[[torch.Tensor], None],
        shortcuts: Mapping[Any, Shortcut] | None = None,
    ) -> None:
        super().__init__()
        self.recording = Recording()
        self.values = ValueTable(described)
        self._modules = modules
        self._before_write = before_write
        self._shortcuts = shortcuts or {}
        self._paths = described.paths
        self._runs: dict[int, int] = {}
        self._transforming: set[int] = set()
        self._open_calls = OpenCalls()
        # The last operation that raised, and the last call that an exception left: part of the
        # trace only if that exception ends the pass, since a model may catch it and go on.
        self._raising: _Raised | None = None
        self._failing: tuple[BaseException, int] | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave; Ctrl-C may have come while torch had taken it off for a call."""
        if any(mode is self for mode in overrides._get_current_function_mode_stack()):  # noqa: SLF001
            super().__exit__(kind, error, traceback)

    @property
    def running_call(self) -> int | None:
        """The module call that is running, innermost; None outside of all."""
        return self._open_calls.here[-1].index if self._open_calls.here else None

    # ---- module calls -------------------------------------------------------------------

    @contextmanager
    def watching_modules(self) -> Generator[None]:
        """Intercept every module's calls. ``preserved`` takes the interceptors off again."""
        for module in self._modules:
            attributes = vars(module)
            # `__call__` asks the instance for `_compiled_call_impl` first: the hook that
            # `Module.compile()` uses. It runs before the user's forward pre-hooks and after
            # the user's forward hooks.
            attributes["_compiled_call_impl"] = self._intercept_call(module)
            if not isinstance(module, torch.jit.ScriptModule):
                attributes["forward"] = self._intercept_forward(module)
        with scripted_functions(self._run_scripted):
            yield

    def _intercept_call(self, module: nn.Module) -> Callable[..., Any]:
        call = module._call_impl  # noqa: SLF001

        def called(*args: Any, **kwargs: Any) -> Any:
            return self._run(module, call, args, kwargs, in_forward=False)

        return called

    def _intercept_forward(self, module: nn.Module) -> Callable[..., Any]:
        forward = module.forward

        @functools.wraps(forward)
        def direct(*args: Any, **kwargs: Any) -> Any:
            top = self._open_calls.here[-1] if self._open_calls.here else None
            if top is not None and top.module == id(module) and not top.in_forward:
                top.in_forward = True
                return forward(*args, **kwargs)
            return self._run(module, forward, args, kwargs, in_forward=True)

        return direct

    def _run(
        self,
        module: nn.Module,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        in_forward: bool,
    ) -> Any:
        if self._open_calls.in_new_thread:
            with self._open_calls.joined(self):
                return self._run_here(module, function, args, kwargs, in_forward=in_forward)
        return self._run_here(module, function, args, kwargs, in_forward=in_forward)

    def _run_here(
        self,
        module: nn.Module,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        in_forward: bool,
    ) -> Any:
        index = self._open(module, args, kwargs, in_forward=in_forward)
        opened = self._open_calls.here
        depth = len(opened)
        try:
            result, macs = self._through(module, function, args, kwargs)
        except BaseException as error:
            # The innermost call that the exception leaves is where it happened.
            if self._failing is None or not caused_by(error, self._failing[0]):
                self._failing = (error, index)
            del opened[depth - 1 :]
            self._close(index, None, finished=False, macs=None)
            raise
        del opened[depth - 1 :]
        self._close(index, result, finished=True, macs=macs)
        return result

    def _through(
        self,
        module: nn.Module,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Any, int | None]:
        """What the call gives, and the MACs inside it where they can only be counted there."""
        if not isinstance(module, torch.jit.ScriptModule):
            return function(*args, **kwargs), None
        with count_macs() as counter:
            result = function(*args, **kwargs)
        return result, counter.macs

    def _open(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, in_forward: bool
    ) -> int:
        recording = self.recording
        index = len(recording.calls)
        run = self._runs.get(id(module), 0)
        self._runs[id(module)] = run + 1
        opened = self._open_calls.here
        above = opened[-1] if opened else None
        # Behind `_run_here` of the call above stands what called that one.
        source = caller(3, within=_RUN, known=above.source) if above else None
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - reading shapes is not an operation
            inputs = [
                NamedValue(name, self.values.of(tensor))
                for name, tensor in self._named_arguments(above, module, args, kwargs)
            ]
            call = ModuleCall(
                index=index,
                path=self._paths[id(module)],
                call=run,
                parent=above.index if above else None,
                args=cast("tuple[Plain, ...]", to_plain(args, self.values.of)),
                kwargs=cast("dict[str, Plain]", to_plain(kwargs, self.values.of)),
                inputs=tuple(inputs),
                outputs=(),
                operations=(len(recording.operations), len(recording.operations)),
                source=source,
                finished=False,
            )
        recording.calls.append(call)
        opened.append(OpenCall(index, id(module), in_forward, source))
        return index

    def _line(self) -> Source | None:
        """The line of the model that the torch function now running stands in."""
        return caller(2, within=_RUN, known=self._open_calls.here[-1].source)

    def _named_arguments(
        self,
        above: OpenCall | None,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Iterator[tuple[str, torch.Tensor]]:
        names = () if above else input_names(module)
        for position, argument in enumerate(args):
            name = names[position] if position < len(names) else f"[{position}]"
            yield from named_tensors(name, argument)
        for name, argument in kwargs.items():
            yield from named_tensors(name, argument)

    def _close(self, index: int, result: Any, *, finished: bool, macs: int | None) -> None:
        recording = self.recording
        call = recording.calls[index]
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            found = list(named_tensors("", result)) if finished else []
            unseen = [tensor for _, tensor in found if self.values.lookup(tensor) is None]
            if unseen or macs is not None:
                # The tensors came from code that cannot be seen into (TorchScript, a C++
                # extension), or out of `vmap`, whose operations are counted: one opaque operation
                # stands for it, so that the graph stays whole.
                transformed = macs is None and index in self._transforming
                self._add_opaque(call, unseen, 0 if transformed else macs, transformed=transformed)
            outputs = tuple(NamedValue(name, self.values.of(tensor)) for name, tensor in found)
        recording.calls[index] = ModuleCall(
            call.index,
            call.path,
            call.call,
            call.parent,
            call.args,
            call.kwargs,
            call.inputs,
            outputs,
            (call.operations[0], len(recording.operations)),
            call.source,
            finished,
            type(result).__name__ if finished else "",
        )

    def _add_opaque(
        self, call: ModuleCall, unseen: list[torch.Tensor], macs: int | None, *, transformed: bool
    ) -> None:
        recording = self.recording
        index = len(recording.operations)
        outputs = tuple(self.values.add(t, "operation", producer=index) for t in unseen)
        recording.operations.append(
            Operation(
                index=index,
                name="vmap" if transformed else UNSEEN,
                call=call.index,
                args=(),
                kwargs={},
                inputs=tuple(dict.fromkeys(named.value for named in call.inputs)),
                outputs=outputs,
                parameters=(),
                source=call.source,
                macs=macs,
                opaque=True,
            )
        )

    # ---- operations ---------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one torch function and record it if tensors came out."""
        kwargs = kwargs or {}
        if torch.compiler.is_dynamo_compiling():
            return func(*args, **kwargs)  # a compiler that reads this code, and runs nothing yet
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = getattr(getattr(func, "__self__", None), "__name__", "")
            if name not in TENSOR_ATTRIBUTES:
                return func(*args, **kwargs)
        elif name in SILENT or not self._open_calls.here:
            return func(*args, **kwargs)
        if in_transform():
            return self._transformed(func, name, args, kwargs)
        return self._operation(func, name, args, kwargs)

    def _transformed(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run a function in ``vmap``: it sees one example, and the kernels below count for all."""
        self._transforming |= {call.index for call in self._open_calls.here}
        if is_free(operation_name(func, name)):
            return self._operation(func, name, args, kwargs)
        known = len(self.recording.operations)
        with count_macs() as counter:
            result = self._operation(func, name, args, kwargs)
        for index, operation in enumerate(self.recording.operations[known:], known):
            self.recording.operations[index] = replace(
                operation, macs=counter.macs, opaque=counter.macs is None
            )
        return result

    def _operation(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        writing = writes(name)
        result: Any = NotImplemented
        # Reading a shape is a torch function as well: other modes must not be asked for it.
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            draft = self._draft(func, name, args, kwargs, writing=writing)
            shortcut = self._shortcuts.get(func)
            # Inside `vmap` a tensor is more than the shape that a shortcut goes by.
            if shortcut is not None and not in_transform():
                result = shortcut(*args, **kwargs)
        by_table = result is not NotImplemented and shortcut not in ASKING_TORCH
        try:
            if result is NotImplemented:
                result = func(*args, **kwargs)
            if writing or "out" in kwargs or (args and result is args[0]):
                _refuse_shared(func, name, args, kwargs, result)
        except BaseException as error:
            failed = draft.operation(0, (), self._line(), failed=True)
            with torch._C.DisableTorchFunction():  # noqa: SLF001
                said = real_message(func, args, kwargs)
            self._raising = _Raised(error, failed, self._ranges(args, kwargs), said)
            raise
        if writing or not isinstance(result, _ATOMS):
            with torch._C.DisableTorchFunction():  # noqa: SLF001
                self._record(draft, args, result, writing=writing, by_table=by_table)
        return result

    def _run_scripted(
        self, call: Callable[..., Any], function: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Run a function of TorchScript: an operation under its own name, with what it cost."""
        if not self._open_calls.here or torch.compiler.is_dynamo_compiling():
            return call(function, *args, **kwargs)
        name = str(function.name)
        with count_macs() as counter:
            run = functools.partial(call, function)
            result = self._operation(run, name, args, kwargs)
        last = self.recording.operations[-1]
        if last.name == operation_name(run, name):
            self.recording.operations[-1] = replace(last, macs=counter.macs, opaque=True)
        return result

    def _draft(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, writing: bool
    ) -> _Draft:
        if writing and args and isinstance(args[0], torch.Tensor):
            self._before_write(args[0])
        for tensor in out_tensors(kwargs):
            self._before_write(tensor)
        used: list[int] = []

        def ref(tensor: torch.Tensor) -> int:
            value = self.values.of(tensor)
            used.append(value)
            return value

        run = operation_name(func, name)
        return _Draft(
            name=run,
            call=self._open_calls.here[-1].index,
            args=cast("tuple[Plain, ...]", to_plain(_listed(run, args), ref)),
            kwargs=cast("dict[str, Plain]", to_plain(kwargs, ref)),
            inputs=tuple(dict.fromkeys(used)),
            parameters=self.values.parameters_of(used),
        )

    def _ranges(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            for _, tensor in named_tensors("", (args, kwargs)):
                value, extremes = self.values.lookup(tensor), range_of(tensor)
                if value is not None and extremes is not None:
                    found[value] = extremes
        return found

    def _record(
        self,
        draft: _Draft,
        args: tuple[Any, ...],
        result: Any,
        *,
        writing: bool,
        by_table: bool,
    ) -> None:
        target = args[0] if writing and args and isinstance(args[0], torch.Tensor) else None
        if isinstance(result, torch.Tensor):
            made = [result]
        else:
            made = [tensor for _, tensor in named_tensors("", result)]
        if target is not None and not any(tensor is target for tensor in made):
            made.insert(0, target)  # x[0] = y returns nothing, and x is new
        if not made:
            return
        index = len(self.recording.operations)
        static = self.values.all_static(draft.inputs)
        outputs: list[int] = []
        for tensor in made:
            old = self.values.lookup(tensor)
            alias = old if old is not None else self.values.alias(tensor, args[0] if args else None)
            outputs.append(
                self.values.add(
                    tensor,
                    "operation",
                    producer=index,
                    alias_of=alias,
                    static=static,
                    parameters=draft.parameters if static else (),
                )
            )
        if target is not None:
            # Whoever looks at the same memory sees what was written there.
            outputs += [
                self.values.add(
                    tensor,
                    "operation",
                    producer=index,
                    alias_of=self.values.lookup(tensor),
                )
                for tensor in self.values.touched_by(target)
                if not any(tensor is one for one in made)
            ]
        inplace = target is not None or any(tensor is args[0] for tensor in made if args)
        self.recording.operations.append(
            draft.operation(index, tuple(outputs), self._line(), inplace=inplace, by_table=by_table)
        )

    def add_input(self, name: str, tensor: torch.Tensor) -> NamedValue:
        """Make ``tensor`` known as the model's input ``name``."""
        known = self.values.lookup(tensor)
        if known is None:
            known = self.values.add(tensor, "input", name=name)
        return NamedValue(name, known)

    # ---- the end ------------------------------------------------------------------------

    def note_failure(self, error: BaseException) -> None:
        """Add the exception that ended the pass, and the operation that raised it."""
        call = self._failing[1] if self._failing and caused_by(error, self._failing[0]) else None
        operation = None
        source = None
        ranges: dict[int, tuple[int, int]] = {}
        message = message_of(error)
        if self._raising is not None and caused_by(error, self._raising.error):
            draft, ranges = self._raising.operation, self._raising.ranges
            if error is self._raising.error:
                message = self._raising.said or message
            operation, call, source = len(self.recording.operations), draft.call, draft.source
            self.recording.operations.append(replace(draft, index=operation))
            self._widen_unfinished(operation)
        module = None if call is None else self._called(call)
        self.recording.failure = Failure(
            type=type(error).__name__,
            message=message,
            call=call,
            operation=operation,
            source=source or innermost(error.__traceback__),
            signature=None if module is None else signature_of(module),
            ranges=ranges,
            absent=None if operation is not None else absent_of(error, module),
        )

    def _called(self, call: int) -> nn.Module | None:
        path = self.recording.calls[call].path
        return next((m for m in self._modules if self._paths[id(m)] == path), None)

    def _widen_unfinished(self, operation: int) -> None:
        """Let the calls that the exception left contain the operation that raised it."""
        calls = self.recording.calls
        for index, call in enumerate(calls):
            if not call.finished and call.operations[1] == operation:
                calls[index] = replace(call, operations=(call.operations[0], operation + 1))


def _listed(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """``x[[0, 1]]`` as ``x[[0, 1],]``: in plain data its list would be the tuple of ``x[0, 1]``."""
    if name in ("getitem", "setitem") and len(args) > 1:
        x, index, *value = args
        if type(index) is list and all(isinstance(item, int) for item in cast("list[Any]", index)):
            return (x, (index,), *value)
    return args


#: The function that stands on the stack once for every module call that is open.
_RUN = Recorder._run_here.__code__  # noqa: SLF001


def _refuse_shared(
    func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> None:
    """Raise what torch does on the CPU where a call wrote into elements that are one number."""
    with torch._C.DisableTorchFunction():  # noqa: SLF001
        said = refused_write(func, args, kwargs, written(name, args, kwargs, result))
    if said is not None:
        raise RuntimeError(said)
