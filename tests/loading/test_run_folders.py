"""A run folder as MODEL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from cnnshape.errors import RunFolderError
from cnnshape.loading.model import load
from cnnshape.models.lenet import LeNet


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What `cnnshape train` leaves behind, with the weights of a LeNet for four classes."""
    config = {
        "format": 1,
        "model": {"name": "lenet", "input_shape": [1, 28, 28]},
        "data": {
            "name": "letters",
            "classes": list("abcd"),
            "mean": [0.1],
            "std": [0.3],
            "background": [0.0],
            "dark_background": True,
        },
        "training": {},
        "environment": {},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.manual_seed(11)
    torch.save({"model": LeNet(num_classes=4).state_dict()}, tmp_path / "best.pt")
    return tmp_path


def test_trained_weights_and_usual_input(run: Path) -> None:
    loaded = load(str(run))
    torch.manual_seed(11)
    assert torch.equal(loaded.module.OUT.weight, LeNet(num_classes=4).OUT.weight)
    assert [str(spec) for spec in loaded.usual_inputs or ()] == ["1,1,28,28"]
    assert loaded.class_name == "LeNet"
    assert not loaded.on_meta


@pytest.mark.filterwarnings("error")
def test_on_meta(run: Path) -> None:
    assert load(str(run), budget=0).on_meta


def test_other_weights(run: Path, tmp_path: Path) -> None:
    other = LeNet(num_classes=4).state_dict()
    torch.save(other, tmp_path / "other.pt")
    loaded = load(str(run), weights=tmp_path / "other.pt")
    assert torch.equal(loaded.module.OUT.weight, other["OUT.weight"])


def test_a_damaged_folder(run: Path) -> None:
    (run / "best.pt").write_bytes(b"no")
    with pytest.raises(RunFolderError):
        load(str(run))
