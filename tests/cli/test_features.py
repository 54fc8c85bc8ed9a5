"""``cnnshape features``."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnshape.loading.run_folder import load_run, read_run
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


def network_in(page: Path) -> dict[str, Any]:
    """What the page's script reads."""
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="network">(.*?)</script>', text, re.DOTALL)[1])


def test_a_page_of_a_run(call: Call, trained: Path, tmp_path: Path) -> None:
    page = tmp_path / "lenet.html"
    assert call("features", trained, "--page", "-o", page) == (0, f"{trained} → {page}\n", "")
    found = network_in(page)
    run = read_run(trained)
    assert len(found["pictures"]) == 20
    assert [one["label"] for one in found["pictures"]] == list(run.classes) * 2
    assert found["taken"]["mean"] == list(run.mean)
    assert found["taken"]["coarse"] == [8, 8]
    assert found["about"] == "lenet trained on digits"
    weight = np.frombuffer(base64.b64decode(found["weights"]["F4.bias"]), "<f4")
    assert weight.tolist() == load_run(trained).F4.bias.tolist()


def test_a_page_begins_with_the_picture_that_is_given(
    call: Call, picture: Path, tmp_path: Path
) -> None:
    page = tmp_path / "lenet.html"
    code, _, err = call("features", "lenet", picture, "--page", "-o", page)
    assert code == 0
    assert "green.png: 40×60 → 28×28" in err
    assert "the weights of lenet are random, and so are the maps" in err
    found = network_in(page)
    assert [one["label"] for one in found["pictures"]][:2] == ["green.png", "0"]
    assert found["about"] == "random weights"


RESIDUAL = """
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
    def forward(self, x):
        return self.conv(x) + x
"""


def test_wrong_pages(call: Call, trained: Path, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(RESIDUAL)
    (tmp_path / "notes.png").write_text("no picture")
    net, good = f"{tmp_path / 'net.py'}:Net", tmp_path / "f.html"
    for arguments, message in (
        ((trained, "-o", good), "features needs an IMAGE; --page does without"),
        ((trained, "--page", "-o", tmp_path / "f.png"), "a page is an .html file"),
        ((trained, "--page", "--layer", "C1", "-o", good), "leave --layer out"),
        ((trained, "--page", "-o", tmp_path / "no" / "f.html"), "there is no folder"),
        ((trained, tmp_path / "notes.png", "--page", "-o", good), "is not a picture"),
        ((net, "--page", "-i", "1,1,8,8", "-o", good), "reads the picture, and so does conv"),
        ((net, "--page", "-o", good), "has no usual input: say what picture it takes"),
        (("torchvision:alexnet", "--page", "-o", good), "carries at most 4,000,000 parameters"),
        (("torch.nn:Linear(4,4)", "--page", "-i", "1,4", "-o", good), "takes one picture"),
    ):
        code, out, err = call("features", *arguments)
        assert (code, out) == (2, ""), err
        assert message in err
        assert len(err.splitlines()) == 1, err
    assert not good.exists()


def test_without_matplotlib(
    call: Call, trained: Path, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = call("features", trained, picture, "-o", tmp_path / "f.png")
    assert code == 2
    assert 'matplotlib, which is not installed: pip install "cnnshape[train]"' in err
