"""Recording one forward pass: which modules were called, which torch functions ran on what.

Two observers, both removed afterwards:

* a ``TorchFunctionMode`` sees every torch function, functional calls and operators included;
* every module gets its call intercepted on the instance, so that ``layer(x)`` and
  ``layer.forward(x)`` both appear, user hooks included, and an exception passes through us.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from cnnshape.tracing.describe import Described
from cnnshape.tracing.opaque import count_macs
from cnnshape.tracing.source import caller
from cnnshape.tracing.storage import storage_of
from cnnshape.tracing.structure import named_tensors, to_plain
from cnnshape.tracing.trace import (
    Dim,
    Failure,
    ModuleCall,
    NamedValue,
    Operation,
    Plain,
    Source,
    Value,
)

Shortcut = Callable[..., Any]

#: Functions that return no tensor worth a node, decided by name before they run.
_SILENT_NAMES = frozenset(
    "size dim stride numel element_size is_contiguous is_floating_point is_complex type_as_check "
    "storage_offset data_ptr get_device requires_grad_ register_hook retain_grad __len__ __bool__ "
    "__repr__ __format__ __hash__ __reduce_ex__ __deepcopy__ _set_grad_enabled _assert "
    "__set__ __delete__ is_nonzero is_same_size _version is_inference _is_view".split()
)
#: Attributes of a tensor that are tensors computed from it.
_TENSOR_ATTRIBUTES = frozenset("T mT H mH real imag data".split())
_ATOMS = (int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device)


@dataclass
class _OpenCall:
    """A module call that has begun and not yet returned."""

    index: int
    module: int
    in_forward: bool = False


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
        )


@dataclass
class Recording:
    """What the recorder has seen so far; becomes a trace when the pass is over."""

    values: list[Value] = field(default_factory=list[Value])
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
        self._modules = modules
        self._before_write = before_write
        self._shortcuts = shortcuts or {}
        self._paths = described.paths
        self._runs: dict[int, int] = {}
        self._stack: list[_OpenCall] = []
        # id of a tensor → (weak reference, value). The reference tells a new tensor at an old
        # address from the old one, and does not keep activations alive.
        self._known: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}
        # The last operation that raised, and the last call that an exception left: part of the
        # trace only if that exception ends the pass, since a model may catch it and go on.
        self._raising: tuple[BaseException, Operation] | None = None
        self._failing: tuple[BaseException, int] | None = None
        records = (*described.parameters, *described.buffers)
        for record, (origin, tensor) in zip(records, described.tensors, strict=True):
            parameters = (record.name,) if origin == "parameter" else ()
            self._new_value(tensor, origin, name=record.name, parameters=parameters)

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
            top = self._stack[-1] if self._stack else None
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
        index = self._open(module, args, kwargs, in_forward=in_forward)
        depth = len(self._stack)
        try:
            if isinstance(module, torch.jit.ScriptModule):
                with count_macs() as counter:
                    result = function(*args, **kwargs)
                macs = counter.macs
            else:
                result = function(*args, **kwargs)
                macs = None
        except BaseException as error:
            # The innermost call that the exception leaves is where it happened.
            if self._failing is None or not _chain(error, self._failing[0]):
                self._failing = (error, index)
            del self._stack[depth - 1 :]
            self._close(index, None, finished=False, macs=None)
            raise
        del self._stack[depth - 1 :]
        self._close(index, result, finished=True, macs=macs)
        return result

    def _open(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], *, in_forward: bool
    ) -> int:
        recording = self.recording
        index = len(recording.calls)
        run = self._runs.get(id(module), 0)
        self._runs[id(module)] = run + 1
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - reading shapes is not an operation
            inputs = [
                NamedValue(name, self._value(tensor))
                for name, tensor in self._named_arguments(module, args, kwargs)
            ]
            call = ModuleCall(
                index=index,
                path=self._paths[id(module)],
                call=run,
                parent=self._stack[-1].index if self._stack else None,
                args=cast("tuple[Plain, ...]", to_plain(args, self._value)),
                kwargs=cast("dict[str, Plain]", to_plain(kwargs, self._value)),
                inputs=tuple(inputs),
                outputs=(),
                operations=(len(recording.operations), len(recording.operations)),
                source=caller() if self._stack else None,
                finished=False,
            )
        recording.calls.append(call)
        self._stack.append(_OpenCall(index, id(module), in_forward))
        return index

    def _named_arguments(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[tuple[str, torch.Tensor]]:
        names = forward_names(type(module)) if not self._stack else ()
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
            unseen = [tensor for _, tensor in found if self._lookup(tensor) is None]
            if unseen or macs is not None:
                # The tensors came from code that cannot be seen into (TorchScript, a C++
                # extension): one opaque operation stands for it, so that the graph stays whole.
                self._add_opaque(call, unseen, macs)
            outputs = tuple(NamedValue(name, self._value(tensor)) for name, tensor in found)
        recording.calls[index] = replace(
            call,
            outputs=outputs,
            operations=(call.operations[0], len(recording.operations)),
            finished=finished,
            result_type=type(result).__name__ if finished else "",
        )

    def _add_opaque(self, call: ModuleCall, unseen: list[torch.Tensor], macs: int | None) -> None:
        recording = self.recording
        index = len(recording.operations)
        outputs = tuple(self._new_value(t, "operation", producer=index) for t in unseen)
        recording.operations.append(
            Operation(
                index=index,
                name="opaque",
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
        name = getattr(func, "__name__", "")
        if name == "__get__":
            name = getattr(getattr(func, "__self__", None), "__name__", "")
            if name not in _TENSOR_ATTRIBUTES:
                return func(*args, **kwargs)
        elif name in _SILENT_NAMES or not self._stack:
            return func(*args, **kwargs)
        return self._operation(func, name, args, kwargs)

    def _operation(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        writes = (name.endswith("_") and not name.endswith("__")) or name in _WRITING_NAMES
        result: Any = NotImplemented
        # Reading a shape is a torch function as well: other modes must not be asked for it.
        with torch._C.DisableTorchFunction():  # noqa: SLF001
            draft = self._draft(func, name, args, kwargs, writes=writes)
            shortcut = self._shortcuts.get(func)
            if shortcut is not None:
                result = shortcut(*args, **kwargs)
        if result is NotImplemented:
            try:
                result = func(*args, **kwargs)
            except BaseException as error:
                self._raising = (error, draft.operation(0, (), caller(), failed=True))
                raise
        if writes or not isinstance(result, _ATOMS):
            with torch._C.DisableTorchFunction():  # noqa: SLF001
                self._record(draft, args, result, writes=writes)
        return result

    def _draft(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, writes: bool
    ) -> _Draft:
        if writes and args and isinstance(args[0], torch.Tensor):
            self._before_write(args[0])
        for tensor in _out_tensors(kwargs):
            self._before_write(tensor)
        used: list[int] = []

        def ref(tensor: torch.Tensor) -> int:
            value = self._value(tensor)
            used.append(value)
            return value

        return _Draft(
            name=operation_name(func, name),
            call=self._stack[-1].index,
            args=cast("tuple[Plain, ...]", to_plain(args, ref)),
            kwargs=cast("dict[str, Plain]", to_plain(kwargs, ref)),
            inputs=tuple(dict.fromkeys(used)),
            parameters=self._parameters_of(used),
        )

    def _record(self, draft: _Draft, args: tuple[Any, ...], result: Any, *, writes: bool) -> None:
        target = args[0] if writes and args and isinstance(args[0], torch.Tensor) else None
        made = [tensor for _, tensor in named_tensors("", result)]
        if target is not None and not any(tensor is target for tensor in made):
            made.insert(0, target)  # x[0] = y returns nothing, and x is new
        if not made:
            return
        index = len(self.recording.operations)
        static = all(self.recording.values[value].static for value in draft.inputs)
        outputs: list[int] = []
        for tensor in made:
            old = self._lookup(tensor)
            alias = old if old is not None else self._alias(tensor, args)
            outputs.append(
                self._new_value(
                    tensor,
                    "operation",
                    producer=index,
                    alias_of=alias,
                    static=static,
                    parameters=draft.parameters if static else (),
                )
            )
        if target is not None:
            base = target._base  # noqa: SLF001 - writing into a view writes into its base
            if base is not None and self._lookup(base) is not None:
                outputs.append(
                    self._new_value(base, "operation", producer=index, alias_of=self._lookup(base))
                )
        inplace = target is not None or any(tensor is args[0] for tensor in made if args)
        self.recording.operations.append(
            draft.operation(index, tuple(outputs), caller(), inplace=inplace)
        )

    def _alias(self, tensor: torch.Tensor, args: tuple[Any, ...]) -> int | None:
        """The argument whose memory ``tensor`` shares, if it is a view of one."""
        first = args[0] if args else None
        if not isinstance(first, torch.Tensor):
            return None
        memory = storage_of(tensor)
        return self._lookup(first) if memory is not None and memory == storage_of(first) else None

    def _parameters_of(self, values: list[int]) -> tuple[str, ...]:
        names = dict.fromkeys(
            name for value in values for name in self.recording.values[value].parameters
        )
        return tuple(names)

    # ---- values -------------------------------------------------------------------------

    def _lookup(self, tensor: torch.Tensor) -> int | None:
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0]() is tensor else None

    def _value(self, tensor: torch.Tensor) -> int:
        """The tensor's value; a tensor never seen before is a constant of the model."""
        known = self._lookup(tensor)
        return self._new_value(tensor, "constant") if known is None else known

    def _new_value(
        self,
        tensor: torch.Tensor,
        origin: Any,
        *,
        producer: int | None = None,
        name: str | None = None,
        alias_of: int | None = None,
        static: bool = False,
        parameters: tuple[str, ...] = (),
    ) -> int:
        values = self.recording.values
        shape = _shape(tensor)
        value = Value(
            id=len(values),
            shape=shape,
            dtype=str(tensor.dtype).removeprefix("torch."),
            bytes=_bytes(tensor, shape),
            origin=origin,
            producer=producer,
            name=name,
            alias_of=alias_of,
            static=static or origin in ("parameter", "buffer", "constant"),
            parameters=parameters,
        )
        values.append(value)
        self._known[id(tensor)] = (weakref.ref(tensor), value.id)
        return value.id

    def add_input(self, name: str, tensor: torch.Tensor) -> NamedValue:
        """Make ``tensor`` known as the model's input ``name``."""
        known = self._lookup(tensor)
        if known is None:
            known = self._new_value(tensor, "input", name=name)
        return NamedValue(name, known)

    # ---- the end ------------------------------------------------------------------------

    def note_failure(self, error: BaseException) -> None:
        """Add the exception that ended the pass, and the operation that raised it."""
        call = self._failing[1] if self._failing and _chain(error, self._failing[0]) else None
        operation = None
        source = None
        if self._raising is not None and _chain(error, self._raising[0]):
            draft = self._raising[1]
            operation, call, source = len(self.recording.operations), draft.call, draft.source
            self.recording.operations.append(replace(draft, index=operation))
            self._widen_unfinished(operation)
        self.recording.failure = Failure(
            type=type(error).__name__,
            message=_message(error),
            call=call,
            operation=operation,
            source=source or _raised_at(error),
        )

    def _widen_unfinished(self, operation: int) -> None:
        """Let the calls that the exception left contain the operation that raised it."""
        calls = self.recording.calls
        for index, call in enumerate(calls):
            if not call.finished and call.operations[1] == operation:
                calls[index] = replace(call, operations=(call.operations[0], operation + 1))


_WRITING_NAMES = frozenset(
    "__setitem__ __iadd__ __isub__ __imul__ __itruediv__ __ifloordiv__ __imod__ __ipow__ "
    "__iand__ __ior__ __ixor__ __ilshift__ __irshift__ __imatmul__".split()
)
_RENAMED = {
    "max_pool1d_with_indices": "max_pool1d",
    "max_pool2d_with_indices": "max_pool2d",
    "max_pool3d_with_indices": "max_pool3d",
    "adaptive_max_pool1d_with_indices": "adaptive_max_pool1d",
    "adaptive_max_pool2d_with_indices": "adaptive_max_pool2d",
    "adaptive_max_pool3d_with_indices": "adaptive_max_pool3d",
    "fractional_max_pool2d_with_indices": "fractional_max_pool2d",
    "fractional_max_pool3d_with_indices": "fractional_max_pool3d",
    "truediv": "div",
    "radd": "add",
    "iadd": "add",
    "rmul": "mul",
    "imul": "mul",
    "rsub": "sub",
    "isub": "sub",
    "rtruediv": "div",
    "itruediv": "div",
    "rmatmul": "matmul",
    "rpow": "pow",
}


def operation_name(func: Any, name: str) -> str:
    """What an operation is called: ``add`` for ``add_``, ``__add__`` and ``torch.add``."""
    if func is torch.Tensor.unfold:
        return "sliding_window"  # shares its name, and nothing else, with F.unfold
    bare = name.strip("_")
    return _RENAMED.get(bare, bare)


def _out_tensors(kwargs: dict[str, Any]) -> tuple[torch.Tensor, ...]:
    out = kwargs.get("out")
    if isinstance(out, torch.Tensor):
        return (out,)
    if isinstance(out, list | tuple):
        return tuple(t for t in cast("list[Any]", out) if isinstance(t, torch.Tensor))
    return ()


def _shape(tensor: torch.Tensor) -> tuple[Dim, ...]:
    if is_lazy(tensor):
        return ()
    try:
        shape = tensor.shape
    except (RuntimeError, NotImplementedError):  # nested tensors have no one shape
        return ()
    return tuple(size if type(size) is int else _dim(size) for size in shape)


def _dim(size: Any) -> Dim:
    """A symbolic size that is settled is a number; one that is not is its expression."""
    node = getattr(size, "node", None)
    if node is None:
        return int(size)
    known = node.maybe_as_int() if hasattr(node, "maybe_as_int") else None
    return str(size) if known is None else int(known)


def _bytes(tensor: torch.Tensor, shape: tuple[Dim, ...]) -> int:
    if is_lazy(tensor):
        return 0
    count = 1
    for size in shape:
        if isinstance(size, str):
            return 0
        count *= size
    return count * tensor.element_size()


def _chain(error: BaseException | None, cause: BaseException) -> bool:
    """Whether ``error`` is ``cause`` or was raised from it."""
    for _ in range(20):
        if error is None:
            return False
        if error is cause:
            return True
        error = error.__cause__ or error.__context__
    return False


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's exception may fail to print itself
        return f"({type(error).__name__} that cannot be printed)"


def _raised_at(error: BaseException) -> Source | None:
    from cnnshape.tracing.source import innermost

    return innermost(error.__traceback__)


@functools.cache
def forward_names(cls: type[nn.Module]) -> tuple[str, ...]:
    """The positional parameters of a class's ``forward``, in order, without ``self``."""
    import inspect

    try:
        parameters = list(inspect.signature(cls.forward).parameters.values())
    except (TypeError, ValueError, AttributeError):  # TorchScript has no Python signature
        return ()
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters[1:] if p.kind in positional)
