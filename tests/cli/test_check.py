"""``cnnshape check`` as CI uses it: claims, exit codes, files, formats."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from torch import nn

import cnnshape
from cnnshape.analysis.snapshot import compare_with_snapshot, snapshot_rows
from cnnshape.cli.main import run


@pytest.fixture
def check(capsys):
    def call(*args: str) -> tuple[int, str, str]:
        code = run(["check", *args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_lenets_own_sizes_hold(check):
    code, out, _ = check("lenet")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == (
        "ok size C1 1×6×28×28 ⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28".split()
    )
    assert lines[-1] == "7 ok, 0 failed"


def test_an_expected_shape_that_does_not_hold_shows_both_numbers(check):
    code, out, _ = check("lenet", "--expect", "C1=1,6,24,24", "--expect", "S2=*,16,5,5")
    assert code == 1
    rows = [line.split() for line in out.splitlines()]
    assert "FAIL shape C1 1×6×28×28, expected 1×6×24×24".split() in rows
    assert "ok shape S2 1×16×5×5".split() in rows
    assert out.splitlines()[-1] == "8 ok, 1 failed"


def test_wildcards_ask_every_matching_layer(check):
    code, out, _ = check("lenet", "--expect", "C*=1,*,*,*", "-f", "json")
    claims = json.loads(out)["claims"]
    assert code == 0
    assert [c["path"] for c in claims if c["what"] == "shape"] == ["C1", "C2", "C3"]
    assert claims[-1]["expected"] == [1, "*", "*", "*"]


def test_the_second_call_of_a_reused_module(check):
    code, out, _ = check(
        "basic-cnn", "--expect", "pooling=1,10,12,12", "--expect", "pooling[1]=1,20,4,4"
    )
    assert code == 0, out
    assert "pooling[1]" in out


@pytest.mark.parametrize(
    "derived",
    ["N,16,H//2-4,W//2-4", "N,16,⌊(H − 8)/2⌋,⌊W/2⌋ − 4", "*,16,*,max(W//2 - 4, -3)"],
)
def test_sizes_derived_by_hand_with_letters(check, derived: str):
    code, out, _ = check("lenet", "-i", "N,1,H,W", "--expect", f"C2={derived}")
    assert code == 0
    assert "ok shape C2 N×16×(H//2 − 4)×(W//2 − 4)".split() in [x.split() for x in out.splitlines()]


def test_a_wrong_derivation_names_a_size_where_it_fails(check):
    # Padding forgotten in C1: 28 → 24 → 12 → 8, and not 28 → 28 → 14 → 10.
    code, out, _ = check("lenet", "-i", "N,1,H,W", "--expect", "C2=N,16,(H-4)//2-4,W//2-4")
    assert code == 1
    assert "with H = 10 it is 1, not -1" in out


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("N,16,Q,W", "Q is no letter of the input, which has H, N, W"),
        ("N,16,H/2 - 4,W", "say how it is rounded, as in H//2"),
        ("N,16,?,W", "'?' in 'N,16,?,W' is no size"),
    ],
)
def test_letters_that_cannot_be_read(check, shape: str, words: str):
    code, _, err = check("lenet", "-i", "N,1,H,W", "--expect", f"C2={shape}")
    assert code == 2
    assert words in err


def test_letters_are_expected_of_an_input_with_letters_only(check):
    code, _, err = check("lenet", "--expect", "C1=N,6,H,W")
    assert code == 2
    assert "N is expected, but the input has numbers only" in err


def test_a_budget_needs_numbers(check):
    code, out, _ = check("lenet", "-i", "N,1,H,W", "--max-macs", "1M")
    assert code == 1
    assert "the total depends on letters of the input: give numbers for them" in out


def test_two_formulas_of_one_kind_are_both_tested(check):
    code, out, _ = check("lenet", "--formula", "conv=W - F + 2P + 1", "--formula", "conv=W/2")
    assert code == 1
    rows = [line.split()[:4] for line in out.splitlines() if " formula " in line]
    assert rows == [
        ["FAIL", "formula", "conv", "C1"],
        ["FAIL", "formula", "conv", "C2"],
        ["FAIL", "formula", "conv", "C3"],
        ["ok", "formula", "conv", "C1"],
        ["ok", "formula", "conv", "C2"],
        ["ok", "formula", "conv", "C3"],
    ]


@pytest.mark.parametrize(
    ("arguments", "row"),
    [
        (("--expect", "S2=*,16,6,5"), "FAIL shape S2 1×16×5×5, expected *×16×6×5"),
        # 5 / 2 is no whole number; W / (S − 1) divides by zero where the stride is 1.
        (("--formula", "conv=W/2"), "FAIL formula conv C3 1×1, expected 2.5×2.5"),
        (("--formula", "conv=W/(S-1)"), "FAIL formula conv C3 1×1, expected ?×?"),
    ],
)
def test_sizes_that_are_no_whole_numbers_are_shown(check, arguments, row: str):
    code, out, _ = check("lenet", *arguments)
    assert code == 1
    assert any(" ".join(line.split()).startswith(row) for line in out.splitlines())


class Strided(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(1, 4, 5, stride=2, padding=2)
        self.p = nn.MaxPool2d(2)

    def forward(self, x):
        return self.p(self.c(x))


@pytest.mark.parametrize(
    ("kind", "formula", "ok", "note"),
    [
        ("conv", "⌊(W - F + 2P)/S⌋ + 1", True, "in general only when dilation=1"),
        ("conv", "(W - F + 2P)/S + 1", True, "rounded, as the layer rounds"),
        ("conv", "⌈W/2⌉", True, "in general only"),
        ("conv", "⌊W/2⌋ + 1", False, "at H = 2 it gives 2, the layer 1"),
        ("conv", "⌊W/2⌋", False, "at H = 1 it gives 0, the layer 1"),
        ("conv", "W/(F - 5)", False, "not by 0"),
        ("max_pool", "W//2", True, ""),
    ],
)
def test_a_formula_is_tested_on_letters(kind, formula, ok, note):
    claims = cnnshape.check(Strided(), (1, 1, "H", "W"), formulas={kind: formula}).claims
    (claim,) = [claim for claim in claims if claim.what.startswith("formula")]
    assert claim.ok is ok
    assert note in claim.note
    if kind == "conv":
        assert claim.actual == ("(H + 1)//2", "(W + 1)//2")


@pytest.mark.parametrize("size", [7, 8, 9, 28])
def test_what_holds_on_letters_holds_on_numbers(size):
    for formula in ("⌊(W - F + 2P)/S⌋ + 1", "⌈W/2⌉", "⌊W/2⌋ + 1"):
        lettered, numbered = (
            cnnshape.check(Strided(), (1, 1, side, side), formulas={"conv": formula})
            for side in ("H", size)
        )
        on_letters, on_numbers = (
            [claim.ok for claim in result.claims if claim.what == "formula conv"]
            for result in (lettered, numbered)
        )
        assert on_numbers == [True] if on_letters == [True] else size % 2 or on_numbers == [False]


def test_a_rule_for_an_argument_is_not_tested_on_letters(check):
    code, _, err = check("lenet", "-i", "N,1,28,28", "--formula", "conv=P = F//2")
    assert code == 2
    assert "a formula for the output is tested" in err


def test_letters_in_python():
    result = cnnshape.check(
        "lenet", ("N", 1, "H", "W"), expect={"S2": ("N", 16, "H//4 - 2", "W//4 - 2")}
    )
    assert result.ok


def test_json_has_the_keys_of_the_contract(check):
    code, out, _ = check("lenet", "--max-params", "60000", "-f", "json")
    result = json.loads(out)
    assert code == 1
    assert result["ok"] is False
    assert result["claims"][-1] == {
        "what": "max-params",
        "path": "",
        "expected": 60000,
        "actual": 61706,
        "ok": False,
        "note": "",
    }


@pytest.mark.parametrize(
    ("limit", "ok"), [("61706", True), ("61_705", False), ("62k", True), ("0.06M", False)]
)
def test_budgets_are_read_with_units(check, limit, ok):
    assert check("lenet", "--max-params", limit)[0] == (0 if ok else 1)


def test_macs_budget(check):
    assert check("lenet", "--max-macs", "416520")[0] == 0
    code, out, _ = check("lenet", "--max-macs", "416519")
    assert code == 1
    assert "416,520, more than 416,519" in out


def test_a_hand_formula_that_is_right_here_but_not_in_general_says_both(check):
    code, out, _ = check("lenet", "--formula", "conv=(W - F + 2P)/S + 1")
    assert code == 0
    line = next(line for line in out.splitlines() if "formula conv" in line and "C1" in line)
    assert line.startswith("ok ")
    assert "28×28" in line
    assert "only when dilation=1" in line


def test_a_wrong_hand_formula_fails_with_both_numbers(check):
    # Forgets that padding is on both sides: C1 gives 26, the layer 28.
    code, out, _ = check("lenet", "--formula", "conv=(W - F + P)/S + 1")
    assert code == 1
    line = next(line for line in out.splitlines() if "formula conv" in line and "C1" in line)
    assert line.startswith("FAIL")
    assert "28×28, expected 26×26" in line
    # C2 and C3 have no padding, so the formula happens to hold there; the note says so.
    assert sum("formula conv" in line and line.startswith("ok") for line in out.splitlines()) == 2


def test_a_formula_of_a_kind_that_does_not_run_is_a_usage_error(check):
    code, _, err = check("mlp", "--formula", "conv=W - F + 1")
    assert code == 2
    assert "no conv ran in this model" in err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.json", '{"C1": [1, 6, 28, 28], "S1": "*,6,14,14"}'),
        ("e.yaml", "C1: 1,6,28,28\nS1: [null, 6, 14, 14]\n"),
        ("e.yml", "C1: 1x6x28x28\nS1: '*,6,14,14'\n"),
        ("e.toml", 'C1 = [1, 6, 28, 28]\nS1 = "*,6,14,14"\n'),
        ("e.csv", 'path,shape\nC1,"1,6,28,28"\nS1,*,6,14,14\n'),
    ],
)
def test_expectation_files(check, tmp_path, name, content):
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    code, out, err = check("lenet", "--expect", str(file))
    assert code == 0, (out, err)
    assert sum(" shape " in line for line in out.splitlines()) == 2


def test_dotted_paths_in_toml(check, tmp_path):
    file = tmp_path / "e.toml"
    file.write_text('conv.0 = "1,6,24,24"\n[fc]\n4 = [1, 10]\n', encoding="utf-8")
    assert check("lenet-nopad", "--expect", str(file))[0] == 0


def test_broken_yaml_names_line_and_column(check, tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("C1: 1,6,28,28\nS1: [1, 6\n", encoding="utf-8")
    code, out, err = check("lenet", "--expect", str(file))
    assert (code, out) == (2, "")
    assert "line 3, column 1" in err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--expect", "C9=1,2"], "no layer is called 'C9'; the nearest are C3, C2, C1"),
        (["--expect", "X*=1,2"], "no layer matches 'X*'"),
        (["--expect", "C1=1,?"], "'?' in '1,?' is no size"),
        (["--expect", "nothing.yaml"], "there is no such file"),
        (["--expect", "C1" * 400], "there is no such file"),
        (["--expect", "C1" * 400 + "=1,6"], "no layer is called"),
        (["--max-params", "many"], "write 61706, 25M or 4.1G"),
        (["--max-params", "9" * 5000], "write 61706, 25M or 4.1G"),
        (["--formula", "conv"], "give KIND=EXPRESSION"),
        (["--formula", "convv=W"], "did you mean conv"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(check, args, words):
    code, out, err = check("lenet", *args)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("option", ["--expect", "--formula", "--weights", "--device", "-o"])
def test_a_long_argument_is_cut_where_it_is_quoted(check, option: str):
    """Also one with spaces in it, or what stands behind a name."""
    for argument in ("C1 " * 400, "C1" * 400, "x=" + "C1 " * 400):
        code, out, err = check("lenet", option, argument)
        assert (code, out) == (2, "")
        assert (err.count("\n"), len(err) < 500) == (1, True)


def test_snapshot_of_the_same_model_holds(check, tmp_path):
    file = tmp_path / "lenet.shapes.json"
    cnnshape.inspect("lenet").save(file)
    code, out, _ = check("lenet", "--expect", str(file))
    assert code == 0
    assert out.splitlines()[-1] == "19 ok, 0 failed"  # 7 sizes, 12 rows


NET = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 5)
        self.{second} = nn.Conv2d(6, {width}, 5)
        {extra}
    def forward(self, x):
        x = self.{second}(self.first(x))
        return {result}
"""


def test_snapshot_difference_is_readable(check, tmp_path):
    file, snapshot = tmp_path / "net.py", tmp_path / "net.json"

    def write(second, width, extra="", result="x"):
        text = NET.format(second=second, width=width, extra=extra, result=result)
        file.write_text(text, encoding="utf-8")

    write("second", 16)
    cnnshape.inspect(f"{file}:Net", (1, 1, 28, 28)).save(snapshot)
    write("second", 32)
    code, out, _ = check(f"{file}:Net", "-i", "1,1,28,28", "--expect", str(snapshot))
    assert code == 1
    assert "1×32×20×20, expected 1×16×20×20" in out
    assert "reshaped; 2,416 parameters before, 4,832 now" in out
    write("other", 16)
    _, out, _ = check(f"{file}:Net", "-i", "1,1,28,28", "--expect", str(snapshot))
    assert "renamed to other" in out
    write("second", 16, "self.third = nn.ReLU()", "self.third(x)")
    _, out, _ = check(f"{file}:Net", "-i", "1,1,28,28", "--expect", str(snapshot))
    assert "added ReLU" in out


def test_junit(check, tmp_path):
    file = tmp_path / "report.xml"
    code, out, _ = check("lenet", "--expect", "C1=1,1", "-o", str(file))
    assert (code, out) == (1, "")
    suite = ET.parse(file).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("8", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "1×6×28×28, expected 1×1"


def test_github_annotations(check, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = check("lenet", "--expect", "C1=1,1", "-f", "github")
    assert code == 1
    assert out.splitlines() == [
        "::error title=cnnshape shape C1::1×6×28×28, expected 1×1",
        "::notice title=cnnshape check::7 ok, 1 failed",
    ]


def test_a_model_that_raises_is_a_failed_claim(check, tmp_path):
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(5, 2))\n",
        encoding="utf-8",
    )
    code, out, _ = check(f"{file}:net", "-i", "1,4")
    assert code == 1
    assert out.splitlines()[0].startswith("FAIL  runs  1 ")
    assert "(1x4 and 5x2)" in out


def test_quiet_prints_nothing_on_success(check):
    assert check("lenet", "-q") == (0, "", "")


def test_torchinfo_stands_beside_as_information(check):
    _, out, _ = check("lenet")
    assert "info  torchinfo counts 61,706 parameters as well" in out
    # 6,518 biases added: 6·28·28 + 16·10·10 + 120 + 84 + 10.
    assert "torchinfo counts 423,038 MACs where cnnshape counts 416,520" in out


def test_python_api():
    result = cnnshape.check(
        "lenet",
        expect={"C1": (1, 6, 28, 28), "S1": ("*", 6, 14, 14)},
        formulas={"conv": "(W-F+2P)/S+1"},
    )
    assert result.ok
    assert [c.what for c in result.claims].count("formula conv") == 3


def test_quiet_says_nothing_of_success_and_all_of_failure(check):
    assert check("lenet", "-q") == (0, "", "")
    code, out, _ = check("lenet", "--max-params", "61705", "-q")
    assert code == 1
    assert "FAIL" in out


# ---- what CI shows ---------------------------------------------------------------------------

WRONG = ("--expect", "S1=1,6,12,12", "--expect", "C1=1,6,24,24", "--max-params", "60k")


def test_failures_come_first_and_below_each_what_follows_from_it(check):
    _, out, _ = check("lenet", *WRONG)
    assert [line[:26].rstrip() for line in out.splitlines()[:4]] == [
        "FAIL  shape       C1     1",
        "FAIL    shape     S1     1",
        "FAIL  max-params  model  6",
        "ok    size        C1     1",
    ]
    assert out.splitlines()[-1] == "7 ok, 3 failed"


def test_brief_leaves_out_what_holds(check):
    code, out, _ = check("lenet", *WRONG, "--brief")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["FAIL"] * 3 + ["info"] * 2 + ["7"]


def test_json_keeps_the_order_of_the_claims_and_names_their_cause(check):
    claims = json.loads(check("lenet", *WRONG, "-f", "json")[1])["claims"]
    assert [claim["path"] for claim in claims[7:9]] == ["S1", "C1"]
    assert claims[7]["cause"] == 8
    assert "cause" not in claims[8]
    assert claims[8]["source"].endswith("lenet.py:55")


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A file in the working directory; line 9 calls ``first``, line 10 ``second``."""
    file = tmp_path / "net.py"
    lines = [
        "from torch import nn",
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.first = nn.Conv2d(1, 6, 5)",
        "        self.second = nn.ReLU()",
        "",
        "    def forward(self, x):",
        "        x = self.first(x)",
        "        return self.second(x)",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.delenv("CI_PROJECT_DIR", raising=False)
    return "net.py:Net", "-i", "1,1,28,28"


EXPECTED = ("--expect", "second=1,6,28,28", "--expect", "first=1,6,28,28")


def test_github_has_one_annotation_for_each_cause_at_its_line(check, net):
    _, out, _ = check(*net, *EXPECTED, "-f", "github")
    error, notice = out.splitlines()
    assert error == (
        "::error file=net.py,line=9,title=cnnshape shape first::"
        "1×6×24×24, expected 1×6×28×28; 1 follows from it: second"
    )
    assert notice == "::notice title=cnnshape check::1 ok, 2 failed"


def test_github_names_files_below_the_repository(check, net, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    _, out, _ = check(*net, *EXPECTED, "-f", "github")
    assert f"file={tmp_path.name}/net.py,line=9," in out


def test_a_line_that_is_not_in_the_repository_is_not_named(check, net):
    _, out, _ = check("lenet", "--expect", "C1=1,6,24,24", "-f", "github")
    assert "::error title=cnnshape shape C1::" in out


def test_junit_fails_once_for_each_cause(check, net):
    _, out, _ = check(*net, *EXPECTED, "-f", "junit")
    suite = ET.fromstring(out).find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["3", "1", "1"]
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert cases["shape first"].get("file") == "net.py"
    assert cases["shape first"].get("line") == "9"
    skipped = cases["shape second"].find("skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").endswith("follows from shape first")


def test_a_rule_for_padding_is_compared_with_the_padding_of_each_layer():
    claims = cnnshape.check("lenet", formulas={"conv": "P = (F-1)/2"}).claims
    rules = [claim for claim in claims if claim.what == "formula conv padding"]
    assert [(c.path, c.expected, c.actual, c.ok) for c in rules] == [
        ("C1", (2, 2), (2, 2), True),
        ("C2", (2, 2), (0, 0), False),
        ("C3", (2, 2), (0, 0), False),
    ]
    assert "the padding for output = input" in rules[0].note


def test_a_layer_of_another_type_has_changed_itself():
    before, after = (
        cnnshape.inspect(nn.Sequential(nn.Conv2d(1, 2, 3), last), (1, 1, 8, 8))
        for last in (nn.ReLU(), nn.GELU())
    )
    old = snapshot_rows(before.to_dict()["layers"])
    claims = {claim.path: claim.change for claim in compare_with_snapshot(after, old)}
    assert claims == {"": "", "0": "", "1": "itself"}
