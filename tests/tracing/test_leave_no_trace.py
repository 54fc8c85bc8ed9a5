"""The model and the process are afterwards exactly as they were, whatever happened."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from cnnshape.tracing.execute import Inputs, record


class Everything(nn.Module):
    """Does all the things a forward pass can do to its surroundings."""

    def __init__(self, end: str = "return"):
        super().__init__()
        self.end = end
        self.norm = nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 4)
        self.register_buffer("count", torch.zeros(1))
        self.calls = 0
        self.history = None

    def forward(self, x):
        self.calls += 1
        self.history = x
        self.count += 1
        self.fc.weight.data.mul_(2)
        self.fc.bias.mul_(3)
        self.register_buffer("fresh", x)
        self.fc.register_forward_hook(lambda *_: None)
        torch.rand(3), random.random(), np.random.rand()
        y = self.fc(self.norm(x))
        self.train(not self.training)
        if self.end == "raise":
            raise ValueError("on purpose")
        if self.end == "interrupt":
            raise KeyboardInterrupt
        return y


def state_of(model: nn.Module):
    return {
        "attributes": {
            path: {
                name: value
                for name, value in vars(module).items()
                if not isinstance(value, dict | set) and not name.startswith("_")
            }
            for path, module in model.named_modules()
        },
        "registries": {
            (path, name): list(value)
            for path, module in model.named_modules()
            for name, value in vars(module).items()
            if isinstance(value, dict | set)
        },
        "tensors": {name: value.clone() for name, value in model.state_dict().items()},
        "identities": [id(p) for p in model.parameters()],
        "grads": [p.grad for p in model.parameters()],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()),
        "flags": (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()),
        "modes": len(torch.overrides._get_current_function_mode_stack()),
    }


def assert_same(one, other):
    assert one["attributes"] == other["attributes"]
    assert one["registries"] == other["registries"]
    assert one["identities"] == other["identities"]
    assert one["grads"] == other["grads"]
    assert one["flags"] == other["flags"]
    assert one["modes"] == other["modes"]
    assert list(one["tensors"]) == list(other["tensors"])
    for name, value in one["tensors"].items():
        assert torch.equal(value, other["tensors"][name]), name
    assert torch.equal(one["random"][0], other["random"][0])
    assert one["random"][1:] == other["random"][1:]


@pytest.mark.parametrize("device", ["cpu", "meta", "fake"])
@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("end", ["return", "raise", "interrupt"])
def test_nothing_is_left(end, mode, device):
    model = Everything(end)
    model.norm.eval()
    inputs = Inputs((torch.randn(8, 4),))
    before = state_of(model)
    if end == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            record(model, inputs, device=device, mode=mode)
    else:
        recorded = record(model, inputs, device=device, mode=mode)
        assert (recorded.exception is None) == (end == "return"), recorded.exception
    assert_same(before, state_of(model))
    assert "forward" not in vars(model)
    assert "_compiled_call_impl" not in vars(model)


def test_an_interceptor_of_the_user_comes_back():
    model = nn.Linear(2, 2)
    model.forward = lambda x: x * 2
    mine = model.forward
    record(model, Inputs((torch.zeros(1, 2),)))
    assert model.forward is mine


@pytest.mark.torchvision
def test_the_recorded_run_returns_exactly_what_the_plain_run_returns():
    import torchvision

    cases = [
        (torchvision.models.resnet18(weights=None), torch.randn(2, 3, 64, 64)),
        (torchvision.models.mobilenet_v3_small(weights=None), torch.randn(1, 3, 64, 64)),
        (torchvision.models.vit_b_16(weights=None, image_size=32), torch.randn(1, 3, 32, 32)),
        (nn.LSTM(4, 8, 2), torch.randn(5, 2, 4)),
    ]
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        for model, x in cases:
            model.eval()
            with torch.no_grad():
                plain = model(x)
            recorded = record(model, Inputs((x,))).output
            for one, other in zip(flat(plain), flat(recorded), strict=True):
                assert torch.equal(one, other), type(model).__name__
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_random_models_return_the_same_from_the_same_seed():
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5)).train()
    x = torch.randn(4, 8)
    torch.manual_seed(3)
    with torch.no_grad():
        plain = copy.deepcopy(model)(x)
    torch.manual_seed(3)
    assert torch.equal(record(model, Inputs((x,)), mode="train").output, plain)


def flat(thing):
    if isinstance(thing, torch.Tensor):
        return [thing]
    return [t for item in thing for t in flat(item)]
