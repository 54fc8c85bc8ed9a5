"""The table as a whole."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from cnnshape import operations
from cnnshape.operations import TABLE


def test_no_operation_is_told_of_twice() -> None:
    entered = Counter(entry.name for family in operations._FAMILIES for entry in family)
    assert [name for name, times in entered.items() if times > 1] == []


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        ("LeakyReLU", "leaky_relu"),
        ("ConvTranspose2d", "conv_transpose"),
        ("AdaptiveAvgPool3d", "adaptive_avg_pool"),
        ("PixelShuffle", "pixel_shuffle"),
        ("LSTM", "lstm"),
    ],
)
def test_the_function_behind_a_layer(layer: str, function: str) -> None:
    assert hasattr(torch.nn, layer)
    entry = TABLE.behind(layer)
    assert entry is not None
    assert entry.name == function


def test_no_function_is_behind_a_container() -> None:
    assert [TABLE.behind(name) for name in ("Sequential", "ModuleList", "Bottleneck")] == [None] * 3
