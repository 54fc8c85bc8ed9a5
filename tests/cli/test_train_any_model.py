"""``cnnshape train FILE.py:Name`` and what follows it, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.training_runs import Call, call
from tests.training.nets import write_nets, write_pictures

__all__ = ["call"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_nets(tmp_path)
    return write_pictures(tmp_path / "pets")


def test_from_training_to_a_picture(call: Call, data: str) -> None:
    model = "net.py:Net(num_classes=2)"
    code, out, err = call("train", model, "--data", data, "--epochs", "1", "-f", "json")
    assert code == 0, err
    content = json.loads(out)  # what the network prints is not in it
    assert content["folder"] == "runs/Net-pets"
    assert content["test"]["at_chance"] in (True, False)
    assert f"pictures of 3×8×8 (-i 1,3,8,8), as large as those of {data}" in err.splitlines()
    assert "to use it: cnnshape predict runs/Net-pets --trust-code IMAGE" in err
    picture = "pets/a/0.png"
    for arguments in (
        ("evaluate", "runs/Net-pets"),
        ("predict", "runs/Net-pets", picture),
        ("features", "runs/Net-pets", picture, "-o", "maps.png"),
        ("train", "--resume", "runs/Net-pets"),
    ):
        code, out, err = call(*arguments)
        assert (code, out) == (2, "")
        assert err.endswith("may come from anybody: its code is run with --trust-code only\n")
        code, out, _ = call(*arguments, "--trust-code")
        assert code == 0
        assert "a print in forward" not in out
    code, _, err = call("inspect", "runs/Net-pets")
    assert code == 2
    assert "name it yourself, '" in err
    assert "net.py:Net(num_classes=2)' --weights runs/Net-pets/best.pt" in err
    code, out, _ = call("inspect", model, "-i", "1,3,8,8", "--weights", "runs/Net-pets/best.pt")
    assert code == 0


def test_the_size_that_is_asked_for(call: Call, data: str) -> None:
    arguments = ("--data", data, "--epochs", "1", "-q", "-o", "run", "-i", "1,3,12,20")
    assert call("train", "net.py:Net(num_classes=2)", *arguments)[0] == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["model"]["input_shape"] == [3, 12, 20]
    code, _, err = call("train", "--resume", "run", "--trust-code", "-i", "1,3,8,8")
    assert code == 2
    assert "leave --input out" in err


def test_another_number_of_classes(call: Call, data: str) -> None:
    code, out, err = call("train", "net.py:Net", "--data", data)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == (
        "error: net.py:Net gives 10 numbers for a picture, and the data have 2 classes: "
        'name it as "net.py:Net(num_classes=2)"'
    )
    assert not Path("runs").exists()


def test_chance_is_told_by_evaluate_as_well(call: Call, data: str) -> None:
    slow = ("--lr", "1e-9", "--epochs", "1", "-q", "-o", "run")
    assert call("train", "net.py:Lazy", "--data", data, *slow)[0] == 0
    _, _, err = call("evaluate", "run", "--trust-code")
    _, out, _ = call("evaluate", "run", "--trust-code", "-f", "json")
    assert json.loads(out)["at_chance"] is True
    assert "no better than chance: always guessing a is right for 50.0 %" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.py:Net",), "there is no file nothing.py"),
        (("net.py:Nett",), "net.py has no 'Nett'; did you mean Net?"),
        (("net.py:Net(2)",), "must be given by name, as in Net(num_classes=10)"),
        (("net.py:Net", "-i", "1,5,8,8"), "train needs a model that takes one picture, N,1,H,W"),
        (("net.py:Net", "-i", "0,3,0,8"), "N,3,H,W; -i says 0,3,0,8"),
        (("net.py:Net", "-i", "x"), "-i says x"),
        pytest.param(
            ("torchvision:resnet81",),
            "torchvision has no model 'resnet81'; did you mean",
            marks=pytest.mark.torchvision,
        ),
        pytest.param(
            ("resnet18",), "did you mean torchvision:resnet18", marks=pytest.mark.torchvision
        ),
    ],
)
def test_wrong_usage(call: Call, data: str, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call("train", *arguments, "--data", data)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
