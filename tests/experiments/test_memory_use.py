"""Memory of serving and training, held against torch's own memory tracker."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

import cnnshape
from cnnshape.cli.main import run
from cnnshape.loading.prepare import prepare

_NAMES = (
    *("mobilenet_v3_small", "vit_b_16"),
    *("alexnet", "vgg11", "vgg16_bn", "resnet18", "resnet50", "resnext50_32x4d", "densenet121"),
    *("squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0", "efficientnet_b0", "mnasnet1_0"),
    *("regnet_y_400mf", "convnext_tiny", "swin_t", "wide_resnet50_2", "efficientnet_v2_s"),
)


def tracked(model: nn.Module, x: torch.Tensor) -> tuple[int, int]:
    """The tracker's peaks of serving, and of the second training step with SGD and momentum."""
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    for module in model.modules():
        for name, tensor in module._parameters.items():
            if tensor is not None:
                fake = mode.from_tensor(tensor.detach())
                module._parameters[name] = nn.Parameter(fake, tensor.requires_grad)
        for name, tensor in module._buffers.items():
            if tensor is not None:
                module._buffers[name] = mode.from_tensor(tensor)
    with mode:
        x = torch.empty(x.shape)
        serving, training = MemTracker(), MemTracker()
        serving.track_external(model, x)
        with torch.no_grad(), serving:
            model.eval()(x)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        training.track_external(model, optimizer, x)
        with training:
            for step in range(2):
                if step == 1:
                    training.reset_mod_stats()
                output = model.train()(x)
                output.sum().backward()
                optimizer.step()
                optimizer.zero_grad()
                del output
    return _peak(serving), _peak(training)


def _peak(tracker: MemTracker) -> int:
    return sum(each["Total"] for each in tracker.get_tracker_snapshot("peak").values())


def held_against_the_tracker(name: str, model: nn.Module, *shape: int) -> dict[str, float]:
    report = cnnshape.inspect(model, shape, optimizer="sgd-momentum", device="meta")
    serving, training = tracked(model, torch.empty(shape))
    memory = report.totals.memory
    assert memory is not None, name
    assert memory.inference_peak_bytes is not None
    assert memory.training_peak_bytes is not None
    return {
        "serving": memory.inference_peak_bytes / serving,
        "training": memory.training_peak_bytes / training,
    }


@pytest.mark.parametrize("name", ["lenet", "basic-cnn", "mlp"])
def test_bundled_networks_need_what_torchs_tracker_finds(name: str) -> None:
    prepared = prepare(name)
    (x,), _ = prepared.arguments("meta")
    ratios = held_against_the_tracker(name, prepared.module, 4, *x.shape[1:])
    assert ratios == pytest.approx({"serving": 1, "training": 1}, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", _NAMES)
def test_networks_of_torchvision_need_what_torchs_tracker_finds(name: str) -> None:
    ratios = held_against_the_tracker(name, torchvision.models.get_model(name), 2, 3, 224, 224)
    assert ratios == pytest.approx({"serving": 1, "training": 1}, rel=0.01)


def test_what_real_tensors_take_is_what_is_counted() -> None:
    """Counted on real ones, with gradients from a real backward pass."""
    model = nn.Sequential(nn.LSTM(16, 32, batch_first=True), _First(), nn.Linear(32, 4))
    x = torch.randn(8, 12, 16)
    tracker = MemTracker()
    tracker.track_external(model, x)
    with tracker:
        model(x).sum().backward()
    memory = cnnshape.inspect(model, x, optimizer="sgd").totals.memory
    assert memory is not None
    assert memory.training_peak_bytes == pytest.approx(_peak(tracker), rel=0.1)


class _First(nn.Module):
    def forward(self, results: Any) -> torch.Tensor:
        return results[0][:, -1]


def test_the_columns_add_up_to_the_totals() -> None:
    report = cnnshape.inspect("torchvision:mobilenet_v3_small", memory=True)
    memory = report.totals.memory
    assert memory is not None
    rows = [layer.memory for layer in report.layers]
    for name in ("parameter_bytes", "gradient_bytes", "optimizer_bytes", "saved_bytes"):
        assert sum(getattr(row, name) for row in rows) == getattr(memory, name)
    assert memory.optimizer == "adam"
    # 2,542,856 parameters; Adam has two numbers for each, and a step for each of 142 tensors.
    assert memory.gradient_bytes == 4 * 2_542_856
    assert memory.optimizer_bytes == 2 * 4 * 2_542_856 + 4 * 142
    assert max(row.inference_peak_bytes for row in rows if row) == memory.inference_peak_bytes
    assert report.to_dict()["totals"]["memory"]["saved_bytes"] == memory.saved_bytes
    assert memory.input_bytes == 4 * 3 * 224 * 224


def test_nothing_is_counted_unless_asked_for() -> None:
    data = cnnshape.inspect("lenet").to_dict()
    assert data["totals"]["memory"] is None
    assert {layer["memory"] for layer in data["layers"]} == {None}


class Asks(nn.Module):
    """Needs real numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x).relu() if self.fc.bias.sum().item() > 1e9 else self.fc(x).sigmoid()


def test_a_small_model_that_needs_real_numbers_is_run_for_real() -> None:
    report = cnnshape.inspect(Asks(), (1, 4), memory=True)
    memory = report.totals.memory
    assert memory is not None
    # 20 parameters, 4 inputs; 4 numbers before and 4 behind the sigmoid.
    assert memory.inference_peak_bytes == 4 * (20 + 4 + 4 + 4)
    assert memory.saved_bytes == 16
    assert report.notes == ()


def test_a_model_that_cannot_be_run_for_real_is_unknown_and_says_why() -> None:
    report = cnnshape.inspect(Recurrent(), (2, 3, 4), memory=True, device="meta")
    memory = report.totals.memory
    assert memory is not None
    assert memory.inference_peak_bytes is not None
    assert (memory.training_peak_bytes, memory.saved_bytes) == (None, None)
    assert report.layers[1].memory is not None
    assert report.layers[1].memory.saved_bytes is None
    words = "memory not counted: how much mkldnn_rnn_layer keeps is known only when it runs"
    assert words in report.notes


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lstm(x)[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--optimizer", "adamm"), "no optimizer 'adamm'; did you mean adam? There are sgd, "),
        (("--memory", "-i", "1,1,H,W"), "memory is counted on an input of known size"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "lenet", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_footer_and_the_columns_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "lenet", "--memory", "--optimizer", "SGD momentum"]) == 0
    out = capsys.readouterr().out
    # 61,706 numbers of 4 bytes.
    for words in ("parameters 241 KiB", "gradients 241 KiB", "sgd-momentum 241 KiB"):
        assert words in out
    r1 = next(line for line in out.splitlines() if line.split()[:1] == ["R1"])
    assert "18.4 KiB" in r1  # 6·28·28 numbers, which ReLU keeps for its slope
