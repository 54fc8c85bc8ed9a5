"""What stands at the failing call, written a little otherwise."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnshape.analysis.diagnose.rules.dimensions import _each_once
from tests.analysis.diagnose.first_correction import first_correction


class Heads(nn.Module):
    """8 features in 4 heads of 2."""

    heads = 4

    def __init__(self):
        super().__init__()
        self.heads, self.width = 4, 2


class TwiceTheHeads(Heads):
    def forward(self, x):
        n, length, _ = x.shape
        return x.reshape(n, length, self.heads * 2, self.width).transpose(1, 2)


class HalfTheBatch(Heads):
    def forward(self, x):
        n, length, _ = x.shape
        return x.reshape(n // 2, length, self.heads, self.width).transpose(1, 2)


class AllHeads(Heads):
    def forward(self, x):
        n, length, _ = x.shape
        return x.reshape(n, length, self.heads**2, self.width).transpose(1, 2)


class TwoTimesAnAxis(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 2)


class PooledBy(nn.Module):
    def forward(self, x):
        return F.adaptive_avg_pool2d((3, 1), x.unsqueeze(1))


class ValuesFirst(nn.Module):
    """Attention over 6 positions of 8 features."""

    def forward(self, x):
        weights = (x @ x.transpose(1, 2)).softmax(-1)
        return x @ weights


class ValuesFirstByName(nn.Module):
    def forward(self, x):
        weights = torch.bmm(x, x.transpose(1, 2)).softmax(-1)
        return torch.bmm(x, weights)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (TwiceTheHeads(), "x.reshape(n, length, self.heads, self.width)"),
        (HalfTheBatch(), "x.reshape(n, length, self.heads, self.width)"),
        (AllHeads(), "x.reshape(n, length, self.heads, self.width)"),
        (ValuesFirst(), "weights @ x"),
        (ValuesFirstByName(), "torch.bmm(weights, x)"),
        (TwoTimesAnAxis(), "x.permute(0, 1, 2)"),
        (PooledBy(), "F.adaptive_avg_pool2d(x.unsqueeze(1), (3, 1))"),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, nn.Module) else "",
)
def test_first(model, text):
    assert first_correction(model, 4, 6, 8) == ("", text)


def test_an_axis_that_is_named_twice():
    assert list(_each_once((0, 2, 3, 2), 4)) == [(0, 1, 3, 2), (0, 2, 3, 1)]
    assert list(_each_once((0, 4, 1, 2), 4)) == [(0, 3, 1, 2)]
    assert list(_each_once((2, -1, 3, 1, 4), 5)) == [(2, 0, 3, 1, 4), (2, -1, 3, 1, 0)]
    assert list(_each_once((0, 0, 0, 1), 4)) == []  # two are left out
