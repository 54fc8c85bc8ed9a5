"""The page computes what torch computes: every step, for many pictures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cnnshape.models.registry import bundled_models
from tests.rendering.live.page_answers import Case, answers, case, needs_node

pytestmark = needs_node

BUNDLED = {model.name: model for model in bundled_models()}


@pytest.fixture(scope="module")
def bundled() -> dict[str, tuple[Case, Any]]:
    """Twenty pictures through each bundled network."""
    torch.manual_seed(0)
    cases = [case(each.load_class()(), each.usual_input[1:], 20) for each in BUNDLED.values()]
    return dict(zip(BUNDLED, _asked(cases), strict=True))


def _asked(cases: list[Case]) -> list[tuple[Case, Any]]:
    return list(zip(cases, answers([each.question() for each in cases]), strict=True))


@pytest.mark.parametrize("name", BUNDLED)
def test_every_layer_of_the_bundled_networks(bundled, name: str) -> None:
    one, rows = bundled[name]
    one.compare(rows)


def randomly_normed(norm: nn.Module) -> nn.Module:
    for tensor in (*norm.parameters(), *norm.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 2.0)
    return norm


LAYERS = [
    nn.Conv2d(3, 6, (3, 2), stride=(2, 1), padding=(0, 2), dilation=(1, 3), groups=3),
    nn.Conv2d(3, 4, 4, padding="same", dilation=2, bias=False),
    nn.Conv2d(3, 4, 4, padding="valid", stride=3),
    nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
    nn.MaxPool2d((2, 3), dilation=2),
    nn.AvgPool2d(3, stride=2, padding=1),
    nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True),
    nn.AvgPool2d(4, stride=3, padding=2, ceil_mode=True, count_include_pad=False),
    nn.AvgPool2d(2, divisor_override=3),
    nn.AdaptiveAvgPool2d((4, 3)),
    nn.AdaptiveMaxPool2d((None, 3)),
    randomly_normed(nn.BatchNorm2d(3)),
    nn.BatchNorm2d(3, affine=False),
    randomly_normed(nn.GroupNorm(1, 3)),
    randomly_normed(nn.InstanceNorm2d(3, affine=True)),
    nn.InstanceNorm2d(3),
    randomly_normed(nn.InstanceNorm2d(3, track_running_stats=True)),
    randomly_normed(nn.LayerNorm((9, 10))),
    nn.LayerNorm(10, elementwise_affine=False),
    nn.LocalResponseNorm(2, alpha=0.5, k=2.0),
    nn.Linear(10, 4, bias=False),
    nn.Softmax2d(),
    nn.LogSoftmax(dim=-1),
    nn.Softmin(dim=2),
    nn.ReLU(inplace=True), nn.ReLU6(), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Mish(), nn.SELU(),
    nn.Softsign(), nn.Tanhshrink(), nn.Hardsigmoid(), nn.Hardswish(), nn.LogSigmoid(),
    nn.LeakyReLU(0.2), nn.ELU(0.7), nn.CELU(0.7), nn.Softplus(2, 1.5), nn.Hardshrink(0.3),
    nn.Softshrink(0.3), nn.Threshold(0.1, 20), nn.Hardtanh(-0.2, 0.3), nn.GELU(),
    nn.GELU("tanh"), nn.RReLU(), nn.PReLU(), nn.PReLU(3, init=0.4),
    nn.Unflatten(1, (1, 3)), nn.Flatten(2),
]  # fmt: skip


@pytest.fixture(scope="module")
def layers() -> list[tuple[Case, Any]]:
    """Two pictures through each kind of layer."""
    return _asked([case(nn.Sequential(layer), (3, 9, 10), 2) for layer in LAYERS])


@pytest.mark.parametrize("which", range(len(LAYERS)), ids=map(str, LAYERS))
def test_each_kind_of_layer(layers, which: int) -> None:
    one, rows = layers[which]
    one.compare(rows)


class Functions(nn.Module):
    """A forward that calls functions, and computes with numbers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(4, 5)

    def forward(self, x):
        x = 1.7159 * torch.tanh(self.conv((x - 0.5) / 0.25) * (2 / 3))
        x = (3 - x).clamp(min=0.5).sub(0.1, alpha=2) + 1
        x = x.mean((2, 3)).squeeze()
        return self.linear(x).softmax(0)


def test_a_forward_of_functions() -> None:
    torch.manual_seed(0)
    ((one, rows),) = _asked([case(Functions(), (3, 9, 10), 2)])
    one.compare(rows)
