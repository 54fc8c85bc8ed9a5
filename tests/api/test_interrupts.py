"""Ctrl-C at any moment of any call leaves the model, the process and the folder as they were."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.experiments.measured_field import measure_fields
from cnnshape.loading.prepare import prepare

#: Timed interrupts per call: over two thousand in all.
ROUNDS = 330


class Net(nn.Module):
    """Writes into itself and its surroundings, as forwards do."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(16, 3)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        with torch.autocast("cpu", enabled=False), torch.device("cpu"):
            noise = torch.rand(1, device=x.device)
        random.random(), np.random.rand()
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.set_num_threads(1)
        return self.fc(self.drop(self.pool(self.features(x + noise)).flatten(1)))


class Tight(nn.Module):
    """Takes one size alone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(2 * 6 * 6, 3)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def lived(model: nn.Module) -> nn.Module:
    """As a model is in the middle of a training: gradients, hooks, mixed modes, a patched call."""
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    next(model.parameters()).requires_grad_(False)
    model.train()
    first = next(model.children())
    first.eval()
    first.register_forward_hook(lambda *_: None)
    first.forward = first.forward
    return model


def explained(net: nn.Module) -> None:
    """Ctrl-C during the trials ends them alone, and is seen by what was not tried."""
    error = cnnshape.explain_error(net, torch.zeros(1, 1, 9, 9)).error
    assert error is not None
    if not any(suggestion.verified for suggestion in error.suggestions):
        raise KeyboardInterrupt


CALLS = {
    "inspect": (Net, lambda net, _: cnnshape.inspect(net, (2, 1, 8, 8))),
    "inspect on meta": (Net, lambda net, _: cnnshape.inspect(net, (2, 1, 8, 8), device="meta")),
    "letters": (Net, lambda net, _: cnnshape.inspect(net, ("N", 1, "H", 8))),
    "draw": (Net, lambda net, to: cnnshape.draw(net, (1, 1, 8, 8), to / "net.svg")),
    "check": (
        Net,
        lambda net, _: cnnshape.check(net, (1, 1, 8, 8), expect={"fc": (1, 3)}, mode="train"),
    ),
    "sizes": (Tight, lambda net, _: cnnshape.sizes(net, (1, 1, "H", "H"), range=(1, 12))),
    "explain": (Tight, lambda net, _: explained(net)),
    "field": (Net, lambda net, _: measure_fields(prepare(net, (1, 1, 8, 8)))),
}


def state_of(model: nn.Module, folder: Path) -> dict[str, object]:
    def content(tensor):
        return None if tensor is None else (id(tensor), tensor.detach().numpy().tobytes())

    return {
        "registries": {
            (path, name): list(value.items())
            for path, module in model.named_modules()
            for name, value in vars(module).items()
            if isinstance(value, dict) and name not in ("_parameters", "_buffers")
        },
        "attributes": {
            (path, name): value
            for path, module in model.named_modules()
            for name, value in vars(module).items()
            if not isinstance(value, dict)
        },
        "parameters": {
            name: (content(p), content(p.grad), p.requires_grad)
            for name, p in model.named_parameters()
        },
        "buffers": {name: content(buffer) for name, buffer in model.named_buffers()},
        "random": (
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),
        ),
        "flags": (
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.backends.mha.get_fastpath_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.empty(0).device,
        ),
        "modes": [id(mode) for mode in torch.overrides._get_current_function_mode_stack()],
        "functions are seen": (
            torch._C._is_torch_function_enabled(),
            torch._C._is_torch_function_all_disabled(),
        ),
        "dispatchers": torch._C._len_torch_dispatch_stack(),
        "handlers": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM)],
        "process": (Path.cwd(), sys.path[:], sys.argv[:], sys.stdout, sys.stderr, os._exit),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "files": sorted(path.name for path in folder.iterdir() if path.name != "net.svg"),
    }


def differences(before: dict[str, object], after: dict[str, object]) -> list[str]:
    return [name for name, value in before.items() if after[name] != value]


def lines_of(call) -> int:
    """How many lines of cnnshape, contextlib and torch's modes run during a call."""
    seen = 0

    def watch(frame, event, _argument):
        nonlocal seen
        seen += event == "line"
        return watch if _is_ours(frame) else None

    _traced(call, watch)
    return seen


def interrupt_at(line: int, call) -> bool:
    """Ctrl-C when that many lines have run; whether it came through."""
    seen = 0

    def watch(frame, event, _argument):
        nonlocal seen
        seen += event == "line"
        if event == "line" and seen == line:
            signal.raise_signal(signal.SIGINT)
        return watch if _is_ours(frame) else None

    try:
        _traced(call, watch)
    except KeyboardInterrupt:
        return True
    return False


def _is_ours(frame) -> bool:
    name = frame.f_code.co_filename
    return "cnnshape" in name or name.endswith(
        ("contextlib.py", "overrides.py", "grad_mode.py", "_device.py", "warnings.py")
    )


def _traced(call, watch) -> None:
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        call()
    finally:
        sys.settrace(before)


@pytest.fixture(params=list(CALLS))
def call(request, tmp_path):
    """A model that has lived, and one call of the interface with it."""
    make, run = CALLS[request.param]
    model = lived(make())
    run(model, tmp_path)  # what is imported at the first time is imported now
    return model, lambda: run(model, tmp_path), tmp_path


def _swept(call, times: int) -> None:
    model, run, folder = call
    lines = lines_of(run)
    drawn = random.Random(3)
    before = state_of(model, folder)
    came = 0
    for step in sorted(drawn.sample(range(1, lines), min(times, lines - 1))):
        came += interrupt_at(step, run)
        assert differences(before, state_of(model, folder)) == [], f"line {step} of {lines}"
    assert came >= min(times, lines - 1) - 2  # the last lines may put a handler back


def test_ctrl_c_at_some_lines_leaves_no_trace(call):
    _swept(call, 12)


@pytest.mark.slow
def test_ctrl_c_at_many_lines_leaves_no_trace(call):
    _swept(call, 250)


class Alarms:
    """Sends Ctrl-C at a random time, and once more while the first is on its way out."""

    def __init__(self, lasts: float):
        self.lasts = lasts
        self.drawn = random.Random(4)
        self.left = 0

    def __call__(self, *_):
        if self.left:
            self.left -= 1
            if self.left:
                signal.setitimer(signal.ITIMER_REAL, self.drawn.uniform(1e-5, 2e-3))
            signal.raise_signal(signal.SIGINT)

    def interrupt(self, run) -> bool:
        """Whether an interrupt came through."""
        try:
            try:
                self.left = 2
                signal.setitimer(signal.ITIMER_REAL, self.drawn.uniform(1e-5, self.lasts))
                run()
                return False
            finally:
                self.left = 0
        except KeyboardInterrupt:
            self.left = 0
            return True


@pytest.mark.slow
def test_ctrl_c_at_any_time_and_once_more_leaves_no_trace(call):
    model, run, folder = call
    started = time.perf_counter()
    run()
    alarms = Alarms(time.perf_counter() - started)
    before_alarms = signal.signal(signal.SIGALRM, alarms)
    came = 0
    try:
        before = state_of(model, folder)
        for _ in range(ROUNDS):
            try:
                came += alarms.interrupt(run)
            except KeyboardInterrupt:  # the second, within the lines that stop the alarms
                came += 1
            assert differences(before, state_of(model, folder)) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before_alarms)
    assert came > ROUNDS / 2
    print(f"{came} interrupted")


class Halfway(nn.Module):
    """Ctrl-C while torch has the mode off its stack for a call, at the beginning of a ``with``."""

    def __init__(self, *, entered):
        super().__init__()
        self.entered = entered

    def forward(self, x):
        if self.entered:
            around = [torch.overrides._pop_mode_temporarily()]
            around[0].__enter__()
            around.append(around)  # so that it ends with a collection of garbage
        else:
            torch.overrides._pop_mode()
        raise KeyboardInterrupt


@pytest.mark.parametrize("entered", [True, False])
def test_what_was_interrupted_halfway_changes_nothing_later(entered):
    with pytest.raises(KeyboardInterrupt):
        cnnshape.inspect(Halfway(entered=entered), (1, 3))
    gc.collect()
    assert torch.overrides._get_current_function_mode_stack() == []
