"""What the commands say about a model that raises."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from cnnshape.cli.main import run as command_line

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.fc(torch.flatten(x, 1))
"""
SAID = "fc expects 100 features, but 7200 arrive: 8 channels × 30 × 30 after flatten"
FIX = "fc = nn.Linear(in_features=7200, out_features=10)"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(command, *options):
        code = command_line([command, "net.py:Net", "-i", "2,1,32,32", *options])
        out, err = capsys.readouterr()
        return SimpleNamespace(exit_code=code, stdout=out, stderr=err)

    return invoke


def test_inspect(run):
    result = run("inspect")
    assert result.exit_code == 1
    assert "✗ fc" in result.stdout
    assert f"✗ {SAID}" in result.stdout
    assert "net.py:14  return self.fc(torch.flatten(x, 1))" in result.stdout
    assert "7200 = 8 channels × 30 × 30; x 2×1×32×32; conv 32 − 3 + 1 = 30" in result.stdout
    assert "To fix (tried, runs):" in result.stdout
    assert FIX in result.stdout


def test_inspect_as_json(run):
    result = run("inspect", "-f", "json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["diagnosis"] == SAID
    assert [s["verified"] for s in error["suggestions"]] == [True]
    assert result.stderr == f"error: {SAID} [net.py:14]\n"


def test_check(run):
    result = run("check")
    assert result.exit_code == 1
    assert result.stdout.startswith("FAIL  runs  fc")
    assert result.stdout.endswith("2 ok, 1 failed\n")
    assert SAID in result.stdout
    assert f"✗ {SAID}" in result.stderr
    assert FIX in result.stderr


def test_draw(run, tmp_path):
    result = run("draw", "-o", "net.dot")
    assert result.exit_code == 1
    assert "fc" in (tmp_path / "net.dot").read_text(encoding="utf-8")
    assert f"✗ {SAID}" in result.stderr
    assert FIX in result.stderr


def test_without_memory_it_is_the_same(run):
    result = run("inspect", "--device", "meta", "-f", "json")
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "linear.in_features"
    assert error["diagnosis"] == SAID
    assert error["suggestions"][0]["verified"] is True
