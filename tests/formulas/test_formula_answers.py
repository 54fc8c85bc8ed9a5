"""Evaluate, solve, invert, follow a chain: the Python call and what it returns."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnshape import formulas
from cnnshape.errors import FormulaSyntaxError, ImpossibleSizeError, UsageError
from cnnshape.formulas.formula_call import formula
from cnnshape.formulas.inverse import Interval, inputs_giving


def test_evaluate_one_axis():
    result = formula("conv", input=28, kernel=5, padding=2)
    assert result.output == 28
    assert result.to_dict() == {
        "kind": "conv",
        "output": 28,
        "formula": "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1",
        "substitution": "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28",
    }


def test_evaluate_several_axes():
    result = formula("conv", input=(28, 32), kernel=(5, 3), stride=2)
    assert result.output == (12, 15)
    assert [each["output"] for each in result.to_dict()] == [12, 15]


@pytest.mark.parametrize(
    ("kind", "arguments", "output"),
    [
        ("pool", {"input": 28, "kernel": 2}, 14),
        ("max_pool", {"input": 28, "kernel": 3, "stride": 2, "padding": 1}, 14),
        ("max_pool", {"input": 7, "kernel": 2, "ceil_mode": True}, 4),
        ("conv", {"input": 9, "kernel": 4, "padding": "same"}, 9),
        ("conv", {"input": 9, "kernel": 4, "padding": "valid"}, 6),
        ("deconv", {"input": 4, "kernel": 4, "stride": 2, "padding": 1}, 8),
        ("max_unpool", {"input": 5, "kernel": 2}, 10),
        ("adaptive_pool", {"input": 13, "output": 6}, 6),
        ("fractional_pool", {"input": 13, "kernel": 2, "output": 9}, 9),
        ("upsample", {"input": 7, "factor": 1.5}, 10),
        ("upsample", {"input": 7, "output": 20}, 20),
        ("pixel_shuffle", {"input": 7, "factor": 3}, 21),
        ("pixel_unshuffle", {"input": 21, "factor": 3}, 7),
        ("pad", {"input": 7, "padding": 2}, 11),
        ("pad", {"input": 7, "before": 2, "after": -1}, 8),
        ("pad", {"input": 7, "padding": 2, "mode": "reflect"}, 11),
        ("unfold", {"input": 10, "kernel": 3}, 8),
        ("flatten", {"input": (16, 5, 5)}, 400),
        ("linear", {"input": 400, "output": 120}, 120),
        ("unflatten", {"input": 400, "output": (16, 5, 5)}, (16, 5, 5)),
        ("embedding", {"input": (2, 10), "output": 64}, (2, 10, 64)),
        ("glu", {"input": 128}, 64),
    ],
)
def test_evaluate_every_kind(kind, arguments, output):
    assert formula(kind, **arguments).output == output


def test_blocks_are_counted_together():
    assert formula("unfold", input=(10, 12), kernel=(4, 5)).total == 7 * 8
    assert formula("fold", output=(10, 12), kernel=(4, 5)).total == 7 * 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"input": 5, "kernel": 7}, "kernel 7 does not fit into 5 + 2·0"),
        ({"input": 3, "kernel": 3, "dilation": 2}, "spans 5 and does not fit into 3 + 2·0"),
    ],
)
def test_impossible_sizes(arguments, words):
    with pytest.raises(ImpossibleSizeError) as error:
        formula("conv", **arguments)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("conv", {"input": 5, "kernel": 2, "stride": 0}, "stride must be at least 1, not 0"),
        ("conv", {"input": 5, "kernel": 0}, "kernel must be at least 1, not 0"),
        ("conv", {"input": 5, "kernel": 2, "padding": -1}, "padding must be at least 0, not -1"),
        ("conv", {"input": -5, "kernel": 2}, "input cannot be negative: -5"),
        ("conv", {"input": 5.5, "kernel": 2}, "input must be a whole number"),
        ("conv", {"input": 5}, "conv needs kernel: give --kernel, as in cnnshape formula conv"),
        ("conv", {"kernel": 5}, "conv needs input"),
        ("conv", {"input": (5, 5, 5), "kernel": (3, 3)}, "kernel has 2 numbers, but there are 3"),
        ("avg_pool", {"input": 5, "kernel": 2, "dilation": 2}, "avg_pool has no dilation"),
        ("conv", {"input": 5, "kernel": 2, "ceil_mode": True}, "conv has no ceil_mode"),
        ("linear", {"input": 5}, "linear needs output"),
        ("convv", {"input": 5}, "did you mean conv"),
        ("conv", {"input": 5, "kernel": 2, "output": "same"}, "together with solve"),
        ("conv", {"input": 5, "solve": "padding,stride,kernel"}, "one or two unknowns"),
        ("conv", {"input": 5, "solve": "colour", "output": 3}, "cannot be solved for colour"),
        ("conv", {"input": 5, "kernel": 3, "solve": "kernel", "output": 3}, "both given and asked"),
        ("conv", {"input": 5, "solve": "kernel"}, "solve needs the output"),
        (None, {"input": 5}, "which kind of layer?"),
        (None, {"layers": "conv k3"}, "needs the size it begins with"),
        (None, {"layers": "conv k3", "input": 9, "kernel": 3}, "write kernel inside the chain"),
    ],
)
def test_misuse(kind, arguments, words):
    with pytest.raises(UsageError) as error:
        formula(kind, **arguments)
    assert words in str(error.value)


def test_solve_one_unknown():
    result = formula("conv", input=28, kernel=5, output=28, solve="padding")
    assert result.solutions == ({"padding": 2},)
    assert result.range == {"padding": (0, 64)}
    found = result.to_dict()
    assert found["solve"] == ["padding"]
    assert found["solutions"] == [{"padding": 2}]
    assert found["range"] == {"padding": [0, 64]}
    assert "kernel // 2 = 2 keeps every size" in result.note


def test_solve_two_unknowns_the_usual_first():
    result = formula("conv", input=28, output=28, solve="kernel,padding")
    pairs = [(each["kernel"], each["padding"]) for each in result.solutions]
    assert pairs[:2] == [(3, 1), (5, 2)]
    # Every odd kernel up to 63 with its half, and nothing else.
    assert sorted(pairs) == [(kernel, kernel // 2) for kernel in range(1, 65, 2)]


def test_solve_for_the_input_by_the_inverse():
    result = formula("conv", kernel=5, padding=2, stride=2, output=14, solve="input")
    assert result.solutions == ({"input": 27}, {"input": 28})
    pooled = formula("max_pool", kernel=2, output=7, ceil_mode=True, solve="input")
    assert pooled.solutions == ({"input": 13}, {"input": 14})


def test_solve_without_an_answer():
    result = formula("conv", input=28, kernel=4, output=28, solve="padding")
    assert not result.ok
    assert "an odd number" in result.note
    assert "padding='same'" in result.note


def test_same_size_without_any_input():
    assert formula("conv", kernel=7, solve="padding").solutions == ({"padding": 3},)
    dilated = formula("conv", kernel=3, dilation=2, output="same", solve="padding")
    assert dilated.solutions == ({"padding": 2},)
    assert "kernel // 2 = 1 does so with dilation 1 only" in dilated.note
    assert not formula("conv", kernel=4, solve="padding").ok
    strided = formula("conv", kernel=3, stride=2, solve="padding", output="same")
    assert not strided.ok
    assert "no padding keeps every size" in strided.note


def test_solve_in_a_range_of_ones_own():
    narrow = formula("conv", input=28, output=14, solve=["kernel", "stride"],
                     ranges={"kernel": (1, 3), "stride": (2, 2)})  # fmt: skip
    assert narrow.solutions == ({"kernel": 1, "stride": 2}, {"kernel": 2, "stride": 2})
    with pytest.raises(UsageError, match="too wide"):
        formula("conv", input=9, output=9, solve="kernel", ranges={"kernel": (1, 10**9)})
    with pytest.raises(UsageError, match="pairs"):
        formula("conv", input=9, output=9, solve="kernel,stride",
                ranges={"kernel": (1, 9999), "stride": (1, 9999)})  # fmt: skip


@given(
    st.sampled_from(["kernel", "stride", "padding", "dilation"]),
    st.integers(1, 30),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 12),
)
def test_solutions_are_complete_and_right(unknown, n, k, s, p, d, output):
    """Against trying every value by hand."""
    known = {"input": n, "kernel": k, "stride": s, "padding": p, "dilation": d}
    known.pop(unknown)
    result = formula("conv", **known, output=output, solve=unknown, ranges={unknown: (0, 20)})

    def size(value):
        all_ = {**known, unknown: value}
        if all_["stride"] < 1 or all_["kernel"] < 1 or all_["dilation"] < 1:
            return None
        left = all_["input"] + 2 * all_["padding"] - all_["dilation"] * (all_["kernel"] - 1) - 1
        return left // all_["stride"] + 1 if left >= 0 else None

    expected = {value for value in range(21) if size(value) == output}
    assert {each[unknown] for each in result.solutions} == expected


@given(
    st.sampled_from(
        ["conv", "conv_transpose", "max_pool", "avg_pool", "lp_pool", "max_unpool", "unfold"]
    ),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(1, 3),
    st.booleans(),
    st.integers(0, 9),
)
def test_the_inverse_is_exact(kind, k, s, p, d, ceil, output):
    """Every input up to 60 gives the output if and only if it lies in an interval."""
    has_dilation = kind in ("conv", "conv_transpose", "max_pool", "unfold")
    arguments = {"kernel_size": k, "stride": s}
    if kind != "lp_pool":
        arguments["padding"] = min(p, k // 2)
    if has_dilation:
        arguments["dilation"] = d
    if kind.endswith("_pool"):
        arguments["ceil_mode"] = ceil
    intervals = inputs_giving(kind, output, **arguments)
    for n in range(61):
        try:
            shape = (1, 1, n, n) if kind == "unfold" else (1, 1, n)
            dims = {} if kind == "unfold" else {"dims": 1}
            size = formulas.derive(kind, shape, **arguments, **dims).axes[-1].output
        except ImpossibleSizeError:
            size = None
        assert (size == output) == any(n in interval for interval in intervals)


def test_inverse_of_fixed_and_scaled_sizes():
    assert inputs_giving("adaptive_pool", 7, output_size=7) == (Interval(1, None),)
    assert inputs_giving("adaptive_pool", 6, output_size=7) == ()
    assert inputs_giving("upsample", 10, scale_factor=1.5) == (Interval(7, 7),)
    assert inputs_giving("upsample", 5, scale_factor=0.5) == (Interval(10, 11),)
    assert inputs_giving("pixel_unshuffle", 4, downscale_factor=3) == (Interval(12, 12),)
    assert str(Interval(27, 28)) == "27…28"
    assert str(Interval(3, 3)) == "3"


def test_chain():
    result = formula(layers="conv k5 p2, pool 2, conv k5, pool 2", input=28)
    assert [link.output for link in result.layers] == [28, 14, 10, 5]
    assert result.output == 5
    found = result.to_dict()
    assert found["input"] == 28
    assert found["layers"][2] == {
        "layer": "conv k5",
        "kind": "conv",
        "input": 14,
        "output": 10,
        "formula": "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1",
        "substitution": "⌊(14 + 2·0 − 1·(5 − 1) − 1)/1⌋ + 1 = 10",
    }


@pytest.mark.parametrize(
    ("layers", "size", "output"),
    [
        ("conv 3 p1; pool 2", 28, 14),
        ("conv 3 p1，relu；pool 2", 28, 14),
        ("conv k=3 p=1\npool k:2 s:1", 28, 27),
        ("Conv2d kernel 3 padding 1 stride 2, ReLU, BN", 28, 14),
        ("conv 7 s2 p3 → pool 3 s2 p1", 224, 56),
        ("conv 7 s2 p3 -> maxpool 3 s2 p1", 224, 56),
        ("conv 5x3", (28, 28), (24, 26)),
        ("conv k3 d2", 28, 24),
        ("conv 4 same, up x2, convt 4 s2 p1 op1", 7, 29),
        ("pool 2 ceil", 7, 4),
        ("upsample 1.5", 7, 10),
        ("adaptive 7, pad 1, pixel_shuffle 2", 13, 18),
        ("relu", 5, 5),
    ],
)
def test_chain_writings(layers, size, output):
    assert formula(layers=layers, input=size).output == output


@pytest.mark.parametrize(
    ("layers", "words", "pointed"),
    [
        ("conv k5, cnv 3", "no layer is called 'cnv' here", "cnv 3"),
        ("conv k5 q2", "'q2' is not understood", "q2"),
        ("dropout q2, conv q2", "'q2' is not understood", "q2"),
        ("conv k5 k3", "kernel is given twice", "k3"),
        ("conv k", "kernel has no number", "k"),
        ("conv k2.5", "kernel must be a whole number", "k2.5"),
        ("conv s2", "conv needs its kernel: write conv 2", "conv s2"),
        ("conv 5, pool", "pool needs its kernel: write pool 2", "pool"),
        ("conv 5, flatten", "flatten depends on the channels", "flatten"),
        ("conv 5, fc 10", "which a chain does not follow: end it before that", "fc 10"),
    ],
)
def test_chain_errors_point_at_the_layer(layers, words, pointed):
    with pytest.raises(FormulaSyntaxError) as error:
        formula(layers=layers, input=28)
    message, shown, caret = str(error.value).split("\n")
    assert words in message
    assert shown[caret.index("^") :] == pointed


def test_a_layer_that_does_not_fit_is_named():
    with pytest.raises(ImpossibleSizeError) as error:
        formula(layers="conv k5, pool 2, conv k5, pool 2, conv k5", input=28)
    assert str(error.value) == "layer 5, conv k5: kernel 5 does not fit into 4 + 2·0"


def test_layers_that_change_no_size_may_carry_their_arguments():
    answer = formula(layers="conv k3, bn 64, dropout 0.5, relu, pool 2", input=28)
    assert [link.output for link in answer.layers] == [26, 26, 26, 26, 13]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (lambda: formula("conv", input=28, kernel=5), "  = 24"),
        (lambda: formula("conv", "W - F + 1"), "conditional: right when dilation=1, padding=0 and"),
        (lambda: formula("conv", "W - F + 1")[0], "  smallest counterexample:"),
        (lambda: formula("conv", input=28, kernel=5, output=28, solve="padding"), "  padding = 2"),
        (lambda: formula(layers="pool 2", input=28), "pool 2   14   "),
        (lambda: formulas.describe("conv"), "conv   ⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1"),
    ],
)
def test_answers_print_as_on_the_command_line(answer, line: str):
    assert any(shown.startswith(line) for shown in str(answer()).splitlines()), str(answer())


def test_results_are_frozen():
    for result in (
        formula("conv", input=28, kernel=5),
        formula("conv", input=28, kernel=5, output=28, solve="padding"),
        formula("conv", "W")[0],
        formula(layers="pool 2", input=28),
        formulas.derive("conv", (1, 1, 9, 9), kernel_size=3),
    ):
        with pytest.raises(AttributeError):
            result.kind = "other"


def test_nothing_imports_torch():
    code = (
        "import sys, cnnshape\n"
        "cnnshape.formula('conv', '(W - F + 2P)/S + 1')\n"
        "cnnshape.formula('conv', input=28, kernel=5, solve='padding')\n"
        "cnnshape.formula(layers='conv k5, pool 2', input=28)\n"
        "cnnshape.formulas.derive('conv', (1, 1, 9, 9), kernel_size=3)\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'rich', 'click', 'sympy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_public_names_are_there_whatever_was_imported_before():
    code = (
        "import importlib, pkgutil, cnnshape.formulas as f\n"
        "for m in pkgutil.iter_modules(f.__path__):\n"
        "    importlib.import_module(f'cnnshape.formulas.{m.name}')\n"
        "assert all(not isinstance(getattr(f, n), type(importlib)) for n in f.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
