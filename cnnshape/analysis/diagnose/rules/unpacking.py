"""Shapes taken apart in the source: ``b, c, h, w = x.shape``, ``x.shape[3]``."""

from __future__ import annotations

import ast

from cnnshape.analysis.diagnose.edits import ChangeInput, Step
from cnnshape.analysis.diagnose.failing import Failing, sizes
from cnnshape.analysis.diagnose.result import Diagnosis
from cnnshape.analysis.diagnose.rules.missing_batch import unsqueeze_input
from cnnshape.analysis.diagnose.source_call import line_of
from cnnshape.analysis.diagnose.wording import dims
from cnnshape.analysis.report import Suggestion
from cnnshape.tracing.trace import Source
from cnnshape.words import times


def unpacking(failing: Failing) -> Diagnosis | None:
    """``b, c, h, w = x.shape`` of a tensor with another number of dimensions; ``x.shape[3]``."""
    if failing.failure.type not in ("ValueError", "IndexError") or failing.operation is not None:
        return None
    wanted = _shape_use(failing.failure.source)
    if wanted is None or failing.call is None:
        return None
    count, at_least = wanted
    for named in failing.call.inputs:
        value = failing.trace.values[named.value]
        shape = sizes(value)
        if shape is None or (len(shape) > count if at_least else len(shape) == count):
            continue
        label = value.name or "the input"
        used = f"shape[{count}]" if at_least else f"{count} sizes"
        sentence = (
            f"{failing.module.type}.forward takes {used} from {label} {times(shape)}, which has "
            f"{dims(len(shape))}"
        )
        found: list[Suggestion] = []
        rank = count + 1 if at_least else count
        if value.origin == "input" and len(shape) == rank - 1:
            found.append(unsqueeze_input(value))
        if value.origin == "input" and rank == 3 and len(shape) == 4:
            steps = (Step("flatten", (2,)), Step("transpose", (1, 2)))
            suggestion = Suggestion(
                action="set_input",
                text=f"{label}.flatten(2).transpose(1, 2)",
                path="",
                argument=label,
                from_=list(shape),
                to=[shape[0], shape[2] * shape[3], shape[1]],
                edits=(ChangeInput(label, steps),),
            )
            found.append(suggestion)
        return Diagnosis("input.rank", sentence, (), tuple(found))
    return None


def _shape_use(source: Source | None) -> tuple[int, bool] | None:
    """How many sizes a line takes from a shape, and whether more would do."""
    if source is None:
        return None
    line = line_of(source).rstrip(":")
    try:
        tree = ast.parse(line)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            starred = any(isinstance(e, ast.Starred) for e in node.targets[0].elts)
            if _is_shape(node.value) and not starred:
                return len(node.targets[0].elts), False
        if isinstance(node, ast.Subscript) and _is_shape(node.value):
            index = node.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, int):
                return index.value, True
    return None


def _is_shape(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "shape"
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
    return called and isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "size"
