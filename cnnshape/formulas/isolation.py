"""A rule turned around: the formula of one argument, given what comes out."""

from __future__ import annotations

from cnnshape.formulas.expression import Expression, add, multiply, negative, number


def isolate(expression: Expression, name: str, equals: Expression) -> Expression | None:
    """What ``name`` must be for an expression to have a value; None where that is not seen.

    Rounding is passed over: the answer is one number among those that are right, or a fraction
    beside them. The name must occur once.

    >>> from cnnshape.formulas.expression import symbols, unicode
    >>> H, K, S, O = symbols("HKSO")
    >>> unicode(isolate((H - K) // S + 1, "K", O))
    'H − (O − 1)S'
    """
    if expression.operator == "symbol":
        return equals if expression.value == name else None
    inside = [name in operand.names() for operand in expression.operands]
    if inside.count(True) != 1:
        return None
    place = inside.index(True)
    operand = expression.operands[place]
    others = [each for index, each in enumerate(expression.operands) if index != place]
    match expression.operator:
        case "floor" | "ceil" | "round":
            return isolate(operand, name, equals)
        case "negative":
            return isolate(operand, name, _minus(equals))
        case "sum":
            return isolate(operand, name, _less(equals, others))
        case "product":
            product = others[0]
            for other in others[1:]:
                product = multiply(product, other)
            return isolate(operand, name, equals / product)
        case "quotient":
            by = others[0]
            return isolate(operand, name, _times(equals, by) if place == 0 else by / equals)
        case _:
            return None


def _times(left: Expression, right: Expression) -> Expression:
    return left if _whole(left) == 0 else multiply(left, right)


def _less(equals: Expression, terms: list[Expression]) -> Expression:
    """``equals`` without these terms, whole numbers gathered and what is positive first."""
    rest = list(equals.operands) if equals.operator == "sum" else [equals]
    rest += [_minus(term) for term in terms]
    whole = sum(each for term in rest if (each := _whole(term)) is not None)
    rest = [term for term in rest if _whole(term) is None]
    if whole or not rest:
        rest.append(number(whole) if whole >= 0 else negative(number(-whole)))
    return _total(rest)


def _total(terms: list[Expression]) -> Expression:
    """The sum of some terms, what is positive first."""
    ordered = sorted(terms, key=lambda term: term.operator == "negative")
    total = ordered[0]
    for term in ordered[1:]:
        total = add(total, term)
    return total


def _minus(term: Expression) -> Expression:
    """The term with the other sign, inside a sum."""
    if term.operator == "negative":
        return term.operands[0]
    if term.operator != "sum":
        return negative(term)
    return _total([_minus(each) for each in term.operands])


def _whole(term: Expression) -> int | None:
    """The value of a bare whole number, signed."""
    if term.operator == "negative":
        inside = _whole(term.operands[0])
        return None if inside is None else -inside
    return term.value if term.operator == "number" and isinstance(term.value, int) else None
