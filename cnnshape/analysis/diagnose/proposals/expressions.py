"""What stands at the failing call written a little otherwise: an expression, or the order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import prod

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import CallText
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Ref


def of_sizes(failing: Failing) -> Iterator[Suggestion]:
    """``view(b, n, self.heads * 2, d)`` with ``self.heads``, where the numbers are then enough.

    A part of what is written comes first, then a number that the module holds.
    """
    x = failing.operand()
    if failing.name not in ("view", "reshape") or failing.module.builtin or x is None:
        return
    call = CallText(failing)
    given = call.given()
    values = [value for value, _ in given]
    if not given or not all(type(value) is int and value > 0 for value in values):
        return
    found: list[str] = []
    for index, (value, text) in enumerate(given):
        others = prod(values[:index] + values[index + 1 :])
        wanted, rest = divmod(prod(x.shape), others)
        if not rest and wanted != value:
            found += [_with(call, index, part) for part in _parts(text, value, wanted)]
            held = failing.module.config.items()
            names = (name for name, number in held if type(number) is int and number == wanted)
            found += [_with(call, index, f"self.{name}") for name in names if name in text]
    yield from (call.candidate(text) for text in dict.fromkeys(found))


def _parts(text: str, value: int, wanted: int) -> Iterator[str]:
    """One factor of an expression, where the other one is a number that is too much."""
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.BinOp) or not isinstance(node.right, ast.Constant):
        return
    number = node.right.value
    if type(number) is not int or number < 1:
        return
    multiplied = isinstance(node.op, ast.Mult) and value == wanted * number
    if multiplied or (isinstance(node.op, ast.FloorDiv) and value == wanted // number):
        yield ast.unparse(node.left)


def _with(call: CallText, index: int, new: str) -> str:
    """The call with one of the sizes written otherwise."""
    texts = [text for _, text in call.given()]
    texts[index] = new
    found = call.found
    assert found is not None
    if found.receiver is None:
        return f"{found.function}({found.arguments[0]}, ({', '.join(texts)}))"
    return f"{found.function}({', '.join(texts)})"


def exchanged(failing: Failing) -> Iterator[Suggestion]:
    """The first two arguments of a function in the other order: ``F.pool(x, 2)`` for ``(2, x)``."""
    operation = failing.operation
    if operation is None or failing.module.builtin or len(operation.args) < 2:
        return
    call = CallText(failing)
    yield from _product(call)
    found, (first, second) = call.found, operation.args[:2]
    if found is None or found.receiver is not None or len(found.arguments) < 2:
        return
    if isinstance(second, Ref) and not isinstance(first, Ref):
        a, b, *rest = found.arguments
        yield call.candidate(f"{found.function}({', '.join([b, a, *rest])})")


def _product(call: CallText) -> Iterator[Suggestion]:
    """``attention @ values`` for ``values @ attention``, where only that fits."""
    found, operands = call.found, call.failing.operands
    if call.failing.name not in ("matmul", "bmm", "mm") or found is None or len(operands) != 2:
        return
    left, right = (operand.shape for operand in operands)
    if min(len(left), len(right)) < 2 or left[:-2] != right[:-2] or right[-1] != left[-2]:
        return
    if left[-1] == right[-1]:
        return  # one of them transposed fits as well
    a, b = found.operands[:2]
    operator = found.function == "@"
    yield call.candidate(f"{b} @ {a}" if operator else f"torch.{call.failing.name}({b}, {a})")
