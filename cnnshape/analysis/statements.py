"""The statements of a function as it is written: where each stands, what it reads and binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, or the head of one that has others in it (``for``, ``if``, ``def``).

    Attributes:
        line, end: its first and last line; of a compound statement, of its head.
        kind: the class of its syntax tree, ``Assign``, ``Return``, ``For``.
        reads: the names it reads, in order.
        binds: the names it binds or changes in place, in order.
        first: it is the first statement of its block.
        above: the line of the statement that it is a part of.
    """

    line: int
    end: int
    kind: str
    reads: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    first: bool = False
    above: int | None = None


@dataclass(frozen=True)
class FunctionSource:
    """A function as it is written.

    Attributes:
        name: with the classes around it, ``Net.forward``.
        first: the line of its ``def``, or of its first decorator.
        body: the lines from ``def`` to its end.
        statements: its head, then every statement in order.
    """

    name: str
    first: int
    body: tuple[int, int]
    statements: tuple[Statement, ...] = field(repr=False)

    def at(self, line: int) -> Statement | None:
        """The statement that a line belongs to, the innermost."""
        found = [one for one in self.statements if one.line <= line <= one.end]
        return found[-1] if found else None


def functions_in(source: str) -> tuple[FunctionSource, ...]:
    """Every function of a file, nested ones after the one around them.

    >>> text = "class Net:\\n    def forward(self, x):\\n        y = x + 1\\n        return y\\n"
    >>> (function,) = functions_in(text)
    >>> function.name, [(s.line, s.kind, s.reads, s.binds) for s in function.statements[1:]]
    ('Net.forward', [(3, 'Assign', ('x',), ('y',)), (4, 'Return', ('y',), ())])
    """
    return tuple(_functions(ast.parse(source.removeprefix("\ufeff")).body, ""))


def _functions(body: Sequence[ast.stmt], prefix: str) -> Iterator[FunctionSource]:
    for node in body:
        if isinstance(node, _Function):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            name = f"{prefix}{node.name}"
            last = node.end_lineno or node.lineno
            yield FunctionSource(name, first, (node.lineno, last), tuple(_of_function(node)))
        if isinstance(node, _INNER):
            yield from _functions(node.body, f"{prefix}{node.name}.")
        else:
            for inner in _blocks(node):
                yield from _functions(inner, prefix)


def _of_function(node: _Function) -> Iterator[Statement]:
    arguments = [
        *node.args.posonlyargs,
        *node.args.args,
        *filter(None, [node.args.vararg]),
        *node.args.kwonlyargs,
        *filter(None, [node.args.kwarg]),
    ]
    names = tuple(a.arg for a in arguments if a.arg != "self")
    yield Statement(node.lineno, _head_end(node), "FunctionDef", (), names)
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    yield from _by_line(_statements(body, node.lineno))


def _by_line(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Statements that share a line as one: Python tells only that the line ran."""
    last: Statement | None = None
    for one in sorted(statements, key=lambda statement: statement.line):
        if last is not None and one.line <= last.end:
            last = replace(
                last,
                end=max(last.end, one.end),
                kind=one.kind if one.kind == "Return" else last.kind,
                reads=tuple(dict.fromkeys((*last.reads, *one.reads))),
                binds=tuple(dict.fromkeys((*last.binds, *one.binds))),
            )
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _statements(body: Sequence[ast.stmt], above: int) -> Iterator[Statement]:
    for place, node in enumerate(body):
        if isinstance(node, _INNER):
            continue
        inner = _blocks(node)
        end = _head_end(node) if inner else node.end_lineno or node.lineno
        yield Statement(
            node.lineno,
            end,
            type(node).__name__,
            _reads(node),
            _binds(node),
            first=place == 0,
            above=above,
        )
        for block in inner:
            yield from _statements(block, node.lineno)


def _blocks(node: ast.stmt) -> list[Sequence[ast.stmt]]:
    """The blocks of a compound statement."""
    blocks: list[Sequence[ast.stmt]] = []
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block and not isinstance(node, _INNER):
            blocks.append(block)  # pyright: ignore[reportUnknownArgumentType]
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        blocks += [part.body]
    return blocks


def _head_end(node: ast.stmt) -> int:
    """The last line before the block: the colon may stand some lines below the keyword."""
    blocks = _blocks(node) or [getattr(node, "body", ())]
    first = min((one.lineno for block in blocks for one in block), default=node.lineno)
    inside = {id(part) for block in blocks for one in block for part in ast.walk(one)}
    ends = (
        getattr(part, "end_lineno", None) or node.lineno
        for part in ast.walk(node)
        if part is not node and id(part) not in inside
    )
    return max(node.lineno, min(max(ends, default=node.lineno), first - 1))


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """What belongs to a statement itself and not to the blocks in it, in order."""
    skipped = {id(one) for block in _blocks(node) for one in block}
    for part in ast.iter_child_nodes(node):
        if id(part) not in skipped and not isinstance(part, ast.ExceptHandler | ast.match_case):
            yield part


def _walk_in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk_in_order(child)


def _reads(node: ast.stmt) -> tuple[str, ...]:
    names = [
        one.id
        for part in _own(node)
        for one in _walk_in_order(part)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    ]
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        names.insert(0, node.target.id)
    return tuple(dict.fromkeys(names))


def _binds(node: ast.stmt) -> tuple[str, ...]:
    names: list[str] = []
    for part in _own(node):
        for one in _walk_in_order(part):
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                names.append(one.id)
            elif isinstance(one, ast.Subscript | ast.Attribute) and isinstance(one.ctx, ast.Store):
                root: ast.AST = one
                while isinstance(root, ast.Subscript | ast.Attribute):
                    root = root.value
                names += [root.id] if isinstance(root, ast.Name) and root.id != "self" else []
    return tuple(dict.fromkeys(names))
