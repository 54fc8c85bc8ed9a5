"""Modules inside modules inside modules: the work grows with their number, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from torch import Tensor, nn

from cnnshape.analysis.report import Report
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.row import TableOptions
from cnnshape.rendering.rows import make_table
from tests.rendering.diagram.models import report_of


class Around(nn.Module):
    """A layer before and an activation after what is inside, and a skip around all."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.before = nn.Linear(4, 4)
        self.inside = inside
        self.after = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.inside(self.before(x))) + x


def nested(depth: int) -> Report:
    net: nn.Module = nn.Linear(4, 4)
    for _ in range(depth):
        net = Around(net)
    return report_of(net, (1, 4))


def calls_in(work: Callable[[], object]) -> int:
    """How many functions are called, and generators gone on with, until it is done."""
    made = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


def view_of(report: Report) -> int:
    return make_view(build_flow(report.trace)).boxes


def table_of(report: Report) -> int:
    return len(make_table(report, TableOptions()).rows)


@pytest.mark.parametrize(("work", "most"), [(view_of, 3.0), (table_of, 2.6)])
def test_twice_as_deep_is_about_twice_as_much_work(
    work: Callable[[Report], int], most: float
) -> None:
    small, large = nested(40), nested(80)
    work(small)  # what is imported or remembered once is no part of it
    assert calls_in(lambda: work(large)) < most * calls_in(lambda: work(small))


def test_a_deep_net_is_opened_as_far_as_stays_readable() -> None:
    flow = build_flow(nested(80).trace)
    view = make_view(flow)
    # Nineteen levels are 19 layers, 19 sums and 18 activations (the innermost is a strip below
    # the closed rest), and there are the rest, the input and the output. One more is over 60.
    assert (view.depth, view.deepest) == (19, 80)
    assert view.boxes == 59
    assert make_view(flow, depth=20).boxes == 62
