"""``cnnshape params --tree``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.errors import UsageError


def rows(text: str) -> list[str]:
    """The lines between the titles and the totals, blanks joined."""
    return [" ".join(line.split()) for line in text.split("\n\n")[1].splitlines()[1:]]


def test_lenet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["params", "lenet", "--tree"]) == 0
    assert rows(capsys.readouterr().out) == [
        "· LeNet 61,706",
        "├ C1 Conv2d 156 0.3 %",
        "├ R1 ReLU",
        "├ S1 MaxPool2d",
        "├ C2 Conv2d 2,416 3.9 %",
        "├ R2 ReLU",
        "├ S2 MaxPool2d",
        "├ C3 Conv2d 48,120 78.0 %",
        "├ R3 ReLU",
        "├ F4 Linear 10,164 16.5 %",
        "├ R4 ReLU",
        "└ OUT Linear 850 1.4 %",
    ]


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.fc = nn.Linear(width, width, bias=False)


def test_equal_blocks_stand_for_each_other_and_own_parameters_have_a_line() -> None:
    net = nn.Sequential(Block(10), Block(10), Block(10), Block(20))
    # 10 + 100 for a narrow block, 20 + 400 for the wide one: 750.
    assert rows(str(cnnshape.params(net, tree=True))) == [
        "· Sequential 750",
        "├ 0 … 2 × 3 Block 110 14.7 %",
        "│ ├ scale 10 1.3 %",
        "│ └ fc Linear 100 13.3 %",
        "└ 3 Block 420 56.0 %",
        "├ scale 20 2.7 %",
        "└ fc Linear 400 53.3 %",
    ]
    assert rows(str(cnnshape.params(net, tree=True, depth=1))) == [
        "· Sequential 750",
        "├ 0 … 2 × 3 Block 110 14.7 %",
        "└ 3 Block 420 56.0 %",
    ]


def test_blocks_that_differ_in_what_is_frozen_stay_apart() -> None:
    net = nn.Sequential(Block(10), Block(10))
    net[1].fc.weight.requires_grad_(False)
    assert "×" not in "\n".join(rows(str(cnnshape.params(net, tree=True))))


def test_a_shared_parameter_counts_once_and_an_unknown_one_is_not_zero() -> None:
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    tied[1].weight = tied[0].weight
    assert rows(str(cnnshape.params(tied, tree=True))) == [
        "· Sequential 9",
        "├ 0 Linear 9 100.0 %",
        "└ 1 Linear",
    ]
    lazy = nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))
    assert rows(str(cnnshape.params(lazy, tree=True)))[:2] == [
        "· Sequential ?",
        "├ 0 LazyLinear ? ?",
    ]


def test_the_tree_of_a_checkpoint(tmp_path: Path) -> None:
    torch.save(
        {"a.0.w": torch.ones(6), "a.1.w": torch.ones(6), "b": torch.ones(4)}, tmp_path / "c.pt"
    )
    report = cnnshape.params(str(tmp_path / "c.pt"), tree=True)
    assert rows(str(report)) == [
        "· 16", "├ b 4 25.0 %", "└ a 12 75.0 %", "├ 0 6 37.5 %", "└ 1 6 37.5 %",
    ]  # fmt: skip


@pytest.mark.parametrize("format", ["json", "csv", "markdown"])
def test_a_tree_is_drawn_as_text_or_refused(
    format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["params", "lenet", "-f", format, "--tree", "--depth", "1"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"--tree is drawn as text, not as {format}" in told.err


def test_a_tree_of_a_large_model_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "huge.py").write_text(
        "from torch import nn\ndef net():\n"
        "    return nn.Sequential(*(nn.Linear(8192, 8192, bias=False) for _ in range(200)))\n",
        encoding="utf-8",
    )
    report = cnnshape.params(f"{tmp_path / 'huge.py'}:net", tree=True)
    # 200·8192² numbers, 50 GiB
    assert rows(str(report)) == [
        "· Sequential 13,421,772,800",
        "└ 0 … 199 × 200 Linear 67,108,864 0.5 %",
    ]


@pytest.mark.parametrize("width", [80, 40])
def test_a_tree_fits(width: int) -> None:
    net = nn.Module()
    net.add_module("a_rather_long_name_of_a_module" * 3, Block(10))
    lines = cnnshape.params(net, tree=True).to_text(width=width).split("\n\n")[1].splitlines()
    assert max(map(len, lines)) <= width


def test_depth_goes_with_tree() -> None:
    with pytest.raises(UsageError, match="give tree=True"):
        cnnshape.params("lenet", depth=1)
