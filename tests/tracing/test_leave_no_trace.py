"""The model and the process are afterwards exactly as they were, whatever happened."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import random
import signal
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.stopwatch import time_calls


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


@pytest.mark.parametrize("end", ["return", "raise", "interrupt"])
def test_timing_leaves_nothing(end):
    model, inputs = Everything(end), Inputs((torch.randn(8, 4),))
    before = state_of(model)
    raises = {"raise": ValueError, "interrupt": KeyboardInterrupt}
    with pytest.raises(raises[end]) if end in raises else contextlib.nullcontext():
        time_calls(model, inputs, device="cpu", mode="train")
    assert_same(before, state_of(model))
    assert "forward" not in vars(model)


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


FLAGS = {
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "determinism": (
        torch.get_deterministic_debug_mode,
        lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    ),
    "cudnn benchmark": (
        lambda: torch.backends.cudnn.benchmark,
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
    ),
    "cudnn": (
        lambda: torch.backends.cudnn.enabled,
        lambda: setattr(torch.backends.cudnn, "enabled", False),
    ),
    "precision of products": (
        torch.get_float32_matmul_precision,
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "half products": (
        lambda: torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        lambda: setattr(
            torch.backends.cuda.matmul, "allow_bf16_reduced_precision_reduction", False
        ),
    ),
    "default dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "default device": (
        lambda: (torch.empty(0).device, len(torch.overrides._get_current_function_mode_stack())),
        lambda: torch.set_default_device("meta"),
    ),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "autocast": (
        lambda: (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        lambda: torch.autocast("cpu", torch.float16).__enter__(),
    ),
    "autocast left": (
        lambda: (torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()),
        lambda: torch.autocast("cpu").__enter__(),
    ),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.set_anomaly_enabled(True)),
    "attention": (
        torch.backends.cuda.math_sdp_enabled,
        lambda: torch.backends.cuda.enable_math_sdp(False),
    ),
    "fused attention": (
        torch.backends.mha.get_fastpath_enabled,
        lambda: torch.backends.mha.set_fastpath_enabled(False),
    ),
    "filters of warnings": (
        lambda: list(warnings.filters),
        lambda: warnings.simplefilter("ignore"),
    ),
    "caught warnings": (
        lambda: (id(warnings.filters), warnings.showwarning),
        lambda: warnings.catch_warnings(record=True).__enter__(),
    ),
    "stdout": (lambda: sys.stdout, lambda: setattr(sys, "stdout", io.StringIO())),
    "Ctrl-C": (
        lambda: signal.getsignal(signal.SIGINT),
        lambda: signal.signal(signal.SIGINT, lambda *_: None),
    ),
    "os._exit": (lambda: os._exit, lambda: setattr(os, "_exit", print)),
}


class Calls(nn.Module):
    """Does one thing in its forward."""

    def __init__(self, deed):
        super().__init__()
        self.deed = deed

    def forward(self, x):
        self.deed()
        return x * 2


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("device", ["cpu", "meta", "fake"])
def test_a_flag_that_the_forward_sets_is_put_back(flag, device):
    read, change = FLAGS[flag]
    before, inside = read(), []

    def deed():
        change()
        inside.append(read())

    record(Calls(deed), Inputs((torch.zeros(2),)), device=device)
    assert inside[0] != before
    assert read() == before


def test_measuring_receptive_fields_leaves_the_random_generators_alone():
    from cnnshape.experiments.measured_field import measure_fields
    from cnnshape.loading.prepare import prepare

    class Noisy(nn.Conv2d):
        def forward(self, x):
            torch.rand(1), random.random(), np.random.rand()
            return super().forward(x)

    model = nn.Sequential(Noisy(1, 1, 3), nn.Dropout())
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    assert measure_fields(prepare(model, (1, 1, 9, 9)))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_a_failure_while_noting_leaves_the_gradients(monkeypatch):
    """No memory is left for the copy of a buffer."""
    model = nn.BatchNorm1d(2)
    model.weight.grad = grad = torch.ones(2)

    def no_memory(_self):
        raise MemoryError

    monkeypatch.setattr(torch.Tensor, "clone", no_memory)
    with pytest.raises(MemoryError):
        record(model, Inputs((torch.zeros(2, 2),)))
    assert model.weight.grad is grad
