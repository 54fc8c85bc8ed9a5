"""The bundled networks against the sizes and counts of their published descriptions."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from cnnshape.models.basic_cnn import BasicCNN
from cnnshape.models.lenet import LeNet
from cnnshape.models.lenet_d2l import LeNetD2L
from cnnshape.models.lenet_nopad import LeNetNoPad
from cnnshape.models.mlp import MLP
from cnnshape.models.registry import bundled_models, find_bundled


@pytest.mark.parametrize(
    ("model", "params"),
    [(LeNet, 61_706), (LeNetD2L, 61_706), (LeNetNoPad, 44_426), (BasicCNN, 8_490), (MLP, 669_706)],
)
def test_parameter_counts(model: type[nn.Module], params: int) -> None:
    assert sum(p.numel() for p in model().parameters()) == params


@pytest.mark.parametrize("model", bundled_models(), ids=lambda m: m.name)
def test_registry_tells_the_truth(model) -> None:
    module = model.load_class()()
    assert sum(p.numel() for p in module.parameters()) == model.params
    assert module(torch.zeros(model.usual_input)).shape == (1, model.num_classes)
    assert find_bundled(model.name) is model


@pytest.mark.parametrize("model", bundled_models(), ids=lambda m: m.name)
def test_number_of_classes_can_be_set(model) -> None:
    assert model.load_class()(num_classes=47)(torch.zeros(3, 1, 28, 28)).shape == (3, 47)


def _shapes(model: nn.Module, shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    seen: list[tuple[str, tuple[int, ...]]] = []
    for name, module in model.named_modules():
        if not list(module.children()):
            module.register_forward_hook(
                lambda _m, _i, out, name=name: seen.append((name, tuple(out.shape[1:])))
            )
    model(torch.zeros(shape))
    return seen


def test_lenet_layer_by_layer() -> None:
    assert _shapes(LeNet(), (1, 1, 28, 28)) == [
        ("C1", (6, 28, 28)),
        ("R1", (6, 28, 28)),
        ("S1", (6, 14, 14)),
        ("C2", (16, 10, 10)),
        ("R2", (16, 10, 10)),
        ("S2", (16, 5, 5)),
        ("C3", (120, 1, 1)),
        ("R3", (120, 1, 1)),
        ("F4", (84,)),
        ("R4", (84,)),
        ("OUT", (10,)),
    ]


def test_lenet_d2l_layer_by_layer() -> None:
    shapes = dict(_shapes(LeNetD2L(), (1, 784)))
    assert shapes["0"] == (1, 28, 28)
    assert shapes["3"] == (6, 14, 14)
    assert shapes["6"] == (16, 5, 5)
    assert shapes["7"] == (400,)


def test_lenet_nopad_layer_by_layer() -> None:
    shapes = dict(_shapes(LeNetNoPad(), (1, 1, 28, 28)))
    assert shapes["conv.0"] == (6, 24, 24)
    assert shapes["conv.2"] == (6, 12, 12)
    assert shapes["conv.3"] == (16, 8, 8)
    assert shapes["conv.5"] == (16, 4, 4)


def test_lenet_nopad_takes_16_by_76() -> None:
    assert LeNetNoPad()(torch.zeros(1, 1, 16, 76)).shape == (1, 10)


def test_basic_cnn_calls_its_pooling_twice() -> None:
    assert [s for s in _shapes(BasicCNN(), (1, 1, 28, 28)) if s[0] == "pooling"] == [
        ("pooling", (10, 12, 12)),
        ("pooling", (20, 4, 4)),
    ]


def test_mlp_takes_three_pictures_without_channels() -> None:
    assert _shapes(MLP(), (3, 28, 28))[0] == ("flatten", (784,))


def test_registry_needs_no_torch() -> None:
    code = (
        "import sys; from cnnshape.models.registry import bundled_models; "
        "bundled_models(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
