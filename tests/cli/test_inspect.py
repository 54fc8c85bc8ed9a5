"""``cnnshape inspect`` from the command line: what is printed where, and with which exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from cnnshape.cli.main import run
from cnnshape.rendering.json_ import inspect_schema
from cnnshape.rendering.printing import terminal_colors, terminal_width

Inspect = Callable[..., tuple[int, str, str]]

BROKEN = """
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x):
        print("forward was here")
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return self.fc2(x)

class Options(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 5)

    def forward(self, x, mode="fine", size=None, scale=1.0):
        x = self.coarse(x) if mode == "coarse" else self.fine(x)
        return x * scale if size is None else F.interpolate(x, size=size)

class Bare(nn.Module):
    def __init__(self):
        self.size = 3

class Talks(nn.Linear):
    def __init__(self):
        print("building")
        super().__init__(4, 2)

    def forward(self, x):
        print("running")
        return super().forward(x)
"""


def closed(schema: object) -> object:
    """The same schema, in which an object may have no key that the schema does not describe."""
    if isinstance(schema, dict):
        inner = {key: closed(value) for key, value in schema.items()}
        return inner | ({"additionalProperties": False} if "properties" in schema else {})
    return [closed(item) for item in schema] if isinstance(schema, list) else schema


@pytest.fixture
def inspect(capsys: pytest.CaptureFixture[str]) -> Inspect:
    def call(*args: str) -> tuple[int, str, str]:
        code = run(["inspect", *args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "broken_net.py"
    path.write_text(BROKEN, encoding="utf-8")
    return str(path)


def test_the_readmes_first_command(inspect: Inspect) -> None:
    code, out, err = inspect("lenet", "--input", "1,1,28,28")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "LeNet   input x 1×1×28×28 float32   output 1×10 float32"
    words = [line.split() for line in lines[3:15]]
    assert words[0] == [
        *("C1", "Conv2d", "1×28×28", "→", "6×28×28", "5", "1", "2", "156", "117,600", "✓")
    ]
    assert [row[0] for row in words] == [
        *("C1", "R1", "S1", "C2", "R2", "S2", "C3", "R3", "·", "F4", "R4", "OUT")
    ]
    assert words[8] == ["·", "view", "120×1×1", "→", "120"]
    assert lines[16] == (
        "  61,706 parameters (241 KiB) · 416,520 MACs · 7 of 7 sizes match their formula"
    )
    assert re.fullmatch(r"  run on the CPU, \d+ ms.*", lines[17])
    assert "\x1b" not in out


def test_json_on_stdout_is_valid_and_alone(inspect: Inspect, net: str) -> None:
    code, out, err = inspect(f"{net}:Talks", "-i", "1,4", "-f", "json")
    assert code == 0
    data = json.loads(out)
    jsonschema.validate(data, inspect_schema())
    assert data["totals"]["params"] == 10
    assert "building" in err
    assert "running" in err


def test_a_model_that_raises_gives_the_table_up_to_there_and_exit_code_one(
    inspect: Inspect, net: str
) -> None:
    code, out, _err = inspect(f"{net}:Net", "-i", "2,1,28,28")
    assert code == 1
    failing = [line for line in out.splitlines() if line.startswith("✗")]
    assert [line.split()[:5] for line in failing] == [["✗", "fc1", "Linear", "256", "→"]]
    assert "pool (2nd call)" in out
    assert "fc2" not in out.partition("51,902 parameters")[0]
    assert "x = F.relu(self.fc1(x))" in out
    assert "broken_net.py:20" in out
    assert re.search(r"mat1 and mat2 shapes cannot be multiplied \(2x256 and 400x120\)", out)
    assert "Traceback" not in out


def test_options_of_forward_are_literals(inspect: Inspect, net: str) -> None:
    given = ("-i", 'mode="coarse"', "-i", "size=(16,12)", "-i", "scale=2.5")
    code, out, _ = inspect(f"{net}:Options", "-i", "1,3,8,8", *given, "-f", "json")
    data = json.loads(out)
    jsonschema.validate(data, closed(inspect_schema()))
    assert code == 0
    assert data["outputs"][0]["shape"] == [1, 8, 16, 12]
    assert data["totals"]["macs"] == 8 * 4 * 4 * 3 * 5 * 5
    assert [row.get("value") for row in data["inputs"]] == [None, "'coarse'", "(16, 12)", "2.5"]
    code, out, _ = inspect(f"{net}:Options", "-i", "N,3,8,8", "-i", "mode='coarse'")
    assert code == 0
    assert "input x N×3×8×8 float32   mode 'coarse'   output N×8×4×4 float32" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("lenet",),
        ("lenet", "-i", "1,1,H,W"),
        ("lenet", "-i", "1,3,28,28"),
        ("lenet", "-i", "1,1,20,20"),
        ("lenet", "--device", "meta", "--train"),
        ("lenet", "--receptive-field", "measured"),
        ("lenet", "--time"),
        ("lenet", "--memory"),
        ("basic-cnn",),
    ],
)
def test_the_schema_describes_every_key_that_is_printed(
    inspect: Inspect, arguments: tuple[str, ...]
) -> None:
    _, out, _ = inspect(*arguments, "-f", "json")
    jsonschema.validate(json.loads(out), closed(inspect_schema()))


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (("--time",), ["time"]),
        (("--memory",), ["gradients", "optimizer", "saved", "inference-peak"]),
        ((), []),
    ],
)
def test_csv_has_what_was_measured(
    inspect: Inspect, arguments: tuple[str, ...], columns: list[str]
) -> None:
    _, out, _ = inspect("lenet", *arguments, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[17:] == columns
    assert all(row[column] for row in rows for column in columns)


@pytest.mark.parametrize("name", ["time", "gradients", "optimizer", "saved", "peak"])
def test_a_column_asks_for_its_measurement(inspect: Inspect, name: str) -> None:
    for asked in (("--columns", f"path,params,{name}"), ("--columns", "path", "--sort", name)):
        code, out, _ = inspect("lenet", *asked)
        assert (code, "?" in out) == (0, False)
        assert ("per pass" in out) == (name == "time")
        assert ("training peak" in out) == (name != "time")


def test_the_place_of_a_failure_is_told_from_the_working_directory(
    inspect: Inspect, net: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = Path(net).name
    monkeypatch.chdir(Path(net).parent)
    _, out, _ = inspect(f"{name}:Net", "-i", "2,1,28,28", "-f", "json")
    assert json.loads(out)["error"]["source"] == f"{name}:20"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    _, out, _ = inspect(f"{net}:Net", "-i", "2,1,28,28", "-f", "json")
    assert json.loads(out)["error"]["source"] == f"{net}:20"


def test_a_failure_as_json_is_told_on_stderr_as_well(inspect: Inspect, net: str) -> None:
    code, out, err = inspect(f"{net}:Net", "-i", "2,1,28,28", "-f", "json")
    assert code == 1
    data = json.loads(out)
    jsonschema.validate(data, inspect_schema())
    assert (data["error"]["path"], data["error"]["op"]) == ("fc1", "linear")
    reached = [layer["path"] for layer in data["layers"] if layer["called"]]
    assert reached[-1] == "fc1"
    assert "error: fc1" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("lenett",), "lenet"),
        (("lenet", "--columns", "layer,parms"), "no column 'parms'; did you mean params?"),
        (("lenet", "--sort", "size_of_it"), "no column 'size_of_it'"),
        (("lenet", "-o", "no/such/folder/lenet.html"), "there is no folder no/such/folder"),
        (("lenet", "-o", "lenet.xyz"), ".xyz is no known format; use one of .txt, .json"),
        (("lenet", "-o", "no/such/folder/lenet.json"), "there is no folder no/such/folder"),
        (("lenet", "-i", "1,1,28,28y"), "28y"),
        (("lenet", "-i", "mode=train"), 'for a text write mode="train"'),
        (("lenet", "-i", "x=(a,)"), "give a shape, as in x=1,3,H,W, or a literal"),
        (("lenet", "-i", "True"), "as in name=True"),
        (("lenet", "-i", "1,1,28,28", "-i", 'mode="a"'), "LeNet.forward(x) has no input 'mode'"),
        (("lenet", "--device", "toaster"), "toaster"),
        (("lenet", "--dtype", "float33"), "float33"),
        (("lenet", "-d", "-1"), "-1 is not in the range"),
        (("lenet", "-f", "yaml"), "yaml"),
        (("lenet", "--frobnicate"), "--frobnicate"),
        ((), "MODEL"),
        (("lenet", "-i", "9223372036854775807,1,9,9"), "more bytes than torch can count"),
        (("lenet", "-i", f"1,1,28,{'9' * 5000}"), "is too large"),
        (
            ("lenet", "-i", "99999999999,1,28,28", "--device", "cpu"),
            "takes 313,600 GB, and this machine has",
        ),
    ],
)
def test_wrong_usage_is_exit_code_two_and_one_sentence(
    inspect: Inspect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = inspect(*args)
    assert code == 2
    assert out == ""
    assert message in err.replace("\\", "/")
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_module_without_its_init_is_wrong_usage(inspect: Inspect, net: str) -> None:
    code, out, err = inspect(f"{net}:Bare", "-i", "1,3")
    assert (code, out) == (2, "")
    assert err == (
        "error: Bare.__init__ does not call super().__init__(): it has to be its first line\n"
    )


def test_files_by_suffix_and_what_is_said_about_them(inspect: Inspect, tmp_path: Path) -> None:
    for suffix, sign in (
        ("json", '"schema": 1'),
        ("csv", "C1,module,0,Conv2d,1x1x28x28,1x6x28x28,5,1,2"),
        ("md", "| `C1` | Conv2d | 1×28×28 → 6×28×28 | 5 | 1 | 2 | 156 | 117,600 | ✓ |"),
        ("tex", r"\texttt{C1} & Conv2d & $1 \times 28 \times 28$ $\to$"),
        ("txt", "  C1     Conv2d      1×28×28 → 6×28×28 "),
    ):
        target = tmp_path / f"lenet.{suffix}"
        code, out, err = inspect("lenet", "-o", str(target))
        assert (code, out, err) == (0, "", f"wrote {target}\n")
        assert sign in target.read_text(encoding="utf-8")


def test_quiet_says_nothing_but_of_a_failure(inspect: Inspect, net: str, tmp_path: Path) -> None:
    assert inspect("lenet", "-q") == (0, "", "")
    assert inspect("lenet", "-q", "-o", str(tmp_path / "a.json")) == (0, "", "")
    code, out, err = inspect(f"{net}:Net", "-i", "2,1,28,28", "-q")
    assert (code, out) == (1, "")
    assert "error: fc1" in err


def test_columns_sort_and_depth(inspect: Inspect) -> None:
    _, out, _ = inspect("lenet", "--columns", "layer,macs", "--sort", "macs", "-f", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[:3] == [["path", "macs"], ["C2", "240000"], ["C1", "117600"]]
    _, out, _ = inspect("lenet", "-d", "0")
    assert out.splitlines()[3].split()[:2] == ["(model)", "LeNet"]


def test_formulas_row_by_row(inspect: Inspect) -> None:
    _, out, _ = inspect("lenet", "--formulas")
    assert "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28" in out
    assert "⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1" in out


def test_training_mode_and_dtype_are_told(inspect: Inspect) -> None:
    _, out, _ = inspect("lenet", "--train", "--dtype", "float64", "-f", "json")
    data = json.loads(out)
    assert data["mode"] == "train"
    assert data["outputs"][0]["dtype"] == "float64"
    for options in (("--eval",), ()):
        assert json.loads(inspect("lenet", *options, "-f", "json")[1])["mode"] == "eval"


def test_folding_and_expand(inspect: Inspect, tmp_path: Path) -> None:
    path = tmp_path / "stack.py"
    path.write_text(
        "from torch import nn\n"
        "def block(): return nn.Sequential(nn.Linear(8, 8), nn.ReLU())\n"
        "net = nn.Sequential(*(block() for _ in range(5)))\n",
        encoding="utf-8",
    )
    _, folded, _ = inspect(f"{path}:net", "-i", "1,8")
    assert "0 … 4  × 5" in folded
    assert folded.count("Linear") == 1
    _, expanded, _ = inspect(f"{path}:net", "-i", "1,8", "--expand")
    assert expanded.count("Linear") == 5


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal_and_never_with_no_color(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not terminal_colors()
    assert terminal_width() is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert terminal_colors()
    monkeypatch.setattr(sys, "stdout", FakeTerminal())
    monkeypatch.delenv("FORCE_COLOR")
    assert terminal_colors()
    assert terminal_width() is not None
    monkeypatch.setenv("NO_COLOR", "1")
    assert not terminal_colors()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not terminal_colors()
    monkeypatch.setenv("COLUMNS", "66")
    assert terminal_width() == 66


def test_a_plain_run_imports_nothing_it_does_not_need() -> None:
    """Rich, torchvision and sympy cost time that a piped table of LeNet has no use for."""
    code = (
        "import sys\n"
        "from cnnshape.cli.main import run\n"
        "run(['inspect', 'lenet'])\n"
        "heavy = [m for m in ('rich', 'torchvision', 'sympy', 'torchinfo', 'graphviz')"
        " if m in sys.modules]\n"
        "print(heavy, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert "7 of 7 sizes match" in done.stdout
    assert done.stderr.strip() == "[]"


def test_help_lists_every_column() -> None:
    from click.testing import CliRunner

    from cnnshape.cli.inspect import command
    from cnnshape.rendering.columns import COLUMNS

    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    listed = text.partition("Columns: ")[2].partition(".")[0].replace(",", "").split()
    assert listed == [column.name for column in COLUMNS]


def test_the_table_in_the_documentation_is_the_one_that_is_printed(inspect: Inspect) -> None:
    page = Path(__file__).parents[2] / "docs" / "inspect.md"
    shown = page.read_text(encoding="utf-8").partition("$ cnnshape inspect lenet\n")[2]
    shown = shown.partition("\n```")[0]
    _, out, _ = inspect("lenet")
    assert out.splitlines()[:-1] == shown.splitlines()[:-1]  # the last line has the time
