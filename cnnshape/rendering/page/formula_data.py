"""The size rules and the grammar of formulas as data: a page computes with the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnshape.formulas.configurations import FEW, VALUES
from cnnshape.formulas.convolution import CONV_SAME
from cnnshape.formulas.expression import as_expression, plain, symbol, unicode
from cnnshape.formulas.holds_when import CEIL, DEFAULTS, GENERAL, POOLS
from cnnshape.formulas.reading import equations, tables, tokens
from cnnshape.formulas.registry import DEFAULTS as ARGUMENTS
from cnnshape.formulas.registry import GROWING, STRIDE_IS_KERNEL
from cnnshape.formulas.roles import ORDER, NamedRule, named_rule
from cnnshape.formulas.windows import SPREADING, WINDOWED
from cnnshape.rendering.formula_picture.asked import EXAMPLES

_CEIL_KINDS = ("max_pool", "avg_pool", "lp_pool")


def formula_data() -> dict[str, Any]:
    """What the modules of a formula's page read.

    >>> data = formula_data()
    >>> data["rules"]["conv"]["formula"]
    'floor((H + 2*P - D*(K - 1) - 1)/S) + 1'
    >>> data["rules"]["conv"]["conditions"][-1]["left"]
    'D*(K - 1) + 1'
    """
    return {"rules": _rules(), "grammar": _grammar(), "judging": _judging()}


def _rules() -> dict[str, Any]:
    """Every rule by its name, those with ceil_mode and of padding 'same' among them."""
    rules = {kind: _rule(named_rule(kind)) for kind in WINDOWED}
    for kind in _CEIL_KINDS:
        rules[f"{kind} ceil_mode"] = _rule(named_rule(kind, ceil_mode=True))
    rules["conv same"] = _rule(NamedRule("conv", CONV_SAME))
    return rules


def _rule(named: NamedRule) -> dict[str, Any]:
    rule = named.rule
    letters = [symbol(letter) for letter in rule.names]
    conditions: list[dict[str, Any]] = []
    for condition in rule.conditions:
        left, right = (plain(as_expression(side)) for side in condition.bounds(*letters))
        conditions.append(
            {"words": condition.words, "left": left, "right": right, "argument": condition.argument}
        )
    return {
        "kind": named.kind,
        "ceil_mode": named.ceil_mode,
        "letters": [[letter, role] for role, letter in named.letters.items()],
        "formula": plain(rule.expression),
        "shown": unicode(rule.expression),
        "conditions": conditions,
        "spreads": named.kind in SPREADING,
        "grows": named.kind in GROWING,
        "stride_is_kernel": named.kind in STRIDE_IS_KERNEL,
        "pooling": named.kind in POOLS,
        "example": EXAMPLES[named.kind],
        "source": rule.source,
    }


def _grammar() -> dict[str, Any]:
    return {
        "longest": tokens.LONGEST,
        "digits": tokens.MOST_DIGITS,
        "equations": equations.MOST_EQUATIONS,
        "same": _characters(tables.SAME),
        "subscripts": _characters(tables.SUBSCRIPTS),
        "superscripts": _characters(tables.SUPERSCRIPTS),
        "operators": tables.OPERATORS,
        "brackets": tables.BRACKETS,
        "functions": tables.FUNCTIONS,
        "latex": {
            "looks": sorted(tables.LATEX_LOOKS),
            "words": sorted(tables.LATEX_WORDS),
            "places": sorted(tables.LATEX_PLACES),
            "symbols": tables.LATEX_SYMBOLS,
            "fractions": sorted(tables.LATEX_FRACTIONS),
        },
        "names": {role: list(names) for role, names in equations.NAMES.items()},
        "features": sorted(equations.FEATURE_NAMES),
        "others": sorted(equations.OTHER_NAMES),
        "marks": {
            "axes_with_in": sorted(equations.INPUT_AXES),
            "input": sorted(equations.INPUT_MARKS),
            "output": sorted(equations.OUTPUT_MARKS),
            "axis": sorted(equations.AXIS_MARKS),
        },
        "defaults": ARGUMENTS,
    }


def _characters(table: Mapping[int, int | str]) -> dict[str, str]:
    return {
        chr(code): chr(meaning) if isinstance(meaning, int) else meaning
        for code, meaning in table.items()
    }


def _judging() -> dict[str, Any]:
    """What a formula by hand is compared on, and the conditions under which it may hold."""
    return {
        "order": list(ORDER),
        "values": {role: list(values) for role, values in VALUES.items()},
        "few": {role: list(values) for role, values in FEW.items()},
        "conditions": [[text, list(roles)] for text, roles, _ in GENERAL],
        "ceil": [[text, list(roles)] for text, roles, _ in CEIL],
        "usual": sorted(DEFAULTS),
    }


def rule_name(named: NamedRule) -> str:
    """The name of a rule in :func:`formula_data`.

    >>> rule_name(named_rule("max_pool", ceil_mode=True))
    'max_pool ceil_mode'
    """
    if named.kind == "conv" and "padding" not in named.roles:
        return "conv same"
    return f"{named.kind} ceil_mode" if named.ceil_mode else named.kind
