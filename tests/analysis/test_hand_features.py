"""Formulas for in_features, held against what real torch flattens, on numbers and in letters."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction as Q
from functools import cache

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.hand_formula import hand_formula
from cnnshape.analysis.report import Report
from cnnshape.errors import UsageError


class Net(nn.Module):
    """Two convolutions and poolings; the first linear layer gets what is flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 3, stride=2, padding=1), nn.MaxPool2d(2),
        )  # fmt: skip
        self.drop, self.fc1, self.fc2 = nn.Dropout(), nn.LazyLinear(8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.flatten(self.maps(x), 1)
        return self.fc2(torch.relu(self.fc1(self.drop(x))))


@cache
def maps(height: int, width: int) -> tuple[int, int]:
    """Height and width of what torch flattens."""
    return tuple(Net().maps(torch.zeros(1, 3, height, width)).shape[2:])  # type: ignore[return-value]


@cache
def report(height: int | str, width: int | str) -> Report:
    return cnnshape.inspect(Net(), (1, 3, height, width))


#: The text, and the same in Python for (C, H, W).
RULES: list[tuple[str, Callable[[int, int, int], Q | int]]] = [
    ("in_features = C*H*W", lambda c, h, w: c * h * w),
    ("in_features = 16*H_out*W_out", lambda c, h, w: 16 * h * w),
    ("in_features = 16*3*3", lambda c, h, w: 144),
    ("fc_in = H*W", lambda c, h, w: h * w),
    ("in_features = C*((H-4)//8)*((W-4)//8)", lambda c, h, w: c * ((h - 4) // 8) * ((w - 4) // 8)),
    (
        "in_features = 16*(((H-4)//2 + 1)//2//2)*(((W-4)//2 + 1)//2//2)",
        lambda c, h, w: 16 * (((h - 4) // 2 + 1) // 4) * (((w - 4) // 2 + 1) // 4),
    ),
    (
        "in_features = C*(((H-4)/2 + 1)/4)*(((W-4)/2 + 1)/4)",
        lambda c, h, w: c * (Q(h - 4, 2) + 1) / 4 * (Q(w - 4, 2) + 1) / 4,
    ),
    (
        "in_features = 16*floor((H-2)/8)*floor((W-2)/8)",
        lambda c, h, w: 16 * ((h - 2) // 8) * ((w - 2) // 8),
    ),
    ("in_features = 16*((H-2)//8)**2", lambda c, h, w: 16 * ((h - 2) // 8) ** 2),
    ("in_features = 3*H*W/64", lambda c, h, w: Q(3 * h * w, 64)),
    ("in_features = C*(H//8)*(W//8)", lambda c, h, w: c * (h // 8) * (w // 8)),
]  # fmt: skip
SIZES = [(26, 26), (28, 28), (31, 31), (32, 32), (34, 34), (28, 44), (32, 27)]


def holds(rule: Callable[[int, int, int], Q | int], height: int, width: int) -> bool:
    own = maps(height, width)
    return 16 * own[0] * own[1] in (rule(16, *own), rule(16, height, width))


@pytest.mark.parametrize(("text", "rule"), RULES, ids=[text for text, _ in RULES])
def test_a_formula_holds_where_torch_flattens_as_many(text, rule):
    for size in SIZES:
        (claim,) = hand_formula(report(*size), "linear", text)
        assert (claim.what, claim.path) == ("formula linear in_features", "fc1")
        assert claim.actual == (16 * maps(*size)[0] * maps(*size)[1],)
        assert claim.ok is holds(rule, *size), size


@pytest.mark.parametrize(("text", "rule"), RULES, ids=[text for text, _ in RULES])
def test_in_letters_it_holds_where_it_does_at_every_size(text, rule):
    (claim,) = hand_formula(report("H", "W"), "linear", text)
    grid = [(h, w) for h in range(10, 40) for w in range(10, 40) if min(maps_(h, w)) > 0]
    for reading in (lambda h, w: maps_(h, w), lambda h, w: (h, w)):
        everywhere = all(
            rule(16, *reading(h, w)) == 16 * maps_(h, w)[0] * maps_(h, w)[1] for h, w in grid
        )
        if everywhere:
            break
    assert claim.ok is everywhere


def maps_(height: int, width: int) -> tuple[int, int]:
    """The same by hand, for many sizes; it is held against torch below."""
    return (height - 2) // 8, (width - 2) // 8


@pytest.mark.parametrize("size", SIZES)
def test_the_sizes_by_hand_are_those_of_torch(size):
    assert maps(*size) == maps_(*size)


def test_the_note_says_whose_sizes_fit():
    own, whole = (
        hand_formula(report(28, 28), "linear", f"in_features = {text}")[0]
        for text in ("C*H*W", "16*((H-2)//8)*((W-2)//8)")
    )
    assert own.note == "with H and W of what is flattened"
    assert whole.note == ("with H and W of the model's input; letters in -i test it at every size")
    (constant,) = hand_formula(report(28, 28), "linear", "in_features = 144")
    assert (constant.ok, constant.note) == (True, "")


def test_the_smallest_size_where_it_is_wrong_is_one_that_the_model_takes():
    (claim,) = hand_formula(report("H", "W"), "linear", "in_features = C*(H//8)*(W//8)")
    assert not claim.ok
    # 10 is the smallest size that leaves anything, and 16 the first at which H // 8 is larger.
    assert "at H = 10, W = 16 it gives 32, the layer 16" in claim.note


def test_every_flatten_and_a_layer_that_raised():
    net = nn.Sequential(nn.Conv1d(2, 4, 3), nn.Flatten(), nn.Linear(30, 2))
    broken = cnnshape.inspect(net, (1, 2, 10))
    assert broken.error is not None
    (claim,) = hand_formula(broken, "linear", "in_features = C*(L - 2)")
    assert (claim.ok, claim.path, claim.actual) == (True, "2", (32,))
    (claim,) = hand_formula(broken, "flatten", "C*L")
    assert (claim.ok, claim.path, claim.what) == (True, "1", "formula flatten in_features")
    (claim,) = hand_formula(broken, "flatten", "C*H*W")
    assert (claim.ok, claim.expected) == (False, (None,))
    assert "the layer has no height" in claim.note


def test_what_cannot_be_tested_is_said():
    with pytest.raises(UsageError, match="write linear='in_features = …' or flatten='…'"):
        hand_formula(report(28, 28), "conv", "in_features = C*H*W")
    with pytest.raises(UsageError, match="no linear layer gets a flattened tensor in this model"):
        hand_formula(cnnshape.inspect(nn.Linear(3, 2), (1, 3)), "linear", "in_features = C*H*W")
    with pytest.raises(UsageError, match="no tensor is flattened in this model"):
        hand_formula(cnnshape.inspect(nn.Linear(3, 2), (1, 3)), "flatten", "C*H*W")
    with pytest.raises(UsageError, match="linear has no formula along one axis"):
        hand_formula(report(28, 28), "linear", "16*3*3")
