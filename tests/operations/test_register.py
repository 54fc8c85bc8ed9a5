"""An operator of one's own, told to the table in one line."""

from __future__ import annotations

import torch
from torch import nn

import cnnshape
from cnnshape.operations import TABLE, Account
from cnnshape.operations.axes import Ended, Written


@torch.library.custom_op("cnnshape_tests::project", mutates_args=())
def project(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x @ weight.t()


@project.register_fake
def _(x, weight):
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(3, 8))

    def forward(self, x):
        return torch.ops.cnnshape_tests.project(x, self.weight)


def account(call) -> Account:
    x, weight = call.tensor(), call.tensor("weight")
    summed = Ended((x.axis(-1), weight.axis(1)), "contracted", x.sizes[-1])
    return Account(((*x.all_kept(0, -1), Written(weight.sizes[0])),), (summed,))


def test_an_operator_of_ones_own():
    unknown = cnnshape.inspect(Net(), (5, 8))
    assert unknown.totals.macs is None  # never zero
    try:
        cnnshape.operations.register(
            "cnnshape_tests::project", "input weight", account, macs="contracted"
        )
        assert cnnshape.inspect(Net(), (5, 8)).totals.macs == 5 * 3 * 8
        lettered = cnnshape.inspect(Net(), ("N", 8))
        assert lettered.outputs[0].shape == ("N", 3)
        assert lettered.totals.macs == "24*N"
    finally:
        TABLE._entries.pop("cnnshape_tests.project", None)
