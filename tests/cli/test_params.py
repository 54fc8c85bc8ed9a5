"""``cnnshape params`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cnnshape.cli.main import run

Params = Callable[..., tuple[int, str, str]]


@pytest.fixture
def params(capsys: pytest.CaptureFixture[str]) -> Params:
    def call(*args: str) -> tuple[int, str, str]:
        code = run(["params", *args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_lenets_ten_tensors(params: Params) -> None:
    code, out, err = params("lenet")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()[3:13]]
    assert [row[0] for row in rows] == [
        f"{layer}.{kind}"
        for layer in ("C1", "C2", "C3", "F4", "OUT")
        for kind in ("weight", "bias")
    ]
    assert rows[4][:5] == ["C3.weight", "parameter", "120×16×5×5", "float32", "48,000"]
    assert out.splitlines()[-1] == (
        "  61,706 parameters in 10 tensors (241 KiB) · 0 buffers · 0 hooks"
    )


def test_json_has_the_first_values_of_a_weights_file(params: Params, tmp_path: Path) -> None:
    from cnnshape.models.lenet import LeNet

    model = LeNet()
    with torch.no_grad():
        model.C1.bias.copy_(torch.arange(6.0))
    torch.save(model.state_dict(), tmp_path / "lenet.pt")
    code, out, _ = params("lenet", "--weights", str(tmp_path / "lenet.pt"), "-f", "json")
    data = json.loads(out)
    assert code == 0
    assert data["model"] == {"spec": "lenet", "class": "LeNet"}
    bias = data["parameters"][1]
    assert (bias["name"], bias["shape"], bias["count"]) == ("C1.bias", [6], 6)
    assert bias["values"] == [0, 1, 2, 3, 4, 5]
    assert sum(entry["count"] for entry in data["parameters"]) == 61_706
    assert data["buffers"] == data["hooks"] == []


def test_values_says_how_many(params: Params) -> None:
    _, out, _ = params("lenet", "--values", "2", "-f", "json")
    assert {len(entry["values"]) for entry in json.loads(out)["parameters"]} == {2}


def test_files_and_formats(params: Params, tmp_path: Path) -> None:
    target = tmp_path / "lenet.csv"
    code, out, err = params("lenet", "-o", str(target))
    assert (code, out, err) == (0, "", f"wrote {target}\n")
    assert "C1.weight,parameter,6x1x5x5,float32,150," in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("lennet",), "lenet"),
        (("lenet", "-o", "a.tex"), ".tex is no known format; use one of .txt, .json, .csv, .md"),
        (("lenet", "--weights", "missing.pt"), "missing.pt"),
        (("lenet", "--values", "-1"), "-1"),
    ],
)
def test_wrong_usage(params: Params, args: tuple[str, ...], message: str) -> None:
    code, out, err = params(*args)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
