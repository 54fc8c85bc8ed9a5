"""The failing call as its author wrote it, read from the source line, and written differently."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeGuard

from cnnshape.analysis.diagnose.constructor import literal
from cnnshape.analysis.diagnose.edits import AddLayer, Edit, Rewrite
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_code import (
    name_of,
    parsed,
    span_of_node,
    text_of,
)
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.tracing.trace import ModuleCall, Source, Span

#: Operators by the name under which they are recorded.
_OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "div": ast.Div,
    "matmul": ast.MatMult,
}
_SPELLINGS = {
    "cat": ("cat", "concat", "concatenate"),
    "mul": ("mul", "multiply"),
    "sub": ("sub", "subtract"),
    "div": ("div", "divide", "true_divide"),
    "conv2d": ("conv2d",),
}
_Node = ast.Call | ast.BinOp | ast.AugAssign | ast.Subscript
#: What a method can follow without brackets.
_ATOMIC = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Tuple)
#: The roots of torch's functions in a correction, which the file may call otherwise.
_ROOTS = re.compile(r"(?<![\w.\"'])(F|nn|torch)(?=\.)")


_KEYWORD = re.compile(r"\w+=(?!=)")


@dataclass(frozen=True, slots=True)
class SizeOf:
    """An argument that is written ``x.size(axis)``, of the tensor that the call works on."""

    axis: int


@dataclass(frozen=True, slots=True)
class Written:
    """A call in somebody's source.

    Attributes:
        text: all of it, in one line.
        operands: the receiver or first arguments in order, the items of a list one by one;
            in brackets where a method could not follow them otherwise.
        receiver: what stands before the dot of a method, if it is one.
        function: what is called, without arguments: ``x.view``, ``torch.cat``; the sign of an
            operator.
        arguments: the arguments between the brackets, as written.
        gathered: the tensors stand in a list that is written elsewhere: ``torch.cat(outputs, 1)``.
        raw, spans: the text as it stands in the file, and where in it the operands stand.
        place, places, called: where all of it stands in the file, and in it the operands and what
            is called.
    """

    text: str
    operands: tuple[str, ...]
    receiver: str | None
    function: str
    arguments: tuple[str, ...]
    raw: str
    spans: tuple[tuple[int, int], ...]
    place: Span
    places: tuple[Span, ...]
    called: Span | None = None
    gathered: bool = False

    def with_operand(self, index: int, new: str) -> str:
        """The call with one operand written differently."""
        start, stop = self.spans[index]
        if index == 0 and self.function.endswith("="):
            # `x += y` with something done to x first is no longer in place.
            target, value = (self.raw[a:b] for a, b in self.spans)
            return _one_line(f"{target} = {new} {self.function[:-1]} {value}")
        return _one_line(self.raw[:start] + new + self.raw[stop:])


def written(source: Source | None, name: str) -> Written | None:
    """The call of the function ``name`` that a source line was running.

    None if that is not known and there is not exactly one on the line.
    """
    text = None if source is None or not source.file else text_of(source.file)
    if source is None or text is None:
        return None
    found = [node for node in _on_line(text, source.line) if _is_call_of(node, name)]
    if len(found) > 1:
        span = source.span
        found = [node for node in found if span_of_node(node) == span]
    return _describe(found[0], text) if len(found) == 1 else None


def call_at(source: Source | None) -> Written | None:
    """The call, whatever its name, that a source line was running; None where that is not known."""
    text = None if source is None or not source.file else text_of(source.file)
    if source is None or text is None:
        return None
    calls = [node for node in _on_line(text, source.line) if isinstance(node, ast.Call)]
    span = source.span
    found = [node for node in calls if span_of_node(node) == span] if len(calls) > 1 else calls
    return _describe(found[0], text) if len(found) == 1 else None


def _on_line(text: str, line: int) -> Sequence[_Node]:
    return _by_line(text).get(line, ())


@lru_cache(maxsize=8)
def _by_line(text: str) -> dict[int, list[_Node]]:
    """The calls of a file by each line on which they stand."""
    found: dict[int, list[_Node]] = {}
    for node in ast.walk(parsed(text) or ast.Module([], [])):
        if isinstance(node, _Node):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.setdefault(line, []).append(node)
    return found


def _is_call_of(node: _Node, name: str) -> bool:
    if isinstance(node, ast.Subscript):
        return name == "getitem" and not _is_shape(node.value)
    if isinstance(node, ast.BinOp | ast.AugAssign):
        operator = _OPERATORS.get(name)
        return operator is not None and isinstance(node.op, operator)
    names = _SPELLINGS.get(name, (name,))
    called = node.func
    spelled = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return spelled.rstrip("_") in names


def _is_shape(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "shape"


def _describe(node: _Node, text: str) -> Written | None:
    raw = ast.get_source_segment(text, node)
    if raw is None:
        return None
    parts = _parts(node)
    # ast counts bytes; so do we until the slice is taken.
    lines = [0]
    for line in text.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    begin = lines[node.lineno - 1] + node.col_offset
    encoded = raw.encode()

    def span(part: ast.expr) -> tuple[int, int]:
        start = lines[part.lineno - 1] + part.col_offset - begin
        stop = lines[(part.end_lineno or part.lineno) - 1] + (part.end_col_offset or 0) - begin
        return len(encoded[:start].decode()), len(encoded[:stop].decode())

    def piece(part: ast.expr) -> str:
        start, stop = span(part)
        return _one_line(raw[start:stop])

    def operand(part: ast.expr) -> str:
        return piece(part) if isinstance(part, _ATOMIC) else f"({piece(part)})"

    function, receiver, arguments = "", None, ()
    if isinstance(node, ast.BinOp | ast.AugAssign):
        signs = dict(zip(_OPERATORS.values(), "+-*/@", strict=True))
        function = signs.get(type(node.op), "") + ("=" if isinstance(node, ast.AugAssign) else "")
    elif isinstance(node, ast.Call):
        function = piece(node.func)
        if isinstance(node.func, ast.Attribute) and parts and parts[0] is node.func.value:
            receiver = operand(parts[0])
        arguments = (
            *(piece(argument) for argument in node.args),
            *(f"{keyword.arg}={piece(keyword.value)}" for keyword in node.keywords if keyword.arg),
        )
    else:
        receiver = operand(node.value)
    return Written(
        _one_line(raw),
        tuple(operand(part) for part in parts),
        receiver,
        function,
        arguments,
        raw,
        tuple(span(part) for part in parts),
        span_of_node(node),
        tuple(map(span_of_node, parts)),
        span_of_node(node.func) if isinstance(node, ast.Call) else None,
        _takes_list(node) and not isinstance(node.args[0], ast.List | ast.Tuple),
    )


def _takes_list(node: _Node) -> TypeGuard[ast.Call]:
    called = node.func if isinstance(node, ast.Call) else None
    spelled = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return (
        spelled in (*_SPELLINGS["cat"], "stack") and isinstance(node, ast.Call) and bool(node.args)
    )


def _parts(node: _Node) -> list[ast.expr]:
    """The receiver and the arguments, with the items of a list one by one."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.Subscript):
        return [node.value]
    called = node.func
    method = isinstance(called, ast.Attribute) and not _is_library(called.value)
    parts: list[ast.expr] = [called.value] if method and isinstance(called, ast.Attribute) else []
    for argument in node.args:
        if isinstance(argument, ast.List | ast.Tuple):
            parts += argument.elts
        else:
            parts.append(argument)
    # Tensors are counted in the order of the call, those passed by name come last.
    parts += [keyword.value for keyword in node.keywords if keyword.arg]
    return parts


def _is_library(node: ast.expr) -> bool:
    """``torch``, ``F``, ``nn.functional``: the function's home and not a tensor."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in ("torch", "F", "nn", "functional", "Tensor")


def _one_line(text: str) -> str:
    """The text without its line breaks, also those behind a backslash."""
    return " ".join(text.replace("\\\n", " ").split())


# ---- written differently ------------------------------------------------------------------


class CallText:
    """The failing call as written, to be written differently.

    Where the source is not to be had, its tensors are called ``x``, or ``a`` and ``b``.
    """

    def __init__(self, failing: Failing) -> None:
        operation = failing.operation
        assert operation is not None
        self.failing = failing
        self.operation = operation
        self.found: Written | None = written(operation.source, operation.name)

    def operand(self, index: int) -> str:
        """The ``index``-th tensor as written."""
        if self.found is not None and self.found.gathered:
            return f"{self.found.operands[0]}[{index}]"
        if self.found is not None and index < len(self.found.operands):
            return self.found.operands[index]
        if len(self.failing.tensors) < 2:
            return "x"
        return "ab"[index] if index < 2 else f"t{index}"

    def with_operand(self, index: int, text: str, generic: str) -> str:
        """The call with one of its tensors written differently; ``generic`` without source."""
        found = self.found
        if found is not None and found.gathered:
            return f"{self.operand(index)} = {text}"  # a line of its own before the call
        if found is None or index >= len(found.operands):
            return generic
        return found.with_operand(index, text)

    def on(self, index: int, template: str) -> Suggestion:
        """The call with one of its tensors, ``{x}`` in the template, taken through some steps."""
        new = self.spelled(template.format(x=self.operand(index)))
        whole = self.candidate(self.with_operand(index, new, new))
        found, source = self.found, self.operation.source
        if found is None or source is None or self._changes_all(index):
            return whole
        # The operand alone, so that another change on the same line finds what it looks for.
        return replace(whole, edits=(Rewrite(source, found.places[index], new),))

    def _changes_all(self, index: int) -> bool:
        """Whether an operand written differently makes another statement of it."""
        found = self.found
        assert found is not None
        in_place = index == 0 and found.function.endswith("=")
        return found.gathered or in_place or index >= len(found.places)

    def with_function(self, name: str) -> Suggestion:
        """Another function with the same arguments: ``torch.matmul`` for ``torch.mm``."""
        found, source = self.found, self.operation.source
        if found is None or source is None or found.called is None:
            inside = ", ".join(self.operand(index) for index in range(len(self.failing.tensors)))
            return self.candidate(f"{name}({inside})")
        if found.receiver is None:
            new = self.spelled(name)
        else:
            new = f"{found.receiver}.{name.rpartition('.')[2]}"
        whole = self.candidate(f"{new}({', '.join(found.arguments)})")
        return replace(whole, edits=(Rewrite(source, found.called, new),))

    def with_arguments(self, arguments: Sequence[Any], function: str | None = None) -> Suggestion:
        """The call as a method with other arguments: ``x.view(x.size(0), -1)``.

        What does not change stays as its author wrote it.
        """
        receiver = self.operand(0)
        given = self.given()
        before = given if len(given) == len(arguments) else [(None, "")] * len(arguments)
        inside = ", ".join(
            f"{receiver}.size({new.axis})"
            if isinstance(new, SizeOf)
            else text
            if type(old) is type(new) and old == new
            else literal(new)
            for new, (old, text) in zip(arguments, before, strict=True)
        )
        return self.candidate(f"{receiver}.{function or self.operation.name}({inside})")

    def given(self) -> list[tuple[Any, str]]:
        """The arguments after the first tensor: the value of each, and how it is written.

        Empty where the source does not show them one by one.
        """
        found = self.found
        if found is None:
            return []
        values: list[Any] = list(self.operation.args[1:])
        if len(values) == 1 and isinstance(values[0], tuple):
            values = list(values[0])
        texts = found.arguments if found.receiver is not None else found.arguments[1:]
        if len(texts) == 1 and len(values) > 1:
            texts = _items(texts[0])
        if len(values) != len(texts) or any(_KEYWORD.match(text) for text in texts):
            return []
        return list(zip(values, texts, strict=True))

    def flattened(self) -> Suggestion:
        """One row per item of the batch, whatever its size: ``x.view(x.size(0), -1)``."""
        operand = self.operand(0)
        flat = self.candidate(f"torch.flatten({operand}, 1)")
        if self.operation.name != "view" or not operand.isidentifier():
            return flat
        return replace(self.with_arguments((SizeOf(0), -1)), otherwise=flat)

    def shaped(self, arguments: Sequence[Any]) -> Suggestion:
        """``view`` or ``reshape`` with other sizes; ``reshape`` where ``view`` cannot do it."""
        name = self.operation.name
        same = self.with_arguments(arguments)
        if name != "view":
            return same
        return replace(same, otherwise=self.with_arguments(arguments, "reshape"))

    def with_layer(self, index: int, name: str, layer: AddLayer, text: str) -> Suggestion:
        """One of the tensors sent through a layer that is not there yet, ``text`` its making."""
        called = self.on(index, f"self.{name}({{x}})")
        text = say("{call} with self.{name} = {code}", call=called.text, name=name, code=text)
        edits = (layer, *called.edits) if called.edits else ()
        return replace(called, action="change_source", text=text, to=text, edits=edits)

    def spelled(self, text: str) -> str:
        """``F.relu(x)`` as this file calls ``F``."""
        source = self.operation.source
        if source is None or not _ROOTS.search(text):
            return text
        return _ROOTS.sub(lambda match: name_of(match[0], source.file), text)

    def candidate(self, text: str) -> Suggestion:
        """The call written as ``text``."""
        text = self.spelled(text)
        return Suggestion(
            action="change_call",
            text=text,
            path=self.failing.path,
            argument=self.operation.name,
            from_=None if self._precedes(text) else self.found and self.found.text,
            to=text,
            edits=self._edits(text),
        )

    def _edits(self, text: str) -> tuple[Edit, ...]:
        source, found = self.operation.source, self.found
        if source is None or found is None:
            return ()
        return (Rewrite(source, found.place, text, before=self._precedes(text)),)

    def _precedes(self, text: str) -> bool:
        """Whether the text is a line of its own, before the call."""
        found = self.found
        return found is not None and found.gathered and text.startswith(f"{found.operands[0]}[")


def at_call(failing: Failing, template: str, back: str | None = None) -> Suggestion | None:
    """The call of the failing module with its first argument, ``{x}``, taken through something.

    ``back``, with ``{y}``, is what is then done to its result. None where the call stands in
    torch's own code (a Sequential), or is not to be found.
    """
    found = None if failing.call is None else _author_calls(failing, failing.call)
    index = 0 if found is None or found.receiver is None else 1
    if found is None or failing.call is None or index >= len(found.operands):
        return None
    text = found.with_operand(index, template.format(x=found.operands[index]))
    return _rewritten(failing.call, found, text if back is None else back.format(y=text))


def on_result(failing: Failing, call: ModuleCall, template: str) -> Suggestion | None:
    """The call of a module with its result, ``{y}``, taken through something; None as above."""
    found = _author_calls(failing, call)
    return None if found is None else _rewritten(call, found, template.format(y=found.text))


def _author_calls(failing: Failing, call: ModuleCall) -> Written | None:
    parent = None if call.parent is None else failing.trace.calls[call.parent]
    if parent is None or failing.trace.module(parent.path).builtin:
        return None
    return call_at(call.source)


def _rewritten(call: ModuleCall, found: Written, text: str) -> Suggestion | None:
    if call.source is None:
        return None
    return Suggestion(
        action="change_call",
        text=text,
        path=call.path,
        from_=found.text,
        to=text,
        edits=(Rewrite(call.source, found.place, text),),
    )


def _items(text: str) -> tuple[str, ...]:
    """``(b, -1)`` item by item."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return (text,)
    if not isinstance(node, ast.Tuple | ast.List):
        return (text,)
    return tuple(ast.get_source_segment(text, item) or "" for item in node.elts)
