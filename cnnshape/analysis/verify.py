"""The size check: every operation that has a rule, computed by it and compared."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from cnnshape import formulas
from cnnshape.analysis.accounts import Accounts
from cnnshape.analysis.report import Check
from cnnshape.errors import CnnshapeError
from cnnshape.tracing.trace import Operation, Shape, Trace


def verify(trace: Trace, accounts: Accounts) -> dict[int, Check]:
    """A check per operation that a size rule covers, by the operation's index.

    An operation that failed has no output to compare, and no check.

    >>> import torch
    >>> from cnnshape.tracing.execute import Inputs, record
    >>> layer = torch.nn.Conv2d(1, 6, 5, padding=2)
    >>> trace = record(layer, Inputs((torch.zeros(1, 1, 28, 28),))).trace
    >>> checks = verify(trace, Accounts(trace))
    >>> checks[0].status, checks[0].substitution
    ('match', '⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28')
    """
    checks: dict[int, Check] = {}
    for operation in trace.operations:
        check = None if operation.failed else check_operation(trace, operation, accounts)
        if check is not None:
            checks[operation.index] = check
    return checks


def check_operation(trace: Trace, operation: Operation, accounts: Accounts) -> Check | None:
    """The check of one operation; None where no rule covers it."""
    rule = accounts.rule(operation)
    if rule is None or not operation.outputs:
        return None
    actual = trace.shape(operation.outputs[0])
    arguments = tuple(rule.arguments.items())
    try:
        check = _judged(rule.kind, rule.input_shape, arguments, actual)
    except TypeError:  # an argument that cannot be kept, such as a list
        check = _judged.__wrapped__(rule.kind, rule.input_shape, arguments, actual)
    return replace(check, by="table") if operation.by_table else check


@lru_cache(maxsize=4096)  # most networks repeat their layers
def _judged(
    kind: str, input_shape: tuple[Any, ...], arguments: tuple[tuple[str, Any], ...], actual: Shape
) -> Check:
    try:
        derived = formulas.derive(kind, input_shape, **dict(arguments))
    except CnnshapeError as condition:
        # It ran, so the rule must be wrong about its condition: that is ours to show, not to hide.
        return Check("mismatch", kind, None, "", "", note=str(condition))
    expected: Shape = derived.output
    return Check(
        status="match" if expected == actual else "mismatch",
        rule=kind,
        expected=expected,
        formula=derived.formula,
        substitution=derived.substitution,
    )


def combined(checks: list[Check]) -> Check:
    """One check for a layer that ran several covered operations (a padded convolution)."""
    last = checks[-1]
    if len(checks) == 1:
        return last
    wrong = next((check for check in checks if check.status == "mismatch"), None)
    return Check(
        status="mismatch" if wrong else "match",
        rule=last.rule,
        expected=last.expected,
        formula=last.formula,
        substitution="; ".join(check.substitution for check in checks),
        note=wrong.note if wrong else "",
        by="table" if any(check.by == "table" for check in checks) else "torch",
    )
