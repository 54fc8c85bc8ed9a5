"""Times per call, read from a clock that only the layers move."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.cli.main import run
from cnnshape.tracing.execute import Inputs
from cnnshape.tracing.stopwatch import time_calls


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Takes(nn.Module):
    """Takes so many milliseconds, in each pass the next of them, before the modules inside run."""

    def __init__(self, clock: Clock, *milliseconds: float, inside: nn.Module | None = None) -> None:
        super().__init__()
        self.clock, self.inside = clock, inside
        self.left = list(milliseconds)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.clock.seconds += (self.left.pop(0) if len(self.left) > 1 else self.left[0]) / 1000
        return x if self.inside is None else self.inside(x)


def times_of(model: nn.Module, clock: Clock, **options: object) -> dict[tuple[str, int], float]:
    inputs = Inputs((torch.zeros(1, 2),))
    times = time_calls(model, inputs, device="cpu", clock=clock, **options)  # type: ignore[arg-type]
    return {call: round(milliseconds, 6) for call, milliseconds in times.items()}


def test_a_calls_time_is_its_own_without_that_of_the_calls_inside() -> None:
    clock = Clock()
    model = Takes(clock, 5, inside=nn.Sequential(Takes(clock, 20), Takes(clock, 30)))
    expected = {("", 0): 5, ("inside", 0): 0, ("inside.0", 0): 20, ("inside.1", 0): 30}
    assert times_of(model, clock) == expected


def test_each_call_of_a_module_has_its_own_time() -> None:
    clock = Clock()
    twice = Takes(clock, 7)
    times = times_of(nn.Sequential(twice, nn.Identity(), twice), clock)
    assert times == {("", 0): 0, ("0", 0): 7, ("1", 0): 0, ("0", 1): 7}


def test_it_is_the_median_and_the_first_passes_only_warm_up() -> None:
    clock = Clock()
    # Two passes to warm up, and nine: 1 … 9, out of order, with one that took far too long.
    model = Takes(clock, 500, 400, 3, 1, 900, 2, 4, 6, 5, 8, 7)
    assert times_of(model, clock)[("", 0)] == 5


def test_a_slow_model_runs_five_times() -> None:
    clock = Clock()
    model = Takes(clock, 9000, 9000, 2000, 1000, 3000, 1)
    assert times_of(model, clock)[("", 0)] == 2000
    assert clock.seconds == 24


def test_what_a_gpu_does_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnshape.tracing import stopwatch

    clock = Clock()
    monkeypatch.setattr(
        torch.cuda, "synchronize", lambda _device: setattr(clock, "seconds", clock.seconds + 1)
    )
    now = stopwatch._waiting(clock, torch.device("cuda:0"))
    assert (now(), now()) == (1, 2)


def test_the_rows_add_up_to_the_total() -> None:
    report = cnnshape.inspect("lenet", time=True)
    times = [layer.time_ms for layer in report.layers]
    assert all(time is not None and time >= 0 for time in times)
    assert sum(times) == pytest.approx(report.totals.time_ms)  # type: ignore[arg-type]
    assert report.layers[0].subtree_time_ms == report.totals.time_ms
    assert report.to_dict()["layers"][1]["time_ms"] == times[1]


def test_nothing_is_timed_unless_asked_for() -> None:
    report = cnnshape.inspect("lenet")
    assert {layer.time_ms for layer in report.layers} == {None}
    assert report.totals.time_ms is None


def test_on_meta_nothing_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "lenet", "--time", "--device", "meta"]) == 2
    assert "on meta nothing is computed" in capsys.readouterr().err
    report = cnnshape.inspect("torchvision:vgg11", time=True)
    assert report.device == "meta"
    assert {layer.time_ms for layer in report.layers} == {None}
    assert [note for note in report.notes if "not timed: on meta" in note]


def test_letters_are_not_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "lenet", "--time", "-i", "1,1,H,W"]) == 2
    assert "known size" in capsys.readouterr().err


def test_a_model_that_differentiates_is_timed_with_gradients() -> None:
    class Slope(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.autograd.grad(self.fc(x).sum(), self.fc.weight)[0]

    report = cnnshape.inspect(Slope(), (3, 2), time=True)
    assert [layer.time_ms is not None for layer in report.layers] == [True, True]


def test_a_model_that_runs_only_once_says_so() -> None:
    class Once(nn.Module):
        runs: list[int] = []  # noqa: RUF012 - nobody can put it back

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.runs.append(1)
            if len(self.runs) > 1:
                raise ValueError("I have run")
            return x

    report = cnnshape.inspect(Once(), (1, 2), time=True)
    assert report.notes == ("not timed: the model raised when it ran again: I have run",)
    assert report.layers[0].time_ms is None
