"""``cnnshape features``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.training_runs import Call, call, trained

__all__ = ["call", "trained"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (40, 60), (10, 200, 30)).save(tmp_path / "green.png")
    return tmp_path / "green.png"


def test_a_run(call: Call, trained: Path, picture: Path, tmp_path: Path) -> None:
    code, out, err = call("features", trained, picture, "--layer", "C2", "-o", tmp_path / "f.png")
    assert code == 0
    assert out == f"C2 Conv2d 16×10×10 → {tmp_path / 'f.png'}\n"
    assert err.splitlines()[:2] == ["nothing stands out in it", "40×60 → 28×28"]
    with Image.open(tmp_path / "f.png") as drawn:
        assert drawn.width > 1000


def test_a_model_with_random_weights_says_so(call: Call, picture: Path, tmp_path: Path) -> None:
    code, out, err = call("features", "lenet", picture, "-o", tmp_path / "f.svg")
    assert code == 0
    assert out.startswith("C1 Conv2d 6×28×28 → ")
    assert "the weights of lenet are random, and so are the maps" in err


def test_quiet(call: Call, trained: Path, picture: Path, tmp_path: Path) -> None:
    assert call("features", trained, picture, "-q", "-o", tmp_path / "f.svg") == (0, "", "")


def test_wrong_usage(call: Call, trained: Path, picture: Path, tmp_path: Path) -> None:
    good = tmp_path / "f.png"
    for arguments, message in (
        ((trained, picture), "issing option '-o'"),
        ((trained, picture, "--layer", "C9", "-o", good), "the model has no layer 'C9'"),
        ((trained, picture, "-o", tmp_path / "f.bmp"), "must be one of .png, .svg, .pdf"),
        ((trained, "none.png", "-o", good), "there is no picture 'none.png'"),
        (("lennet", picture, "-o", good), "unknown model 'lennet'"),
        ((trained, picture, "-o", tmp_path / "no" / "f.png"), "cannot write"),
    ):
        code, out, err = call("features", *arguments)
        assert (code, out) == (2, ""), err
        assert message in err
    assert not good.exists()


def test_without_matplotlib(
    call: Call, trained: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = call("features", trained, picture, "-o", tmp_path / "f.png")
    assert code == 2
    assert 'matplotlib, which is not installed: pip install "cnnshape[train]"' in err
