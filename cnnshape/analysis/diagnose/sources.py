"""The failing call as its author wrote it: read from the source line of the recording."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cnnshape.tracing.trace import Source

#: Operators by the name under which they are recorded.
_OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add,
    "sub": ast.Sub,
    "mul": ast.Mult,
    "div": ast.Div,
    "matmul": ast.MatMult,
    "pow": ast.Pow,
}
_SPELLINGS = {
    "cat": ("cat", "concat", "concatenate"),
    "mul": ("mul", "multiply"),
    "sub": ("sub", "subtract"),
    "div": ("div", "divide", "true_divide"),
    "conv2d": ("conv2d",),
}
#: The longest file that is parsed for the sake of one expression.
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class Written:
    """A call in somebody's source.

    Attributes:
        text: all of it.
        operands: the receiver or first arguments in order; the items of a list one by one.
        receiver: what stands before the dot of a method, if it is one.
        function: what is called, without arguments: ``x.view``, ``torch.cat``; the sign of an
            operator.
        arguments: the arguments between the brackets, as written.
    """

    text: str
    operands: tuple[str, ...]
    receiver: str | None
    function: str
    arguments: tuple[str, ...]


def written(source: Source | None, name: str) -> Written | None:
    """The one call of the function ``name`` on a source line; None if there is not exactly one."""
    if source is None or not source.file:
        return None
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


def _on_line(tree: ast.AST, line: int) -> Iterator[ast.expr | ast.AugAssign]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.BinOp | ast.AugAssign):
            last = node.end_lineno or node.lineno
            if node.lineno <= line <= last:
                yield node


def _is_call_of(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.BinOp | ast.AugAssign):
        operator = _OPERATORS.get(name)
        return operator is not None and isinstance(node.op, operator)
    if not isinstance(node, ast.Call):
        return False
    names = _SPELLINGS.get(name, (name,))
    called = node.func
    spelled = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return spelled.rstrip("_") in names


def _describe(node: ast.AST, text: str) -> Written | None:
    def piece(part: ast.AST) -> str:
        segment = ast.get_source_segment(text, part)  # type: ignore[arg-type]
        return " ".join((segment or ast.unparse(part)).split())

    if isinstance(node, ast.BinOp):
        sign = ast.unparse(ast.BinOp(ast.Name("a"), node.op, ast.Name("b"))).strip("ab ")
        return Written(piece(node), (piece(node.left), piece(node.right)), None, sign, ())
    if isinstance(node, ast.AugAssign):
        sign = ast.unparse(ast.BinOp(ast.Name("a"), node.op, ast.Name("b"))).strip("ab ")
        return Written(piece(node), (piece(node.target), piece(node.value)), None, sign + "=", ())
    if not isinstance(node, ast.Call):
        return None
    receiver = None
    called = node.func
    if isinstance(called, ast.Attribute) and not _is_library(called.value):
        receiver = piece(called.value)
    operands: list[str] = [receiver] if receiver is not None else []
    for argument in node.args:
        if isinstance(argument, ast.List | ast.Tuple):
            operands += [piece(item) for item in argument.elts]
        else:
            operands.append(piece(argument))
    arguments = (
        *(piece(argument) for argument in node.args),
        *(f"{keyword.arg}={piece(keyword.value)}" for keyword in node.keywords if keyword.arg),
    )
    return Written(piece(node), tuple(operands), receiver, piece(called), arguments)


def _is_library(node: ast.expr) -> bool:
    """``torch``, ``F``, ``nn.functional``: the function's home and not a tensor."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return isinstance(root, ast.Name) and root.id in ("torch", "F", "nn", "functional", "Tensor")
