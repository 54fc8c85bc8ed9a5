"""Formulas as people write them, and texts that are none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape.errors import FormulaSyntaxError
from cnnshape.formulas.expression import Expression, latex, number, plain, symbol, unicode
from cnnshape.formulas.formula_call import formula
from cnnshape.formulas.reading.equations import read


def reads(text: str, kind: str = "conv") -> list[str]:
    return [plain(equation.expression) for equation in read(text, kind)]


FRACTION = "(input - kernel + 2*padding)/stride + 1"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        # plain text, names short and long
        ("(W - F + 2P)/S + 1", FRACTION),
        ("(H-K+2*p)/s+1", FRACTION),
        ("(in - kernel + 2*pad)/stride + 1", FRACTION),
        ("(input_size - kernel_size + 2*padding)/strides + 1", FRACTION),
        ("(W_in - K_w + 2 P_w)/S_w + 1", FRACTION),
        ("(L_in - k[0] + 2 p[0])/s[0] + 1", FRACTION),
        # rounding in every writing
        ("(W - F)//S", "floor((input - kernel)/stride)"),
        ("⌊(W − F)/S⌋", "floor((input - kernel)/stride)"),
        ("floor((W - F)/S)", "floor((input - kernel)/stride)"),
        ("math.floor((W - F)/S)", "floor((input - kernel)/stride)"),
        ("floor[(W - F)/S]", "floor((input - kernel)/stride)"),
        ("int((W - F)/S)", "floor((input - kernel)/stride)"),
        ("⌈W/S⌉", "ceil(input/stride)"),
        ("ceil(W/S)", "ceil(input/stride)"),
        ("round(W/S)", "round(input/stride)"),
        (r"\left\lceil \frac{W}{S} \right\rceil", "ceil(input/stride)"),
        # products
        ("2P", "2*padding"),
        ("2 P", "2*padding"),
        ("2 × P", "2*padding"),
        ("2 x P", "2*padding"),
        ("2·P", "2*padding"),
        (r"2 \cdot P", "2*padding"),
        (r"2 \times P", "2*padding"),
        ("D(K−1)", "dilation*(kernel - 1)"),
        ("(K-1)D", "(kernel - 1)*dilation"),
        ("DK - D", "dilation*kernel - dilation"),
        ("(W)(F)", "input*kernel"),
        ("2*-(P*S)", "2*(-padding*stride)"),
        # fractions and division
        (r"\frac{W-F}{S}", "(input - kernel)/stride"),
        (r"\dfrac{W-F}{S}", "(input - kernel)/stride"),
        (r"\frac12 W", "1/2*input"),
        (r"\frac WS", "input/stride"),
        ("W ÷ S", "input/stride"),
        ("W / S / K", "input/stride/kernel"),
        # powers and decimals
        ("W^2", "input^2"),
        ("W²", "input^2"),
        ("W**2", "input^2"),
        (r"W^{2}", "input^2"),
        ("W^(2)", "input^2"),
        ("0.5W", "1/2*input"),
        ("2.0W - 1.25", "2*input - 5/4"),
        ("0.4W", "2/5*input"),
        (".25", "1/4"),
        # what means nothing: layers' marks, spaces, dollars, a full stop
        (r"$n_H^{[l-1]}$", "input"),
        (r"n_{H}^{(l)} + 1", "input + 1"),
        (r"H_{in}\, + \;1", "input + 1"),
        (r"\(W + 1\)", "input + 1"),
        (r"\[W + 1\]", "input + 1"),
        ("W + 1.", "input + 1"),
        ("（W＋１）", "input + 1"),
        ("Wᵢₙ + 1", "input + 1"),
        ("-W + -1", "-input - 1"),
        ("max(W, F, 3)", "max(input, kernel, 3)"),
    ],
)
def test_meaning(text, meaning):
    assert reads(text) == [meaning]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("N = W", ["N"]),
        ("W = N", ["W"]),
        ("W - F = N", ["N"]),
        ("H_{out} = W", ["H_out"]),
        ("H' = W", ["H'"]),
        ("output size = W - F", ["outputsize"]),
        ("新尺寸 = W - F", ["新尺寸"]),
        ("N := W", ["N"]),
        ("W", [""]),
        ("(N = W, M = W)", ["N", "M"]),
        ("N = W; M = W", ["N", "M"]),
        ("N = W\nM = W", ["N", "M"]),
        (r"\begin{aligned} N &= W \\ M &= W \end{aligned}", ["N", "M"]),
        (", N = W,, M = W,", ["N", "M"]),
        ("((N = W))", ["N"]),
    ],
)
def test_equations_and_their_labels(text, labels):
    assert [equation.label for equation in read(text, "conv")] == labels


def test_a_line_goes_on_after_an_operator():
    assert reads("W -\nF") == ["input - kernel"]


def test_names_depend_on_the_kind():
    assert reads("r W", "pixel_shuffle") == ["factor*input"]
    assert reads("(n-1)s + OP", "conv_transpose") == ["(input - 1)*stride + output_padding"]
    assert reads("D_in - D", "conv") == ["input - dilation"]


@pytest.mark.parametrize(
    ("text", "problem", "line", "caret"),
    [
        ("(W - F + )/S", "expected a number, a name or \"(\", found ')'", "(W - F + )/S", 9),
        ("(W - F", "never closed by ')'", "(W - F", 0),
        ("W - F)", "expected an operator, found ')'", "W - F)", 5),
        ("⌊W/S⌉", "expected '⌋' or an operator, found '⌉'", "⌊W/S⌉", 4),
        ("W - Q", "'Q' is not understood in a formula of conv", "W - Q", 4),
        ("W + H", "W and H both name the input", "W + H", 4),
        ("W/2P", "a/bc can be read in two ways", "W/2P", 1),
        ("1/S(W - F)", "a/bc can be read in two ways", "1/S(W - F)", 1),
        ("W § 2", "no formula has the character '§'", "W § 2", 2),
        ("W = F = K", "a second =", "W = F = K", 6),
        ("2N = W - F", "one side of = must be a name alone", "2N = W - F", 3),
        ("N =", "the formula is missing", "N =", 2),
        ("floor W", 'expected "(" after floor', "floor W", 6),
        ("min(W)", "min takes two arguments or more, not 1", "min(W)", 0),
        ("floor(W, F)", "floor takes one argument, not 2", "floor(W, F)", 0),
        ("W^S", "an exponent must be a whole number", "W^S", 2),
        ("W^99", "exponents beyond 6", "W^99", 2),
        (r"\sqrt{W}", r"the LaTeX command \sqrt is not understood", r"\sqrt{W}", 0),
        ("H_out - 1", "H_out is the output", "H_out - 1", 0),
        ("W_{in - F", "this brace is never closed", "W_{in - F", 2),
        ("x + 1", "'x' is not understood", "x + 1", 0),
        ("W + 1234567890123", "a number of 13 digits", "W + 1234567890123", 4),
    ],
)
def test_errors_point_at_the_character(text, problem, line, caret):
    with pytest.raises(FormulaSyntaxError) as error:
        read(text, "conv")
    message, shown, pointer = str(error.value).split("\n")
    assert problem in message
    assert shown == "  " + line
    assert pointer == "  " + " " * caret + "^"


def test_the_caret_counts_wide_characters_twice():
    with pytest.raises(FormulaSyntaxError) as error:
        read("尺寸 = W - Q", "conv")
    assert str(error.value).splitlines()[-1] == "  " + " " * 11 + "^"


def test_unknown_names_list_what_is_understood():
    with pytest.raises(FormulaSyntaxError) as error:
        read("W - D(F - 1)", "avg_pool")
    message = str(error.value)
    assert "'D' is not understood in a formula of avg_pool" in message
    assert "F K k f kernel (kernel)" in message
    assert "dilation" not in message


@pytest.mark.parametrize("text", ["", "   ", ",", "$$", "()", "\n"])
def test_nothing_to_read(text):
    with pytest.raises(FormulaSyntaxError):
        read(text, "conv")


HOSTILE = [
    "(" * 5000,
    "(" * 900 + "W" + ")" * 900,
    "W^6" * 300,
    "((((W^6)^6)^6)^6)^6",
    "(((((9^6)^6)^6)^6)^6)^6",
    "(W^6*W^6)^6",
    "9" * 1500,
    "W" * 2000,
    "1/W+" * 400 + "1",
    "min(" * 400,
    "⌊" * 1000,
    "-" * 1999 + "W",
    "\\frac" * 300,
    "W_" * 900,
    "{" * 1900,
    "W,," * 600,
    "floor(" * 39 + "W/3" + ")" * 39,
    "+".join(f"W/{n}" for n in range(2, 250)),
    "__import__('os').system('true')",
    "(lambda: 0)()",
    "W\x00P",
    "W\u202eP",
    "𝟚P",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_hostile_input_is_refused_or_judged(text):
    """Neither a crash nor a hang; how quickly is measured in the benchmarks."""
    with contextlib.suppress(FormulaSyntaxError):
        assert formula("conv", text).verdict in {"exact", "needs_floor", "conditional", "wrong"}


@given(st.text(alphabet="WFSPDKn2019 ()[]{}+-*/^=,._\\$⌊⌋⌈⌉−·²x'frac", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        equations = read(text, "conv")
    except FormulaSyntaxError:
        return
    for equation in equations:
        assert equation.expression.names() <= {"input", "kernel", "stride", "padding", "dilation"}


LEAVES = st.one_of(
    st.integers(0, 30).map(number),
    st.sampled_from(["input", "kernel", "stride", "padding", "dilation"]).map(symbol),
)


def grow(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda each: each[0] + each[1]),
        pairs.map(lambda each: each[0] - each[1]),
        pairs.map(lambda each: each[0] * each[1]),
        pairs.map(lambda each: each[0] / each[1]),
        pairs.map(lambda each: each[0] // each[1]),
        inner.map(lambda each: -each),
        inner.map(lambda each: Expression("ceil", (each,))),
        pairs.map(lambda each: each[0].minimum(each[1])),
        inner.map(lambda each: Expression("power", (each, number(2)))),
    )


LETTERS = {"input": "W", "kernel": "F", "stride": "S", "padding": "P", "dilation": "D"}


def lettered(node: Expression) -> Expression:
    if node.operator == "symbol":
        return symbol(LETTERS[str(node.value)])
    return Expression(node.operator, tuple(map(lettered, node.operands)), node.value)


def value(node: Expression, names: dict[str, int]):
    from cnnshape.formulas.exact_columns import Column, evaluate

    columns = {name: Column([each]) for name, each in names.items()}
    column, undefined = evaluate(node, columns, 1)
    return None if undefined else (column.above[0], column.denominators()[0])


@given(st.recursive(LEAVES, grow, max_leaves=12))
def test_what_is_written_is_read_back(expression):
    """Every writing of every expression is read back as one of the same value."""
    names = {"input": 29, "kernel": 5, "stride": 3, "padding": 2, "dilation": 7}
    for write in (plain, unicode, latex):
        text = write(lettered(expression))
        (equation,) = read(text, "conv")
        assert value(equation.expression, names) == value(expression, names), text
