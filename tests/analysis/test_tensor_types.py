"""Annotations of tensors: made, read, judged; jaxtyping itself is the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import cnnshape
from cnnshape.analysis.tensor_types import Bindings, TensorType, read_type
from cnnshape.analysis.written_types import RETURN, places_in, types_of
from cnnshape.cli.main import run
from cnnshape.tracing.lines import LineTensor

jaxtyping = pytest.importorskip("jaxtyping")


class Inner(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1)

    def forward(self, x, keep):
        return torch.cat([self.conv(x), keep], 1)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Inner(3), Inner(9)])

    def forward(self, x, ids):
        for block in self.blocks:
            x = torch.max_pool2d(block(x, x), 2)
        return x


def _made(inputs: object) -> dict[str, dict[str, str]]:
    found = cnnshape.annotate(Outer(), inputs)
    return {
        function.source.name: {name: str(one) for name, one in types_of(function).items()}
        for function in found.functions
    }


def test_types_in_letters() -> None:
    made = _made({"x": ("N", 3, "H", "W"), "ids": "4:int64"})
    assert made["Outer.forward"] == {
        "x": 'Float[Tensor, "n 3 h w"]',
        "ids": 'Int[Tensor, "4"]',
        RETURN: 'Float[Tensor, "n 27 h//4 w//4"]',
    }
    # other channels and sizes in each of the two calls, the same for both arguments
    assert made["Inner.forward"] == {
        "x": 'Float[Tensor, "n c h w"]',
        "keep": 'Float[Tensor, "n c h w"]',
        RETURN: 'Float[Tensor, "n _ h w"]',
    }


@pytest.mark.parametrize("inputs", [{"x": (2, 3, 16, 12), "ids": "4:int64"}])
def test_jaxtyping_agrees_with_what_is_made(inputs: object) -> None:
    found = cnnshape.annotate(Outer(), inputs)
    held = 0
    for function in found.functions:
        types = {name: _real(one) for name, one in types_of(function).items()}
        head, *others = function.notes
        for call, entered in enumerate(head.passes):
            results = [p.returned for note in others for p in note.passes if p.returns]
            given = {**dict(entered.bound), RETURN: results[call]}
            with jaxtyping.jaxtyped("context"):
                for name, one in types.items():
                    assert isinstance(_tensor(given[name]), one)
                    held += 1
    assert held == 9


def _real(one: TensorType) -> type:
    return getattr(jaxtyping, one.kind)[torch.Tensor, " ".join(one.axes)]


def _tensor(seen: LineTensor) -> torch.Tensor:
    return torch.zeros(seen.shape, dtype=getattr(torch, seen.dtype))


axes = st.lists(
    st.sampled_from(["_", "n", "h", "3", "4", "h//2", "n*2", "...", "#h", "h-1", "2"]),
    max_size=4,
).filter(lambda names: names.count("...") < 2)
shapes = st.lists(st.integers(1, 4), max_size=4)


@given(axes, shapes, st.sampled_from(["Float", "Int", "Shaped", "Num", "Bool"]))
def test_judged_as_jaxtyping_judges(names: list[str], shape: list[int], kind: str) -> None:
    wanted = TensorType(kind, tuple(names))
    # Names are bound from left to right; jaxtyping refuses an expression of what is not yet.
    sizes = {"n": 2, "h": 4}
    with jaxtyping.jaxtyped("context"):
        assert isinstance(torch.zeros(2, 4), jaxtyping.Float[torch.Tensor, "n h"])
        real = isinstance(torch.zeros(shape), _real(wanted))
    ours = Bindings(dict(sizes)).mismatch(wanted, LineTensor(None, tuple(shape), "float32"))
    assert (ours is None) == real


def test_places() -> None:
    text = (
        "class N:\n"
        "    @wraps(f)\n"
        "    def forward(\n"
        "        self, größe: Tensor, y, z=None, *, w: Float[Tensor, 'n h'],\n"
        "    ):\n"
        "        return größe\n"
    )
    places = places_in(text)[3]
    assert {name: (p.text, p.open) for name, p in places.items()} == {
        "größe": ("Tensor", True),
        "y": ("", True),
        "z": ("", False),
        "w": ("Float[Tensor, 'n h']", True),
        RETURN: ("", True),
    }
    assert tuple(places["größe"].span) == (4, 21, 4, 27)
    assert tuple(places[RETURN].span) == (5, 5, 5, 5)
    assert read_type(places["w"].text) == TensorType("Float", ("n", "h"))


NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor, mask=None):
        return self.helper(self.conv(x))

    def helper(self, y: "something else"):
        return y.flatten(1)
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


def test_they_are_written_and_found_stale(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["annotate", "net.py:Net", "-i", "N,3,H,W", "--jaxtyping"]
    assert run([*arguments, "--check", "-q"]) == 1
    assert net.read_text(encoding="utf-8") == NET
    assert run([*arguments, "--write", "-q"]) == 0
    head = '    def forward(self, x: Float[Tensor, "n 3 h w"], mask=None)'
    lines = [
        "from jaxtyping import Float",
        "from torch import Tensor",
        head + ' -> Float[Tensor, "n 6*((h-1)//2+1)*((w-1)//2+1)"]:',
    ]
    text = net.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line not in NET.splitlines()][:2] == lines[:2]
    assert head in text
    assert '    def helper(self, y: "something else") -> ' in text
    assert run([*arguments, "--check", "-q"]) == 0
    compile(text, "net.py", "exec")


def test_check_holds_what_is_there(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = NET.replace("x: torch.Tensor", 'x: Float[torch.Tensor, "n 3 h w"]').replace(
        "import torch\n", "from jaxtyping import Float\nimport torch\n"
    )
    net.write_text(right, encoding="utf-8")
    arguments = ["check", "net.py:Net", "-i", "2,3,8,8", "--annotations", "-f", "json"]
    assert run(arguments) == 0
    (claim,) = (
        c for c in json.loads(capsys.readouterr().out)["claims"] if c["what"] == "annotation"
    )
    assert (claim["path"], claim["ok"]) == ("Net.forward x", True)
    net.write_text(right.replace("n 3 h w", "n 3 h 7"), encoding="utf-8")
    assert run(arguments) == 1
    (claim,) = (
        c for c in json.loads(capsys.readouterr().out)["claims"] if c["what"] == "annotation"
    )
    assert (claim["ok"], claim["actual"], claim["note"]) == (
        False,
        [2, 3, 8, 8],
        "axis 3 is 8, not 7",
    )


def test_jaxtyping_alone_is_no_task(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["annotate", "net.py:Net", "-i", "2,3,8,8", "--jaxtyping"]) == 2
    assert "add --write or --check" in capsys.readouterr().err


ODD = """\ufeffimport torch; s = '''two
lines \u2028'''
class Net(torch.nn.Module):\x0c
    def forward(self, x):
        return x * 2
from torch import nn
"""


def test_odd_files_are_written_as_python_reads_them(net: Path) -> None:
    net.write_bytes(ODD.replace("\n", "\r\n").encode())
    given = ["net.py:Net", "-i", "1,4"]
    assert run(["check", *given, "--annotations", "-q"]) == 0
    assert run(["annotate", *given, "--jaxtyping", "--write", "-q"]) == 0
    lines = net.read_bytes().decode().split("\r\n")
    assert lines[0].startswith("\ufeffimport torch; ")
    assert lines[2:4] == ["from jaxtyping import Float", "from torch import Tensor"]
    assert lines[5] == '    def forward(self, x: Float[Tensor, "1 4"]) -> Float[Tensor, "1 4"]:'
