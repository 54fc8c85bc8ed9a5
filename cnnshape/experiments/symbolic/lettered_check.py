"""The size check of a row, written with letters: ``⌊(H + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = H``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cnnshape.analysis.accounts import Application
from cnnshape.analysis.report import Check
from cnnshape.errors import CnnshapeError
from cnnshape.experiments.symbolic.propagation import Dims
from cnnshape.experiments.symbolic.solve import Solution
from cnnshape.formulas.algebra import Sum, Whole, plain, to_expression
from cnnshape.formulas.expression import substitute, unicode
from cnnshape.formulas.registry import axis_rule
from cnnshape.tracing.trace import Operation

_ALONG_AXES = frozenset(
    "conv conv_transpose max_pool avg_pool lp_pool adaptive_pool upsample".split()
)


def symbolic_check(check: Check, ran: Sequence[Operation], solution: Solution) -> Check:
    """The check of a row that ran these operations, with letters in the place of numbers."""
    if check.expected is None:
        return check
    applied = [(op, solution.sizes.accounts.rule(op)) for op in ran]
    covered = [(op, rule) for op, rule in applied if rule is not None]
    if not covered:
        return check
    op = covered[-1][0]
    dims = solution.of(op.outputs[0])
    expected = tuple("?" if size is None else plain(size) for size in dims)
    if not any(isinstance(size, Sum) for size in (*dims, *solution.of(op.inputs[0]))):
        return replace(check, expected=expected)
    texts = [_substitution(o, r, solution) for o, r in covered]
    return replace(check, expected=expected, substitution="; ".join(t for t in texts if t))


def _substitution(op: Operation, rule: Application, solution: Solution) -> str:
    given, result = solution.of(op.inputs[0]), solution.of(op.outputs[0])
    if rule.kind == "linear":
        features = _paper(given[-1])
        wanted = rule.arguments["in_features"]
        same = features if features == str(wanted) else f"{features} = {wanted}"
        return f"in_features = {same} → out_features = {rule.arguments['out_features']}"
    if rule.kind == "flatten":
        return "·".join(_paper(size) for size in given) + f" = {_paper_product(result)}"
    if rule.kind not in _ALONG_AXES or len(given) != len(result):
        return ""
    return _along_axes(rule, given, result)


def _along_axes(rule: Application, given: Dims, result: Dims) -> str:
    arguments = rule.arguments
    axes = arguments.get("dims") or len(given) - 2
    texts: list[str] = []
    for axis in range(axes):
        here = len(given) - axes + axis
        size, after = given[here], result[here]
        if size is None or after is None:
            continue
        each = {
            name: value[axis] if isinstance(value, tuple) and len(value) == axes else value
            for name, value in arguments.items()
            if name in _OF_AXIS and value is not None
        }
        if isinstance(each.get("padding"), str) and each["padding"] == "valid":
            each["padding"] = 0
        texts.append(_axis(rule.kind, size, after, each))
    return "; ".join(dict.fromkeys(texts))


_OF_AXIS = frozenset(
    "kernel_size stride padding dilation output_padding ceil_mode size scale_factor "
    "output_size".split()
)


def _axis(kind: str, size: Whole, after: Whole, arguments: dict[str, Any]) -> str:
    try:
        rule, defaults = axis_rule(kind, **arguments)
    except (CnnshapeError, TypeError, KeyError):
        return ""
    known = {**defaults, **arguments, "input": size}
    values: dict[str, Any] = {mark: known.get(name) for mark, name in rule.names.items()}
    if any(value is None for value in values.values()):
        return ""
    written = {mark: to_expression(value) for mark, value in values.items()}
    left, right = unicode(substitute(rule.expression, written)), _paper(after)
    return left if left == right else f"{left} = {right}"


def _paper(size: Whole | None) -> str:
    return "?" if size is None else unicode(to_expression(size))


def _paper_product(dims: Dims) -> str:
    return "·".join(
        f"({text})" if " " in text and len(dims) > 1 else text for text in map(_paper, dims)
    )
