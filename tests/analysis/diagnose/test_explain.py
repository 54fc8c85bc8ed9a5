"""``with cnnshape.explain():`` and ``cnnshape.explain_error(model, x)``."""

from __future__ import annotations

import asyncio
import linecache
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.experiments import explain as explain_module


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
    assert explanation.error.kind == "init.division"
    assert said == (
        "building Bad failed in nn.Conv2d(3, 10, 3, groups=2): "
        "in_channels = 3 is no multiple of groups = 2"
    )
    assert said in capsys.readouterr().err


# ---- calls that are not as simple ---------------------------------------------------------

OTHER_SIZE = torch.zeros(2, 1, 32, 32)


def explained(call, expected=Exception):
    """The error that ``with explain()`` has when ``call`` raises."""
    with pytest.raises(expected), cnnshape.explain() as explanation:
        call()
    return explanation.error


def raised_from():
    try:
        Net()(OTHER_SIZE)
    except RuntimeError as error:
        raise ValueError("epoch 3 failed") from error


def raised_meanwhile():
    try:
        Net()(OTHER_SIZE)
    except RuntimeError:
        raise ValueError("epoch 3 failed")


def in_a_thread():
    with ThreadPoolExecutor() as pool:
        pool.submit(Net(), OTHER_SIZE).result()


def compiled():
    torch.compile(Net(), backend="eager")(OTHER_SIZE)


def called_with_its_own_weights():
    net = Net()
    torch.func.functional_call(net, dict(net.named_parameters()), (OTHER_SIZE,))


def under_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        Net()(OTHER_SIZE)


@pytest.mark.parametrize(
    "call",
    [
        raised_from,
        raised_meanwhile,
        in_a_thread,
        compiled,
        called_with_its_own_weights,
        under_autocast,
    ],
)
def test_however_it_is_called(call, capsys):
    error = explained(call)
    assert (error.path, error.diagnosis) == ("fc", SAID)
    [suggestion] = error.suggestions
    assert suggestion.text == "nn.Linear(in_features=7200, out_features=10)"
    assert suggestion.verified
    assert "mat1 and mat2 shapes cannot be multiplied (2x7200 and 100x10)" in error.message


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_one_of_a_group(capsys):
    async def main():
        async def step():
            Net()(OTHER_SIZE)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(step())

    assert explained(lambda: asyncio.run(main())).diagnosis == SAID


def test_called_with_other_weights(capsys):
    """The model itself would take one channel; the weights it was called with take three."""
    net = Net()
    other = {"conv.weight": torch.zeros(8, 3, 3, 3)}
    error = explained(lambda: torch.func.functional_call(net, other, (OTHER_SIZE,)))
    assert error.diagnosis == "conv expects 3 channels, but 1 arrives"
    assert net.conv.weight.shape == (8, 1, 3, 3)


def test_every_module_stays_in_its_own_mode(capsys):
    """In training the norm would refuse a batch of one before the layer that failed."""

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.fc = nn.Linear(5, 2)

        def forward(self, x):
            return self.fc(self.norm(x))

    model = Frozen().train()
    model.norm.eval()
    error = explained(lambda: model(torch.zeros(1, 4)))
    assert error.diagnosis == "fc expects 5 features, but 4 arrive"
    assert error.suggestions[0].verified
    assert (model.training, model.norm.training, model.fc.training) == (True, False, True)


def test_an_input_that_was_changed_in_place(capsys):
    """What the model is given a second time is no longer what it was given."""

    class Taking(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, batch):
            return self.fc(batch.pop("x"))

    error = explained(lambda: Taking()({"x": torch.zeros(2, 5)}))
    assert (error.path, error.kind) == ("fc", "linear.in_features")
    assert error.diagnosis == "fc expects 4 features, but 5 arrive"
    assert error.message == "mat1 and mat2 shapes cannot be multiplied (2x5 and 4x2)"
    assert [(s.text, s.verified) for s in error.suggestions] == [
        ("nn.Linear(in_features=5, out_features=2)", False)
    ]


def test_numbers_of_another_run_are_not_told(capsys):
    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)
            self.width = [4]

        def forward(self, x):
            self.width.append(self.width[-1] + 1)
            return self.fc(torch.zeros(2, self.width[-1]))

    error = explained(lambda: Growing()(torch.zeros(1)))
    assert error.diagnosis == "fc expects 4 features, but 5 arrive"
    assert "2x5" in error.message


class Writing(Net):
    """It writes how often it ran."""

    def forward(self, x):
        with open(self.log, "a") as file:  # noqa: PTH123
            file.write("ran\n")
        return super().forward(x)


def test_a_model_that_writes_is_run_as_often_as_it_is_called(tmp_path, capsys):
    model = Writing()
    model.log = str(tmp_path / "log.txt")
    error = explained(lambda: model(OTHER_SIZE))
    assert (tmp_path / "log.txt").read_text() == "ran\n"
    assert error.kind == "linear.in_features"
    assert [s.verified for s in error.suggestions] == [False]
    error = cnnshape.explain_error(model, OTHER_SIZE).error
    assert (tmp_path / "log.txt").read_text() == "ran\nran\n"
    assert error.diagnosis == SAID
    assert not any(s.verified for s in error.suggestions)


def test_ctrl_c_while_it_is_explained(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(explain_module, "explain_call", interrupted)
    error = explained(lambda: Net()(OTHER_SIZE), RuntimeError)
    assert error.diagnosis == "fc expects 100 features, but 7200 arrive"
    assert [suggestion.verified for suggestion in error.suggestions] == [False]


def test_a_function_of_torch_outside_of_a_model(capsys):
    call = nn.functional.cross_entropy
    error = explained(lambda: call(torch.zeros(8, 3), torch.zeros(6, dtype=torch.long)))
    assert error.diagnosis == "8 predictions and 6 targets do not belong together"
    assert "8 predictions and 6 targets" in capsys.readouterr().err


def test_a_cell_of_a_notebook(capsys):
    """Its lines stand in no file, but in Python's cache of lines, under a name in brackets."""
    name = "<ipython-input-7-c0ffee>"
    code = "class Cell(nn.Module):\n    def forward(self, x):\n        return x.view(2, 100)\n"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    names = {"nn": nn, "__name__": "__main__"}
    exec(compile(code, name, "exec", dont_inherit=True), names)
    error = explained(lambda: names["Cell"]()(torch.zeros(2, 3, 8, 8)))
    assert (error.source.file, error.source.line) == (name, 3)
    assert error.suggestions[0].text == "x.view(x.size(0), -1)"
    assert "return x.view(2, 100)" in capsys.readouterr().err


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
