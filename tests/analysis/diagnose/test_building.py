"""Models that cannot be built: the numbers that meet there, and lines that can be built."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from cnnshape.experiments.explain_building import explain_construction


class Block(nn.Module):
    def __init__(self, incoming, outgoing):
        super().__init__()
        self.fc = nn.Linear(incoming, outgoing)


WIDTH, HEADS = 100, 8


def built(make):
    """What is said of a model whose one layer ``make`` builds."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = make()

    return error_of(Net)


def error_of(make):
    with pytest.raises(Exception) as caught:
        make()
    return explain_construction(caught.value)


LAYERS = [
    (lambda: nn.Conv2d(3, 10, 3, groups=2), "init.division",
     "in_channels = 3 is no multiple of groups = 2", ["nn.Conv2d(3, 10, 3, groups=1)"]),
    (lambda: nn.Conv2d(30, 60, 3, groups=4), "init.division",
     "in_channels = 30 is no multiple of groups = 4",
     ["nn.Conv2d(30, 60, 3, groups=5)", "nn.Conv2d(30, 60, 3, groups=3)"]),
    (lambda: nn.ConvTranspose2d(4, 10, 3, groups=4), "init.division",
     "out_channels = 10 is no multiple of groups = 4",
     ["nn.ConvTranspose2d(4, 10, 3, groups=2)", "nn.ConvTranspose2d(4, 10, 3, groups=1)"]),
    (lambda: nn.GroupNorm(4, 30), "init.division",
     "num_channels = 30 is no multiple of num_groups = 4",
     ["nn.GroupNorm(5, 30)", "nn.GroupNorm(3, 30)"]),
    (lambda: nn.MultiheadAttention(WIDTH, HEADS), "init.division",
     "embed_dim = 100 is no multiple of num_heads = 8",
     ["nn.MultiheadAttention(WIDTH, 10)", "nn.MultiheadAttention(WIDTH, 5)"]),
    (lambda: nn.TransformerEncoderLayer(WIDTH, nhead=HEADS), "init.division",
     "d_model = 100 is no multiple of nhead = 8",
     ["nn.TransformerEncoderLayer(WIDTH, nhead=10)", "nn.TransformerEncoderLayer(WIDTH, nhead=5)"]),
    (lambda: nn.Linear(64 / 2, 10), "init.whole", "in_features is 32.0",
     ["nn.Linear(64 // 2, 10)"]),
    (lambda: nn.LSTM(8, WIDTH / 4), "init.whole", "hidden_size is 25.0",
     ["nn.LSTM(8, WIDTH // 4)"]),
    (lambda: nn.Linear(WIDTH * 0.5, 10), "init.whole", "in_features is 50.0",
     ["nn.Linear(int(WIDTH * 0.5), 10)"]),
    (lambda: nn.Linear(7 / 2, 10), "init.whole", "in_features is 3.5", []),
    (lambda: nn.Conv2d(3, 8, 3.0), "init.whole", "kernel_size is 3.0", ["nn.Conv2d(3, 8, 3)"]),
    (lambda: nn.Conv2d(3, 8, 3, stride=2, padding="same"), "init.padding", "stride=2",
     ["nn.Conv2d(3, 8, 3, stride=2, padding=1)"]),
    (lambda: nn.Conv2d(3, 8, 3, stride=2, padding="same", dilation=2), "init.padding", "stride=2",
     ["nn.Conv2d(3, 8, 3, stride=2, padding=2, dilation=2)"]),
    (lambda: nn.Conv2d(3, 8, (3, 5), (1, 2), "same"), "init.padding", "stride=(1, 2)",
     ["nn.Conv2d(3, 8, (3, 5), (1, 2), (1, 2))"]),
    (lambda: nn.Linear(-3, 4), "init.size", "in_features is -3", []),
    (lambda: nn.LSTM(8, 0), "init.size", "hidden_size is 0", []),
    (lambda: nn.Conv2d(3, 8, 3, groups=0), "init.size", "groups is 0", []),
    (lambda: nn.Linear(10), "init.arguments", "needs out_features as well", []),
    (lambda: Block(3), "init.arguments", "Block(incoming, outgoing) needs outgoing as well", []),
    (lambda: nn.Conv2d(3, 8, 3, strides=2), "init.arguments", "did you mean stride?",
     ["nn.Conv2d(3, 8, 3, stride=2)"]),
    (lambda: nn.Linear(3, 4, True, None, None, 7), "init.arguments",
     "nn.Linear takes 5 arguments, and 6 are given", []),
    (lambda: nn.Sequential([nn.ReLU()]), "init.arguments", "takes its modules one by one",
     ["nn.Sequential(*[nn.ReLU()])"]),
    (lambda: nn.Liner(3, 4), "attribute.misspelt", "did you mean Linear?", ["nn.Linear"]),
    (lambda: nn.conv2d(3, 4, 3), "attribute.misspelt", "did you mean Conv2d?", ["nn.Conv2d"]),
    (lambda: nn.Linear(WIDHT, 4), "name.undefined", "did you mean WIDTH?",  # noqa: F821
     ["WIDTH"]),
    (lambda: nn.Dropout(1.5), "raised.init", "dropout probability has to be between 0 and 1", []),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "said", "lines"), LAYERS)
def test_a_layer(make, kind, said, lines):
    error = built(make)
    assert error.kind == kind
    assert said in error.diagnosis
    assert error.diagnosis.startswith("building Net failed")
    assert [suggestion.text for suggestion in error.suggestions] == lines
    assert not any(suggestion.verified for suggestion in error.suggestions)


@pytest.mark.parametrize(
    "line", [text for *_, lines in LAYERS for text in lines if text.endswith(")")]
)
def test_every_proposed_line_builds(line):
    assert isinstance(eval(line, {"nn": nn, "WIDTH": WIDTH, "HEADS": HEADS}), nn.Module)


def test_layers_inside_a_block_are_named_with_their_own_line():
    error = built(lambda: nn.Sequential(nn.ReLU(), Block(8, 4 / 2)))
    assert error.diagnosis == (
        "building Net failed in nn.Linear(incoming, outgoing): "
        "out_features is 2.0, and a size is a whole number"
    )
    assert error.suggestions[0].text == "nn.Linear(incoming, int(outgoing))"


def test_layers_before_super():
    class Early(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(3, 4)

    error = error_of(Early)
    assert error.kind == "init.super"
    assert "Early.__init__ assigns layers before super().__init__()" in error.diagnosis


def test_an_assert_with_its_numbers():
    class Attention(nn.Module):
        def __init__(self, width=100, heads=8):
            super().__init__()
            assert width % heads == 0, "heads must divide the width"

    error = error_of(Attention)
    assert error.kind == "raised.init"
    assert error.diagnosis == (
        "building Attention failed: Attention.__init__ asserts width % heads == 0, "
        "with width = 100 and heads = 8: heads must divide the width"
    )
    assert [s.text for s in error.suggestions] == ["heads=10", "heads=5"]
    assert all(100 % s.to == 0 for s in error.suggestions)


def test_an_assert_about_an_attribute_proposes_nothing():
    class Sized(nn.Module):
        def __init__(self, size=30):
            super().__init__()
            self.size = size
            assert self.size in (32, 64)

    error = error_of(Sized)
    assert "asserts self.size in (32, 64), with self.size = 30" in error.diagnosis
    assert error.suggestions == ()


def test_an_error_of_the_authors_own_keeps_its_words():
    class Small(nn.Module):
        def __init__(self, n=3):
            super().__init__()
            if n < 4:
                raise ValueError("n is too small")

    error = error_of(Small)
    assert (error.kind, error.diagnosis) == ("raised.init", "building Small failed: n is too small")


class Positions(nn.Module):
    def __init__(self, width=15, n=50):
        super().__init__()
        table = torch.zeros(n, width)
        turns = torch.arange(n)[:, None] * torch.exp(
            torch.arange(0, width, 2) * (-math.log(10000.0) / width)
        )
        table[:, 0::2] = torch.sin(turns)
        table[:, 1::2] = torch.cos(turns)
        self.register_buffer("table", table)


def test_positions_of_an_odd_width():
    error = error_of(Positions)
    assert error.kind == "assign.sizes"
    assert "table[:, 1::2] of table 50×15 has 7 columns, and 8 come" in error.diagnosis
    cut, even = error.suggestions
    assert cut.text == "table[:, 1::2] = torch.cos(turns)[:, : table.size(1) // 2]"
    assert even.text == "width=16"
    assert Positions(width=16).table.shape == (50, 16)


def test_nothing_is_said_of_what_is_no_model():
    assert error_of(lambda: int("x")) is None
