"""Which position went where: pieces, what is written into a tensor, and where windows stand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cnnshape.operations import Operand, account
from cnnshape.operations.axes import AxisOf, Broadcast, Kept, Windowed
from tests.operations.judge import judge


def test_each_piece_of_an_unbinding_is_another_position():
    told = judge(torch.unbind, torch.zeros(2, 3, 4), 1)
    assert [(end.result, end.position) for end in told.ended] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("name", ["zeros_like", "new_zeros", "new_full", "rand_like"])
def test_what_takes_only_sizes_reads_no_number(name: str):
    x = Operand.of(0, 2, 3)
    told = account(name, (x,) if name.endswith("like") else (x, (2, 3)))
    assert told is not None
    assert told.sizes == ((2, 3),)
    assert [(end.axes, end.how) for end in told.ended] == [
        (tuple(x.axis(d) for d in range(2)), "unread")
    ]


def test_a_value_is_laid_over_the_axes_that_it_fills():
    """``x[:, 0, 1:3] = value`` with x of 2×4×5×6 and a value of 2×2×6."""
    x, value = Operand.of(0, 2, 4, 5, 6), Operand.of(1, 2, 2, 6)
    told = account("setitem", (x, (slice(None), 0, slice(1, 3)), value))
    assert told is not None
    assert told.results[0] == (
        Broadcast((AxisOf(0, 0), AxisOf(1, 0)), 2),
        Kept(AxisOf(0, 1), 4),
        Kept(AxisOf(0, 2), 5),  # the value fills a part of it
        Broadcast((AxisOf(0, 3), AxisOf(1, 2)), 6),
    )


def test_a_resizing_says_where_its_windows_stand():
    told = judge(
        F.interpolate, torch.zeros(1, 1, 4, 6), size=(7, 3), mode="bilinear", align_corners=True,
        by="gradient", exact=False,
    )  # fmt: skip
    origin = told.results[0][2]
    assert isinstance(origin, Windowed)
    assert origin.details["mode"] == "bilinear"
    assert origin.details["align_corners"] is True
    assert "mode" not in origin.arguments  # they are what the size rule takes
