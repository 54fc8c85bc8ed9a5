"""The pre-commit hooks, each entry run on a small file as it stands in the manifest."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnnshape.cli.main import run

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: dict[str, Any] = {
    hook["id"]: hook for hook in yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
}

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(x)
"""


def test_pre_commit_reads_the_manifest() -> None:
    pytest.importorskip("pre_commit")
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def _hook(name: str, *words: str) -> int:
    program, *entry = shlex.split(HOOKS[name]["entry"])
    assert program == "cnnshape"
    assert not HOOKS[name]["pass_filenames"]
    return run([*entry, *words])


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


def test_check(net: Path) -> None:
    asked = ["net.py:Net", "-i", "1,8"]
    assert _hook("cnnshape-check", *asked, "--max-params", "27") == 0  # 8·3 + 3
    assert _hook("cnnshape-check", *asked, "--max-params", "26") == 1


def test_annotate_renews_the_comment(net: Path) -> None:
    assert _hook("cnnshape-annotate", "net.py:Net", "-i", "1,8") == 0
    assert "return self.fc(x)  # 8 → 3\n" in net.read_text(encoding="utf-8")
