"""A pass without memory fails in the words that torch has on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.tracing.real_call import real_message

FAILING = [
    (nn.Linear(5, 4), (2, 6)),
    (nn.Conv2d(3, 4, 3), (2, 5, 8, 8)),
    (nn.Conv2d(3, 4, 9), (2, 3, 8, 8)),
    (nn.BatchNorm2d(3), (2, 5, 8, 8)),
    (nn.LayerNorm(4), (2, 5)),
    (nn.LSTM(4, 5), (2, 3, 6)),
    (nn.MaxPool2d(9), (1, 1, 4, 4)),
    (nn.PixelShuffle(2), (1, 3, 4, 4)),
    (nn.Unflatten(1, (2, 2)), (2, 5)),
    (nn.GLU(1), (2, 5)),
]


@pytest.mark.parametrize(("layer", "shape"), FAILING, ids=lambda item: str(item)[:20])
def test_the_words_are_those_of_the_cpu(layer, shape):
    with pytest.raises(Exception) as raised:
        layer.eval()(torch.zeros(shape))
    x = ",".join(map(str, shape))
    assert cnnshape.inspect(layer, x, device="meta").error.message == str(raised.value)


def test_a_weight_that_fits_nowhere_is_only_reserved():
    """Two gigabytes and more: the sizes are looked at before anything is read."""
    x = torch.zeros(2, 8192, device="meta")
    weight = torch.zeros(128_000, 4096, device="meta")
    said = real_message(nn.functional.linear, (x, weight), {})
    assert said == "mat1 and mat2 shapes cannot be multiplied (2x8192 and 4096x128000)"


def test_what_is_too_large_for_that_keeps_the_words_of_meta():
    x = torch.zeros(2, 5, device="meta")
    weight = torch.zeros(10**10, 4, device="meta")
    assert real_message(nn.functional.linear, (x, weight), {}) is None


def test_a_call_that_runs_says_nothing():
    x = torch.zeros(2, 5, device="meta")
    assert real_message(torch.relu, (x,), {}) is None
    assert real_message(torch.relu, (torch.zeros(2),), {}) is None
