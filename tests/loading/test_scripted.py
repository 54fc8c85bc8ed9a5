"""TorchScript archives, opened so that their layers can be watched."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import cnnshape
from cnnshape.loading.model import load
from cnnshape.loading.stored.scripted import opened


def helper(x: Tensor) -> Tensor:
    return torch.matmul(x, x.t())


class Turns(nn.Module):
    """A loop, branches, a tuple, a method of its own, a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.turns = 3

    def scaled(self, x: Tensor, by: float) -> Tensor:
        return x * by

    def forward(self, x: Tensor, flag: bool = False) -> tuple[Tensor, int]:
        if x.dim() != 2:
            raise ValueError(f"expected a matrix, got {x.dim()}")
        for turn in range(self.turns):
            x = self.fc(x) if turn % 2 == 0 else self.scaled(x, 0.5)
        if flag:
            x = torch.relu_(x)
        return x, x.size(0)


class Helped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return helper(x)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4, bias=False)
        self.two = nn.Linear(4, 4, bias=False)
        self.two.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x))


def saved(model: nn.Module, folder: Path, example: Tensor | None = None) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if example is None:
            module = torch.jit.script(model.eval())
        else:
            module = torch.jit.trace(model.eval(), example)
        torch.jit.save(module, folder / "net.pt")
    return folder / "net.pt"


@pytest.mark.parametrize("flag", [False, True])
def test_what_runs_is_what_torch_would_run(tmp_path: Path, flag: bool) -> None:
    file, x = saved(Turns(), tmp_path), torch.randn(5, 4)
    with torch.no_grad():
        result, size = load(str(file)).module(x, flag)
        expected, _ = torch.jit.load(file)(x, flag)
    assert torch.equal(result, expected)
    assert size == 5


def test_layers_and_their_calls(tmp_path: Path) -> None:
    report = cnnshape.inspect(str(saved(Turns(), tmp_path)), (5, 4))
    assert report.class_name == "Turns"
    assert [value.name for value in report.inputs] == ["x"]
    calls = [layer for layer in report.layers if layer.path == "fc"]
    # Turns 0 and 2; 5 rows of 4·4 each.
    assert [(layer.type, layer.macs) for layer in calls] == [("Linear", 80), ("Linear", 80)]
    assert report.totals.params == 20


def test_a_traced_layer_that_is_called_twice(tmp_path: Path) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.fc(x))

    report = cnnshape.inspect(str(saved(Twice(), tmp_path, torch.ones(5, 4))), (5, 4))
    calls = [layer for layer in report.layers if layer.path == "fc"]
    assert [(layer.call, layer.macs) for layer in calls] == [(0, 80), (1, 80)]


def test_a_tied_weight_counts_once(tmp_path: Path) -> None:
    report = cnnshape.inspect(str(saved(Tied(), tmp_path)), (5, 4))
    assert (report.totals.params, report.totals.macs) == (16, 160)


def test_what_the_model_raises_is_told(tmp_path: Path) -> None:
    report = cnnshape.inspect(str(saved(Turns(), tmp_path)), (5, 4, 4))
    assert report.error is not None
    assert "expected a matrix, got 3" in report.error.message


def test_missing_and_unknown_arguments(tmp_path: Path) -> None:
    module = load(str(saved(Turns(), tmp_path))).module
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        module()
    with pytest.raises(TypeError, match="unexpected keyword argument 'flags'"):
        module(torch.ones(5, 4), flags=True)


def test_a_function_of_the_authors_own_stays_closed_and_its_cost_is_known(tmp_path: Path) -> None:
    script = torch.jit.load(saved(Helped(), tmp_path))
    assert opened(script) is script
    report = cnnshape.inspect(str(tmp_path / "net.pt"), (5, 4))
    assert report.error is None
    assert report.totals.macs == 5 * 4 * 5
    assert report.outputs[0].shape == (5, 5)
