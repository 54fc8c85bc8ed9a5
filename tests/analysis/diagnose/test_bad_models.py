"""Models that misbehave in ways of their own: still a clear report, and no crash in the doctor."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.build import build_report
from cnnshape.analysis.diagnose import dispatch
from cnnshape.experiments.attempt import Setup
from cnnshape.experiments.search_fixes import try_suggestions
from cnnshape.tracing.execute import Inputs, record


class Raises(nn.Module):
    def __init__(self, raising):
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.raising = raising

    def forward(self, x):
        x = self.inner(x)
        self.raising(x)
        return x


def raise_it(error):
    def raising(_x):
        raise error

    return raising


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def error_of(model, *inputs, mode="eval"):
    given = Inputs(inputs)
    recorded = record(model, given, mode=mode)
    report = build_report(recorded.trace, exception=recorded.exception)
    return try_suggestions(report.error, report.trace, Setup(model, given, "cpu", mode)), report


@pytest.mark.parametrize(
    ("error", "exception", "said"),
    [
        (
            ValueError("the gate is shut"),
            "ValueError",
            "itself raises ValueError: the gate is shut",
        ),
        (AssertionError("not today"), "AssertionError", "itself raises AssertionError: not today"),
        (AssertionError(), "AssertionError", "itself raises AssertionError"),
        (Unprintable(), "Unprintable", "itself raises Unprintable"),
        (OSError("no such file"), "OSError", "itself raises OSError: no such file"),
        (NotImplementedError(), "NotImplementedError", "itself raises NotImplementedError"),
    ],
)
def test_an_exception_of_the_models_own(error, exception, said):
    found, report = error_of(Raises(raise_it(error)), torch.zeros(2, 4))
    assert found.exception == exception
    assert found.kind == "raised.own"
    assert said in found.diagnosis
    assert "x 2×4" in found.diagnosis
    assert found.source.file == __file__
    assert [layer.path for layer in report.layers] == ["", "inner"]


@pytest.mark.parametrize(
    "error", [KeyError("gate"), TypeError("odd"), NameError("x"), IndexError(3)]
)
def test_what_no_rule_knows_keeps_its_message(error):
    found, _ = error_of(Raises(raise_it(error)), torch.zeros(2, 4))
    assert found.kind is None
    assert found.message == str(error)
    assert found.arguments == ("x 2×4 float32",)


def test_the_plain_panel_has_place_arguments_and_message():
    report = cnnshape.inspect(Raises(raise_it(NameError("what is y?"))), (2, 4))
    text = str(report)
    assert "✗ Raises failed" in text
    assert "it received x 2×4 float32" in text
    assert "NameError: what is y?" in text
    assert "test_bad_models.py" in text


def test_sys_exit_is_an_error_of_the_model():
    found, _ = error_of(Raises(lambda _x: sys.exit(3)), torch.zeros(2, 4))
    assert (found.kind, found.exception) == ("raised.exit", "SystemExit")
    assert found.diagnosis == "Raises.forward ends the program: sys.exit(3)"


def test_ctrl_c_passes_through():
    model = Raises(raise_it(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        record(model, Inputs((torch.zeros(2, 4),)))
    with pytest.raises(KeyboardInterrupt), cnnshape.explain():
        model(torch.zeros(2, 4))


def test_endless_recursion():
    class Loop(nn.Module):
        def forward(self, x):
            return self(x)

    found, _ = error_of(Loop(), torch.zeros(2))
    assert found.kind == "raised.recursion"
    assert "calls itself without end" in found.diagnosis


def test_two_modules_calling_each_other():
    class Ping(nn.Module):
        def forward(self, x):
            return self.other(x)

    ping, pong = Ping(), Ping()
    ping.other = pong
    object.__setattr__(pong, "other", ping)
    found, _ = error_of(ping, torch.zeros(2))
    assert found.kind == "raised.recursion"
    assert "call each other without end" in found.diagnosis


def test_a_rule_that_fails_leaves_the_plain_report(monkeypatch):
    def broken(_failing):
        raise ZeroDivisionError

    monkeypatch.setattr(dispatch, "rules_for", lambda _failing: iter([broken]))
    found, _ = error_of(nn.Linear(10, 2), torch.zeros(2, 7))
    assert found.kind is None
    assert "cannot be multiplied" in found.message


def test_trying_that_fails_leaves_the_diagnosis(monkeypatch):
    import cnnshape.experiments.search_fixes as module

    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "tried", broken)
    found, _ = error_of(nn.Linear(10, 2), torch.zeros(2, 7))
    assert found.kind == "linear.in_features"
    assert found.suggestions == ()


def test_the_original_exception_stays():
    report = cnnshape.inspect(nn.Linear(10, 2), (2, 7))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        report.raise_for_error()


def test_a_model_that_catches_its_own_error_has_none():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(10, 2)

        def forward(self, x):
            try:
                return self.fc(x)
            except RuntimeError:
                return x

    assert cnnshape.inspect(Careful(), (2, 7)).error is None


def test_nothing_is_verified_that_does_not_run():
    """Whatever is changed, this model raises: a suggestion can get further at most."""

    class Hopeless(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(10, 2)

        def forward(self, x):
            self.fc(x)
            raise ValueError("never")

    found, _ = error_of(Hopeless(), torch.zeros(2, 7))
    assert found.suggestions
    assert all(s.verified and s.runs is False for s in found.suggestions)


def test_meta_alone_verifies_nothing():
    """On meta a Linear takes float64; a real one does not, so no shape helps here."""

    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 4).double()
            self.b = nn.Linear(4, 2)

        def forward(self, x):
            return self.b(self.a(x))

    model = Mixed()
    given = Inputs((torch.zeros(1, 4, dtype=torch.float64),))
    recorded = record(model, given, device="meta")
    assert recorded.exception is None
    report = build_report(recorded.trace)
    found = try_suggestions(report.error, report.trace, Setup(model, given, "meta", "eval"))
    assert found.kind == "dtype.mismatch"
    for suggestion in found.suggestions:
        assert suggestion.text == "x.float() before b" or "float" in suggestion.text


@pytest.mark.slow
def test_a_resnet_of_usual_size():
    try:
        import torchvision
    except (ImportError, RuntimeError) as error:  # it fits one version of torch only
        pytest.skip(str(error))
    model = torchvision.models.resnet50()
    model.fc = nn.Linear(1000, 10)
    cnnshape.inspect(nn.Linear(10, 2), (2, 7))  # imports
    given = Inputs((torch.randn(1, 3, 224, 224),))
    recorded = record(model, given, mode="eval")
    report = build_report(recorded.trace)
    found = try_suggestions(report.error, report.trace, Setup(model, given, "cpu", "eval"))
    assert found.suggestions[0].text == "nn.Linear(in_features=2048, out_features=10)"
    assert found.suggestions[0].verified


@pytest.mark.parametrize("budget", [0.0, 0.02, 0.06, 0.1])
def test_time_that_runs_out_leaves_the_model_as_it_was(budget):
    """Wherever the clock stops a trial, everything is put back and nothing is called verified."""
    import time

    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn = nn.BatchNorm1d(4)
            self.first = nn.Linear(5, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x):
            x = self.first(x)
            for _ in range(8):
                time.sleep(0.01)
                x = torch.relu(x)
            return self.last(self.bn(x))

    model = Slow().train()
    given = Inputs((torch.randn(3, 6),))
    recorded = record(model, given, mode="train")
    report = build_report(recorded.trace)
    setup = Setup(model, given, "cpu", "train")
    found = try_suggestions(report.error, report.trace, setup, budget=budget)
    assert model.first.in_features == 5
    assert model.first.weight.shape == (4, 5)
    assert int(model.bn.num_batches_tracked) == 0
    assert "forward" not in vars(model.first)
    first = found.suggestions[0]
    assert first.text == "nn.Linear(in_features=6, out_features=4)"
    # Past the failing call is past it, whether the rest was waited for or not.
    assert first.verified
    assert first.runs in (None, True)


def test_a_trial_cut_short_before_the_failure_is_no_proof():
    import time

    class SlowFirst(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 4)

        def forward(self, x):
            for _ in range(40):
                until = time.thread_time() + 0.01
                while time.thread_time() < until:
                    x = x + 0
                x = torch.relu(x)
            return self.fc(x)

    model = SlowFirst()
    given = Inputs((torch.randn(3, 6),))
    report = build_report(record(model, given).trace)
    found = try_suggestions(
        report.error, report.trace, Setup(model, given, "cpu", "eval"), budget=0.0
    )
    assert found.suggestions[0].text == "nn.Linear(in_features=6, out_features=4)"
    assert not found.suggestions[0].verified
    assert found.suggestions[0].runs is None


@pytest.mark.parametrize("hang", ["sleep", "loop"])
def test_a_trial_that_hangs_ends_with_its_budget(hang):
    import signal
    import time

    class Hangs(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 4)

        def forward(self, x):
            x = self.fc(x)
            if hang == "sleep":
                time.sleep(300)
            while True:
                pass

    def handler(*_):
        raise AssertionError

    model, given = Hangs(), Inputs((torch.randn(3, 6),))
    report = build_report(record(model, given).trace)
    before = signal.signal(signal.SIGALRM, handler), signal.setitimer(signal.ITIMER_REAL, 500)
    began = time.monotonic()
    try:
        found = try_suggestions(
            report.error, report.trace, Setup(model, given, "cpu", "eval"), budget=0.1
        )
        assert signal.getsignal(signal.SIGALRM) is handler
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 100  # the caller's own alarm goes on
    finally:
        signal.signal(signal.SIGALRM, before[0])
        signal.setitimer(signal.ITIMER_REAL, *before[1])
    assert time.monotonic() - began < 60  # and not 300, or for ever
    assert found.suggestions[0].text == "nn.Linear(in_features=6, out_features=4)"
    assert found.suggestions[0].runs is None
    assert model.fc.in_features == 5
