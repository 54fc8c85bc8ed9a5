"""A size formula that somebody derived by hand, held against every layer of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from cnnshape import formulas
from cnnshape.analysis.accounts import Application, application
from cnnshape.analysis.claims import Claim
from cnnshape.analysis.hand_features import feature_claims
from cnnshape.analysis.lettered_formula import LetteredSizes, letters_of
from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError
from cnnshape.formulas.derivation import AxisDerivation, Derivation
from cnnshape.formulas.exact_columns import column_of, evaluate
from cnnshape.formulas.expression import Expression
from cnnshape.formulas.judgement import Judgement
from cnnshape.formulas.reading.equations import FEATURES, OUTPUT, Equation, read
from cnnshape.formulas.registry import axis_rule
from cnnshape.formulas.roles import ROLES
from cnnshape.formulas.verdict import judge
from cnnshape.messages import joined, say
from cnnshape.tracing.trace import Operation, Trace
from cnnshape.words import listed


def hand_formula(report: Report, kind: str, expression: str) -> list[Claim]:
    """One claim per operation of ``kind`` that ran: the formula gives the sizes that came out.

    One for ``in_features`` is held against what the model flattens; see :func:`.feature_claims`.
    Where the formula is right on this model but not in general, the claim holds and its note
    says when it does.

    Raises:
        UsageError: there is no such kind, the formula does not parse, or no layer of the kind ran.

    >>> import cnnshape
    >>> report = cnnshape.inspect("lenet")
    >>> [claim.ok for claim in hand_formula(report, "conv", "(W - F + 2P)/S + 1")]
    [True, True, True]
    """
    name = formulas.canonical(kind)
    trace = report.trace
    equations = read(expression, name, ("input",) if name in ("linear", "flatten") else None)
    features = [equation for equation in equations if equation.quantity == FEATURES]
    judged = [(each, judge(name, each)) for each in equations if each not in features]
    if features:
        return feature_claims(trace, name, features)
    if letters_of(trace):
        return _in_letters(trace, name, judged)
    claims: list[Claim] = []
    for operation in trace.operations:
        found = None if operation.failed else application(trace, operation)
        if found is not None and found.kind == name:
            claims += [_claim(trace, operation, found, *each) for each in judged]
    return _some(claims, name)


def _some(claims: list[Claim], kind: str) -> list[Claim]:
    if not claims:
        raise UsageError(
            say("no {kind} ran in this model, so there is nothing to test a formula on", kind=kind)
        )
    return claims


def _in_letters(
    trace: Trace, kind: str, judged: Sequence[tuple[Equation, Judgement]]
) -> list[Claim]:
    """The claims where the sizes are expressions: formula and size are compared as such."""
    if any(equation.quantity != OUTPUT for equation, _ in judged):
        raise UsageError(
            say("on sizes in letters a formula for the output is tested, not for arguments")
        )
    sizes = LetteredSizes(trace)
    claims = [
        _lettered_claim(sizes, operation, found, *each)
        for operation in trace.operations
        if not operation.failed and (found := sizes.application(operation)) is not None
        if found.kind == kind
        for each in judged
    ]
    return _some(claims, kind)


def _lettered_claim(
    sizes: LetteredSizes,
    operation: Operation,
    found: Application,
    equation: Equation,
    judgement: Judgement,
) -> Claim:
    axes = sizes.axes(operation, found, equation.expression)
    rounded = any(axis.rounded for axis in axes)
    fits = all(axis.same for axis in axes) and (judgement.needs_floor or not rounded)
    said = dict.fromkeys(axis.note for axis in axes if axis.note)
    notes = [*said, _note(judgement, needed_rounding=fits and rounded)]
    return Claim(
        what=f"formula {found.kind}",
        path=sizes.trace.calls[operation.call].path or operation.name,
        expected=tuple(axis.expected for axis in axes),
        actual=tuple(axis.actual for axis in axes),
        ok=fits,
        note=joined(say("; "), filter(None, notes)),
        source=operation.source,
        reason=f"{found.kind} {equation.quantity} {equation.expression}",
    )


def _claim(
    trace: Trace,
    operation: Operation,
    found: Application,
    equation: Equation,
    judgement: Judgement,
) -> Claim:
    derived = formulas.derive(found.kind, found.input_shape, **found.arguments)
    rows = [_roles(found, axis) for axis in derived.axes]
    exact = [_value(equation.expression, row) for row in rows]
    up = bool(found.arguments.get("ceil_mode"))
    rounded = [None if v is None else (ceil(v) if up else floor(v)) for v in exact]
    actual: list[int | float | None] = [*_spatial(trace, operation, derived)]
    if equation.quantity != OUTPUT:
        actual = [row.get(equation.quantity) for row in rows]
    call = trace.calls[operation.call]
    path = f"{call.path}[{call.call}]" if call.call else call.path
    # A fraction is forgiven only where rounding is all that the formula lacks.
    fits = exact == actual or (judgement.needs_floor and rounded == actual)
    return Claim(
        what=f"formula {found.kind}"
        + (f" {equation.quantity}" if equation.quantity != OUTPUT else ""),
        path=path or operation.name,
        expected=tuple(_number(value) for value in exact),
        actual=tuple(actual),
        ok=fits,
        note=_note(judgement, needed_rounding=fits and exact != actual),
        source=operation.source,
        reason=f"{found.kind} {equation.quantity} {equation.expression}",
    )


def _roles(found: Application, axis: AxisDerivation) -> dict[str, int | float]:
    """The values along one axis by what a formula may call them."""
    rule, _ = axis_rule(found.kind, **found.arguments)
    letters = dict(axis.values)
    values = {ROLES[name]: letters[letter] for letter, name in rule.names.items()}
    # What the rule does not depend on can still stand in a formula, at its neutral value.
    neutral = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
    return neutral | {"output": axis.output} | values


def _value(expression: Expression, roles: dict[str, int | float]) -> Fraction | None:
    """The formula's value; None where it divides by zero or names what this layer has not."""
    if expression.names() - set(roles):
        return None
    columns = {role: column_of([value]) for role, value in roles.items()}
    column, undefined = evaluate(expression, columns, 1)
    if undefined:
        return None
    return Fraction(column.above[0], column.denominators()[0])


def _spatial(trace: Trace, operation: Operation, derived: Derivation) -> list[int]:
    """The sizes that came out along the axes of the rule, as many as it has."""
    shape = trace.shape(operation.outputs[0])
    sizes = shape[len(shape) - len(derived.axes) :]
    return [size for size in sizes if isinstance(size, int)]


def _number(value: Fraction | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else float(value)


def _note(judgement: Judgement, *, needed_rounding: bool) -> str:
    parts: list[str] = []
    if judgement.aim:
        parts.append(
            say("the {argument} for {aim}", argument=judgement.quantity, aim=judgement.aim)
        )
    if needed_rounding:
        parts.append(say("rounded, as the layer rounds"))
    if judgement.verdict == "needs_floor":
        parts.append(say("exact in general once it is rounded"))
    elif judgement.verdict == "conditional":
        when = listed(judgement.holds_when)
        parts.append(
            say("in general only when {conditions}, and then rounded", conditions=when)
            if judgement.needs_floor
            else say("in general only when {conditions}", conditions=when)
        )
    elif judgement.verdict == "wrong":
        parts.append(say("wrong in general"))
    return joined(say("; "), parts)
