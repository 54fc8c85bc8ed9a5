"""What is put into one box, what is folded, and what must not be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnshape.rendering.diagram.boxes import Frame
from cnnshape.rendering.diagram.choose_depth import View, breadth, make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import DrawOptions
from cnnshape.rendering.diagram.drawing import draw_report
from tests.rendering.diagram.models import (
    Broken,
    Caching,
    InPlace,
    PreNorm,
    Silent,
    Tapped,
    Tower,
    TransposedLinear,
    UNet,
    report_of,
)


def view_of(model: nn.Module, *shapes: tuple[int, ...], **options) -> View:
    return make_view(build_flow(report_of(model, *shapes).trace), **options)


def boxes(view: View) -> dict[str, list[str]]:
    """Box id → ids of the layers in it."""
    nodes = view.graph.flow.nodes
    return {
        nodes[key].id: [nodes[part.nodes[0]].id for part in box.parts]
        for key, box in view.graph.boxes.items()
    }


def edges(view: View) -> set[tuple[str, str]]:
    nodes = view.graph.flow.nodes
    return {(nodes[tail].id, nodes[head].id) for tail, head, _ in view.graph.edges()}


def frames(view: View) -> list[Frame]:
    found: list[Frame] = []

    def visit(frame: Frame) -> None:
        for item in frame.items:
            if isinstance(item, Frame):
                found.append(item)
                visit(item)

    visit(view.root)
    return found


def test_followers_stand_below_their_layer():
    view = view_of(Tower(1), (1, 3, 8, 8))
    assert boxes(view)["blocks.0.conv1"] == ["blocks.0.conv1", "blocks.0.bn1", "blocks.0/relu"]


def test_where_a_value_branches_the_stack_ends():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU()

        def forward(self, x):
            x = self.conv(x)
            return self.relu(x) + x

    view = view_of(Branching(), (1, 3, 4, 4))
    assert boxes(view)["conv"] == ["conv"]
    assert {("conv", "relu"), ("conv", "add"), ("relu", "add")} <= edges(view)


def test_a_sum_keeps_its_activation():
    view = view_of(Tower(1), (1, 3, 8, 8))
    assert boxes(view)["blocks.0/add"] == ["blocks.0/add", "blocks.0/relu.2"]


def test_equal_blocks_fold_into_one():
    view = view_of(Tower(4), (1, 3, 8, 8))
    (frame,) = frames(view)
    assert len(frame.repeats) == 4
    assert {
        ("stem", "blocks.0.conv1"),
        ("stem", "blocks.0/add"),
        ("blocks.0/add", "mean"),
    } <= edges(view)
    assert not any("blocks.1" in name for name in boxes(view))


def test_expand_folds_nothing():
    view = view_of(Tower(4), (1, 3, 8, 8), expand=True)
    assert len([f for f in frames(view) if not f.repeats]) == 4
    assert "blocks.3.conv1" in boxes(view)


def test_blocks_whose_results_are_used_elsewhere_do_not_fold_over_them():
    view = view_of(Tapped(4), (1, 3, 8, 8))
    assert ("blocks.0/add", "add") in edges(view)
    assert sorted(len(frame.repeats) for frame in frames(view)) == [0, 3]


def test_blocks_of_different_width_do_not_fold():
    net = nn.Sequential(
        *(nn.Sequential(nn.Linear(n, n + 1), nn.Linear(n + 1, n + 1)) for n in (3, 4))
    )
    view = view_of(net, (1, 3))
    assert [len(frame.repeats) for frame in frames(view)] == [0, 0]


def test_a_decoder_folds_although_every_layer_reads_the_memory():
    model = nn.Transformer(16, 2, 3, 3, 32, batch_first=True)
    view = view_of(model, (1, 5, 16), (1, 4, 16))
    repeats = {f.call: len(f.repeats) for f in frames(view) if f.repeats}
    assert sorted(repeats.values()) == [3, 3]
    assert ("encoder.norm", "decoder.layers.0.multihead_attn") in edges(view)


def test_alternating_blocks_fold_in_pairs():
    net = nn.Sequential(*(nn.Linear(4, 4) if n % 2 else nn.Conv1d(2, 2, 1) for n in range(8)))
    (frame,) = frames(view_of(net, (1, 2, 4)))
    assert frame.group
    assert (len(frame.items), len(frame.repeats)) == (2, 4)


def test_one_box_needs_no_frame_around_it():
    view = view_of(nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())), (1, 1, 5, 5))
    assert frames(view) == []
    assert boxes(view)["0.0"] == ["0.0", "0.1"]


def test_dropout_that_does_nothing_is_left_out():
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.0), nn.Dropout(0.5), nn.Identity())
    assert boxes(view_of(net, (1, 4)))["0"] == ["0", "2"]


def test_what_is_computed_from_parameters_alone_is_left_out():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(4))
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(x) * (self.scale.exp() + torch.arange(4))

    assert boxes(view_of(Scaled(), (1, 4))) == {
        "input/x": ["input/x"], "fc": ["fc", "mul"], "output": ["output"],
    }  # fmt: skip


def test_in_place_work_is_all_there():
    assert {("relu", "add"), ("a", "add"), ("add", "setitem"), ("getitem", "setitem")} <= {
        (tail.replace("b", "relu"), head) for tail, head in edges(view_of(InPlace(), (1, 3, 8, 8)))
    }


def test_depth_closes_what_lies_deeper():
    view = view_of(UNet(), (1, 3, 16, 16), depth=1)
    assert set(boxes(view)) == {
        "input/x", "inc.net.0", "down1.0", "down2.0", "up1.up", "up2.up", "outc", "output",
    }  # fmt: skip
    assert {("inc.net.0", "up2.up"), ("down1.0", "up1.up")} <= edges(view)


def test_collapse_closes_one_module():
    view = view_of(UNet(), (1, 3, 16, 16), collapse=["up1", "inc*"])
    names = boxes(view)
    assert {"up1.up", "inc.net.0"} <= set(names)
    assert "up1.conv.net.0" not in names
    assert "up2.conv.net.0" in names


@pytest.mark.torchvision
@pytest.mark.parametrize(
    ("name", "most"), [("resnet50", 60), ("densenet121", 60), ("googlenet", 60), ("swin_t", 60)]
)
def test_a_default_picture_stays_readable(name: str, most: int):
    import torchvision

    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None, **extra)
    view = view_of(model, (1, 3, 224, 224))
    assert 10 <= view.boxes <= most


@pytest.mark.torchvision
def test_resnet18_is_what_its_paper_shows():
    import torchvision

    with torch.device("meta"):
        model = torchvision.models.resnet18()
    view = view_of(model, (1, 3, 224, 224))
    assert view.boxes == 30
    assert boxes(view)["conv1"] == ["conv1", "bn1", "relu"]
    assert {
        ("maxpool", "layer1.0.conv1"), ("maxpool", "layer1.0/add"),
        ("layer1.0/add", "layer2.0.downsample.0"), ("layer2.0.downsample.0", "layer2.0/add"),
    } <= edges(view)  # fmt: skip
    assert [len(frame.repeats) for frame in frames(view)] == [2, 0, 0, 0, 0, 0, 0]


def test_a_failing_layer_has_a_box_of_its_own_and_is_the_last():
    view = view_of(Broken(), (1, 1, 28, 28))
    assert list(boxes(view))[-1] == "fc"
    assert [key for key, box in view.graph.boxes.items() if box.failed] == [max(view.graph.boxes)]


def test_a_model_without_output_keeps_its_layers():
    assert set(boxes(view_of(Silent(), (1, 3, 8, 8)))) == {"input/x", "conv"}


class Chatty(nn.Module):
    """More functions in its own forward than anyone wants to see."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        total = x
        for step in range(40):
            total = total + torch.maximum(x, total * step) - torch.minimum(x, total)
        return self.last(total)


def test_hundreds_of_functions_become_one_box_that_says_so():
    report = report_of(Chatty(), (1, 4))
    view = make_view(build_flow(report.trace))
    assert view.boxes == 5
    many = next(b for b in view.graph.boxes.values() if b.head.container)
    assert len(many.head.nodes) > 150
    names = boxes(view)
    (middle,) = set(names) - {"input/x", "first", "last", "output"}
    assert edges(view) == {
        ("input/x", "first"), ("first", middle), (middle, "last"), ("last", "output"),
    }  # fmt: skip


def test_with_expand_every_function_is_drawn():
    assert view_of(Chatty(), (1, 4), expand=True).boxes > 150


def test_a_small_norm_is_one_box_and_the_skip_goes_around_it():
    view = view_of(PreNorm(), (1, 4))
    assert edges(view) == {
        ("input/x", "stem"),
        ("stem", "norm/to"),
        ("norm/to", "fc"),
        ("stem", "add"),
        ("fc", "add"),
        ("add", "output"),
    }
    norm = next(box for box in view.graph.boxes.values() if box.head.kind == "norm")
    assert len(norm.parts) == 1
    assert not norm.head.container


@pytest.mark.parametrize("options", [{"depth": 1}, {"expand": True}, {"collapse": ["norm"]}])
def test_a_module_that_begins_by_handing_on_its_input_does_not_vanish(options):
    inside = {name for name in boxes(view_of(PreNorm(), (1, 4), **options)) if "norm" in name}
    assert inside == (
        {"norm/to"} if "expand" not in options else {"norm/pow", "norm/mean", "norm/mul"}
    )


def test_reshapes_to_the_same_shape_are_left_out():
    class Same(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            x = x.view(-1, 4)[:, 0:]
            x = torch.nn.functional.pad(x, (0, 0))
            return torch.nn.functional.pad(self.fc(x), (1, -1)).flip(1).reshape(-1, 4)

    assert [part for parts in boxes(view_of(Same(), (2, 4))).values() for part in parts] == [
        "input/x",
        "fc",
        "pad.2",
        "flip",
        "output",
    ]


def test_blocks_with_an_output_each_fold_and_so_do_the_outputs():
    view = view_of(Caching(), (1, 8))
    assert edges(view) == {
        ("input/x", "keys.0"),
        ("input/x", "layers.0"),
        ("keys.0", "output.2"),
        ("layers.0", "head"),
        ("head", "output"),
    }
    (series,) = [box for box in view.graph.boxes.values() if box.role == "output" and box.names]
    assert series.names == [f"keys[{k}]" for k in range(5)]


def test_an_output_that_only_one_block_has_keeps_them_apart():
    class Uneven(Caching):
        def forward(self, x):
            given = super().forward(x)
            return {"logits": given["logits"], "keys": given["keys"][:2]}

    assert len([name for name in boxes(view_of(Uneven(), (1, 8))) if "layers" in name]) > 1


def test_an_authors_layer_between_reshapes_is_one_box():
    net = nn.Sequential(TransposedLinear(8, 6), nn.ReLU(), TransposedLinear(6, 4))
    view = view_of(net, (2, 3, 8))
    shown = boxes(view)
    assert len(shown) == 4
    (first, *_) = [box for box in view.graph.boxes.values() if box.role == "module"]
    assert [part.kind for part in first.parts] == ["linear", "activation"]


def test_a_picture_too_wide_to_read_is_drawn_less_deep():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            # No two are equal, so that none can be folded.
            self.heads = nn.ModuleList(nn.Linear(8, k) for k in range(1, 13))

        def forward(self, x):
            return torch.cat([head(x) for head in self.heads], 1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(*(nn.Linear(8, 8) for _ in range(2)))
            self.heads, self.out = Heads(), nn.Linear(78, 4)

        def forward(self, x):
            return self.out(self.heads(self.body(x)))

    view = view_of(Net(), (1, 8))
    assert view.depth == 1
    assert breadth(view.graph) == 1
    assert breadth(view_of(Net(), (1, 8), depth=2).graph) == 12


class Merging(nn.Module):
    """Every second row and column, four ways, side by side: a Swin transformer's patch merging."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Linear(4 * 3, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return self.reduce(torch.cat(parts, -1))


def test_slices_that_are_put_together_again_are_one_step() -> None:
    report = report_of(Merging(), (1, 8, 8, 3))
    drawn = draw_report(report)
    assert "every second row and column, 4 parts" in drawn.source
    assert "8×8×3 → 4×4×12" in drawn.source
    assert drawn.source.count(" -> ") == 3  # into the step, into the layer, out of it
    assert draw_report(report, DrawOptions(expand=True)).source.count("0::2") > 1
