"""One unit, worked out: what it sees, the sum, and the part of the picture behind it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.unit_field import unit_field
from cnnshape.models.registry import find_bundled
from cnnshape.rendering.live.weights import packed
from tests.rendering.live.page_answers import (
    Case,
    answers,
    carried,
    case,
    needs_node,
    torch_results,
)

pytestmark = needs_node


def units(one: Case, which: list[tuple[int, int]]) -> list[dict[str, Any]]:
    (found,) = answers([
        {
            "ask": "units",
            "chain": one.chain.to_dict(),
            "weights": carried(one.model, one.chain),
            "picture": packed({"x": one.pictures[0]}),
            "which": which,
        }
    ])  # fmt: skip
    return found


def test_a_convolution_by_hand() -> None:
    conv = nn.Conv2d(1, 1, 3, padding=1)
    conv.load_state_dict({
        "weight": torch.arange(1.0, 10).view(1, 1, 3, 3), "bias": torch.tensor([0.5])
    })  # fmt: skip
    one = case(nn.Sequential(conv), (1, 5, 5), 1)
    one.pictures[0] = torch.arange(25.0).view(1, 5, 5)
    corner, middle = units(one, [(0, 0), (0, 12)])
    # The upper left corner sees 0 1 / 5 6 under the kernel's 5 6 / 8 9.
    assert corner["places"] == [-1, -1, -1, -1, 0, 1, -1, 5, 6]
    assert corner["sum"] == 0 * 5 + 1 * 6 + 5 * 8 + 6 * 9
    assert (corner["bias"], corner["value"]) == (0.5, 100.5)
    assert corner["field"] == [[0, 1], [0, 1]]
    assert middle["values"] == [6, 7, 8, 11, 12, 13, 16, 17, 18]
    assert middle["sum"] == 6 + 14 + 24 + 44 + 60 + 78 + 112 + 136 + 162
    assert middle["field"] == [[1, 3], [1, 3]]


def test_pooling_and_a_linear_layer_by_hand() -> None:
    linear = nn.Linear(2, 1)
    linear.load_state_dict({"weight": torch.tensor([[2.0, -3.0]]), "bias": torch.tensor([1.0])})
    model = nn.Sequential(
        nn.MaxPool2d(2), nn.AvgPool2d((1, 2), padding=(0, 1)), nn.Flatten(), linear
    )
    one = case(model, (1, 2, 4), 1)
    one.pictures[0] = torch.tensor([[[1.0, 5, 2, 0], [3, 4, 8, 7]]])
    largest, average, flat, last = units(one, [(0, 1), (1, 0), (2, 1), (3, 0)])
    assert (largest["how"], largest["values"], largest["value"]) == ("largest", [2, 0, 8, 7], 8)
    # Half of the first window is padding, which counts: (0 + 5) / 2.
    assert (average["places"], average["sum"], average["divisor"]) == ([-1, 0], 5, 2)
    assert average["value"] == 2.5
    assert flat["value"] == 4.0
    assert flat["field"] == [[0, 1], [2, 3]]
    assert last["values"] == [2.5, 4.0]
    assert (last["sum"], last["bias"], last["value"]) == (-7.0, 1.0, -6.0)
    assert last["field"] == [[0, 1], [0, 3]]


def test_a_linear_layer_over_the_rows_of_maps_by_hand() -> None:
    linear = nn.Linear(2, 2, bias=False)
    linear.load_state_dict({"weight": torch.tensor([[1.0, 10.0], [100.0, 1000.0]])})
    one = case(nn.Sequential(linear), (1, 2, 2), 1)
    one.pictures[0] = torch.tensor([[[1.0, 2], [3, 4]]])
    (found,) = units(one, [(0, 3)])  # the second feature of the second row
    assert (found["places"], found["weights"]) == ([2, 3], [100, 1000])
    assert (found["bias"], found["value"]) == (None, 4300)


def mixed() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=2, dilation=2, groups=2), nn.BatchNorm2d(6), nn.PReLU(6),
        nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        nn.Conv2d(6, 4, 3, stride=2, padding=1), nn.GroupNorm(2, 4), nn.GELU(),
        nn.AdaptiveMaxPool2d((3, 2)), nn.LocalResponseNorm(3), nn.Flatten(), nn.Linear(24, 5),
        nn.Softmax(1),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["lenet", "lenet-d2l", "mixed"])
def test_every_step_is_worked_out_to_what_torch_gives(name: str) -> None:
    torch.manual_seed(0)
    bundled = find_bundled(name)
    model = bundled.load_class()() if bundled else mixed()
    one = case(model, bundled.usual_input[1:] if bundled else (2, 17, 15), 1)
    results = torch_results(one.model, one.pictures[0])
    which = [
        (n, at)
        for n, result in enumerate(results)
        for at in {0, result.numel() // 3, result.numel() // 2, result.numel() - 1}
    ]
    for (n, at), found in zip(which, units(one, which), strict=True):
        right = float(results[n].flatten()[at])
        assert found["value"] == pytest.approx(right, abs=1e-4, rel=1e-3), one.chain.steps[n]
        if found["how"] == "sum":
            products = [a * b for a, b in zip(found["values"], found["weights"], strict=True)]
            assert sum(products) == pytest.approx(found["sum"], abs=1e-9)
            assert found["sum"] + (found["bias"] or 0) == pytest.approx(found["value"], abs=1e-9)


@pytest.mark.parametrize(("name", "layers"), [("lenet", "C1 S1 C2 S2 C3"), ("mixed", "0 3 4")])
def test_the_field_is_that_of_the_report(name: str, layers: str) -> None:
    bundled = find_bundled(name)
    model = bundled.load_class()() if bundled else mixed()
    one = case(model, bundled.usual_input[1:] if bundled else (2, 17, 15), 1)
    trace = cnnshape.inspect(one.model, (1, *one.pictures.shape[1:])).trace
    asked = []
    for path in layers.split():
        n = next(n for n, step in enumerate(one.chain.steps) if step.name == path)
        _, height, width = one.chain.steps[n].output
        places = {(0, 0), (height // 2, width // 3), (height - 1, width - 1)}
        asked += [(path, (row, column), (n, row * width + column)) for row, column in places]
    for (path, unit, _), found in zip(asked, units(one, [at for *_, at in asked]), strict=True):
        right = unit_field(trace, path, unit)
        assert [tuple(span) for span in found["field"]] == list(right.inside), (path, unit)
