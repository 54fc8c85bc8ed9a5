"""Which of two layers is wrong, and the input with the axes that the first convolution takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals.makers import _made
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose.first_correction import first_correction


def blocks(made, norm, behind):
    return nn.Sequential(
        nn.Conv2d(3, made, 3), nn.BatchNorm2d(norm), nn.ReLU(), nn.Conv2d(behind, 5, 3)
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (blocks(6, 4, 4), ("0", "nn.Conv2d(3, 4, 3)")),  # norm and next convolution agree on 4
        (blocks(4, 6, 4), ("1", "nn.BatchNorm2d(4)")),  # both convolutions agree on 4
    ],
)
def test_the_next_layer_tells_which_is_wrong(model, expected):
    assert first_correction(model, 2, 3, 9, 9) == expected


class Residual(nn.Module):
    def __init__(self, out):
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.mlp = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, out))

    def forward(self, x):
        return x + self.mlp(self.norm(x))


def test_a_sum_of_tokens():
    # 2×4×4×6 and 2×4×4×7: the last axis is no width of a picture, and no picture is resized.
    model = nn.Sequential(Residual(7), nn.LayerNorm(6))
    assert first_correction(model, 2, 4, 4, 6) == (
        "0.mlp.2",
        "nn.Linear(in_features=8, out_features=6)",
    )


class Tokens(nn.Module):
    """A class token in front of patches, as vision transformers have it."""

    def __init__(self, patch, token):
        super().__init__()
        self.patches = nn.Conv2d(3, patch, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, token))
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        return self.norm(torch.cat([self.token.expand(len(x), -1, -1), x], dim=1))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Tokens(24, 16), ("patches", "nn.Conv2d(3, 16, 4, stride=4)")),
        (Tokens(16, 24), ("", "token = nn.Parameter(torch.empty(1, 1, 16))")),
    ],
)
def test_what_is_joined(model, expected):
    assert first_correction(model, 2, 3, 8, 8) == expected


class Viewed(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.patches = nn.Conv2d(3, made, 4, stride=4)
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        n, _, h, w = x.shape
        return self.norm(self.patches(x).reshape(n, 16, h // 4 * (w // 4)).transpose(1, 2))


def test_what_is_viewed():
    assert first_correction(Viewed(24), 2, 3, 8, 8) == ("patches", "nn.Conv2d(3, 16, 4, stride=4)")


class Patches(nn.Module):
    """Takes its input apart, and checks it."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, 16, 4, stride=4)

    def forward(self, x):
        _n, _c, h, w = x.shape
        assert (h, w) == (8, 8), "another picture was expected"
        return self.proj(x).flatten(2).mean(-1)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((2, 1, 3, 8, 8), "x.squeeze(1)"),
        ((1, 2, 3, 8, 8), "x.squeeze(0)"),
        ((2, 8, 8, 3), "x.permute(0, 3, 1, 2)"),
    ],
)
def test_axes_of_the_input(shape, text):
    assert first_correction(Patches(), *shape) == ("", text)


class Turned(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        return self.norm(self.conv(x).permute(0, 2, 3, 1))


def test_a_convolution_takes_one_picture_and_what_comes_behind_it_does_not():
    assert first_correction(Turned(), 3, 8, 8) == ("", "x.unsqueeze(0)")


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 5)

    def forward(self, x):
        return self.fc(x.view(-1, 1, 8, 8).flatten(1))


class Column(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(x)


def test_a_column_is_flattened_and_not_turned():
    # 2×16×1: turned, 5 scores would come out in a row of their own.
    assert first_correction(Column(), 2, 16, 1)[1] == "torch.flatten(x, 1)"


def test_the_size_that_a_view_has_written():
    assert first_correction(Flat(), 2, 1, 9, 9) == ("", "x of 2×1×8×8 instead of 2×1×9×9")


def test_the_layer_that_made_an_axis():
    """An input's axis was made by none."""

    def made(*layers):
        trace = record(nn.Sequential(*layers), Inputs((torch.zeros(3, 4),))).trace
        failing = Failing.of(trace)
        arriving = failing.operand().value
        return [(found.path, found.text) for found in _made(failing, arriving, 1, 5)]

    behind = nn.Linear(5, 2)
    wider = ("0", "nn.Linear(in_features=4, out_features=5)")
    assert made(nn.Linear(4, 6), nn.ReLU(), behind) == [wider]
    assert made(nn.ReLU(), behind) == []
