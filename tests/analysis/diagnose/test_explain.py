"""``with cnnshape.explain():`` and ``cnnshape.explain_error(model, x)``."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

import cnnshape


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(100, 10)

    def forward(self, x):
        return self.fc(torch.flatten(torch.relu(self.conv(x)), 1))


SAID = "fc expects 100 features, but 7200 arrive: 8 channels × 30 × 30 after flatten"


def test_explain_error_says_what_the_report_says():
    explanation = cnnshape.explain_error(Net(), torch.zeros(2, 1, 32, 32))
    assert explanation.error.diagnosis == SAID
    assert explanation.error.suggestions[0].text == "nn.Linear(in_features=7200, out_features=10)"
    assert [layer.path for layer in explanation.report.layers] == ["", "conv", "fc"]
    text = str(explanation)
    assert SAID in text
    assert "conv 32 − 3 + 1 = 30" in text
    assert "fc = nn.Linear(in_features=7200, out_features=10)" in text
    assert repr(explanation) == text


def test_explain_error_of_a_model_that_runs():
    explanation = cnnshape.explain_error(nn.Linear(4, 2), torch.zeros(1, 4))
    assert explanation.error is None
    assert str(explanation) == "it ran without an error"


def test_explain_error_takes_keywords_and_mode():
    model = nn.BatchNorm1d(8)  # in training
    explanation = cnnshape.explain_error(model, input=torch.zeros(1, 8))
    assert explanation.error.kind == "batch_norm.single_value"
    assert model.training
    assert int(model.num_batches_tracked) == 0
    assert cnnshape.explain_error(model.eval(), torch.zeros(1, 8)).error is None


def test_the_context_manager_prints_and_lets_the_error_pass(capsys):
    model = Net()
    failing = pytest.raises(RuntimeError, match="cannot be multiplied")
    with failing as caught, cnnshape.explain() as explanation:
        model(torch.zeros(2, 1, 32, 32))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert SAID in captured.err
    assert "\x1b" not in captured.err
    assert explanation.error.diagnosis == SAID
    assert explanation.report.exception is caught.value
    if sys.version_info >= (3, 11):
        assert caught.value.__notes__ == [
            f"cnnshape: {SAID}; fc = nn.Linear(in_features=7200, out_features=10)"
        ]


def test_the_outermost_model_is_explained(capsys):
    model = nn.Sequential(nn.ReLU(), Net())
    with pytest.raises(RuntimeError), cnnshape.explain() as explanation:
        model(torch.zeros(2, 1, 32, 32))
    assert explanation.error.path == "1.fc"


def test_a_wrapper_is_looked_through(capsys):
    model = nn.DataParallel(Net())
    with pytest.raises(RuntimeError), cnnshape.explain() as explanation:
        model(torch.zeros(2, 1, 32, 32))
    assert explanation.error.path == "fc"


def test_a_loss_is_a_model_too(capsys):
    criterion = nn.CrossEntropyLoss()
    with pytest.raises((RuntimeError, ValueError)), cnnshape.explain() as explanation:
        criterion(torch.zeros(4, 3), torch.zeros(4, 1, dtype=torch.int64))
    assert explanation.error.suggestions[0].text == "target.squeeze(1)"


def test_an_error_from_elsewhere_is_left_alone(capsys):
    with pytest.raises(ZeroDivisionError), cnnshape.explain() as explanation:
        1 / 0
    assert explanation.error is None
    assert capsys.readouterr().err == ""


def test_an_error_that_does_not_come_again_keeps_its_place(capsys):
    class Once(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.ReLU()
            self.failed = []

        def forward(self, x):
            self.inner(x)
            if not self.failed:
                self.failed.append(1)
                raise OSError("try again")
            return x

    model = nn.Sequential(Once())
    with pytest.raises(OSError, match="try again"), cnnshape.explain() as explanation:
        model(torch.zeros(2))
    assert (explanation.error.path, explanation.error.exception) == ("0", "OSError")
    assert "try again" in capsys.readouterr().err


def test_building_that_fails_is_placed(capsys):
    class Bad(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 10, 3, groups=2)

    with pytest.raises(ValueError, match="divisible by groups"), cnnshape.explain() as explanation:
        Bad()
    said = explanation.error.diagnosis
    assert explanation.error.kind == "raised.init"
    assert said == (
        "building Bad failed in "
        "nn.Conv2d(in_channels=3, out_channels=10, kernel_size=3, groups=2): "
        "in_channels must be divisible by groups"
    )
    assert said in capsys.readouterr().err


def test_devices_apart():
    """An input on the CPU and a model elsewhere; `meta` stands in for a GPU."""
    model = nn.Linear(4, 2, device="meta")
    explanation = cnnshape.explain_error(model, torch.zeros(1, 4))
    assert explanation.error.kind == "device.mismatch"
    assert explanation.error.diagnosis == "the model is on meta, but input is on cpu"
    assert explanation.error.suggestions[0].text == 'input.to("meta")'


def test_a_part_of_the_model_elsewhere():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2, device="meta"))
    explanation = cnnshape.explain_error(model, torch.zeros(1, 4))
    assert (
        explanation.error.diagnosis == "1 is on meta, the first parameters of the model are on cpu"
    )
    assert explanation.error.suggestions[0].text == 'model.to("cpu")'


def test_the_training_loop_goes_on(capsys):
    """Gradients, buffers and modes are as they were after an explained error."""
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    model(torch.randn(8, 4)).sum().backward()
    gradient = model[1].weight.grad.clone()
    running = model[0].running_mean.clone()
    with pytest.raises(RuntimeError), cnnshape.explain():
        model(torch.zeros(8, 5))
    assert torch.equal(model[1].weight.grad, gradient)
    assert torch.equal(model[0].running_mean, running)
    assert model.training
