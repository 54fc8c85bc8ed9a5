"""What a pass keeps alive, by hand: ten numbers of float32 are 40 bytes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from cnnshape.tracing.allocations import WorkspaceError, count_allocations
from cnnshape.tracing.execute import Inputs


def kept(model: nn.Module, x: torch.Tensor | None = None) -> dict[str, int]:
    """Bytes kept for the backward pass, or as a result, by the path of the module."""
    inputs = Inputs((torch.zeros(1, 10) if x is None else x,))
    found = count_allocations(model, inputs, training=True)
    return {path: size for (path, _call), size in found.kept.items()}


def ten(*others: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(10, 10), *others)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # Its result says where it was cut off, and the layer above needs nothing of its own.
        (nn.ReLU(), {"1": 40}),
        (nn.ReLU(inplace=True), {"0": 40}),
        (nn.Sigmoid(), {"1": 40}),
        (nn.Softmax(-1), {"1": 40}),
        # The slope at its input; the input was made by the layer above.
        (nn.GELU(), {"0": 40, "1": 40}),
        # Mean and inverse deviation of the one row.
        (nn.LayerNorm(10), {"0": 40, "1": 40 + 4 + 4}),
        # By what each number was multiplied.
        (nn.Dropout(0.5), {"1": 40 + 40}),
        (nn.Identity(), {"0": 40}),
        # A view has no memory of its own.
        (nn.Unflatten(1, (2, 5)), {"0": 40}),
        (nn.Linear(10, 5), {"0": 40, "1": 20}),
    ],
)
def test_what_a_layer_keeps(layer: nn.Module, expected: dict[str, int]) -> None:
    assert kept(ten(layer)) == expected


def test_a_batch_norm_keeps_its_input_and_two_numbers_per_channel() -> None:
    assert kept(ten(nn.BatchNorm1d(10)), torch.zeros(4, 10)) == {"0": 160, "1": 160 + 2 * 40}


def test_a_pooling_keeps_its_input_and_where_the_largest_were() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.MaxPool2d(2))
    # 2×4×4 numbers of 4 bytes; 2×2×2 results of 4 bytes and as many indices of 8.
    assert kept(net, torch.zeros(1, 1, 4, 4)) == {"0": 128, "1": 32 + 64}


def test_a_sum_keeps_nothing_and_a_product_both() -> None:
    class Two(nn.Module):
        def __init__(self, multiply: bool) -> None:
            super().__init__()
            self.multiply = multiply
            self.a, self.b = nn.Linear(10, 10), nn.Linear(10, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.a(x) * self.b(x) if self.multiply else self.a(x) + self.b(x)

    assert kept(Two(multiply=False)) == {"": 40}
    assert kept(Two(multiply=True)) == {"": 40, "a": 40, "b": 40}


def test_frozen_layers_keep_nothing_but_the_result() -> None:
    assert kept(ten(nn.GELU(), nn.Linear(10, 5)).requires_grad_(False)) == {"2": 20}


def test_recomputed_layers_keep_nothing() -> None:
    class Recomputed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.deep = nn.Linear(10, 10), ten(nn.GELU(), nn.Linear(10, 10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(self.deep, self.first(x), use_reentrant=False)  # type: ignore[no-any-return]

    assert kept(Recomputed()) == {"first": 40, "deep.2": 40}


def test_serving_lets_go_of_what_nobody_needs_any_more() -> None:
    net = nn.Sequential(*(nn.Linear(10, 10, bias=False) for _ in range(5)))
    found = count_allocations(net, Inputs((torch.zeros(1, 10),)))
    assert found.given == 5 * 400 + 40
    assert found.peak == found.given + 2 * 40  # one layer's input and its output
    assert found.peaks[("0", 0)] == found.given + 40
    assert found.peaks[("3", 0)] == found.given + 80
    assert found.kept == {("4", 0): 40}


def test_training_ends_with_all_gradients() -> None:
    net = nn.Sequential(nn.Linear(100, 100, bias=False))
    found = count_allocations(net, Inputs((torch.zeros(1, 100),)), training=True)
    # 40,000 bytes of weights, as many of gradients; 400 of the input and 400 of the output, and
    # the two numbers that the loss is made of, with the gradient of one.
    assert 80_800 <= found.peak <= 80_816


def test_a_tied_weight_counts_once() -> None:
    net = nn.Sequential(nn.Linear(10, 10, bias=False), nn.Linear(10, 10, bias=False))
    net[1].weight = net[0].weight
    assert count_allocations(net, Inputs((torch.zeros(1, 10),))).given == 400 + 40


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_model_is_pictured_where_it_is_not(device: str) -> None:
    net = nn.GRU(4, 8).to(device)
    numbers = 3 * (8 * 4 + 8 * 8 + 8 + 8)
    found = count_allocations(net, Inputs((torch.zeros(3, 1, 4, device=device),)), training=True)
    assert found.given == 4 * (numbers + 12)
    assert found.peak > 2 * 4 * numbers
    assert all(parameter.grad is None for parameter in net.parameters())


def test_a_workspace_of_unknown_size_is_not_taken_for_none() -> None:
    net, inputs = nn.LSTM(4, 8), Inputs((torch.zeros(3, 1, 4),))
    with pytest.raises(WorkspaceError, match="mkldnn_rnn_layer"):
        count_allocations(net, inputs, training=True)
    real = count_allocations(net, inputs, training=True, real=True)
    assert real.peak > count_allocations(net, inputs).peak + 4 * 4 * (8 * 4 + 8 * 8 + 8 + 8)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_hooks_for_a_training_of_the_users_own_do_not_run() -> None:
    ran: list[str] = []
    net = ten(nn.ReLU())
    net[0].register_full_backward_hook(lambda *_: ran.append("module"))
    net[0].weight.register_hook(lambda _: ran.append("tensor"))
    net[0].weight.register_post_accumulate_grad_hook(lambda _: ran.append("optimizer"))
    net[0].weight.grad = mine = torch.ones(10, 10)
    kept(net)
    assert ran == []
    assert net[0].weight.grad is mine
    net(torch.zeros(1, 10, requires_grad=True)).sum().backward()
    assert sorted(ran) == ["module", "optimizer", "tensor"]
