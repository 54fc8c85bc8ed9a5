"""How formulas and derivations are written, against what one would write by hand."""

from __future__ import annotations

import pytest

from cnnshape.formulas.derivation import steps
from cnnshape.formulas.description import describe
from cnnshape.formulas.expression import (
    ceiling_division,
    latex,
    minimum,
    number,
    plain,
    substitute,
    symbols,
    unicode,
)
from cnnshape.formulas.registry import KINDS, WHOLE_SHAPES

W, F, S, P, D = symbols("WFSPD")


@pytest.mark.parametrize(
    ("expression", "in_unicode", "in_plain", "in_latex"),
    [
        ((W - F) / S, "(W − F)/S", "(W - F)/S", r"\frac{W - F}{S}"),
        (W / (S * 2), "W/(S·2)", "W/(S*2)", r"\frac{W}{S \cdot 2}"),
        (2 * P + W, "2P + W", "2*P + W", "2P + W"),
        (D * (F - 1), "D(F − 1)", "D*(F - 1)", "D(F - 1)"),
        ((W - 1) * S, "(W − 1)S", "(W - 1)*S", "(W - 1)S"),
        (W * F, "W·F", "W*F", r"W \cdot F"),
        (W - (F - S), "W − (F − S)", "W - (F - S)", "W - (F - S)"),
        (-W + 1, "−W + 1", "-W + 1", "-W + 1"),
        (W - (-F), "W − (−F)", "W - (-F)", "W - (-F)"),
        (-(W + F), "−(W + F)", "-(W + F)", "-(W + F)"),
        (
            ceiling_division(W - F, S),
            "⌈(W − F)/S⌉",
            "ceil((W - F)/S)",
            r"\left\lceil \frac{W - F}{S} \right\rceil",
        ),
        (minimum(W, F + 1), "min(W, F + 1)", "min(W, F + 1)", r"\min(W, F + 1)"),
        (W / S / F, "W/S/F", "W/S/F", r"\frac{\frac{W}{S}}{F}"),
        (W / (S / F), "W/(S/F)", "W/(S/F)", r"\frac{W}{\frac{S}{F}}"),
        (W * number(-2), "W·(−2)", "W*(-2)", r"W \cdot (-2)"),
    ],
)
def test_three_writings(expression, in_unicode, in_plain, in_latex):
    assert unicode(expression) == in_unicode
    assert plain(expression) == in_plain
    assert latex(expression) == in_latex


def test_numbers_put_in():
    formula = (W + 2 * P - D * (F - 1) - 1) // S + 1
    numbers = substitute(formula, {"W": 28, "P": 2, "D": 1, "F": 5, "S": 1})
    assert unicode(numbers) == "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1"
    some = substitute(formula, {"F": 5, "D": 1})
    assert unicode(some) == "⌊(W + 2P − 1·(5 − 1) − 1)/S⌋ + 1"
    assert unicode(substitute(W + P, {"W": 4, "P": -1})) == "4 + (−1)"


def test_steps_as_on_paper():
    formula = (W + 2 * P - D * (F - 1) - 1) // S + 1
    values = {"W": 28, "P": 1, "D": 2, "F": 3, "S": 2}
    assert steps(formula, values) == (
        "⌊(28 + 2·1 − 2·(3 − 1) − 1)/2⌋ + 1",
        "⌊(28 + 2 − 4 − 1)/2⌋ + 1",
        "⌊25/2⌋ + 1",
        "⌊12.5⌋ + 1",
        "12 + 1",
        "13",
    )


def test_steps_skip_a_rounding_that_rounds_nothing():
    assert steps((W - F) // S + 1, {"W": 28, "F": 4, "S": 2}) == (
        "⌊(28 − 4)/2⌋ + 1",
        "⌊24/2⌋ + 1",
        "12 + 1",
        "13",
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in WHOLE_SHAPES])
def test_every_rule_describes_itself(kind):
    rule = describe(kind)
    assert rule.formula
    assert rule.latex
    assert rule.source.startswith("https://docs.pytorch.org/docs/stable/generated/torch.nn")
    assert rule.conditions
    assert rule.names["H"] == "input"


def test_conditions_in_words():
    conditions = describe("conv").conditions
    assert "D(K − 1) + 1 ≤ H + 2P: the dilated kernel fits into the padded input" in conditions
    assert "2P ≤ K: padding is at most half of the kernel" in describe("max_pool").conditions


def test_expressions_are_equal_by_what_they_say():
    one, again = symbols("H")[0] // 2 + 1, symbols("H")[0] // 2 + 1
    assert one == again
    assert len({one, again}) == 1
    assert one != symbols("W")[0] // 2 + 1
    assert one != "H//2 + 1"
