"""``cnnshape annotate``: on the screen, and in the file itself."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from cnnshape.cli.main import run

NET = '''\
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x):
        """One convolution."""
        return F.relu(
            self.conv(x),
        )


class Net(nn.Module):
    def __init__(self, features=64):
        super().__init__()
        self.blocks = nn.ModuleList([Block(3, 8), Block(8, 16), Block(16, 32), Block(32, 64)])
        self.fc = nn.Linear(features, 10)

    def forward(self, x, scale=2, mode="train"):
        feats = []
        b, c, h, w = x.shape  # the picture
        for block in self.blocks:
            x = block(x)
            x = F.max_pool2d(x, scale)  # kernel 3×3
            feats.append(x)
        if mode == "test":
            x = x * 2
        else:
            x = x.mean((2, 3))  # 5×5 → 1
        try:
            x.view(3, 3)
        except RuntimeError:
            pass
        return self.fc(x), feats
'''


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


def annotated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[int, str]:
    """The comments on the screen, by line."""
    run(["annotate", "net.py:Net", *arguments])
    found = {}
    for line in capsys.readouterr().out.splitlines():
        number, _, rest = line.strip().partition(" ")
        if number.isdigit() and "  # " in rest:
            found[int(number)] = rest.rpartition("  # ")[2]
    return found


def test_the_shapes_stand_beside_the_lines(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotated(capsys, "-i", "2,3,64,64") == {
        11: "x 3…32×64…8×64…8",
        15: "3…32×64…8×64…8 → 8…64×64…8×64…8",
        24: "x 3×64×64, scale = 2, mode = 'train'",
        26: "b = 2, c = 3, h = 64, w = 64",
        28: "3…32×64…8×64…8 → 8…64×64…8×64…8",
        29: "8…64×64…8×64…8 → 8…64×32…4×32…4",
        30: "feats (8×32×32, 16×16×16, 32×8×8, 64×4×4)",
        32: "not run",
        34: "64×4×4 → 64",
        36: "→ raises RuntimeError",
        39: "(10, (8×32×32, 16×16×16, 32×8×8, 64×4×4))",
    }


def test_sizes_are_expressions_where_the_input_has_letters(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = annotated(capsys, "-i", "N,3,H,W")
    assert told[24] == "x 3×H×W, mode = 'train'"
    assert told[29].startswith("8×H×W → 8×(H//2)×(W//2) | … | 64×(H//8)×(W//8) → 64×(H//16)")
    assert told[34] == "64×(H//16)×(W//16) → 64"
    assert told[26] == "the picture"  # numbers that depend on the size are not told


def test_the_line_that_raised_is_marked(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "net.py:Net(features=60)", "-i", "1,3,64,64"]) == 1
    shown = capsys.readouterr().out
    assert "39 ✗     return self.fc(x), feats" in shown
    assert "fc expects 60 features, but 64 arrive" in shown


def test_json_has_every_run(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "-f", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [(f["name"], f["calls"]) for f in data["functions"]] == [
        ("Block.forward", 4),
        ("Net.forward", 1),
    ]
    lines = {line["line"]: line for line in data["functions"][1]["lines"]}
    assert [each["bound"]["x"]["shape"] for each in lines[28]["passes"]] == [
        [2, 8, 64, 64],
        [2, 16, 32, 32],
        [2, 32, 16, 16],
        [2, 64, 8, 8],
    ]
    assert lines[32]["runs"] == 0
    assert lines[36]["passes"][0]["raised"] == "RuntimeError"


WRITTEN = {
    11: "    def forward(self, x):  # x 3…32×64…8×64…8",
    15: "        )  # 3…32×64…8×64…8 → 8…64×64…8×64…8",
    26: "        b, c, h, w = x.shape  # the picture  # b = 2, c = 3, h = 64, w = 64",
    29: "            x = F.max_pool2d(x, scale)  # kernel 3×3  # 8…64×64…8×64…8 → 8…64×32…4×32…4",
    34: "            x = x.mean((2, 3))  # 64×4×4 → 64",
}


def test_comments_are_written_and_everything_else_stays(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net.chmod(0o640)
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--check"]) == 1
    assert "net.py:11: def forward(self, x):  # x 3…32×64…8×64…8" in capsys.readouterr().out
    assert net.read_text(encoding="utf-8") == NET
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--write"]) == 0
    before, after = NET.splitlines(), net.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        if number in WRITTEN:
            assert new == WRITTEN[number]
        elif "  # " not in new:
            assert new == old
        else:
            assert new.startswith(f"{old}  # ")
    assert net.stat().st_mode & 0o777 == 0o640
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--check"]) == 0
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--write"]) == 0
    assert net.read_text(encoding="utf-8").splitlines() == after


def test_comments_are_made_anew_for_another_input(net: Path) -> None:
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--write", "-q"]) == 0
    assert run(["annotate", "net.py:Net", "-i", "N,3,H,W", "--write", "-q"]) == 0
    lines = net.read_text(encoding="utf-8").splitlines()
    assert lines[25] == "        b, c, h, w = x.shape  # the picture"
    assert lines[33] == "            x = x.mean((2, 3))  # 64×(H//16)×(W//16) → 64"
    assert run(["annotate", "net.py:Net", "-i", "N,3,H,W", "--check", "-q"]) == 0
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--write", "-q"]) == 0
    assert net.read_text(encoding="utf-8").splitlines()[33] == WRITTEN[34]


def test_line_ends_stay_as_they_are(net: Path) -> None:
    net.write_bytes(NET.replace("\n", "\r\n").encode())
    assert run(["annotate", "net.py:Net", "-i", "2,3,64,64", "--write", "-q"]) == 0
    written = net.read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") == NET.count("\n")


def test_nothing_is_written_of_half_a_pass(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "net.py:Net(features=60)", "-i", "1,3,64,64", "--write"]) == 1
    assert net.read_text(encoding="utf-8") == NET
    assert "fc expects 60 features" in capsys.readouterr().err


def test_both_flags_are_one_too_many(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "net.py:Net", "-i", "1,3,64,64", "--write", "--check"]) == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_bundled_model_shows_its_own_file_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "lenet"]) == 0
    shown = capsys.readouterr().out
    assert "x = self.S1(self.R1(self.C1(x)))     # 1×28×28 → 6×14×14" in shown
    assert "return self.OUT(x)                   # 84 → 10" in shown
    assert shown.count(".py\n") == 1


ODD = """\
from torch import nn


def halves(x):
    for i in range(2):
        half = x[:, i]
        yield half


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2)

    def forward(self, x):
        if x.dim() < 4: return x  # x = the picture
        both = {"x": x, (1, 2): [x, 5]}
        x = self.conv(x)  # (as in VGG, 3×3)
        x += 1  # type: ignore
        for half in halves(x):
            y = half.relu()  # raises ValueError
        s = "\u2028"; t = \"\"\"two
            lines\"\"\"
        if x.dim() > 1 \\
                :
            x = x.flatten(1)  # noqa: E501
        try:
            raise ValueError(s + t)
        except ValueError:
            y = y + x.sum()  # a → b
        finally:
            z = y.mean()
        return z, both
"""


@pytest.mark.parametrize("before", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_no_comment_of_a_person_is_lost_and_none_is_written_twice(
    net: Path, before: str, end: str
) -> None:
    source = before + ODD.replace("\n", end)
    net.write_bytes(source.encode())
    for shape in ("2,3,33,33", "N,3,H,W", "2,3,21,21"):
        given = ["annotate", "net.py:Net", "-i", shape]
        assert run([*given, "--write", "-q"]) == 0
        assert run([*given, "--check", "-q"]) == 0
        written = net.read_bytes().decode().split(end)
        for old, new in zip(source.split(end), written, strict=True):
            assert new == old or (new.startswith(f"{old}  # ") and new.count("  # ") <= 2)
        ast.parse("\n".join(written).removeprefix("\ufeff"))
    assert sum("  # " in line for line in written) == 16


def test_what_runs_in_an_odd_order_is_told_once(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net.write_text(ODD, encoding="utf-8")
    told = annotated(capsys, "-i", "2,3,33,33")
    assert told[4] == "x 8×16×16"  # a generator is called once, however often it goes on
    assert told[5] == "i = 0 | i = 1"
    assert told[16] == "x = the picture"  # nobody knows of one line what of it ran
    assert told[19] == "8×16×16"  # and not what else the tensor is called
    assert told[26] == "8×16×16 → 2048"
    assert told[28] == "→ raises ValueError"
    assert told[32].endswith(" → scalar")


def test_another_dtype_is_told(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net.write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def forward(self, x, ids):\n"
        "        mask = ids > 0\n"
        "        return x[:, ids]\n",
        encoding="utf-8",
    )
    assert annotated(capsys, "-i", "2,8", "-i", "3:int64") == {
        3: "x 2×8, ids 3 int64",  # no batch that both have
        4: "3 int64 → 3 bool",
        5: "2×8, 3 int64 → 2×3",
    }
