"""``cnnshape draw`` from the command line: what is written where, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cnnshape.cli.main import run

Draw = Callable[..., tuple[int, str, str]]

NETS = """
import torch
from torch import nn
import torch.nn.functional as F

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.fc1 = nn.Linear(400, 120)

    def forward(self, x):
        return self.fc1(F.relu(self.conv1(x)).flatten(1))

class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 5)

    def forward(self, x):
        self.conv(x)

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return self.conv(x).relu()

class Deep(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.a = nn.Sequential(*(nn.Sequential(nn.Linear(n + 4, n + 5), nn.Linear(n + 5, n + 5),
                                 nn.Linear(n + 5, n + 5)) for n in range(width)))

    def forward(self, x):
        return self.a(x)
"""


@pytest.fixture
def draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Draw:
    """Run the command in an empty folder that has nets.py; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETS, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["draw", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("tex", b"% Architecture of LeNet"),
        ("dot", b"digraph LeNet"),
        ("gv", b"digraph LeNet"),
        ("mmd", b"flowchart TD"),
    ],
)
def test_the_suffix_decides(draw: Draw, suffix: str, start: bytes):
    code, out, err = draw("lenet", "-o", f"lenet.{suffix}")
    assert (code, out, err) == (0, "", f"wrote lenet.{suffix}\n")
    assert Path(f"lenet.{suffix}").read_bytes().startswith(start)


def test_quiet(draw: Draw):
    assert draw("lenet", "-o", "lenet.dot", "-q") == (0, "", "")


def test_dot_on_stdout(draw: Draw):
    code, out, _ = draw("lenet", "-o", "-")
    assert code == 0
    assert out.startswith("digraph LeNet {")
    assert out.rstrip().endswith("}")
    assert "Conv2d 5×5, 1→6, pad 2" in out


@pytest.mark.parametrize(
    ("name", "start"), [("mmd", "flowchart"), ("svg", "<?xml"), ("tikz", "% Arch")]
)
def test_the_format_on_stdout(draw: Draw, name: str, start: str):
    code, out, _ = draw("lenet", "-o", "-", "-f", name)
    assert code == 0
    assert out.startswith(start)


def test_a_named_format_beats_the_suffix(draw: Draw):
    assert draw("lenet", "-o", "lenet.txt", "-f", "dot")[0] == 0
    assert Path("lenet.txt").read_text(encoding="utf-8").startswith("digraph")
    assert draw("lenet", "-o", "lenet.gv", "-f", "dot")[0] == 0  # the same by another name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet"], "where to? give a file with -o, as in -o net.svg, or -o - to print DOT"),
        (["lenet", "-o", "x.jpg"], "cannot draw to .jpg; use one of .svg, .png, .pdf, .html"),
        (["lenet", "-o", "no/such/x.html"], "there is no folder no/such"),
        (["lenet", "-o", "x"], "x has no suffix; use one of .svg"),
        (["lenet", "-o", "-", "-f", "jpg"], "cannot draw 'jpg'; use one of svg, png, pdf, html"),
        (["lenet", "-o", "no/such/x.svg"], "there is no folder no/such"),
        (["lenet", "-o", "x.svg", "--show", "sizes"], "cannot show 'sizes'; choose from shapes"),
        (["lenet", "-o", "x.svg", "--only", "C9"], "--only C9: the model has no such module"),
        (["lenet", "-o", "x.svg", "--collapse", "Q"], "--collapse Q: the model has no such"),
        (["lenet", "-o", "x.svg", "--depth", "0"], "0 is not in the range x>=1"),
        (["lenet", "-o", "x.svg", "--theme", "blue"], "'blue' is not one of 'light', 'dark'"),
        (["nets.py:Deep", "-o", "x.svg"], "needs an input shape"),
        (["lenot", "-o", "x.svg"], "lenet"),
        (["lenet", "-o", "x.svg", "-f", "tikz"], "x.svg is svg by its suffix and tex by -f tikz"),
        (["lenet", "-o", "x.tex", "--field", "C2[4,4]"], "cannot draw a field to x.tex; use .svg"),
        (["lenet", "-o", "x.mmd", "--style", "blocks"], "Mermaid cannot draw the blocks style"),
    ],
)
def test_wrong_usage(draw: Draw, arguments: list[str], message: str):
    code, out, err = draw(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not Path("x.svg").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(draw: Draw):
    Path("locked").mkdir(mode=0o500)
    code, _, err = draw("lenet", "-o", "locked/lenet.svg")
    assert code == 2
    assert "read-only" in err


def test_a_model_that_raises_is_drawn_up_to_there(draw: Draw):
    code, _, err = draw("nets.py:Broken", "-i", "1,1,28,28", "-o", "broken.svg")
    assert code == 1
    assert "wrote broken.svg" in err
    assert "fc1 expects 400 features" in err
    picture = Path("broken.svg").read_text(encoding="utf-8")
    assert "#b3261e" in picture
    assert ">fc1<" in picture


def test_a_model_without_tensor_output(draw: Draw):
    code, _, err = draw("nets.py:Silent", "-i", "1,1,28,28", "-o", "silent.svg")
    assert code == 0
    assert "the model returned no tensor: the picture has no output" in err


def test_what_was_not_opened_is_said(draw: Draw):
    code, _, err = draw("nets.py:Deep(width=30)", "-i", "1,4", "-o", "deep.svg")
    assert code == 0
    assert "opened 2 of 3 levels (32 boxes); --depth 3 opens more" in err
    assert "3 × Linear" in Path("deep.svg").read_text(encoding="utf-8")


def test_one_part_alone(draw: Draw):
    assert draw("nets.py:Deep", "-i", "1,4", "-o", "part.svg", "--only", "a.2")[0] == 0
    picture = Path("part.svg").read_text(encoding="utf-8")
    assert "Linear 6→7" in picture
    assert "Linear 4→5" not in picture


def test_letters_are_drawn_as_letters(draw: Draw):
    code, out, _ = draw("nets.py:Plain", "-i", "N,1,H,W", "-o", "-")
    assert code == 0
    assert "1×H×W" in out
    assert "4×(H − 2)×(W − 2)" in out


@pytest.mark.parametrize("style", ["graph", "blocks", "tree"])
@pytest.mark.parametrize("theme", ["light", "dark", "mono"])
def test_styles_and_themes(draw: Draw, style: str, theme: str):
    code, _, err = draw("lenet", "-o", "x.svg", "--style", style, "--theme", theme)
    assert (code, err) == (0, "wrote x.svg\n")


def test_the_help_shows_how(draw: Draw):
    code, out, _ = draw("--help")
    assert code == 0
    assert "  cnnshape draw lenet -o lenet.svg\n" in out


def test_as_a_process_with_an_empty_path(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "cnnshape", "draw", "lenet", "-o", "lenet.png"],
        cwd=tmp_path,
        env={**os.environ, "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "lenet.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["lenet.png"]
