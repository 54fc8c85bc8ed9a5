"""The line of ``__init__`` that built the failing layer."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnnshape

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(width, 4),
        )
        self.heads = nn.ModuleList([nn.Linear(5, 1) for _ in range(2)])
        self.head: nn.Module = nn.Linear(6, 1)

    def forward(self, x):
        x = self.layers(x)
        return self.{head}(x)

class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.block = Block(width)
        for name in ("one", "two"):
            setattr(self, name, nn.Linear(7, 1))

    def forward(self, x):
        return {forward}
"""


@pytest.mark.parametrize(
    ("width", "head", "forward", "line", "function"),
    [
        (9, "head", "self.block(x)", 10, "Block.__init__"),  # an item of the Sequential
        (16, "heads[1]", "self.block(x)", 12, "Block.__init__"),  # made in a loop: its line
        (16, "head", "self.block(x)", 13, "Block.__init__"),
        (16, "head", "self.two(x)", None, ""),  # made by setattr
        (16, "head", "x @ x[0, 0, :3]", None, ""),  # no layer failed
    ],
)
def test_the_line_that_built_the_layer(tmp_path: Path, width, head, forward, line, function):
    file = tmp_path / "net.py"
    file.write_text(NET.format(head=head, forward=forward), encoding="utf-8")
    error = cnnshape.inspect(f"{file}:Net(width={width})", (2, 1, 4, 4)).error
    assert error is not None
    built = error.built
    assert (built.line if built else None, built.function if built else "") == (line, function)


def test_it_stands_below_the_line_that_called_the_layer(tmp_path: Path, monkeypatch):
    (tmp_path / "net.py").write_text(NET.format(head="head", forward="self.block(x)"), "utf-8")
    monkeypatch.chdir(tmp_path)
    text = str(cnnshape.inspect("net.py:Net", (2, 1, 4, 4)))
    called, built = (line.strip() for line in text.splitlines() if "net.py:1" in line)
    assert called == "net.py:17  return self.head(x)"
    assert built == "net.py:13  self.head: nn.Module = nn.Linear(6, 1)   in Block.__init__"
