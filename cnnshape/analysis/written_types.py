"""The annotations of a function's arguments and result: those it has, and those it should have."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cnnshape.analysis.annotate import AnnotatedFunction, Annotations
from cnnshape.analysis.claims import Claim
from cnnshape.analysis.tensor_types import Bindings, Namer, TensorType, read_type
from cnnshape.files import python_lines
from cnnshape.messages import say
from cnnshape.tracing.lines import LineTensor, Seen
from cnnshape.tracing.trace import Source, Span

#: What stands for a result among the names of a function.
RETURN = "return"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an annotation stands or could stand.

    Attributes:
        text: as it is written; empty where there is none.
        span: the characters to be replaced; without width where there is none yet.
        open: whether an annotation can be written there: no other default or star is in the way.
    """

    text: str
    span: Span
    open: bool = True


def places_in(source: str) -> Mapping[int, Mapping[str, Place]]:
    """The annotations of every function, by the line of its ``def``; the result as ``return``.

    >>> places = places_in("def forward(self, x: Tensor, y):\\n    return x\\n")[1]
    >>> {name: place.text for name, place in places.items()}
    {'x': 'Tensor', 'y': '', 'return': ''}
    """
    lines = python_lines(source)
    ends = _heads(source)
    found: dict[int, Mapping[str, Place]] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno in ends:
            found[node.lineno] = dict(_of(node, lines, ends[node.lineno]))
    return found


def _of(
    node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str], end: tuple[int, int]
) -> Iterator[tuple[str, Place]]:
    plain = [*node.args.posonlyargs, *node.args.args]
    with_default = {a.arg for a in plain[len(plain) - len(node.args.defaults) :]}
    with_default |= {
        a.arg
        for a, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    }
    for argument in (*plain, *node.args.kwonlyargs):
        if argument.arg not in ("self", "cls"):
            is_open = argument.arg not in with_default
            yield argument.arg, _place(argument.annotation, argument, lines, is_open=is_open)
    if node.returns is not None:
        yield RETURN, _place(node.returns, node.returns, lines, is_open=True)
    else:
        yield RETURN, Place("", Span(end[0], end[1], end[0], end[1]))


def _place(
    annotation: ast.expr | None, owner: ast.arg | ast.expr, lines: list[str], *, is_open: bool
) -> Place:
    node = annotation or owner
    line, end = node.lineno, node.end_lineno or node.lineno
    column = _column(lines[line - 1], node.col_offset)
    last = _column(lines[end - 1], node.end_col_offset or 0)
    if annotation is None:
        return Place("", Span(end, last, end, last), is_open)
    text = "".join(lines[line - 1 : end])
    behind = len(lines[end - 1]) - last
    return Place(text[column : len(text) - behind], Span(line, column, end, last), is_open)


def _column(line: str, offset: int) -> int:
    """Characters, where Python's syntax tree counts bytes."""
    return len(line.encode()[:offset].decode())


def _heads(source: str) -> dict[int, tuple[int, int]]:
    """Behind the bracket that closes the arguments of each ``def``, by its line."""
    found: dict[int, tuple[int, int]] = {}
    begun, depth = 0, 0
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        if token.type == tokenize.NAME and token.string == "def" and not depth:
            begun = token.start[0]
        elif begun and token.string in ("(", "[", "{"):
            depth += 1
        elif begun and token.string in (")", "]", "}"):
            depth -= 1
            if not depth:
                found[begun], begun = token.end, 0
    return found


# ---- what they should be ------------------------------------------------------------------


def types_of(function: AnnotatedFunction) -> dict[str, TensorType]:
    """The type of every argument that was a tensor in each call, and of the result."""
    head, *others = function.notes
    namer = Namer()
    found: dict[str, TensorType] = {}
    for name in head.statement.binds:
        tensors = [dict(each.bound).get(name) for each in head.passes]
        if tensors and all(isinstance(tensor, LineTensor) for tensor in tensors):
            held = [tensor for tensor in tensors if isinstance(tensor, LineTensor)]
            found[name] = namer.type_of(held, bind=True)
    results = [each.returned for note in others for each in note.passes if each.returns]
    tensors = [result for result in results if isinstance(result, LineTensor)]
    if tensors and len(tensors) == len(results) == function.calls:
        found[RETURN] = namer.type_of(tensors, bind=False)
    return found


# ---- held against a pass ------------------------------------------------------------------


def annotation_claims(annotations: Annotations, texts: Mapping[str, str]) -> list[Claim]:
    """One claim for each annotation of jaxtyping's that a function which ran has.

    Args:
        annotations: what ran.
        texts: the source of each file.
    """
    claims: list[Claim] = []
    for function in annotations.functions:
        places = places_in(texts[function.file]).get(function.source.body[0], {})
        wanted = {name: read_type(place.text) for name, place in places.items()}
        known = {name: each for name, each in wanted.items() if each is not None}
        claims += [
            _claim(function, name, each, places[name].span.line, wrong)
            for name, each in known.items()
            for wrong in [_first_wrong(function, known, name)]
        ]
    return claims


def _first_wrong(
    function: AnnotatedFunction, wanted: Mapping[str, TensorType], name: str
) -> tuple[LineTensor | None, str | None]:
    """A tensor that an annotation speaks of, the first that is another; and why."""
    shown: LineTensor | None = None
    for call in _calls(function):
        bindings = Bindings()
        for other, each in wanted.items():
            tensor = call.get(other)
            why = bindings.mismatch(each, tensor) if isinstance(tensor, LineTensor) else None
            if other == name and isinstance(tensor, LineTensor):
                shown = shown or tensor
                if why is not None:
                    return tensor, why
    return shown, None


def _calls(function: AnnotatedFunction) -> Iterator[dict[str, Seen]]:
    """The arguments and the result of each call."""
    head, *others = function.notes
    results = {
        each.activation: each.returned for note in others for each in note.passes if each.returns
    }
    for each in head.passes:
        yield {**dict(each.bound), RETURN: results.get(each.activation)}


def _claim(
    function: AnnotatedFunction,
    name: str,
    wanted: TensorType,
    line: int,
    found: tuple[LineTensor | None, str | None],
) -> Claim:
    tensor, why = found
    what = "its result" if name == RETURN else name
    return Claim(
        "annotation",
        f"{function.source.name} {what}",
        str(wanted),
        "nothing" if tensor is None else tensor.shape,
        ok=why is None,
        note=why or ("" if tensor is not None else say("it was no tensor in this pass")),
        source=Source(function.file, line, function.source.name),
    )
