"""Which networks a page computes, as what, and how the others are refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape
from cnnshape.rendering.live import chain as chain_module
from cnnshape.rendering.live.chain import chain_of


def steps(model, *shape: int):
    return chain_of(cnnshape.inspect(model, shape)).steps


def test_a_module_called_twice_is_two_steps_and_a_reshape_keeps_the_order() -> None:
    found = [(step.kind, step.name, step.output) for step in steps("basic-cnn", 1, 1, 28, 28)]
    assert found[3:7] == [
        ("conv", "conv2", (20, 8, 8)),
        ("max_pool", "pooling (2nd call)", (20, 4, 4)),
        ("relu", "relu", (20, 4, 4)),
        ("reshape", "view", (320,)),
    ]


def test_a_layer_says_how_its_size_follows() -> None:
    first = steps("lenet", 1, 1, 28, 28)[0]
    assert first.size == "⌊(28 + 2·2 − 1·(5 − 1) − 1)/1⌋ + 1 = 28"
    assert first.words == "Conv2d 5×5, 1→6, pad 2"
    assert dict(first.weights) == {"weight": "C1.weight", "bias": "C1.bias"}


@pytest.mark.filterwarnings("ignore:Using padding")
def test_padding_same_has_the_odd_column_at_the_end() -> None:
    (step,) = steps(nn.Conv2d(1, 1, (3, 4), padding="same", dilation=(2, 1)), 1, 1, 9, 9)
    assert step.arguments["padding"] == [2, 1]


def test_dropout_in_eval_is_no_step() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Dropout(), nn.Identity(), nn.ReLU())
    assert [step.kind for step in steps(model, 1, 1, 4, 4)] == ["conv", "relu"]


@pytest.mark.parametrize(("text", "scale"), [
    ("2 - x", -1.0), ("torch.rsub(x, 2)", -1.0), ("torch.rsub(x, 2, alpha=3)", -3.0)
])  # fmt: skip
def test_a_number_less_the_picture(text: str, scale: float) -> None:
    class Less(nn.Module):
        def forward(self, x):
            return eval(text, {"torch": torch, "x": x})

    (step,) = steps(Less(), 1, 1, 4, 4)
    assert (step.arguments["scale"], step.arguments["shift"]) == (scale, 2.0)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return F.relu(self.first(x)) + x


class Always(nn.Module):
    def forward(self, x):
        return F.dropout(x)


class Turned(nn.Module):
    def forward(self, x):
        return x.transpose(2, 3)


class Rounded(nn.Module):
    def forward(self, x):
        return torch.div(x, 2, rounding_mode="floor")


class Unbounded(nn.Module):
    def forward(self, x):
        return x.clamp(min=-float("inf"))


class Shifted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x + self.shift


class Halved(nn.Module):
    def forward(self, x):
        return x.half()


class Constant(nn.Module):
    def forward(self, x):
        return torch.ones(1, 3)


REFUSED = [
    (Residual(), "add at {file} reads the picture, and so does first"),
    (Always(), "dropout at {file} drops numbers at random, also in eval mode"),
    (
        Turned(),
        "transpose at {file} changes the order of the numbers, which a page does not follow",
    ),
    (Rounded(), "div at {file} rounds what it divides"),
    (Unbounded(), "clamp at {file} has min = -inf, which is no plain number"),
    (Shifted(), "add at {file} has other = a tensor, which is no plain number"),
    (Halved(), "half at {file} gives float16, and a page computes in float32"),
    (Constant(), "its result does not follow from the picture by a plain chain of layers"),
    (nn.Softmax(0), "softmax works across the batch"),
    (
        nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")),
        "0 (pad) is not an operation that a page can compute",
    ),
    (nn.Upsample(scale_factor=2), "interpolate is not an operation that a page can compute"),
    (
        nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False)),
        "0 (batch_norm) takes its mean and variance from the batch, not from what it has learned",
    ),
    (
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 1, 3))),
        "0 (conv2d) computes a weight from 0.parametrizations.weight.original1 anew",
    ),
]


@pytest.mark.parametrize(("model", "why"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_a_page_cannot_compute_is_refused_with_its_layer(model, why: str) -> None:
    with pytest.raises(cnnshape.UsageError) as caught:
        steps(model, 1, 1, 8, 8)
    before, _, after = why.partition("{file}")
    text = str(caught.value)
    assert text.startswith(f"a page cannot compute {type(model).__name__}: ")
    assert before in text
    assert after in text
    assert "\n" not in text


def test_a_picture_is_one_of_a_batch_of_one() -> None:
    with pytest.raises(cnnshape.UsageError, match=r"one picture, 1×C×H×W; lenet was given 2×1×28"):
        steps("lenet", 2, 1, 28, 28)


def test_a_network_beyond_the_stated_size_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(chain_module, "MOST_WEIGHTS", 61_705)
    with pytest.raises(cnnshape.UsageError, match=r"at most 61,705 .* lenet has 61,706"):
        steps("lenet", 1, 1, 28, 28)
    monkeypatch.setattr(chain_module, "MOST_WEIGHTS", 61_706)
    monkeypatch.setattr(chain_module, "MOST_MACS", 416_519)
    with pytest.raises(cnnshape.UsageError, match="lenet needs 416,520: give a smaller input"):
        steps("lenet", 1, 1, 28, 28)
