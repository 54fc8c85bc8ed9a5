"""``cnnshape predict``."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.cli.training_runs import Call, call, trained

__all__ = ["call", "trained"]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    page = Image.new("L", (100, 100), 255)
    page.paste(0, (45, 5, 57, 95))
    page.save(tmp_path / "one.png")
    return tmp_path / "one.png"


def test_json(call: Call, trained: Path, picture: Path) -> None:
    code, out, err = call("predict", trained, picture, "-f", "json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    assert found["image"] == picture.as_posix()
    assert found["class"] == max(found["probabilities"], key=found["probabilities"].get)
    assert found["probability"] == found["probabilities"][found["class"]]
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert found["notes"] == ["100×100 → 28×28", "inverted (dark on light)"]


def test_table(call: Call, trained: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    Image.new("L", (28, 28), 0).save(picture.with_name("blank.png"))
    code, out, _ = call("predict", trained, picture, picture.with_name("blank.png"))
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["image", "class", "probability", "then", "picture"]
    assert lines[1].split()[0] == str(picture)
    assert "100×100 → 28×28; inverted (dark on light)" in lines[1]
    assert lines[1].count("%") == 3
    _, out, _ = call("predict", trained, picture, "--top", "1")
    assert out.splitlines()[0].split() == ["image", "class", "probability"]
    assert out.splitlines()[2] == "the picture: 100×100 → 28×28; inverted (dark on light)"


def test_pictures_unlike_those_of_the_training_are_told(
    call: Call, trained: Path, picture: Path
) -> None:
    """The digits are 8×8 pixels, scaled up; a drawn line has edges that they never have."""
    _, out, _ = call("predict", trained, picture, "-f", "json")
    times = float(json.loads(out)[0]["doubt"].split()[0])
    assert times > 1.3
    _, out, _ = call("predict", trained, picture)
    assert f"the picture is unlike what was trained on: {times} times as sharp as" in out
    with Image.open(picture) as page:
        page.resize((8, 8)).save(picture)
    _, out, _ = call("predict", trained, picture, "-f", "json")
    assert json.loads(out)[0]["doubt"] == ""


def test_a_folder_and_a_file(call: Call, trained: Path, picture: Path, tmp_path: Path) -> None:
    code, out, _ = call("predict", trained, picture.parent, "-o", tmp_path / "p.json")
    assert (code, out) == (0, "")
    assert len(json.loads((tmp_path / "p.json").read_text())) == 1


def test_wrong_usage(call: Call, trained: Path, picture: Path) -> None:
    (picture.with_name("notes.png")).write_text("hello")
    for arguments, message in (
        ((trained,), "missing argument 'IMAGE...'"),
        ((trained, "none.png"), "there is no picture 'none.png'"),
        ((trained, picture.with_name("notes.png")), "notes.png is not a picture"),
        (("no/run", picture), "there is no run folder 'no/run'"),
        ((trained, picture, "--device", "tpu"), "unknown device 'tpu'"),
    ):
        code, out, err = call("predict", *arguments)
        assert (code, out) == (2, "")
        assert message in err


# ---- models that are no run ----------------------------------------------------------------------

NET = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(classes))
    def forward(self, x):
        return self.scale * x.mean((1, 2, 3))[:, None] * 3
class Map(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 2, 1)
"""


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """White is 3 by its weights: three times 1 for the first class, nothing for the second."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    torch.save({"scale": torch.tensor([1.0, 0.0])}, tmp_path / "net.pt")
    (tmp_path / "names.txt").write_text("white\n\nother\n", encoding="utf-8")
    Image.new("RGB", (40, 20), (255, 255, 255)).save(tmp_path / "white.png")
    return tmp_path


@pytest.mark.parametrize("classes", ["white,other", "names.txt"])
def test_any_model_with_weights_and_class_names(call: Call, net: Path, classes: str) -> None:
    code, out, err = call(
        "predict", "net.py:Net", "white.png", "--weights", "net.pt", "--classes", classes,
        "-i", "1,3,8,8", "-f", "json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    assert found["class"] == "white"
    assert found["probabilities"]["white"] == pytest.approx(1 / (1 + math.exp(-3)))
    assert found["notes"] == ["40×20 → 8×8"]


def test_without_names_classes_have_numbers_and_without_weights_it_is_said(
    call: Call, net: Path
) -> None:
    code, out, err = call("predict", "net.py:Net(classes=3)", "white.png", "-i", "1,3,8,8")
    assert code == 0
    assert out.splitlines()[1].split()[1] == "0"
    assert "no --weights: net.py:Net(classes=3) guesses with the weights it was built with" in err


def test_published_classes_of_torchvision(call: Call, net: Path) -> None:
    code, out, _ = call("predict", "torchvision:squeezenet1_1", "white.png", "-f", "json")
    assert code == 0
    assert "golden retriever" in json.loads(out)[0]["probabilities"]


def test_models_that_cannot_predict(call: Call, net: Path, trained: Path) -> None:
    (net / "no.png").write_text("hello")
    shape = ("-i", "1,3,8,8")
    for arguments, message in (
        (("net.py:Net", "white.png"), "say what picture it takes, as in -i 1,3,224,224"),
        (("net.py:Net", "no.png", *shape), "no.png is not a picture"),
        (("net.py:Map", "white.png", *shape), "net.py:Map gives 1×2×8×8 for a picture"),
        (("net.py:Net", "white.png", "-i", "1,16:int64"), "needs a model that takes one picture"),
        (("net.py:Net", "white.png", *shape, "--classes", "a,b,c"),
         "net.py:Net tells 2 classes apart, and --classes names 3"),
        (("net.py:Net", "white.png", *shape, "--classes", "a,a"), "the class a stands twice"),
        (("net.py:Net", "white.png", *shape, "--classes", "no.txt"), "cannot read the class names"),
        (("net.py:Net", "white.png", *shape, "--weights", "no.pt"), "no.pt"),
        (("net.py:Net", "white.png", *shape, "--crop"), "--crop is for runs"),
        ((trained, "white.png", "--classes", "a,b"), "--classes is for models that are no run"),
        (("lennet", "white.png"), "unknown model 'lennet'"),
    ):  # fmt: skip
        code, out, err = call("predict", *arguments)
        assert (code, out) == (2, ""), err
        assert message in err
        assert len(err.strip().splitlines()) == 1
