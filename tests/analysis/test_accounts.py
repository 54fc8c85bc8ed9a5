"""What the accounts of a recording say of one operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from cnnshape.analysis.accounts import Accounts
from cnnshape.tracing.execute import Inputs, record

F = nn.functional


class Calls(nn.Module):
    """A network of one call."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def last(function: Callable[[torch.Tensor], torch.Tensor]) -> tuple[Accounts, int]:
    trace = record(Calls(function), Inputs((torch.zeros(2, 3, 3),))).trace
    return Accounts(trace), len(trace.operations) - 1


@pytest.mark.parametrize(
    ("function", "keeps"),
    [
        (lambda x: x.view(2, 3, 3), True),
        (lambda x: x.reshape(2, -1, 3), True),
        (lambda x: x.reshape(3, 2, 3), False),
        (lambda x: x.double(), True),
        (lambda x: x.clone(), True),
        (lambda x: x.expand(2, 3, 3), True),
        (lambda x: x[:, :3], True),
        (lambda x: x[..., 1:], False),
        (lambda x: F.pad(x, (0, 0)), True),
        (lambda x: F.pad(x, (1, -1)), False),
        (lambda x: x.transpose(1, 2), False),  # 3×3 as well, in other places
        (lambda x: x.flip(1), False),
        (lambda x: x.relu(), False),
        (lambda x: x.view(torch.int32), False),  # the same bits, other numbers
    ],
)
def test_whether_every_number_stays(
    function: Callable[[torch.Tensor], torch.Tensor], keeps: bool
) -> None:
    accounts, index = last(function)
    assert accounts.keeps(accounts.trace.operations[index]) is keeps


@pytest.mark.parametrize(
    ("function", "makes"),
    [
        (torch.zeros_like, True),
        (lambda x: x.new_full((4,), 2.0), True),
        (torch.rand_like, True),
        (lambda x: F.one_hot(x.long(), 2), False),
        (torch.diag_embed, False),
        (torch.abs, False),
    ],
)
def test_whether_it_makes_a_tensor_of_nothing_but_a_shape(
    function: Callable[[torch.Tensor], torch.Tensor], makes: bool
) -> None:
    accounts, index = last(function)
    assert accounts.makes(accounts.trace.operations[index]) is makes
