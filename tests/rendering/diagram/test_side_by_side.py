"""Many equal branches: one with their number, and a view in a time that grows with their number."""

from __future__ import annotations

import cProfile
import pstats
from itertools import pairwise

import torch
from torch import Tensor, nn

from cnnshape.rendering.diagram.boxes import Frame
from cnnshape.rendering.diagram.choose_depth import View, make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report
from cnnshape.rendering.diagram.equal_groups import side_by_side
from tests.benchmarks.networks import Wide, nested
from tests.rendering.diagram.models import report_of


class Head(nn.Module):
    """One of an attention's heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, 2), nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return (self.query(x) @ self.key(x).transpose(-2, -1)).softmax(-1) @ x


class Heads(nn.Module):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(6) for _ in range(number))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(x) for head in self.heads], -1)


def view_of(model: nn.Module, *shapes: tuple[int, ...], **options) -> View:
    return make_view(build_flow(report_of(model, *shapes).trace), **options)


def frames_in(view: View) -> list[Frame]:
    return [item for item in view.root.items if isinstance(item, Frame)]


def test_equal_heads_are_one_with_their_number():
    (frame,) = frames_in(view_of(Heads(8), (1, 5, 6)))
    assert (len(frame.repeats), frame.beside) == (8, True)
    source = draw_report(report_of(Heads(8), (1, 5, 6))).source
    assert "8 × Head, side by side" in source


def test_three_of_a_kind_are_all_drawn():
    assert [frame.repeats for frame in frames_in(view_of(Heads(3), (1, 5, 6)))] == [[], [], []]


def test_expand_draws_them_all():
    assert len(frames_in(view_of(Heads(8), (1, 5, 6), expand=True))) == 8


def test_layers_side_by_side_are_one_box_with_all_that_flows():
    view = view_of(Wide(30), (1, 8))
    (box,) = [box for box in view.graph.boxes.values() if box.repeats]
    assert (len(box.repeats), box.beside) == (30, True)
    ((_, values),) = view.graph.after[box.key].items()
    assert len(values) == 30
    assert "side by side" in draw_report(report_of(Wide(30), (1, 8))).source
    blocks = draw_report(report_of(Wide(30), (1, 8)), DrawOptions(style="blocks"))
    assert "30 × linear" in blocks.source.lower()


def test_what_reads_something_else_is_not_among_them():
    class Steps(nn.Module):
        """Each fifth takes its neighbour's result instead of the input."""

        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(10))

        def forward(self, x):
            first = [layer(x) for layer in self.layers[:5]]
            return torch.stack([*first, *(layer(first[0]) for layer in self.layers[5:])])

    view = view_of(Steps(), (1, 4))
    repeats = [len(box.repeats) for box in view.graph.boxes.values() if box.repeats]
    assert repeats == [4, 5]  # the first is read by others as well


def test_how_many_read_the_same():
    graph = view_of(Wide(5), (1, 8), expand=True).graph
    layers = [[key] for key in sorted(graph.boxes) if graph.boxes[key].role == "module"]
    assert side_by_side(graph, layers) == 5
    assert side_by_side(graph, [layers[0] + layers[1], layers[2] + layers[3]]) == 2
    assert side_by_side(graph, [[next(iter(graph.boxes))]]) == 0  # nothing feeds an input


def _calls(model: nn.Module) -> int:
    """How many Python calls a picture takes: the same on every machine."""
    report = report_of(model, (1, 8))
    profile = cProfile.Profile()
    profile.enable()
    source = draw_report(report).source
    profile.disable()
    assert source
    return pstats.Stats(profile).total_calls  # pyright: ignore[reportAttributeAccessIssue]


def test_the_work_grows_with_the_number_of_branches():
    counts = [_calls(Wide(number)) for number in (15, 60, 240)]
    assert all(more < 5 * fewer for fewer, more in pairwise(counts))


def test_the_work_grows_with_the_nesting():
    counts = [_calls(nested(number)) for number in (50, 200)]
    assert counts[1] < 5 * counts[0]
