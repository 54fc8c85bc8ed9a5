"""Multiply-accumulates of the backward pass, by hand and as torch counts what really ran."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import cnnshape


def backward_macs(model: nn.Module, x: torch.Tensor) -> int | str | None:
    return cnnshape.inspect(model, x).totals.backward_macs


def counted(model: nn.Module, x: torch.Tensor) -> int:
    """Torch counts 2 FLOPs per multiply-accumulate of every kernel."""
    result = model.eval()(x)
    with FlopCounterMode(display=False) as counter:
        result.sum().backward()
    return counter.get_total_flops() // 2


class Products(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.fixed = nn.Linear(8, 8).requires_grad_(False)
        self.up = nn.ConvTranspose1d(4, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x) @ self.b(x).transpose(-1, -2)
        y = y @ torch.ones(4, 8)
        y = torch.baddbmm(y, self.a(y).detach()[:, :, :4], self.fixed(self.b(y)))
        return self.up(y) + x.matmul(torch.ones(8, 10)).sum()


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3, groups=1), nn.ReLU(), nn.Conv2d(4, 4, 3)), (2, 3, 8, 8)),
        (Products(), (2, 4, 8)),
        (torchvision.models.resnet18(), (1, 3, 64, 64)),
    ],
)
def test_it_is_what_torch_counts(model: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert backward_macs(model, x) == counted(model, x)


def test_groups_are_as_many_products_as_in_the_forward() -> None:
    """By hand: torch's own counter takes the gradient of a grouped weight for that of a whole."""
    net = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 8, 3, stride=2))
    # 7·7 positions × 4 filters × 2·3·3, once; 3·3 positions × 8 filters × 4·3·3, twice.
    assert backward_macs(net, torch.zeros(1, 4, 9, 9)) == 49 * 4 * 18 + 2 * 9 * 8 * 36


def test_what_is_written_into_keeps_its_other_gradients() -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x).clone()
            y[:, :4] = self.b(x)
            y[:, 4:].mul_(2)
            return y

    net, x = Writes(), torch.randn(2, 8)
    assert backward_macs(net, x) == counted(net, x) == 2 * 64 + 2 * 32


def test_the_first_layer_and_a_frozen_one_need_one_product() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(2, 5))
    report = cnnshape.inspect(net, (1, 4))
    assert [layer.backward_macs for layer in report.layers] == [0, 12, 12, 20]
    net[1].requires_grad_(False)
    report = cnnshape.inspect(net, (1, 4))
    assert [layer.backward_macs for layer in report.layers] == [0, 12, 6, 20]
    net[0].requires_grad_(False)
    report = cnnshape.inspect(net, (1, 4))
    assert [layer.backward_macs for layer in report.layers] == [0, 0, 0, 10]
    assert report.to_dict()["totals"]["backward_macs"] == 10


def test_attention_has_four_products_where_the_forward_has_two() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q = self.q(x)
            return F.scaled_dot_product_attention(q, q, q)

    # 5 rows of 8: the layer 320 and, for its weight alone, 320 back; 2·5·5·8 and twice that.
    assert backward_macs(Attention(), torch.zeros(1, 5, 8)) == 320 + 2 * 400


def test_letters_and_what_is_unknown() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 1))
    report = cnnshape.inspect(net, (1, 1, "H", "W"))
    assert report.totals.macs == "20*H*W"
    assert report.totals.backward_macs == "22*H*W"  # 18 for the first weight, 2·2 for the second

    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0]

    assert backward_macs(Half(), torch.zeros(3, 1, 4)) is None  # the input needs no gradient


def test_there_is_no_way_back_from_a_failure() -> None:
    report = cnnshape.inspect(nn.Sequential(nn.Linear(4, 3), nn.Linear(2, 2)), (1, 4))
    assert report.totals.macs == 12
    assert report.totals.backward_macs is None


def test_numbers_changed_behind_a_gradients_back_do_not_stop_it() -> None:
    class Scales(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.a(x)
            y.detach().mul_(2)
            return y

    net, x = Scales(), torch.randn(2, 8)
    assert backward_macs(net, x) == counted(net, x) == 2 * 64
