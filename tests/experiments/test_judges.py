"""A correction with which a model runs is none if it mixes the examples of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cnnshape
from cnnshape.analysis.diagnose.edits import BeforeCall, ChangeInput, SetArguments, Step
from cnnshape.experiments import search_fixes
from cnnshape.experiments.attempt import Setup, attempt
from cnnshape.experiments.deadline import Deadline
from cnnshape.experiments.judges import batch_kept, with_one_more
from cnnshape.tracing.execute import Inputs, record


def verdict(model, inputs, *edits):
    given = Inputs(inputs)
    before = record(model, given).trace
    setup, later = Setup(model, given, "cpu", "eval"), Deadline.after(60)
    outcome = attempt(setup, before, edits, later)
    assert outcome.runs
    return batch_kept(setup, before, outcome.trace, edits, later)


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(x.flatten(0))


def test_a_layer_as_wide_as_the_whole_batch_is_no_correction():
    x = torch.randn(4, 12)
    assert verdict(Flat(), (x,), SetArguments("fc", (("in_features", 48),))) == "broken"


def test_a_batch_laid_over_itself_is_no_correction():
    """N×1 and N: one of them turned gives N×N, which nobody meant."""
    x, y = torch.randn(5, 1), torch.randn(5)
    once = Step("unsqueeze", (0,))
    assert verdict(Twice(), (x, y), BeforeCall("same", (once,))) == "broken"


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.same, self.fc = nn.Identity(), nn.Linear(1, 1)

    def forward(self, x, y):
        row = self.same(y)
        assert row.dim() == 2, "a row is needed"
        return self.fc(x) + row


def test_a_column_for_every_example_is_one():
    x, y = torch.randn(5, 1), torch.randn(5)
    assert verdict(Twice(), (x, y), BeforeCall("same", (Step("unsqueeze", (1,)),))) == "intact"


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(7, 4)

    def forward(self, x):
        return self.rnn(x)[0]


def test_two_pictures_made_one_are_no_correction():
    class Tall(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 3)

        def forward(self, x):
            return self.fc(x.view(-1, 8))

    wide = SetArguments("fc", (("in_features", 8),))
    assert verdict(Tall(), (torch.randn(2, 1, 2, 2),), wide) == "broken"
    assert verdict(Tall(), (torch.randn(2, 2, 4),), wide) == "intact"


def test_examples_that_see_each_other_are_doubtful():
    """Without batch_first the examples are the steps of one sequence."""
    x = torch.randn(3, 5, 6)
    wide = ("input_size", 6)
    assert verdict(Steps(), (x,), SetArguments("rnn", (wide,))) == "doubtful"
    first = SetArguments("rnn", (wide, ("batch_first", True)))
    assert verdict(Steps(), (x,), first) == "intact"


def test_rows_made_of_an_input_grow_with_the_batch():
    class Words(nn.Module):
        def forward(self, x, y):
            return nn.functional.cross_entropy(x.reshape(-1, 7), y)

    x, y = torch.randn(4, 10, 7), torch.zeros(4, 10, dtype=torch.long)
    assert verdict(Words(), (x, y), ChangeInput("y", (Step("flatten"),))) == "intact"


@pytest.mark.parametrize(
    ("given", "grown"),
    [
        ([(4, 3)], [(5, 3)]),
        ([(4, 3), (4,)], [(5, 3), (5,)]),
        ([(4, 3), (2, 6)], [(5, 3), (2, 6)]),  # a table beside it
        ([(3, 7, 10), (1, 7, 20)], None),  # the state says that the batch are the 7
        ([(3, 7, 10), (2, 3, 20)], None),
        ([()], None),
    ],
)
def test_which_axis_is_the_batch(given, grown):
    more = with_one_more(Inputs(tuple(torch.zeros(shape) for shape in given)))
    assert (None if more is None else [tuple(t.shape) for t in more.args]) == grown


def test_nothing_is_said_where_every_correction_is_for_one_batch():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(12, 3)

        def forward(self, x):
            return self.fc(x.T.contiguous().sum(0, keepdim=True))

    error = cnnshape.inspect(Fixed(), torch.zeros(5, 4)).error
    assert error.kind == "linear.in_features"
    assert all("in_features=5" not in s.text for s in error.suggestions)


def test_a_model_that_writes_files_is_not_run_again(tmp_path):
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(5, 4)

        def forward(self, x):
            with (tmp_path / "seen").open("a") as file:
                file.write("once ")
            return self.fc(x)

    error = cnnshape.inspect(Writes(), torch.zeros(2, 6)).error
    assert (tmp_path / "seen").read_text() == "once "
    assert [s.text for s in error.suggestions][:1] == ["nn.Linear(in_features=6, out_features=4)"]
    assert not any(s.verified for s in error.suggestions)


def test_ctrl_c_during_the_trials_leaves_the_diagnosis(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(search_fixes, "attempt", interrupted)
    layer = nn.Linear(5, 4)
    error = cnnshape.inspect(layer, torch.zeros(2, 6)).error
    assert error.diagnosis == "the Linear expects 5 features, but 6 arrive"
    assert error.suggestions[0].text == "nn.Linear(in_features=6, out_features=4)"
    assert not any(suggestion.verified for suggestion in error.suggestions)
    assert layer.in_features == 5
