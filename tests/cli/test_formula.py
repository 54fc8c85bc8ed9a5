"""``cnnshape formula`` from the outside: what is printed, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cnnshape.cli.main import run

GOLDEN = Path(__file__).parent / "golden_formula"


@pytest.fixture
def formula(capsys):
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["formula", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


#: file → (exit code, arguments); the files are read by people when they change.
OUTPUTS = {
    "evaluate": (0, ["conv", "--input", "28", "--kernel", "5", "--padding", "2"]),
    "evaluate_axes": (0, ["conv", "--input", "28x32", "--kernel", "5x3", "--stride", "2"]),
    "evaluate_pool_ceil": (0, ["pool", "--input", "7", "--kernel", "2", "--ceil-mode"]),
    "evaluate_transpose": (
        0,
        ["conv_transpose", "--input", "14", "--kernel", "3", "--stride", "2", "--padding", "1"],
    ),
    "evaluate_unfold": (0, ["unfold", "--input", "10x12", "--kernel", "4x5"]),
    "evaluate_flatten": (0, ["flatten", "--input", "16x5x5"]),
    "evaluate_linear": (0, ["linear", "--input", "400", "--output", "120"]),
    "rule": (0, ["conv"]),
    "solve": (
        0,
        ["conv", "--input", "28", "--kernel", "5", "--output", "28", "--solve", "padding"],
    ),
    "solve_none": (
        1,
        ["conv", "--input", "28", "--kernel", "4", "--output", "28", "--solve", "padding"],
    ),
    "solve_two": (
        0,
        ["conv", "--input", "28", "--output", "14", "--solve", "kernel,padding", "--stride", "2",
         "--range", "kernel=1:7", "--range", "padding=0:3"],
    ),
    "solve_input": (
        0, ["conv", "--kernel", "5", "--stride", "2", "--output", "12", "--solve", "input"],
    ),
    "test_conditional": (1, ["conv", "(W - F + 2P)/S + 1"]),
    "test_exact": (0, ["conv", "⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1"]),
    "test_needs_floor": (1, ["avg_pool", "N = (W - F + 2P)/S + 1"]),
    "test_wrong": (1, ["conv", "⌊(n + 2p + d(k − 1) − 1)/s⌋ + 1"]),
    "test_seed": (1, ["conv", r"$$ (W = \frac{W+2P-F}{S} + 1, H = \frac{H+2P-F}{S} + 1) $$"]),
    "test_ceil_mode": (1, ["max_pool", "⌈(W - F + 2P)/S⌉ + 1", "--ceil-mode"]),
    "chain": (0, ["--layers", "conv k5 p2, relu, pool 2, conv k5, pool 2", "--input", "28"]),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTPUTS)
def test_output(name, formula):
    code, arguments = OUTPUTS[name]
    actual_code, out, err = formula(*arguments)
    assert out == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert actual_code == code
    assert err == ""


PADDING = ("conv", "--input", "9", "--kernel", "3", "--output", "9", "--solve", "padding")


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (1, ["conv", "--input", "5", "--kernel", "7"], "kernel 7 does not fit into 5 + 2·0"),
        (
            1,
            ["--layers", "conv k5, pool 2, conv k5, pool 2, conv k5", "--input", "28"],
            "layer 5, conv k5: kernel 5 does not fit into 4 + 2·0",
        ),
        (
            2,
            ["conv", "--input", "5", "--kernel", "2", "--stride", "0"],
            "stride must be at least 1",
        ),
        (2, ["conv", "--input", "-3", "--kernel", "2"], "--input cannot be negative: -3"),
        (2, ["conv", "--input", "2.5", "--kernel", "2"], "--input must be a whole number"),
        (2, ["conv", "--input", "1e3", "--kernel", "2"], "--input must be a whole number"),
        (2, ["conv", "--input", "28x", "--kernel", "2"], "--input must be a whole number"),
        (2, ["conv", "--input", "28"], "conv needs kernel: give --kernel, as in cnnshape formula"),
        (2, ["conv", "--kernel", "3"], "conv needs input: give --input"),
        (2, [*PADDING, "--range", "0:x"], "--range is written as padding=0:10 or 0:10, not"),
        (2, [*PADDING, "--range", "x:9"], "--range is written as padding=0:10 or 0:10, not"),
        (2, [*PADDING, "--range", "9"], "--range is written as padding=0:10 or 0:10, not"),
        (2, ["conv", "(W - F"], "this bracket is never closed"),
        (2, ["conv", "W - Q"], "'Q' is not understood in a formula of conv; understood are W H L"),
        (2, ["vonv", "W"], "did you mean conv"),
        (2, [], "which kind of layer?"),
        (2, ["linear", "W"], "linear has no formula along one axis"),
        (2, ["conv", "W", "--solve", "padding"], "tested or solved, not both"),
        (2, ["conv", "--input", "9", "--solve", "nothing", "--output", "3"], "cannot be solved"),
        (2, ["conv", "--input", "9", "--range", "0:3"], "give --solve as well"),
        (
            2,
            ["conv", "--input", "9", "--solve", "kernel", "--output", "3", "--range", "1-3"],
            "--range is written as padding=0:10",
        ),
        (2, ["upsample", "--input", "9", "--factor", "two"], "--factor must be a number"),
        (2, ["conv", "--colour", "3"], "no such option"),
        (2, ["conv", "W", "-f", "latex"], "use table or json here"),
    ],
)
def test_errors_are_one_sentence_on_stderr(code, arguments, words, formula):
    actual, out, err = formula(*arguments)
    assert actual == code
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_a_caret_points_at_the_character(formula):
    _, _, err = formula("conv", "(W - F + )/S")
    assert err.splitlines()[1:] == ["  (W - F + )/S", "           ^"]


def test_json_of_an_evaluation(formula):
    _, out, _ = formula("conv", "--input", "28", "--kernel", "5", "--padding", "2", "-f", "json")
    assert json.loads(out) == {
        "kind": "conv",
        "output": 28,
        "formula": "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1",
        "substitution": "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28",
    }
    _, out, _ = formula("conv", "--input", "28x32", "--kernel", "5", "-f", "json")
    assert [axis["output"] for axis in json.loads(out)] == [24, 28]


def test_json_of_a_solution(formula):
    code, out, _ = formula(
        "conv", "--input", "28", "--kernel", "5", "--output", "28", "--solve", "padding",
        "-f", "json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert found["kind"] == "conv"
    assert found["solve"] == ["padding"]
    assert found["solutions"] == [{"padding": 2}]
    assert found["range"] == {"padding": [0, 64]}
    code, out, _ = formula(
        "conv", "--input", "28", "--kernel", "4", "--output", "28", "--solve", "padding",
        "-f", "json",
    )  # fmt: skip
    assert code == 1
    assert json.loads(out)["solutions"] == []


def test_json_of_a_verdict(formula):
    code, out, _ = formula("conv", "(W - F + 2P)/S + 1", "-f", "json")
    found = json.loads(out)
    assert code == 1
    assert found["verdict"] == "conditional"
    assert found["needs_floor"] is True
    assert found["holds_when"] == ["dilation=1"]
    assert found["counterexample"] == {
        "input": 3, "kernel": 2, "stride": 1, "padding": 0, "dilation": 2,
        "formula": 2, "actual": 1,
    }  # fmt: skip
    code, out, _ = formula("conv", "W = W/S, H = ⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1", "-f", "json")
    assert [each["verdict"] for each in json.loads(out)] == ["conditional", "exact"]
    assert code == 1


def test_json_of_a_chain_and_of_a_rule(formula):
    _, out, _ = formula("--layers", "conv k5, pool 2", "--input", "28", "-f", "json")
    assert [layer["output"] for layer in json.loads(out)["layers"]] == [24, 12]
    _, out, _ = formula("avg_pool", "-f", "json")
    assert json.loads(out)["plain"] == "floor((H + 2*P - K)/S) + 1"


def test_latex(formula):
    _, out, _ = formula("avg_pool", "--input", "7", "--kernel", "3", "-f", "latex")
    assert out == (
        r"\left\lfloor \frac{H + 2P - K}{S} \right\rfloor + 1 = "
        r"\left\lfloor \frac{7 + 2 \cdot 0 - 3}{3} \right\rfloor + 1 = 2" + "\n"
    )


def test_a_file_takes_its_format_from_the_suffix(formula, tmp_path):
    file = tmp_path / "size.json"
    code, out, _ = formula("pool", "--input", "28", "--kernel", "2", "-o", str(file))
    assert (code, out) == (0, "")
    assert json.loads(file.read_text(encoding="utf-8"))["output"] == 14


def test_quiet_prints_nothing_and_keeps_the_exit_code(formula):
    assert formula("conv", "W", "-q") == (1, "", "")
    assert formula("pool", "--input", "28", "--kernel", "2", "-q") == (0, "", "")


def test_same_padding_and_held_arguments(formula):
    _, out, _ = formula("conv", "--input", "9", "--kernel", "4", "--padding", "same")
    assert out.splitlines()[-1].strip() == "= 9"
    code, out, _ = formula("conv", "⌊(W - F + 2P)/S⌋ + 1", "--dilation", "1")
    assert code == 0
    assert "dilation=1" in out


def test_help_shows_an_example_of_each_use(formula):
    code, out, _ = formula("--help")
    assert code == 0
    for line in ("evaluate ", "solve ", "test ", "chain "):
        assert line in out


def test_the_command_imports_no_torch_and_no_rich():
    code = (
        "import sys\n"
        "from cnnshape.cli.main import run\n"
        "run(['formula', 'conv', '--input', '28', '--kernel', '5', '--padding', '2'])\n"
        "run(['formula', 'conv', '(W - F + 2P)/S + 1'])\n"
        "heavy = {'torch', 'torchvision', 'numpy', 'rich', 'graphviz'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def test_pipes_get_plain_text():
    command = [sys.executable, "-m", "cnnshape", "formula", "conv", "W"]
    done = subprocess.run(command, timeout=60, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout


def test_a_matrix_by_hand(formula, tmp_path):
    rows = ("conv", "--matrix", "1 2 3; 4 5 6; 7 8 9", "--weights", "1 0; 0 1")
    code, out, _ = formula(*rows, "-f", "csv")
    assert (code, out) == (0, "6,8\n12,14\n")
    _, out, _ = formula(*rows, "--steps", "-f", "json")
    assert len(json.loads(out)["steps"]) == 4
    _, out, _ = formula(*rows, "-f", "latex")
    assert out.strip().endswith(r"= \begin{pmatrix} 6 & 8 \\ 12 & 14 \end{pmatrix}")
    for suffix, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        file = tmp_path / f"hand.{suffix}"
        code, out, err = formula(*rows, "-o", str(file))
        assert (code, out) == (0, "")
        assert err.startswith("wrote ")
        assert file.read_bytes().startswith(start)
    code, _, err = formula("conv", "--matrix", "1 2; 3", "--weights", "1")
    assert code == 2
    assert "row 2 of the matrix has 1 number" in err
    code, _, err = formula("conv", "--matrix", "1 2; 3 4", "--weights", "1 2 3; 4 5 6; 7 8 9")
    assert code == 1
    assert "kernel 3 does not fit into 2" in err


def test_a_formula_as_a_picture(formula, tmp_path):
    sizes = ("conv", "--input", "8", "--kernel", "3", "--stride", "2", "--padding", "1")
    for suffix, start in (("svg", b"<?xml"), ("PNG", b"\x89PNG")):
        file = tmp_path / f"conv.{suffix}"
        code, out, err = formula(*sizes, "-o", str(file))
        assert (code, out, err) == (0, "", f"wrote {file}\n")
        assert file.read_bytes().startswith(start)
    page = tmp_path / "conv.html"
    assert formula(*sizes, "-o", str(page)) == (0, "", f"wrote {page}\n")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    dark = tmp_path / "dark.svg"
    assert formula("conv", "-o", str(dark), "--theme", "dark", "-q") == (0, "", "")
    assert "#1b1e24" in dark.read_text(encoding="utf-8")
    by_hand = tmp_path / "hand.svg"
    assert formula("conv", "(W - F + 2P)/S + 1", "-o", str(by_hand))[0] == 1
    assert "judged beside it" in by_hand.read_text(encoding="utf-8")
    assert formula("conv", "(W + 2P - D(F - 1) - 1)//S + 1", "-o", str(by_hand))[0] == 0


@pytest.mark.parametrize("name", ["conv.svg", "conv.html"])
def test_a_picture_needs_no_torch(tmp_path, name):
    code = (
        "import sys\n"
        "from cnnshape.cli.main import run\n"
        f"run(['formula', 'conv', '-q', '-o', {str(tmp_path / name)!r}])\n"
        "print('torch' in sys.modules, 'graphviz' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False False"
    assert (tmp_path / name).exists()


def test_an_impossible_size_is_drawn_and_exits_with_1(formula, tmp_path):
    file = tmp_path / "why.svg"
    code, _, err = formula("conv", "--input", "5", "--kernel", "9", "-o", str(file))
    assert code == 1
    assert "kernel 9 does not fit into 5 + 2·0" in err
    assert "the kernel spans 9, the padded input has 5" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["linear", "--input", "4", "--output", "2"], "linear has no windows to draw"),
        (["conv", "--input", "5x5x5", "--kernel", "3"], "one axis or two, not 3"),
        (["conv", "--input", "5", "--stride", "0", "--kernel", "3"], "stride must be at least 1"),
        (["conv", "padding = kernel // 2"], "one of the padding is judged without -o"),
        (["--layers", "conv k3", "--input", "5"], "--layers has no picture"),
        (["conv", "--solve", "padding", "--output", "5"], "--solve has no picture"),
        (["--input", "5"], "which kind of layer"),
        (["pixel_shuffle", "--input", "4", "--factor", "2"], "pixel_shuffle has no windows"),
    ],
)
def test_what_has_no_picture_writes_no_file(formula, tmp_path, arguments, problem):
    file = tmp_path / "none.svg"
    code, _, err = formula(*arguments, "-o", str(file))
    assert code == 2
    assert problem in err
    assert not file.exists()


def test_a_picture_where_none_can_be_written(formula, tmp_path):
    code, _, err = formula("conv", "-o", str(tmp_path / "missing" / "conv.png"))
    assert code == 2
    assert "there is no folder" in err
    assert formula("conv", "-o", str(tmp_path / "conv.gif"))[0] == 2
    matrix = ("conv", "--matrix", "1 2; 3 4", "--weights", "1")
    code, _, err = formula(*matrix, "-o", str(tmp_path / "hand.html"))
    assert code == 2
    assert "--matrix is drawn as .svg, .png or .pdf" in err
