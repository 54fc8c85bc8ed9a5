"""What is noted of a pass that fails, beside the exception."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.tracing.exceptions import signature_of
from cnnshape.tracing.execute import Inputs, record


def failure_of(model, *inputs, device="cpu", **keywords):
    return record(model, Inputs(inputs, keywords), device=device).trace


def test_the_whole_numbers_that_the_failing_call_was_given():
    trace = failure_of(nn.Embedding(10, 4), torch.tensor([[3, 12], [0, 9]]))
    value = trace.inputs[0].value
    assert trace.failure.ranges == {value: (0, 12)}


def test_of_the_call_that_failed_and_not_of_one_before():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, right, wrong):
            return self.table(right) + self.table(wrong)

    trace = failure_of(Twice(), torch.tensor([1]), torch.tensor([-1]))
    assert trace.failure.ranges == {trace.inputs[1].value: (-1, -1)}


def test_numbers_with_a_fraction_have_no_range():
    assert failure_of(nn.Linear(3, 2), torch.zeros(1, 4)).failure.ranges == {}


@pytest.mark.parametrize("device", ["meta", "fake"])
def test_without_memory_there_are_no_values(device):
    class Turned(nn.Module):
        def forward(self, x):
            return x @ x

    trace = failure_of(Turned(), torch.ones(2, 3, dtype=torch.int64), device=device)
    assert trace.failure is not None
    assert trace.failure.ranges == {}


class Two(nn.Module):
    def forward(self, first, second, *rest, scale=1, **options):
        return first + second


def test_the_forward_that_was_called():
    signature = failure_of(nn.Sequential(nn.Identity(), Two()), torch.zeros(1)).failure.signature
    assert signature.required == ("first", "second")
    assert signature.optional == ("scale",)
    assert (signature.any_positional, signature.any_keyword) == (True, True)


def test_a_forward_that_python_cannot_read():
    module = nn.Linear(3, 2)
    module.forward = type  # a callable without a signature of its own
    assert signature_of(module) is None
