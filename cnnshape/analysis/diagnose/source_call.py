"""The failing call as its author wrote it, read from the source line, and written differently."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeGuard

from cnnshape.analysis.diagnose.constructor import literal
from cnnshape.analysis.diagnose.edits import ReplaceCall, SizeOf, Step
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Source

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
#: The longest file that is parsed for the sake of one expression.
_LONGEST = 20_000


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
    """

    text: str
    operands: tuple[str, ...]
    receiver: str | None
    function: str
    arguments: tuple[str, ...]
    raw: str
    spans: tuple[tuple[int, int], ...]
    gathered: bool = False

    def with_operand(self, index: int, new: str) -> str:
        """The call with one operand written differently."""
        start, stop = self.spans[index]
        if index == 0 and self.function.endswith("="):
            # `x += y` with something done to x first is no longer in place.
            target, value = (self.raw[a:b] for a, b in self.spans)
            return _one_line(f"{target} = {new} {self.function[:-1]} {value}")
        return _one_line(self.raw[:start] + new + self.raw[stop:])


def line_of(source: Source | None) -> str:
    """The line itself, without its indent; empty where it cannot be read."""
    if source is None:
        return ""
    linecache.checkcache(source.file)
    return linecache.getline(source.file, source.line).strip()


def written(source: Source | None, name: str) -> Written | None:
    """The one call of the function ``name`` on a source line; None if there is not exactly one."""
    if source is None or not source.file:
        return None
    linecache.checkcache(source.file)  # it may have been edited since
    lines = linecache.getlines(source.file)
    if not lines or len(lines) > _LONGEST:
        return None
    text = "".join(lines)
    tree = _parsed(text)
    if tree is None:
        return None
    found = [node for node in _on_line(tree, source.line) if _is_call_of(node, name)]
    if len(found) != 1:
        return None
    return _describe(found[0], text)


@lru_cache(maxsize=8)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _on_line(tree: ast.AST, line: int) -> Iterator[_Node]:
    for node in ast.walk(tree):
        if isinstance(node, _Node):
            last = node.end_lineno or node.lineno
            if node.lineno <= line <= last:
                yield node


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
    return " ".join(text.split())


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

    def on(self, index: int, template: str, *steps: Step) -> Suggestion:
        """The call with one of its tensors, ``{x}`` in the template, taken through some steps."""
        new = template.format(x=self.operand(index))
        return self.candidate(self.with_operand(index, new, new), operands=((index, steps),))

    def with_arguments(self, arguments: Sequence[Any], function: str | None = None) -> Suggestion:
        """The call as a method with other arguments: ``x.view(x.size(0), -1)``."""
        receiver = self.operand(0)
        inside = ", ".join(
            f"{receiver}.size({a.axis})" if isinstance(a, SizeOf) else literal(a) for a in arguments
        )
        text = f"{receiver}.{function or self.operation.name}({inside})"
        return self.candidate(text, function=function, arguments=arguments)

    def flattened(self) -> Suggestion:
        """One row per item of the batch, whatever its size: ``x.view(x.size(0), -1)``."""
        operand, rows = self.operand(0), (SizeOf(0), -1)
        flat = self.candidate(f"torch.flatten({operand}, 1)", function="reshape", arguments=rows)
        if self.operation.name != "view" or not operand.isidentifier():
            return flat
        return replace(self.with_arguments(rows), otherwise=flat)

    def shaped(self, arguments: Sequence[Any]) -> Suggestion:
        """``view`` or ``reshape`` with other sizes; ``reshape`` where ``view`` cannot do it."""
        name = self.operation.name
        same = self.with_arguments(arguments)
        if name != "view":
            return same
        return replace(same, otherwise=self.with_arguments(arguments, "reshape"))

    def candidate(
        self,
        text: str,
        *,
        function: str | None = None,
        operands: Sequence[tuple[int, tuple[Step, ...]]] = (),
        overrides: Sequence[tuple[int | str, Any]] = (),
        arguments: Sequence[Any] | None = None,
    ) -> Suggestion:
        """The call written as ``text``, and how to carry that out."""
        edit = ReplaceCall(
            self.operation.name,
            self.operation.source,
            function,
            tuple(operands),
            tuple(overrides),
            None if arguments is None else tuple(arguments),
        )
        return Suggestion(
            action="change_call",
            text=text,
            path=self.failing.path,
            argument=self.operation.name,
            from_=self._from(text),
            to=text,
            edits=(edit,),
        )

    def _from(self, text: str) -> str | None:
        """What ``text`` takes the place of; None where it is a line of its own."""
        found = self.found
        if found is None or (found.gathered and text.startswith(f"{found.operands[0]}[")):
            return None
        return found.text
