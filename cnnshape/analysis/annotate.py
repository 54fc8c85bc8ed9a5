"""A model's own source with the shapes beside each line, read from one pass line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

from cnnshape.analysis.report import ErrorReport, Report
from cnnshape.analysis.statements import FunctionSource, Statement, functions_in
from cnnshape.files import python_lines, python_text
from cnnshape.shown import Shown
from cnnshape.tracing.lines import LineTensor, LineVisit, Opaque, Seen
from cnnshape.tracing.trace import Shape


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of a statement.

    Attributes:
        arriving: the tensors that the statement read, in order; no name twice.
        bound: what it bound, by name and in order; of a ``def`` the arguments.
        returned: what it gave back, if ``returns``.
        raised: the exception that left it.
        activation: which call of a function it belongs to.
    """

    arriving: tuple[LineTensor, ...] = ()
    bound: tuple[tuple[str, Seen], ...] = ()
    returned: Seen = None
    returns: bool = False
    raised: str = ""
    activation: int = 0


@dataclass(frozen=True, slots=True)
class LineNotes:
    """A statement with all its runs; none where it did not run."""

    statement: Statement
    passes: tuple[Pass, ...] = ()


@dataclass(frozen=True)
class AnnotatedFunction:
    """A function of the model's own code that ran.

    Attributes:
        file: where it is written.
        source: it as it is written.
        lines: the text of ``source.body``, line by line.
        notes: of every statement.
        calls: how often it was called.
    """

    file: str
    source: FunctionSource
    lines: tuple[str, ...] = field(repr=False)
    notes: tuple[LineNotes, ...] = field(repr=False)
    calls: int


@dataclass(frozen=True)
class Annotations(Shown):
    """The functions of a model that ran, in the order of their files and lines.

    ``error`` is why the model raised, if it did; ``batch`` the size that goes without saying.
    """

    _written_by: ClassVar = "cnnshape.rendering.annotate"

    spec: str
    class_name: str
    functions: tuple[AnnotatedFunction, ...]
    report: Report = field(repr=False)
    error: ErrorReport | None = None

    def to_dict(self) -> dict[str, Any]:
        """The annotations as plain data: every run of every statement."""
        return {
            "schema": 1,
            "model": {"spec": self.spec, "class": self.class_name},
            "functions": [
                {
                    "file": function.file,
                    "name": function.source.name,
                    "calls": function.calls,
                    "lines": [_line(note) for note in function.notes],
                }
                for function in self.functions
            ],
            "error": self.error.to_dict() if self.error else None,
        }


def _line(note: LineNotes) -> dict[str, Any]:
    return {
        "line": note.statement.line,
        "end_line": note.statement.end,
        "runs": len(note.passes),
        "passes": [
            {
                "arriving": [_plain(one) for one in each.arriving],
                "bound": {name: _plain(seen) for name, seen in each.bound},
                "returned": _plain(each.returned) if each.returns else None,
                "raised": each.raised or None,
            }
            for each in note.passes
        ],
    }


def _plain(seen: Seen) -> Any:
    if isinstance(seen, LineTensor):
        return {"shape": list(seen.shape), "dtype": seen.dtype}
    if isinstance(seen, Opaque):
        return {"type": seen.type}
    if isinstance(seen, tuple):
        return [_plain(item) for item in seen]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(seen, Mapping):
        return {key: _plain(item) for key, item in cast("Mapping[str, Seen]", seen).items()}
    return seen


def annotated(report: Report, visits: Sequence[LineVisit]) -> Annotations:
    """What each statement of the model's own functions did.

    Args:
        report: of the same model and inputs; its sizes are taken, expressions too.
        visits: what ran, line by line.
    """
    sized = [_with_sizes(visit, report) for visit in visits]
    by_file: dict[str, list[LineVisit]] = {}
    for visit in sized:
        by_file.setdefault(visit.file, []).append(visit)
    functions = [f for file, own in by_file.items() for f in _functions(file, own)]
    return Annotations(report.spec, report.class_name, tuple(functions), report, report.error)


def _with_sizes(visit: LineVisit, report: Report) -> LineVisit:
    """The visit with the report's own sizes, which may be expressions."""
    if not report.letters:
        return visit

    def sized(seen: Seen) -> Seen:
        if isinstance(seen, LineTensor):
            return replace(seen, shape=_shape(seen, report))
        if isinstance(seen, tuple):
            return tuple(sized(item) for item in seen)  # pyright: ignore[reportUnknownVariableType]
        if isinstance(seen, Mapping):
            return {key: sized(item) for key, item in cast("Mapping[str, Seen]", seen).items()}
        if isinstance(seen, int) and not isinstance(seen, bool):
            return Opaque("int")  # it may be another one at other sizes
        return seen

    return replace(
        visit,
        before={name: sized(seen) for name, seen in visit.before.items()},
        bound={name: sized(seen) for name, seen in visit.bound.items()},
        returned=sized(visit.returned),
    )


def _shape(tensor: LineTensor, report: Report) -> Shape:
    values = report.trace.values
    if tensor.value is None or tensor.value >= len(values):
        return ("?",) * len(tensor.shape)
    return values[tensor.value].shape


def _functions(file: str, visits: Sequence[LineVisit]) -> Iterator[AnnotatedFunction]:
    text = python_text(file)
    try:
        written = {function.first: function for function in functions_in(text or "")}
    except (SyntaxError, ValueError, RecursionError):
        return
    if text is None:  # typed at a prompt, or gone since
        return
    lines = [line.rstrip("\r\n") for line in python_lines(text)]
    called: dict[int, list[LineVisit]] = {}
    for visit in visits:
        called.setdefault(visit.first, []).append(visit)
    for first in sorted(called):
        source = written.get(first)
        if source is not None:
            begin, end = source.body
            yield AnnotatedFunction(
                file,
                source,
                tuple(lines[begin - 1 : end]),
                tuple(_notes(source, called[first])),
                sum(visit.entered for visit in called[first]),
            )


def _notes(source: FunctionSource, visits: Sequence[LineVisit]) -> Iterator[LineNotes]:
    passes: dict[Statement, list[Pass]] = {}
    for statement, run in _runs(source, visits):
        passes.setdefault(statement, []).append(_pass(statement, run))
    for statement in source.statements:
        yield LineNotes(statement, tuple(passes.get(statement, ())))


def _runs(
    source: FunctionSource, visits: Sequence[LineVisit]
) -> Iterator[tuple[Statement, list[LineVisit]]]:
    """The visits of each run of a statement: one that goes over several lines has several."""
    last: dict[int, tuple[Statement, list[LineVisit]]] = {}
    order: list[tuple[Statement, list[LineVisit]]] = []
    for visit in visits:
        statement = source.statements[0] if visit.entered else source.at(visit.line)
        if statement is None:
            continue
        before = last.get(visit.activation)
        goes_on = before is not None and before[0] == statement
        if before is not None and goes_on and statement.end > statement.line:
            before[1].append(visit)
        else:
            last[visit.activation] = (statement, [visit])
            order.append(last[visit.activation])
    yield from order


def _pass(statement: Statement, run: Sequence[LineVisit]) -> Pass:
    before = run[0].before
    arriving = [before[name] for name in statement.reads if name in before]
    bound: dict[str, Seen] = {}
    own = {*statement.binds, *statement.reads}
    for visit in run:  # another name may stand for the same tensor: it is not the line's
        bound |= {name: seen for name, seen in visit.bound.items() if name in own}
    if statement.kind in ("Assign", "AnnAssign", "AugAssign"):
        # What was there already may have been bound anew, as by a layer that hands its input on.
        bound = {n: before[n] for n in statement.binds if n not in bound and n in before} | bound
    order = {name: place for place, name in enumerate(statement.binds)}
    names = sorted(bound, key=lambda name: order.get(name, len(order)))
    ends = next((visit for visit in run if visit.returns), None)
    return Pass(
        arriving=tuple(_tensors(arriving)),
        bound=tuple((name, bound[name]) for name in names),
        returned=None if ends is None else ends.returned,
        returns=ends is not None and statement.kind == "Return",
        raised=next((visit.raised for visit in run if visit.raised), ""),
        activation=run[0].activation,
    )


def _tensors(things: Sequence[Seen]) -> Iterator[LineTensor]:
    for thing in things:
        if isinstance(thing, LineTensor):
            yield thing
        elif isinstance(thing, tuple):
            yield from _tensors(thing)  # pyright: ignore[reportUnknownArgumentType]
