"""``cnnshape sweep`` from the command line, with real models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cnnshape
from cnnshape.cli.main import run
from cnnshape.sweeping.results import read_rows, rows_text
from cnnshape.sweeping.row import Row

NETWORKS = """
import os, signal, time
import torch
from torch import nn

class Fine(nn.Module):
    def __init__(self, features=4):
        super().__init__()
        self.fc = nn.Linear(8, features)
    def forward(self, x):
        return self.fc(x)

class Odd(Fine):
    def forward(self, x):
        return self.fc(x.flatten())

class Needy(Fine):
    def __init__(self, width):
        super().__init__()

class Slow(Fine):
    def forward(self, x):
        time.sleep(60)

class Killed(Fine):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)

class Large(Fine):
    def forward(self, x):
        held = [torch.ones(2_000_000) for _ in range(500)]
        time.sleep(60)

class Ends(Fine):
    def forward(self, x):
        os._exit(0)
"""


@pytest.fixture
def sweep(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NETWORKS)

    def call(*args: str) -> tuple[int, str, str]:
        code = run(["sweep", *args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.torchvision
def test_a_row_has_what_inspect_says(sweep):
    names = ["torchvision:squeezenet1_1", "torchvision:mobilenet_v3_small", "lenet"]
    code, out, _ = sweep(*names, "--train", "-f", "json")
    assert code == 0
    found = {row["model"]: row for row in json.loads(out)["rows"]}
    assert set(found) == set(names)
    for name, row in found.items():
        report = cnnshape.inspect(name, mode="train")
        assert (row["params"], row["macs"]) == (report.totals.params, report.totals.macs)
        assert row["output"] == [list(each.shape) for each in report.outputs]
        assert row["match"] == report.totals.match
        assert (row["status"], row["mode"], row["device"]) == ("ok", "train", report.device)
    assert found["lenet"]["input"] == ["1,1,28,28"]
    assert found["torchvision:mobilenet_v3_small"]["input"] == ["1,3,224,224"]
    assert found["torchvision:squeezenet1_1"]["package"].startswith("torchvision ")


def test_every_cause_has_a_row(sweep):
    limits = ("--time-limit", "20", "--memory-limit", "1.5GB", "--jobs", "2")
    code, out, err = sweep("net.py:*", "-i", "2,8", "-o", "zoo.csv", *limits)
    rows = {row.model.partition(":")[2]: row for row in read_rows("zoo.csv")}
    assert (code, err) == (1, "")
    assert rows["Fine"].error == ""
    assert {name: row.status for name, row in rows.items()} == {
        "Fine": "ok",
        "Odd": "failed",
        "Needy": "failed",
        "Slow": "timeout",
        "Killed": "killed",
        "Large": "memory",
        "Ends": "failed",
    }
    assert rows["Fine"].output == ((2, 4),)
    assert "put the whole batch of 2 into one row" in rows["Odd"].error
    assert rows["Needy"].error == "Needy needs width: give it as literals, Needy(width=…)"
    assert rows["Slow"].error == "took longer than 20 s"
    assert "SIGKILL" in rows["Killed"].error
    assert rows["Large"].error == "took more than 1.5 GB of memory"
    assert "os._exit(0)" in rows["Ends"].error
    assert out.splitlines()[0] == "  7 models · 1 ran · 6 did not"
    assert "  net.py:Slow\n    took longer than 20 s" in out
    # Nothing is done twice; with --retry, what failed is.
    assert sweep("net.py:*", "-i", "2,8", "-o", "zoo.csv", "-q")[0] == 1
    assert len(read_rows("zoo.csv")) == 7
    Path("net.py").write_text(NETWORKS.replace("time.sleep(60)", "return self.fc(x)"))
    sweep("net.py:[FS]*", "-i", "2,8", "-o", "zoo.csv", "--retry", *limits)
    rows = read_rows("zoo.csv")
    assert [row.model for row in rows][-1] == "net.py:Slow"
    assert (len(rows), rows[-1].status) == (7, "ok")


def test_a_model_without_a_known_input(sweep):
    _, out, _ = sweep("net.py:Fine", "-f", "json")
    (row,) = json.loads(out)["rows"]
    assert (row["status"], row["params"], row["usual_input"]) == ("no_input", None, True)
    assert "needs an input shape" in row["error"]


def test_a_list_with_inputs(sweep):
    Path("models.txt").write_text("lenet\nlenet 3,1,28,28\nlenett\n")
    code, out, _ = sweep("@models.txt", "-f", "csv")
    assert code == 1
    Path("zoo.csv").write_text(out)
    found = {(row.model, row.input): row for row in read_rows("zoo.csv")}
    assert found["lenet", ("3,1,28,28",)].output == ((3, 10),)
    assert found["lenet", ("1,1,28,28",)].usual_input
    assert "did you mean lenet" in found["lenett", ()].error


def test_what_has_changed(sweep):
    for features, file in ((4, "old.csv"), (5, "new.csv")):
        text = NETWORKS.replace("features=4", f"features={features}")
        Path("net.py").write_text(text.replace("x.flatten()", "x") if features == 5 else text)
        sweep("net.py:Fine", "net.py:Odd", "-i", "2,8", "-o", file)
    with Path("old.csv").open("a") as file:
        file.write(rows_text([Row("net.py:Gone")], "csv"))
    code, out, _ = sweep("--compare", "old.csv", "-f", "json")
    assert code == 1
    data = json.loads(out)
    assert {(each["model"], each["what"]) for each in data["changes"]} == {
        ("net.py:Fine", "params"),
        ("net.py:Fine", "macs"),
        ("net.py:Fine", "output"),
        ("net.py:Odd", "runs now"),
        ("net.py:Gone", "fails now"),
    }
    fine = next(each for each in data["changes"] if each["what"] == "params")
    assert (fine["before"], fine["after"]) == (8 * 4 + 4, 8 * 5 + 5)
    Path("net.py").write_text(NETWORKS.replace("class Odd", "class Other"))
    code, out, _ = sweep("net.py:[FO]*", "-i", "2,8", "--compare", "new.csv", "-f", "json")
    assert code == 1
    found = {each["model"]: each["what"] for each in json.loads(out)["changes"]}
    assert found["net.py:Odd"] == "gone"
    assert found["net.py:Other"] == "added"
    Path("net.py").write_text(
        NETWORKS.replace("features=4", "features=5").replace(".flatten()", "")
    )
    code, out, _ = sweep("net.py:Fine", "net.py:Odd", "-i", "2,8", "--compare", "new.csv")
    assert (code, out.splitlines()[-1]) == (0, "  nothing has changed")


def test_parts(sweep):
    for which in (1, 2):
        assert sweep("lenet*", "--shard", f"{which}/2", "-o", f"{which}.jsonl", "-q") == (0, "", "")
    parts = [{row.model for row in read_rows(f"{which}.jsonl")} for which in (1, 2)]
    assert parts == [{"lenet", "lenet-nopad"}, {"lenet-d2l"}]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no model is named"),
        (("lenett*",), "no model fits 'lenett*'; did you mean lenet"),
        (("lenett",), "unknown model 'lenett'; did you mean lenet"),
        (("lenet", "--shard", "9/8"), "'9/8' is no part: write 2/8"),
        (("lenet", "--jobs", "0"), "jobs is how many"),
        (("lenet", "--time-limit", "-1"), "a time limit is a number of seconds"),
        (("lenet", "--memory-limit", "lots"), "'lots' is no amount of memory"),
        (("lenet", "--device", "gpu"), "unknown device 'gpu'"),
        (("lenet", "-o", "no/zoo.csv"), "there is no folder"),
        (("lenet", "-o", "zoo.json"), "use one of .jsonl, .csv"),
        (("lenet", "-o", "net.csv"), "net.csv is no result of a sweep"),
        (("lenet", "--compare", "no.csv"), "cannot read no.csv: there is no such file"),
        (("lenet", "--compare", "net.csv"), "net.csv is no result of a sweep"),
        (("lenet", "--compare", "empty.csv"), "empty.csv has no row"),
        (("lenet", "--compare", "old.csv", "-o", "old.csv"), "compared with itself"),
        (("lenet", "--compare", "old.csv", "--shard", "1/2"), "leave the shard out"),
        (("lenet", "-o", "torn.csv"), "line 2 of torn.csv is no row"),
        (("@no.txt",), "cannot read the list no.txt"),
        (("lenet", "-i", "N,1,H,W"), "sizes that are numbers"),
        (("lenet", "-i", "1,,28"), "1,,28"),
        (("lenet", "--scheduler", "x:1", "--jobs", "2"), "jobs is for this machine"),
    ],
)
def test_one_sentence_for_what_cannot_be_done(sweep, args, said):
    Path("net.csv").write_text("my own notes\n")
    Path("empty.csv").write_text("")
    Path("old.csv").write_text(rows_text([Row("lenet")], "csv"))
    Path("torn.csv").write_text(rows_text([Row("lenet")], "csv").replace("eval", "evening"))
    code, out, err = sweep(*args)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert Path("net.csv").read_text() == "my own notes\n"


MANY = [f"lenet {batch},1,28,28" for batch in range(1, 13)]


def begun(tmp_path: Path) -> subprocess.Popen[str]:
    """A sweep of many models of which some rows are there."""
    (tmp_path / "models.txt").write_text("\n".join(MANY))
    command = [sys.executable, "-m", "cnnshape", "sweep", "@models.txt", "-o", "zoo.csv"]
    running = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1200):
        if len(read_rows(tmp_path / "zoo.csv")) >= 2:
            return running
        time.sleep(0.05)
    raise AssertionError("it did not begin")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_one_that_is_ended_goes_on(sweep, tmp_path, number):
    running = begun(tmp_path)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    if number is signal.SIGINT:
        assert running.returncode == 130
        assert "every row that there is stands in zoo.csv; the same command goes on" in err
    before = read_rows("zoo.csv")
    assert 2 <= len(before) < len(MANY)
    assert sweep("@models.txt", "-o", "zoo.csv", "-q") == (0, "", "")
    rows = read_rows("zoo.csv")
    assert rows[: len(before)] == before
    assert sorted(f"lenet {row.input[0]}" for row in rows) == sorted(MANY)
    assert {row.output for row in rows} == {((batch, 10),) for batch in range(1, 13)}
