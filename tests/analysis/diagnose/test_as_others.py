"""What an argument was meant to be, read off the other layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals.as_others import _room, _two_pictures
from cnnshape.analysis.diagnose.proposals.meant import meant
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose.first_correction import first_correction


def convolutions(**of_the_second):
    """Three of 3×3 that keep the size, and one of another sort; the second is told otherwise."""
    usual = {"kernel_size": 3, "padding": 1}
    return nn.Sequential(
        nn.Conv2d(3, 4, **usual),
        nn.Conv2d(4, 4, **{**usual, **of_the_second}),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, **usual),
        nn.Conv2d(8, 8, 1),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 5),
    )


@pytest.mark.parametrize(
    "wrong",
    [{"kernel_size": 33}, {"stride": 2}, {"padding": 3}, {"dilation": 2}, {"kernel_size": 5}],
)
def test_the_one_that_stands_out_becomes_like_the_others(wrong):
    # 8·4·4 = 128 features arrive where the second convolution keeps 8×8.
    assert first_correction(convolutions(**wrong), 2, 3, 8, 8) == (
        "1",
        "nn.Conv2d(4, 4, 3, padding=1)",
    )


class Block(nn.Module):
    def __init__(self, width, out, stride, wrong=None):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride=wrong or stride, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(width, out, 1, stride=stride)

    def forward(self, x):
        return self.conv2(self.conv1(x)) + self.shortcut(x)


def stages(wrong_stage, wrong):
    widths = (3, 4, 8, 16, 16)
    return nn.Sequential(
        *(Block(widths[i], widths[i + 1], 2, wrong if i == wrong_stage else None) for i in range(4))
    )


def test_the_same_place_of_other_blocks_counts_first():
    # Of the 3×3 convolutions five have stride 1 and three stride 2; of those called conv1 all
    # others have 2. A shortcut of stride 1 would run as well.
    assert first_correction(stages(1, 1), 2, 3, 32, 32) == (
        "1.conv1",
        "nn.Conv2d(4, 8, 3, stride=2, padding=1)",
    )


class Gated(nn.Module):
    """A squeeze and excitation."""

    def __init__(self, side, padding=0):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(side)
        self.conv = nn.Conv2d(4, 4, 1, padding=padding)

    def forward(self, x):
        return self.conv(self.pool(x)) * x


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (Gated(2), ("1.pool", "nn.AdaptiveAvgPool2d(1)")),
        (Gated(1, padding=1), ("1.conv", "nn.Conv2d(4, 4, 1)")),
    ],
)
def test_behind_a_pooling_to_a_written_size(wrong, expected):
    model = nn.Sequential(Gated(1), wrong, Gated(1))
    assert first_correction(model, 2, 4, 9, 9) == expected


def test_an_argument_that_all_others_have():
    # The others have a kernel of 5, whatever their padding is; 1×1×4 arrive for 1·8·4 = 32.
    model = nn.Sequential(
        nn.Conv1d(1, 4, 9, padding=2),
        nn.Conv1d(4, 4, 5),
        nn.Conv1d(4, 4, 5, padding=1),
        nn.Flatten(),
        nn.Linear(4 * 10, 5),
    )
    assert first_correction(model, 2, 1, 16) == ("0", "nn.Conv1d(1, 4, 5, padding=2)")


def test_what_all_others_have_is_the_last_to_be_tried():
    model = nn.Sequential(
        nn.Conv1d(1, 4, 9, padding=2), nn.Conv1d(4, 4, 5), nn.Conv1d(4, 4, 5, 1, 1)
    )
    trace = record(model, Inputs((torch.zeros(2, 1, 16),))).trace
    assert meant(trace, trace.module("0")) == [((0, 0, 0, 0, 0), {"kernel_size": 5})]


class Tokens(nn.Module):
    """Two pictures as tokens, added."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 8, 4, stride=4)
        self.two = nn.Conv2d(3, 8, 4, stride=2)

    def forward(self, x):
        one, two = (conv(x).flatten(2).transpose(1, 2) for conv in (self.one, self.two))
        return one + two


def test_two_pictures_as_tokens():
    trace = record(Tokens(), Inputs((torch.zeros(2, 3, 16, 16),))).trace
    pair = _two_pictures(Failing.of(trace))
    assert pair is not None
    assert [operand.shape for operand in pair] == [(2, 16, 8), (2, 49, 8)]


def test_a_window_over_who_knows_how_many_axes():
    trace = record(nn.Unfold(5), Inputs((torch.zeros(2, 3, 3, 3),))).trace
    assert _room(Failing.of(trace)) is None


class Added(nn.Module):
    def __init__(self, kernel=3):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, kernel, padding=1)

    def forward(self, x):
        out = self.conv(x)
        out += x
        return out


def test_a_sum_in_place_that_would_be_broadcast():
    model = nn.Sequential(Added(), Added(4), Added())
    assert first_correction(model, 2, 3, 2, 2) == ("1.conv", "nn.Conv2d(3, 3, 3, padding=1)")


def test_votes():
    trace = record(stages(1, 1), Inputs((torch.zeros(1, 3, 32, 32),))).trace
    (change,) = meant(trace, trace.module("1.conv1"))
    # Places: none ends with "…conv1" under the same number, three others are called conv1 and
    # have stride 2; four convolutions of 3×3 with stride 1 are called conv2.
    assert change == ((0, 0, 0, 3, -4), {"stride": 2})
    assert meant(trace, trace.module("0.conv1")) == []  # two of the others are like it
    assert meant(trace, trace.module("1")) == []
