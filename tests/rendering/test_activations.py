"""Activations called as functions, and the batch that the MACs are for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import cnnshape
from cnnshape.rendering.report import report_text
from cnnshape.rendering.row import TableOptions


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(F.relu(self.act(self.fc(x)), inplace=True))
        return F.softmax(x + 1, dim=1)


def types(expand: bool) -> list[str]:
    options = TableOptions(expand=expand, columns=("layer", "type"))
    text = report_text(cnnshape.inspect(Net(), (3, 4)), options=options)
    rows = text.split("\n\n")[1].splitlines()[1:]
    return [row.split()[-1] for row in rows]


def test_expanded_rows_have_them_where_they_ran():
    assert types(expand=False) == ["Linear", "ReLU"]
    assert types(expand=True) == ["Linear", "ReLU", "relu", "sigmoid", "softmax"]


def test_they_are_no_operations_of_the_report():
    assert cnnshape.inspect(Net(), (3, 4)).operations == ()


def test_macs_say_for_how_many_examples_they_are():
    """4·3 for each example."""
    assert "36 MACs for a batch of 3" in str(cnnshape.inspect(Net(), (3, 4)))
    assert "12 MACs\n" in str(cnnshape.inspect(Net(), (1, 4))).replace(" ·", "\n")
