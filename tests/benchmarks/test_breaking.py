"""The sweep's own judgement, held against corrections whose worth is known."""

from __future__ import annotations

import copy
import linecache
import random

import pytest
import torch
from torch import nn

from tests.benchmarks.breaking.broken import Broken
from tests.benchmarks.breaking.layer_breaks import layer_breaks
from tests.benchmarks.breaking.line_breaks import line_breaks
from tests.benchmarks.breaking.networks import Network
from tests.benchmarks.breaking.sources import source_of
from tests.benchmarks.breaking.verdict import Whole, judged, run


class Small(nn.Module):
    """A picture of 3×8×8; the × stands here because ast counts bytes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(144, 5)

    def forward(self, x):
        x = self.norm(self.conv(x))
        """×"""
        x = torch.flatten(x, 1)
        return self.head(x)


@pytest.fixture
def whole():
    return Whole.of(Network("small", Small, (3, 8, 8)))


def told(text, path, action="set_argument", before=None, after=None, then=(), argument=None):
    return {
        "action": action,
        "text": text,
        "path": path,
        "argument": argument,
        "from": before,
        "to": after,
        "then": list(then),
    }


def wider(whole):
    model = copy.deepcopy(whole.model)
    model.conv = nn.Conv2d(3, 6, 3)
    return Broken("layer", "channels out", "conv.out_channels 4 → 6", model)


NORM = told("nn.BatchNorm2d(6)", "norm", argument="num_features")
HEAD = told("nn.Linear(in_features=216, out_features=5)", "head", argument="in_features")


@pytest.mark.parametrize(
    ("correction", "word"),
    [
        (told("nn.Conv2d(3, 4, 3)", "conv", argument="out_channels"), "inverse"),
        ({**NORM, "then": [HEAD]}, "several"),
        (NORM, "fails"),
        (told("nn.Conv2d(…)", "conv", action="nobody knows"), "untold"),
    ],
)
def test_corrections_of_a_layer(whole, correction, word):
    assert judged(wider(whole), whole, correction, 0).word == word


def broken_line(whole, wanted, new):
    """The break of that kind in which ``new`` stands."""
    for kind, draw in line_breaks(whole.model):
        if kind == wanted:
            broken = draw(random.Random(0))
            if new in broken.words.partition(" → ")[2]:
                return broken
    raise AssertionError(f"nothing of {wanted} has {new}")


def test_corrections_of_a_line(whole):
    broken = broken_line(whole, "another dim", "torch.flatten(x, 0)")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        run(broken.model, torch.zeros(2, 3, 8, 8))
    back = told(
        "torch.flatten(x, 1)", "", "change_call", "torch.flatten(x, 0)", "torch.flatten(x, 1)"
    )
    assert judged(broken, whole, back, 0).word == "inverse"
    swallowed = told("nn.Linear(in_features=288, out_features=5)", "head", argument="in_features")
    verdict = judged(broken, whole, swallowed, 0)
    assert (verdict.word, verdict.right) == ("fails", False)
    assert "[(5,)] instead of [(2, 5)]" in verdict.why


def test_a_broken_class_has_a_file(whole):
    broken = broken_line(whole, "layer misspelt", "self.hed(x)")
    cls = type(broken.model)
    assert "self.hed(x)" in source_of(cls)
    assert "self.hed(x)" in "".join(linecache.getlines(cls.forward.__code__.co_filename))
    assert "self.head(x)" in source_of(Small)


def test_the_working_network_is_left_alone(whole):
    before = {path: repr(module) for path, module in whole.model.named_modules()}
    drawn = [draw(random.Random(1)) for _, draw in layer_breaks(whole.model)]
    assert sum(broken is not None for broken in drawn) >= 6
    assert {path: repr(module) for path, module in whole.model.named_modules()} == before
