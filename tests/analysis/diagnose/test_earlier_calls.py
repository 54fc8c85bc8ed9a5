"""Calls that turn, merge or join axes long before something fails."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.analysis.diagnose.axis_origin import main_input
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.proposals.earlier_calls import _is_weight, earlier_calls
from cnnshape.tracing.execute import Inputs, record
from tests.analysis.diagnose.first_correction import first_correction


class Pictures(nn.Module):
    """Subclasses say what happens to a picture on its way."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.join = nn.Conv2d(8, 4, 1)
        self.fc = nn.Linear(4 * 6 * 6, 5)


class Turned(Pictures):
    def forward(self, x):
        x = self.one(x).relu().transpose(1, 2)
        return self.fc(torch.flatten(self.two(x.relu()), 1))


class Averaged(Pictures):
    def forward(self, x):
        x = self.one(x).mean(1)
        return self.fc(torch.flatten(self.two(x), 1))


class BesideEachOther(Pictures):
    def forward(self, x):
        x = self.one(x)
        x = torch.cat([x, self.two(x)], 2)
        return self.fc(self.join(x).flatten(1))


class Gathered(Pictures):
    def forward(self, x):
        x = self.one(x)
        parts = [x, self.two(x)]
        x = torch.cat(parts, dim=3)
        return self.fc(self.join(x).flatten(1))


class OtherRows(Pictures):
    def forward(self, x):
        x = self.two(self.one(x))
        return self.fc(x.view(x.size(0) * 2, -1))


class Shortened(Pictures):
    """The second convolution was made for a wrong number of channels; the cat is right."""

    def __init__(self):
        super().__init__()
        self.join = nn.Conv2d(7, 4, 1)

    def forward(self, x):
        x = self.one(x)
        return self.fc(self.join(torch.cat([x, x], 1)).flatten(1))


class Cut(Pictures):
    def forward(self, x):
        x = self.one(x)
        left, right = torch.cat([x, x], 1).split(4, 2)
        return self.fc(self.two(left).flatten(1)) + self.fc(self.two(right).flatten(1))


class WithoutRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 2, stride=2)
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        return self.norm(self.patches(x).transpose(1, 2)).mean(1)


class WithoutTurn(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 2, stride=2)
        self.mlp = nn.Linear(16, 16)
        self.tokens = nn.Linear(9, 9)

    def forward(self, x):
        x = self.patches(x).flatten(2)
        x = x + self.mlp(x)
        return x + self.tokens(x.transpose(1, 2)).transpose(1, 2)


def test_a_call_that_could_not_help_is_not_proposed():
    assert first_correction(Shortened(), 2, 3, 6, 6) == ("join", "nn.Conv2d(8, 4, 1)")
    recorded = record(Shortened(), Inputs((torch.zeros(2, 3, 6, 6),)))
    assert list(earlier_calls(Failing.of(recorded.trace))) == []


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Turned(), "self.one(x).relu() instead of self.one(x).relu().transpose(1, 2)"),
        (Averaged(), "self.one(x) instead of self.one(x).mean(1)"),
        (
            BesideEachOther(),
            "torch.cat([x, self.two(x)], 1) instead of torch.cat([x, self.two(x)], 2)",
        ),
        (Gathered(), "torch.cat(parts, dim=1) instead of torch.cat(parts, dim=3)"),
        (OtherRows(), "x.view(x.size(0), -1) instead of x.view(x.size(0) * 2, -1)"),
        (
            Cut(),
            "torch.cat([x, x], 1).split(4, 1) instead of torch.cat([x, x], 1).split(4, 2)",
        ),
        (
            WithoutRows(),
            "self.patches(x).flatten(2).transpose(1, 2) instead of self.patches(x).transpose(1, 2)",
        ),
        (
            WithoutTurn(),
            "self.patches(x).flatten(2).transpose(1, 2) instead of self.patches(x).flatten(2)",
        ),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, nn.Module) else "",
)
def test_first(model, text):
    assert first_correction(model, 2, 3, 6, 6) == ("", text)


class Turning(nn.Module):
    """Turned five times, once too often: without any one of the turns the layer gets its width."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        a = x.transpose(1, 2)
        b = a.transpose(1, 2)
        c = b.transpose(1, 2)
        d = c.transpose(1, 2)
        return self.fc(d.transpose(1, 2))


def test_the_three_nearest_calls_are_looked_at_the_last_first():
    trace = record(Turning(), Inputs((torch.zeros(2, 5, 8),))).trace
    assert [found.text for found in earlier_calls(Failing.of(trace))] == [
        "d instead of d.transpose(1, 2)",
        "c instead of c.transpose(1, 2)",
        "b instead of b.transpose(1, 2)",
    ]


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 4))

    def forward(self, x):
        return (self.weight * 2) @ x


def test_a_weight_is_one_after_it_was_scaled():
    trace = record(Scaled(), Inputs((torch.zeros(4, 2),))).trace
    scaled, product = (trace.values[op.outputs[0]] for op in trace.operations)
    assert _is_weight(scaled)
    assert _is_weight(trace.values[trace.operations[0].inputs[0]])
    assert not _is_weight(trace.values[trace.inputs[0].value])
    assert not _is_weight(product)
    assert main_input(trace, trace.operations[1]) == trace.values[trace.inputs[0].value]
