"""Turns of a loop are drawn once, with arrows that lead back; what is no such turn stays apart."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cnnshape.rendering.diagram.choose_depth import View
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report, picture_of
from cnnshape.rendering.diagram.loop_routes import led_back
from cnnshape.rendering.diagram.placement import Line, Placement, Rect
from tests.rendering.diagram.models import ConvLSTM, Loop, report_of
from tests.rendering.diagram.test_folding import boxes, edges, frames, view_of


def backward(view: View) -> set[tuple[str, str]]:
    nodes = view.graph.flow.nodes
    return {(nodes[t].id, nodes[h].id) for t, h, _ in view.graph.edges() if h <= t}


# Of one cell: concat, gates, three sigmoids and a tanh, two products, their sum, tanh, a product:
# 11 boxes and 14 arrows with the one that enters; two arrows lead back, the hidden state into the
# concat and the cell's state into the product with the forget gate.


@pytest.mark.parametrize("turns", [3, 20, 200])
def test_a_conv_lstm_is_one_cell_however_many_turns_it_takes(turns: int):
    view = view_of(ConvLSTM(), (1, turns, 3, 8, 8))
    assert view.boxes == 2 + 11 + 2  # x and a frame of it; stack and output
    assert len(edges(view)) == (1 + 14 + 2) + 2
    assert backward(view) == {("cells.0/mul.3", "cells.0/cat"), ("cells.0/add", "cells.0/mul")}
    assert [frame.turns for frame in frames(view)] == [turns, 1]


def test_two_stacked_layers_turn_together():
    view = view_of(ConvLSTM(2), (1, 20, 3, 8, 8))
    assert view.boxes == 2 + 2 * 11 + 2
    assert len(edges(view)) == (1 + 2 * 14 + 2) + 2 * 2
    assert ("cells.0/mul.3", "cells.1/cat") in edges(view)


def test_the_first_state_may_come_from_constants_and_from_an_input():
    view = view_of(Loop(), (2, 6, 4))
    assert edges(view) == {
        ("input/x", "getitem"), ("getitem", "cell"), ("cell", "cell"),
        ("cell", "out"), ("out", "output"),
    }  # fmt: skip
    (frame,) = frames(view)
    assert (frame.turns, boxes(view)["cell"]) == (6, ["cell"])


class Speaking(nn.Module):
    """What came out goes in again; the state is handed over."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.LSTMCell(4, 6), nn.Linear(6, 4)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> Tensor:
        said: list[Tensor] = []
        for _ in range(5):
            h, c = self.cell(x, (h, c))
            x = self.out(h)
            said.append(x)
        return torch.stack(said, 1)


def test_a_decoder_gets_its_own_word_back():
    view = view_of(Speaking(), (2, 4), (2, 6), (2, 6))
    assert backward(view) == {("cell", "cell"), ("out", "cell")}
    assert {("input/x", "cell"), ("input/h", "cell"), ("input/c", "cell"), ("out", "stack")} <= (
        edges(view)
    )


class Listing(nn.Module):
    """No first state, and an output of its own for every turn."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 6)

    def forward(self, x: Tensor) -> list[Tensor]:
        state, seen = None, list[Tensor]()
        for step in x.unbind(1):
            state = self.cell(step, state)
            seen.append(state[0])
        return seen


def test_outputs_of_turns_become_one():
    view = view_of(Listing(), (2, 5, 4))
    assert len(edges(view)) == 4  # x, unbind, cell, cell again, output
    (cell,) = [box for box in view.graph.boxes.values() if box.turns > 1]
    (output,) = [box for box in view.graph.boxes.values() if box.role == "output"]
    assert (cell.turns, len(output.repeats), frames(view)) == (5, 5, [])


class PerFrame(nn.Module):
    """The same layers for every frame, without a state."""

    def __init__(self) -> None:
        super().__init__()
        self.enc = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.enc(x[:, step]) for step in range(x.shape[1])], 1)


def test_frames_that_are_treated_alike_fold_without_a_way_back():
    view = view_of(PerFrame(), (1, 5, 3, 8, 8))
    assert (view.boxes, backward(view)) == (5, set())
    assert [frame.turns for frame in frames(view)] == [5]


class Inline(nn.Module):
    """A cell written out in functions, its results written into a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Parameter(torch.zeros(4, 4)), nn.Parameter(torch.zeros(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        h, seen = torch.zeros(x.shape[0], 4), torch.zeros(x.shape)
        for step in range(x.shape[1]):
            h = torch.tanh(x[:, step] @ self.w + h @ self.u)
            seen[:, step] = h
        return seen


def test_a_cell_of_functions_folds_as_well():
    view = view_of(Inline(), (2, 7, 4))
    # x, its step, two products, their sum with tanh, what is written, output
    assert view.boxes == 7
    assert backward(view) == {("add", "matmul.2"), ("setitem", "setitem")}


class Pondering(nn.Module):
    """A loop inside a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.ponder = nn.GRUCell(4, 6), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 6)
        for step in range(x.shape[1]):
            h = self.cell(x[:, step], h)
            for _ in range(4):
                h = torch.tanh(self.ponder(h))
        return h


def test_a_loop_inside_a_loop():
    view = view_of(Pondering(), (2, 7, 4))
    (frame,) = frames(view)
    assert (view.boxes, frame.turns) == (5, 7)
    assert [box.turns for box in view.graph.boxes.values()] == [1, 1, 1, 4, 1]
    assert backward(view) == {("ponder", "ponder"), ("ponder", "cell")}


# ---- what stays apart --------------------------------------------------------------------


class Reading(nn.Module):
    """A cell called in five turns, of which ``use`` makes the output."""

    def __init__(self, use: Callable[[list[Tensor]], Tensor], own: bool = False) -> None:
        super().__init__()
        self.cells = nn.ModuleList(nn.RNNCell(4, 4) for _ in range(5 if own else 1))
        self.use = use

    def forward(self, x: Tensor) -> Tensor:
        h, seen = x[:, 0], list[Tensor]()
        for step in range(5):
            h = self.cells[step % len(self.cells)](x[:, step], h)
            seen.append(h)
        return self.use(seen)


@pytest.mark.parametrize(
    ("use", "turns"),
    [
        (lambda seen: seen[4], [5]),
        (lambda seen: torch.stack(seen), [5]),
        (lambda seen: torch.stack(seen[:-1]), [4]),  # the last turn's result goes nowhere
        (lambda seen: seen[0] - seen[4], [4]),  # the first one's goes elsewhere
        (lambda seen: seen[0] - seen[2] * seen[4], []),
    ],
)
def test_turns_fold_only_where_their_results_are_used_alike(
    use: Callable[[list[Tensor]], Tensor], turns: list[int]
):
    assert [f.turns for f in frames(view_of(Reading(use), (2, 5, 4))) if f.turns > 1] == turns


class Mixing(nn.Module):
    """Adds to every step what ``which`` picks from the step itself and two more inputs."""

    def __init__(self, which: Callable[[int], int]) -> None:
        super().__init__()
        self.cell, self.which = nn.RNNCell(4, 4), which

    def forward(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        state = None
        for step in range(5):
            frame = x[:, step]
            mixed = frame + (frame, a, b)[self.which(step)]
            if state is None:
                state = mixed.new_zeros(mixed.shape)  # hangs on the first turn, and says nothing
            state = self.cell(mixed, state)
        assert state is not None
        return state + a + b


@pytest.mark.parametrize(
    ("which", "turns"),
    [
        (lambda _: 1, [5]),
        (lambda step: 1 if step == 0 else 0, [4]),  # reads what the others do not
        (lambda step: 1 if step == 2 else 2, []),
    ],
)
def test_turns_fold_only_where_they_read_alike(which: Callable[[int], int], turns: list[int]):
    view = view_of(Mixing(which), (2, 5, 4), (2, 4), (2, 4))
    assert [f.turns for f in frames(view) if f.turns > 1] == turns


def test_layers_of_their_own_are_no_turns():
    view = view_of(Reading(lambda seen: seen[4], own=True), (2, 5, 4))
    assert backward(view) == set()
    assert all(frame.turns == 1 for frame in frames(view))


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.pool(x)
        z = self.pool(y)
        return torch.cat([x, y, z, self.pool(z)], 1)


class Sharing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(4, 2)

    def forward(self, x1: Tensor, x2: Tensor, x3: Tensor) -> tuple[Tensor, ...]:
        return self.net(x1), self.net(x2), self.net(x3)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        for step in range(4):
            x = x + self.fc(x) * (step + 2)
        return x


@pytest.mark.parametrize(
    ("model", "shapes"),
    [
        (Loop(), [(2, 2, 4)]),  # two turns are read as easily as a number
        (Pooled(), [(1, 1, 4, 4)]),  # no weights: the same function several times
        (Sharing(), [(2, 4)] * 3),  # three things that pass through the same layer
        (Scaled(), [(2, 4)]),  # another number in each turn
    ],
)
def test_what_is_no_loop_stays_as_it_is(model: nn.Module, shapes: list[tuple[int, ...]]):
    view = view_of(model, *shapes)
    assert (backward(view), [f for f in frames(view) if f.turns > 1]) == (set(), [])


def test_expand_draws_every_turn():
    view = view_of(Loop(), (2, 6, 4), expand=True)
    assert sum(name.startswith("cell") for name in boxes(view)) == 6


class Growing(nn.Module):
    """Fails in the fifth turn."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.RNNCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 4)
        for step in range(6):
            h = self.cell(x[:, step] if step < 4 else x[0], h)
        return h


def test_the_turn_that_fails_is_drawn():
    view = view_of(Growing(), (2, 6, 4))
    assert [frame.turns for frame in frames(view)] == [4]
    assert [box.failed for box in view.graph.boxes.values()][-1]
    assert ("cell", "cell") in backward(view)


# ---- how they are drawn ------------------------------------------------------------------


def test_arrows_that_lead_back_are_dashed_in_every_format():
    drawing = draw_report(report_of(ConvLSTM(), (1, 20, 3, 8, 8)))
    assert drawing.source.count("style=dashed") == 2
    assert drawing.render_as("mmd").decode().count("-.->") == 2
    assert drawing.render_as("svg").decode().count('stroke-dasharray="') == 2


def test_feature_maps_say_how_often():
    options = DrawOptions(style="blocks")
    picture = picture_of(report_of(ConvLSTM(), (1, 20, 3, 8, 8)), options)
    shown = re.findall(r">([^<>]+)</text", picture.paint("svg").decode())
    # x, its frame, what the state is joined to, the gates, and what comes out of all turns.
    assert shown[0:10:2] == ["x", "[:, 0 … 19]", "concat", "cells.0.gates", "stack"]
    assert {"20 × [:, 0 … 19]", "20 × concat", "20 × conv 3×3", "stack"} <= set(shown)


UPPER, LOWER = Rect(80, 190, 120, 210), Rect(80, 90, 120, 110)


def led(frame: Rect, *others: Line) -> Line:
    """The arrow from the lower box back into the upper one, as Graphviz's bow and then tidied."""
    bow = ((120.0, 200.0), (150.0, 180.0), (150.0, 120.0), (120.0, 100.0))
    line = Line("upper", "lower", bow, (120.0, 200.0), back=True)
    nodes = {"upper": UPPER, "lower": LOWER}
    return led_back(Placement(frame, nodes, {"frame": frame}, (line, *others))).lines[0]


def test_an_arrow_back_is_led_beside_the_boxes():
    line = led(Rect(0, 0, 200, 300))
    assert line.tip == (80, 200)
    assert line.points[-1] == (80, 100)
    assert min(x for x, _ in line.points) == 80 - 16


def test_it_takes_the_side_where_it_crosses_nothing():
    across = Line("upper", "lower", ((50, 150), (60, 150), (70, 150), (75, 150)), None)
    line = led(Rect(0, 0, 200, 300), across)
    assert max(x for x, _ in line.points) == 120 + 16


def test_without_room_inside_the_frame_the_bow_stays():
    assert max(x for x, _ in led(Rect(70, 0, 130, 300)).points) == 150
