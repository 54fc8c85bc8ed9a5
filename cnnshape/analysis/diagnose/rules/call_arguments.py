"""Calls of torch's functions that Python or torch refuses before anything is computed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cnnshape.analysis.diagnose.diagnosis import Diagnosis
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_nodes import instead, nodes_on
from cnnshape.analysis.report import Suggestion
from cnnshape.messages import say
from cnnshape.operations import TABLE
from cnnshape.words import listed, nearest

#: Functions that take a list of tensors.
_OF_LISTS = frozenset("cat concat concatenate stack hstack vstack dstack column_stack".split())
#: Functions all of whose numbers are sizes, counts or positions.
_OF_SIZES = frozenset(
    "view reshape expand repeat tile zeros ones rand randn empty new_zeros new_ones split chunk "
    "unflatten narrow".split()
)
#: Names of NumPy for arguments of torch.
_ELSEWHERE = {"axis": "dim", "axes": "dim", "keepdims": "keepdim", "dims": "dim"}


def refused(failing: Failing) -> Diagnosis | None:
    """A call with arguments that the function does not take, or not in that form."""
    if failing.failure.type != "TypeError" or failing.module.builtin:
        return None
    for look in (_fraction, _list, _keyword, _missing, _counted):
        for kind, sentence, change in look(failing):
            return Diagnosis(kind, sentence, (), () if change is None else (change,))
    return None


_Found = Iterator[tuple[str, str, Suggestion | None]]


def _calls(failing: Failing) -> Iterator[tuple[ast.Call, str, str]]:
    """The calls on the line, with their text and the bare name of the function."""
    for node, text in nodes_on(failing.failure.source, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        yield node, text, name


def _fraction(failing: Failing) -> _Found:
    """``x.view(n / 2, -1)``: a division gives a number with a fraction, even if it is 0."""
    for call, text, name in _calls(failing):
        if name.rstrip("_") not in _OF_SIZES:
            continue
        for node in _numbers(call):
            old = ast.unparse(node)
            if isinstance(node, ast.BinOp):
                new = ast.unparse(ast.BinOp(node.left, ast.FloorDiv(), node.right))
            else:
                new = old.removesuffix(".0")
            sentence = say(
                "{function} takes whole numbers, and {given} is a float", function=name, given=old
            )
            yield "call.whole", sentence, instead(failing, node, _as_in(text, old), new, text)


def _as_in(text: str, old: str) -> str:
    """How the node is written in the text; ``unparse`` puts its own blanks."""
    return next((form for form in (old, old.replace(" ", "")) if form in text), old)


def _numbers(call: ast.Call) -> Iterator[ast.expr]:
    """Divisions and numbers with a fraction among the arguments, also inside of brackets."""
    todo: list[ast.expr] = [*call.args, *(k.value for k in call.keywords if k.arg == "size")]
    for node in todo:
        if isinstance(node, ast.Tuple | ast.List):
            todo += node.elts
        divided = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        whole = isinstance(node, ast.Constant) and isinstance(node.value, float)
        if divided or (whole and ast.unparse(node).endswith(".0")):
            yield node


def _list(failing: Failing) -> _Found:
    """``torch.cat(a, b)`` for ``torch.cat([a, b])``."""
    for call, text, name in _calls(failing):
        tensors = [a for a in call.args if not _is_number(a)]
        if name not in _OF_LISTS or len(tensors) < 2:
            continue
        if any(isinstance(a, ast.List | ast.Tuple | ast.Starred) for a in tensors):
            continue
        rest = [a for a in call.args if _is_number(a)]
        inside = [ast.List(tensors, ast.Load()), *rest]
        new = ast.unparse(ast.Call(call.func, inside, call.keywords))
        sentence = say(
            "{function} takes its tensors in one list, and they stand side by side", function=name
        )
        yield "call.arguments", sentence, instead(failing, call, text, new)


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _keyword(failing: Failing) -> _Found:
    """An argument by a name that the function does not have."""
    for call, text, name in _calls(failing):
        entry = TABLE.find(name)
        known = () if entry is None or entry.signature is None else entry.signature.names
        for keyword in call.keywords:
            given = keyword.arg
            quoted = given and (f"'{given}'" in failing.failure.message)
            if given is None or not (quoted or f"{given}=" in failing.failure.message):
                continue
            if entry is None or (given in known and given not in _ELSEWHERE):
                continue
            elsewhere = _ELSEWHERE.get(given)
            near = [elsewhere] if elsewhere in known else nearest(given, known)[:1]
            sentence = say("{function} has no argument {name!r}", function=name, name=given)
            if not near:
                yield "call.arguments", sentence, None
                return
            sentence += say("; did you mean {names}?", names=near[0])
            keywords = [
                ast.keyword(near[0] if k is keyword else k.arg, k.value) for k in call.keywords
            ]
            new = ast.unparse(ast.Call(call.func, call.args, keywords))
            yield "call.arguments", sentence, instead(failing, call, text, new)


def _missing(failing: Failing) -> _Found:
    """An argument that has no default is not given."""
    if " missing " not in failing.failure.message:
        return
    for _, _, name in _calls(failing):
        entry = TABLE.find(name)
        if entry is None or entry.signature is None or f"{name}()" not in failing.failure.message:
            continue
        absent = [n for n in entry.signature.names if f'"{n}"' in failing.failure.message]
        absent += [n for n in entry.signature.names if f"'{n}'" in failing.failure.message]
        if absent:
            sentence = say(
                "{function} needs {missing} as well", function=name, missing=listed(absent)
            )
            yield "call.arguments", sentence, None


def _counted(failing: Failing) -> _Found:
    """``for i in x.shape[0]`` for ``for i in range(x.shape[0])``."""
    if "'int' object is not iterable" not in failing.failure.message:
        return
    for loop, _ in nodes_on(failing.failure.source, ast.For):
        old = ast.unparse(loop.iter)
        sentence = say("{given} is a number, and a loop goes through several things", given=old)
        yield "call.arguments", sentence, instead(failing, loop.iter, old, f"range({old})")
