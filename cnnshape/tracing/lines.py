"""Line by line: what every line of the model's own code bound, returned, or raised in a pass.

A pass that is recorded with these notes runs under Python's own line tracing, which is slow; it is
an extra pass, for those who want to see a source with its shapes.
"""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any, TypeAlias, cast

import torch

from cnnshape.tracing.names import dtype_name
from cnnshape.tracing.recorder import Recorder
from cnnshape.tracing.trace import Shape

#: More items of a list than this are not looked at.
_MOST_ITEMS = 16
#: Generators and coroutines, whose frames end in the middle and go on.
_SUSPENDS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_YIELD = {dis.opmap[name] for name in ("YIELD_VALUE", "YIELD_FROM") if name in dis.opmap}


@dataclass(frozen=True, slots=True)
class LineTensor:
    """A tensor that a name stood for; ``value`` is its value in the trace, where it has one."""

    value: int | None
    shape: Shape
    dtype: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something of which only the class is known."""

    type: str


#: What a name stood for: a tensor, a number or text, a tuple or dict of these, or something else.
Seen: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class LineVisit:
    """One run of one line.

    Attributes:
        file, line, function: where; of a function's first visit the line of its ``def``.
        first: the line of the function's ``def`` or first decorator.
        activation: which call of a Python function it belongs to, counted from 0.
        call: the module call that was running.
        before: the names of the function before it, as far as they stand for tensors.
        bound: what it bound or changed, by name; the arguments in a function's first visit.
        entered: it is a function's first visit.
        returned: what the function gave back here; None if it did not return here.
        returns: whether it did.
        raised: the class of the exception that left or passed it.
    """

    file: str
    line: int
    function: str
    first: int
    activation: int
    call: int | None
    before: Mapping[str, Seen] = field(default_factory=dict[str, Seen])
    bound: Mapping[str, Seen] = field(default_factory=dict[str, Seen])
    entered: bool = False
    returned: Seen = None
    returns: bool = False
    raised: str = ""


def noting_lines(visits: list[LineVisit], follows: Callable[[str], bool]) -> type[Recorder]:
    """A recorder that appends to ``visits`` what every line does of the files that it follows."""

    class LineRecorder(Recorder):
        def __enter__(self) -> Any:
            entered = super().__enter__()
            self._tracer = _Tracer(self, visits, follows)
            self._before = sys.gettrace()
            sys.settrace(self._tracer.called)
            return entered

        def __exit__(self, *error: object) -> None:
            sys.settrace(self._before)
            super().__exit__(*error)  # type: ignore[arg-type]

    return LineRecorder


def _is_suspended(frame: FrameType) -> bool:
    """Whether the line that yields goes on later."""
    return frame.f_code.co_code[frame.f_lasti] in _YIELD


@dataclass(slots=True)
class _State:
    """A Python function that is running: its names, and the line that has begun."""

    names: dict[str, Seen]
    marks: dict[str, Any]
    pending: LineVisit


class _Tracer:
    """The functions that Python calls at every call and line."""

    def __init__(
        self, recorder: Recorder, visits: list[LineVisit], follows: Callable[[str], bool]
    ) -> None:
        self._recorder = recorder
        self._follows = follows
        self._visits = visits
        self._activations = 0
        self._resumed: set[Any] = set()

    def called(self, frame: FrameType, event: str, _argument: Any) -> Callable[..., Any] | None:
        """A function begins: its lines are followed if it is the author's own."""
        code = frame.f_code
        if event == "call" and frame.f_trace in self._resumed:
            return frame.f_trace  # a generator goes on
        # A comprehension belongs to the line that it stands in.
        if event != "call" or code.co_name.startswith("<") or not self._follows(code.co_filename):
            return None
        names, marks = self._read(frame, {}, {})
        entry = LineVisit(
            code.co_filename,
            code.co_firstlineno,
            code.co_name,
            code.co_firstlineno,
            self._activations,
            self._recorder.running_call,
            bound={name: seen for name, seen in names.items() if name != "self"},
            entered=True,
        )
        self._activations += 1
        self._visits.append(entry)
        state = _State(names, marks, replace(entry, bound={}, line=0))
        suspends = bool(code.co_flags & _SUSPENDS)

        def traced(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
            if event == "line":
                self._finish(frame, state)
                state.pending = replace(
                    entry, line=frame.f_lineno, before=state.names, bound={}, entered=False
                )
            elif event == "exception":
                # The end of a loop over a generator, and of a generator that nobody asks further.
                if not issubclass(argument[0], StopIteration | GeneratorExit):
                    state.pending = replace(state.pending, raised=argument[0].__name__)
            elif event == "return" and not (suspends and _is_suspended(frame)):
                if not state.pending.raised or argument is not None:
                    returned = self._seen(argument)
                    state.pending = replace(state.pending, returned=returned, returns=True)
                self._finish(frame, state)
            return traced

        if suspends:
            self._resumed.add(traced)
        return traced

    def _finish(self, frame: FrameType, state: _State) -> None:
        """Note what the line that has just run bound."""
        names, marks = self._read(frame, state.names, state.marks)
        if state.pending.line:
            bound = {
                name: seen
                for name, seen in names.items()
                if name not in state.marks or marks[name] != state.marks[name]
            }
            self._visits.append(replace(state.pending, bound=bound))
        state.names, state.marks = names, marks

    def _read(
        self, frame: FrameType, names: dict[str, Seen], marks: dict[str, Any]
    ) -> tuple[dict[str, Seen], dict[str, Any]]:
        """The names of a frame, those that are as before not looked at again."""
        now = {name: self._mark(thing) for name, thing in frame.f_locals.items()}
        if now == marks:
            return names, marks
        found = {
            name: names[name]
            if name in marks and marks[name] == now[name]
            else self._seen(frame.f_locals[name])
            for name in now
        }
        return found, now

    def _mark(self, thing: Any, depth: int = 2) -> Any:
        """What changes when a name is bound anew, or when what it stands for is written to."""
        if isinstance(thing, torch.Tensor):
            return id(thing), self._recorder.values.lookup(thing)
        if isinstance(thing, bool | int | float | str | None):
            return type(thing), thing
        if isinstance(thing, list | tuple | dict) and depth:
            items = list(thing.values()) if isinstance(thing, dict) else thing
            inner = [self._mark(item, depth - 1) for item in items[:_MOST_ITEMS]]
            return id(thing), len(items), tuple(inner)
        return id(thing)

    def _seen(self, thing: Any, depth: int = 3) -> Seen:
        if isinstance(thing, torch.Tensor):
            value = self._recorder.values.lookup(thing)
            shape = tuple(thing.shape)
            return LineTensor(value, shape, dtype_name(thing.dtype))
        if isinstance(thing, bool | int | float | str | None):
            return thing
        if isinstance(thing, list | tuple) and depth:
            sequence = cast("list[Any] | tuple[Any, ...]", thing)
            return tuple(self._seen(item, depth - 1) for item in sequence[:_MOST_ITEMS])
        if isinstance(thing, dict) and depth:
            mapping = cast("dict[Any, Any]", thing)
            items = list(mapping.items())[:_MOST_ITEMS]
            return {str(key): self._seen(item, depth - 1) for key, item in items}
        return Opaque(type(thing).__name__)
