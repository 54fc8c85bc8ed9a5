"""``cnnshape.inspect`` in Python: what it takes, what it refuses, what it remarks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.errors import UsageError


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (None, "so try (1, 1, 28, 28)"),
        ((1.5, 2), "the size 1.5 in (1.5, 2) is no whole number: give sizes such as"),
        ((1, 1, 8.0, 8), "the size 8.0 in (1, 1, 8.0, 8) is no whole number"),
        ((True, 1, 8, 8), "the size True in"),
        (3, "the input is the number 3"),
        ((1, 1, -2, 8), "the size -2 in (1, 1, -2, 8) is negative"),
        (((1, 1, 8, 8), (1, 1)), "takes 1 input by position and 2 are given"),
        ({"a": (1, 2)}, "Sequential.forward(input) has no input 'a'"),
        ((), 'input is missing, add it with inputs={"input": SHAPE}'),
    ],
)
def test_inputs_that_cannot_be_are_refused_in_one_sentence(inputs: object, words: str) -> None:
    with pytest.raises(UsageError) as error:
        cnnshape.inspect(small(), inputs)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "test"}, "mode takes 'eval' or 'train', not 'test'"),
        ({"device": None}, "unknown device 'None': use auto"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"dtype": "float31"}, "unknown dtype 'float31'"),
        ({"dtype": torch.int64}, "--dtype takes a floating dtype"),
        ({"weights": "x.pt"}, "weights= is for a model given by name"),
    ],
)
def test_arguments_that_cannot_be(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(cnnshape.CnnshapeError) as error:
        cnnshape.inspect(small(), (1, 1, 8, 8), **arguments)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_a_class_is_not_a_model() -> None:
    with pytest.raises(UsageError, match=r"Conv2d is a class: give a model made of it"):
        cnnshape.inspect(nn.Conv2d, (1, 1, 8, 8))  # type: ignore[arg-type]


def test_sizes_of_numpy_and_torchs_own_names_are_taken() -> None:
    shape = np.zeros((1, 1, 8, 8)).shape
    counted = tuple(np.int64(size) for size in shape)
    report = cnnshape.inspect(small(), counted, device=torch.device("cpu"), dtype=torch.float64)
    assert report.outputs[0].shape == (1, 2, 6, 6)
    assert report.outputs[0].dtype == "float64"
    assert report.to_dict()["inputs"][0]["shape"] == [1, 1, 8, 8]
    assert type(report.inputs[0].shape[0]) is int


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, *x):
        yield self.fc(x[0])


class Forgot(Steps):
    def forward(self, x):
        self.fc(x)


class Mean(Steps):
    def forward(self, x):
        return self.fc(x).mean().item()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Steps, "Steps.forward returns a generator, whose body has not run"),
        (Forgot, "Forgot.forward returns None: is its return statement missing?"),
        (Mean, "Mean.forward returns a float, in which no tensor was found"),
    ],
)
def test_a_result_without_a_tensor_is_remarked(model: type[nn.Module], words: str) -> None:
    report = cnnshape.inspect(model(), (1, 4))
    assert report.error is None
    assert words in " ".join(report.notes)
    assert words in " ".join(str(report).split())


def test_an_input_that_nobody_named_is_not_called_input_twice() -> None:
    assert "input 1 1×4 float32" in str(cnnshape.inspect(Steps(), (1, 4)))


def test_torchscript_has_its_inputs_names_and_says_what_it_hides() -> None:
    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            return self.conv(picture)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.trace(Scale(), torch.zeros(1, 1, 8, 8))
    report = cnnshape.inspect(scripted, (1, 1, 8, 8))
    assert [row.name for row in report.inputs] == ["picture"]
    assert report.totals.macs == 36 * 9 * 2
    assert "its layers cannot be watched" in report.notes[0]


class Swap(nn.Module):
    def forward(self, x):
        return x.unflatten(1, (2, -1)).permute(0, 2, 1, 3)


class Halve(nn.Module):
    def forward(self, x):
        return x[:, ::2]


class Positive(nn.Module):
    def forward(self, x):
        return x[x > 0]


def test_layers_that_only_rearrange_are_not_held_for_uncovered() -> None:
    totals = cnnshape.inspect(nn.Sequential(Swap(), nn.Flatten()), (1, 6, 5)).totals
    assert (totals.match, totals.uncovered) == (2, 0)
    totals = cnnshape.inspect(nn.Sequential(Halve(), nn.ReLU()), (1, 6, 5)).totals
    assert (totals.match, totals.uncovered) == (1, 0)
    totals = cnnshape.inspect(nn.Sequential(Positive(), nn.ReLU()), (1, 6, 5)).totals
    assert (totals.match, totals.uncovered) == (0, 1)


def test_a_weight_norm_changes_no_size() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Conv1d(2, 4, 3))
    totals = cnnshape.inspect(nn.Sequential(layer, nn.ReLU()), (1, 2, 9)).totals
    assert (totals.match, totals.uncovered) == (1, 0)
