"""``cnnshape predict``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
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
