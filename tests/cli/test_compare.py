"""``cnnshape compare`` as it is typed: models, files of earlier days, revisions, checkpoints."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnshape.cli.main import run

NET = """
from torch import nn
from parts import width

class Net(nn.Module):
    def __init__(self, out=10):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.fc = nn.Linear(width * 36, out)

    def forward(self, x):
        print("heard")
        return self.fc(self.conv(x).flatten(1))
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two commits of a net; the work tree is the second with a change that is not committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{name}_NAME", "somebody")
        monkeypatch.setenv(f"{name}_EMAIL", "somebody@example.com")
    inner = tmp_path / "project"
    inner.mkdir()
    (inner / "net.py").write_text(NET)
    _git("init", "-q", "-b", "main")
    for width in (2, 3):
        (inner / "parts.py").write_text(f"width = {width}\n")
        _git("add", ".")
        _git("commit", "-qm", f"width {width}")
    (inner / "parts.py").write_text("width = 5\n")
    monkeypatch.chdir(inner)
    return inner


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def test_resnet18_and_34(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "torchvision:resnet18", "torchvision:resnet34"]) == 0
    shown = capsys.readouterr().out
    assert "+  layer1.2  BasicBlock  1×64×56×56      73,984  with 6 layers in it" in shown
    assert "  56 layers added · 76 same\n" in shown
    # the figures of the paper: 11.7 and 21.8 million parameters, 1.8 and 3.6 billion operations
    assert "11.7 M → 21.8 M parameters (×1.86) · 1.81 G → 3.66 G MACs (×2.02)" in shown


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "lenet", "lenet", "--exit-code", "-q"]) == 0
    assert run(["compare", "lenet", "lenet-d2l", "-q"]) == 0
    assert run(["compare", "lenet", "lenet-d2l", "--exit-code", "-q"]) == 1
    assert run(["compare", "lenet", "lenet", "-i", "1,1,32,32", "-q"]) == 1  # both raise
    assert capsys.readouterr().out == ""


def test_json_and_markdown(tmp_path: Path) -> None:
    files = [tmp_path / "diff.json", tmp_path / "diff.md"]
    for file in files:
        assert run(["compare", "lenet", "lenet-d2l", "-o", str(file), "-q"]) == 0
    told = json.loads(files[0].read_text(encoding="utf-8"))
    assert told["schema"] == 1
    assert not told["equal"]
    assert sum(told["counts"].values()) == len(told["layers"])
    assert told["a"]["params"] == 61706
    assert (
        files[1].read_text(encoding="utf-8").startswith("**lenet** → **lenet-d2l**\n\n| | layer |")
    )


def test_a_report_of_an_earlier_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lenet.json"
    assert run(["inspect", "lenet", "-o", str(file), "-q"]) == 0
    assert run(["compare", str(file), "lenet", "--exit-code"]) == 0
    assert "12 layers same" in capsys.readouterr().out
    assert run(["compare", "lenet-nopad", str(file), "--exit-code", "-q"]) == 1


def test_a_revision_is_run_with_what_it_imports_and_touches_nothing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in repository.rglob("*"))
    status = _git("status", "--porcelain")
    assert run(["compare", "net.py:Net@main~1", "net.py:Net", "-i", "1,1,8,8"]) == 0
    shown = capsys.readouterr().out
    assert "~  conv   Conv2d  1×2×6×6 → 1×5×6×6      20 → 50  out_channels 2 → 5" in shown
    assert run(["compare", "net.py:Net(out=4)@HEAD", "net:Net@main", "-i", "1,1,8,8"]) == 0
    assert "~  fc     Linear  1×4 → 1×10" in capsys.readouterr().out
    absolute = f"{repository / 'net.py'}:Net@main"
    assert run(["compare", absolute, "net.py:Net@main", "-i", "1,1,8,8", "--exit-code", "-q"]) == 0
    assert _git("status", "--porcelain") == status
    assert sorted(p.name for p in repository.rglob("*") if "__pycache__" not in str(p)) == before


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("net.py:Net@nowhere", "has no revision 'nowhere'"),
        ("net.py:Net@--all", "has no revision '--all'"),
        ("torchvision:resnet18@main", "only code of your own has revisions"),
        ("net.py:Nut@main", "at net.py:Nut@main: "),
        ("gone.py:Net@main", "gone.py"),
        ("missing.json", "there is no file missing.json"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    repository: Path, capsys: pytest.CaptureFixture[str], model: str, words: str
) -> None:
    assert run(["compare", model, "net.py:Net", "-i", "1,1,8,8"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert words in said


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    Path("net.py").write_text(NET)
    assert run(["compare", "net.py:Net@main", "lenet"]) == 2
    assert "is in no git repository" in capsys.readouterr().err


def test_a_process_that_ends_itself_there_is_told(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "parts.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    _git("commit", "-qam", "odd")
    (repository / "parts.py").write_text("width = 2\n")
    assert run(["compare", "net.py:Net@main", "net.py:Net", "-i", "1,1,8,8"]) == 1
    assert "its process ended with status -9" in capsys.readouterr().err


def test_which_tensors_of_a_checkpoint_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    weights = dict(net.state_dict())
    weights["1.scale"] = torch.ones(3)
    del weights["2.bias"]
    torch.save(weights, tmp_path / "net.pt")
    (tmp_path / "models.py").write_text(
        "from torch import nn\n"
        "a = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))\n"
        "b = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))\n"
    )
    file = f"{tmp_path / 'models.py'}"
    weights_file = str(tmp_path / "net.pt")
    models = [f"{file}:a", f"{file}:b"]
    assert run(["compare", *models, "-i", "1,4", "--weights", weights_file, "-f", "json"]) == 0
    a, b = json.loads(capsys.readouterr().out)["weights"]
    assert a["fitting"] == ["0.weight", "0.bias", "2.weight"]
    assert (a["missing"], a["unused"], a["other_size"]) == (["2.bias"], ["1.scale"], {})
    assert b["other_size"] == {
        "0.weight": [[3, 4], [5, 4]],
        "0.bias": [[3], [5]],
        "2.weight": [[2, 3], [2, 5]],
    }
    assert run(["compare", *models, "-i", "1,4", "--weights", weights_file]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "fits 3 of 4 tensors of" in shown
    assert "0.weight (3×4 in the file, 5×4 in the model)" in shown
