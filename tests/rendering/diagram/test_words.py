"""The words in the boxes, as a person reads them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnshape.rendering.diagram.boxes import Frame
from cnnshape.rendering.diagram.captions import Captions
from cnnshape.rendering.diagram.choose_depth import make_view
from cnnshape.rendering.diagram.dataflow import build_flow
from cnnshape.rendering.diagram.draw_options import parse_show
from cnnshape.rendering.diagram.layer_words import layer_words
from cnnshape.tracing.describe import describe
from tests.rendering.diagram.models import Broken, Loop, Siamese, Tower, report_of

LAYERS = [
    (nn.Conv2d(1, 6, 5, padding=2), "Conv2d 5×5, 1→6, pad 2"),
    (nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), "Conv2d 7×7, 3→64, stride 2, pad 3"),
    (nn.Conv2d(4, 8, (3, 5), padding=(1, 2)), "Conv2d 3×5, 4→8, pad 1×2"),
    (nn.Conv2d(8, 8, 3, groups=8, dilation=2), "Conv2d 3×3, 8→8, dilation 2, depthwise"),
    (nn.Conv2d(8, 16, 3, groups=4), "Conv2d 3×3, 8→16, groups 4"),
    (nn.Conv2d(3, 3, 3, padding="same"), "Conv2d 3×3, 3→3, pad same"),
    (nn.Conv1d(2, 4, 3), "Conv1d 3, 2→4"),
    (nn.Conv3d(1, 2, 3), "Conv3d 3×3×3, 1→2"),
    (
        nn.ConvTranspose2d(8, 4, 2, stride=2, output_padding=1),
        "ConvTranspose2d 2×2, 8→4, stride 2, output pad 1",
    ),
    (nn.MaxPool2d(2), "MaxPool2d 2×2"),
    (nn.MaxPool2d(3, stride=2, padding=1), "MaxPool2d 3×3, stride 2, pad 1"),
    (nn.AvgPool2d(2, stride=1, ceil_mode=True), "AvgPool2d 2×2, stride 1, ceil"),
    (nn.AdaptiveAvgPool2d(1), "AdaptiveAvgPool2d to 1×1"),
    (nn.AdaptiveAvgPool2d((7, None)), "AdaptiveAvgPool2d to 7×·"),
    (nn.Linear(400, 120), "Linear 400→120"),
    (nn.Embedding(30522, 768), "Embedding 30,522→768"),
    (nn.LSTM(8, 16, 2, bidirectional=True), "LSTM 8→16, 2 layers, bidirectional"),
    (nn.GRU(8, 16), "GRU 8→16"),
    (nn.MultiheadAttention(512, 8), "MultiheadAttention 8 heads of 64"),
    (nn.Dropout(0.25), "Dropout 0.25"),
    (nn.GroupNorm(4, 8), "GroupNorm 4 groups"),
    (nn.BatchNorm2d(8), "BatchNorm2d"),
    (nn.ReLU(), "ReLU"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), "Upsample ×2, bilinear"),
    (nn.Upsample(size=(8, 8)), "Upsample to 8×8, nearest"),
    (nn.ZeroPad2d(1), "ZeroPad2d 1"),
    (nn.PixelShuffle(2), "PixelShuffle ×2"),
]


@pytest.mark.parametrize(("layer", "words"), LAYERS, ids=[words for _, words in LAYERS])
def test_layers(layer: nn.Module, words: str):
    assert layer_words(describe(layer).modules[0]) == words


def captions_of(model: nn.Module, *shapes, show: str = "shapes,params", **options):
    report = report_of(model, *shapes)
    view = make_view(build_flow(report.trace), **options)
    captions = Captions(view, report, parse_show(show))
    nodes = view.graph.flow.nodes
    return {nodes[key].id: captions.box(key) for key in view.graph.boxes}, captions, view


class Functional(nn.Module):
    """Calls functions, each of which must be described by what it did."""

    def __init__(self, function) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.shift = nn.Parameter(torch.zeros(4, 1, 1))
        self.function = function

    def forward(self, x):
        return self.function(self, self.conv(x))


FUNCTIONS = [
    (lambda _, x: x.view(x.size(0), -1), "view 4×6×6 → 144"),
    (lambda _, x: x.permute(0, 2, 3, 1).reshape(1, 36, 4), "permute · reshape 4×6×6 → 36×4"),
    (lambda _, x: F.relu(x), "relu"),
    (lambda m, x: x + m.shift, "+ shift"),
    (lambda _, x: x * 0.5, "× 0.5"),
    (lambda _, x: x / 8, "÷ 8"),
    (lambda _, x: x[:, 1:3, ::2], "[:, 1:3, ::2] 4×6×6 → 2×3×6"),
    (lambda _, x: x[..., 0], "[…, 0] 4×6×6 → 4×6"),
    (lambda _, x: x.pow(2), "pow 2"),
    (lambda _, x: x.softmax(1), "softmax"),
    (lambda _, x: F.pad(x, (1, 1)), "pad 4×6×6 → 4×6×8"),
]


@pytest.mark.parametrize(("function", "words"), FUNCTIONS, ids=[words for _, words in FUNCTIONS])
def test_functions_as_strips(function, words: str):
    boxes, _, _ = captions_of(Functional(function), (1, 3, 6, 6))
    assert [strip.text for strip in boxes["conv"].strips] == [words]


OWN_BOXES = [
    (lambda _, x: F.max_pool2d(x, 3, 2), ("max_pool2d", ("3×3, stride 2",))),
    (lambda _, x: F.adaptive_avg_pool2d(x, 1), ("adaptive_avg_pool2d", ("to 1×1",))),
    (lambda m, x: F.conv2d(x, m.conv.weight.new_ones(2, 4, 3, 3)), ("conv2d", ("3×3, 4→2",))),
    (lambda _, x: x.mean((2, 3)), ("mean", ("4×6×6 → 4",))),
    (lambda _, x: F.interpolate(x, scale_factor=2), ("interpolate", ("4×6×6 → 4×12×12",))),
]


@pytest.mark.parametrize(("function", "expected"), OWN_BOXES, ids=[e[0] for _, e in OWN_BOXES])
def test_functions_that_are_layers_have_their_own_box(function, expected):
    boxes, _, _ = captions_of(Functional(function), (1, 3, 6, 6))
    caption = boxes[expected[0]]
    assert (caption.title, caption.lines) == expected


def test_a_box_has_name_parameters_words_and_strips():
    boxes, _, _ = captions_of(Tower(1), (1, 3, 8, 8))
    caption = boxes["blocks.0.conv1"]
    assert (caption.title, caption.aside) == ("conv1", "576")
    assert caption.lines == ("Conv2d 3×3, 8→8, pad 1",)
    assert [strip.text for strip in caption.strips] == ["bn1 BatchNorm2d", "relu"]


def test_a_second_call_says_so_and_counts_no_parameters():
    boxes, _, _ = captions_of(Siamese(), (1, 1, 9, 9), (1, 1, 9, 9))
    assert (boxes["fc"].aside, boxes["fc@2"].aside) == ("27", "2nd call")


def test_pills_have_name_shape_and_an_unusual_dtype():
    net = nn.Sequential(nn.Embedding(10, 4))
    report = report_of(net, torch.zeros(2, 7, dtype=torch.long))
    view = make_view(build_flow(report.trace))
    captions = Captions(view, report, parse_show("shapes"))
    pills = [captions.box(key) for key in sorted(view.graph.boxes)]
    assert (pills[0].title, pills[0].lines) == ("input", ("7 int64",))
    assert (pills[-1].title, pills[-1].lines) == ("output", ("7×4",))


def test_edges_have_a_shape_only_where_it_changed():
    _, captions, view = captions_of(Tower(1), (1, 3, 8, 8))
    names = {key: view.graph.flow.nodes[key].id for key in view.graph.boxes}
    labels = {(names[tail], names[head]): label for tail, head, _, label in captions.edges()}
    assert labels["input/x", "stem"] == ""
    assert labels["stem", "blocks.0.conv1"] == "8×6×6"
    assert labels["blocks.0.conv1", "blocks.0.conv2"] == ""
    assert labels["mean", "head"] == "8"
    assert labels["head", "output"] == ""


def test_frames_say_how_often_and_what():
    _, captions, view = captions_of(Tower(4), (1, 3, 8, 8))
    (frame,) = [item for item in view.root.items if not isinstance(item, int)]
    assert captions.naming.frame(frame, "") == ("blocks", "4 × Residual")


def test_a_loop_says_how_many_turns_it_has_and_what_each_takes():
    boxes, captions, view = captions_of(Loop(), (2, 6, 4))
    (frame,) = [item for item in view.root.items if not isinstance(item, int)]
    assert captions.naming.frame(frame, "") == ("", "6 turns")
    assert (boxes["getitem"].title, boxes["getitem"].lines) == ("[:, 0 … 5]", ("6×4 → 4",))
    assert boxes["cell"].aside == "216"  # 3·6·(4 + 6) + 2·3·6, counted once


def test_a_closed_module_says_what_is_inside():
    boxes, _, _ = captions_of(Tower(4), (1, 3, 8, 8), collapse=["blocks"])
    (caption,) = [c for name, c in boxes.items() if name.startswith("blocks")]
    assert (caption.title, caption.lines) == ("blocks", ("4 × Residual, each + input",))
    assert caption.aside == "4,672"


def test_what_was_asked_for_stands_below():
    boxes, _, _ = captions_of(Tower(1), (1, 3, 8, 8), show="macs,receptive-field,formula")
    assert boxes["stem"].lines == (
        "Conv2d 3×3, 3→8",
        "7,776 MACs",  # 6·6 positions × 8 channels × 3·3·3 products
        "receptive field 3×3",
        "⌊(8 + 2·0 − 1·(3 − 1) − 1)/1⌋ + 1 = 6",
    )
    assert boxes["stem"].aside == ""


def test_the_tooltip_has_everything():
    boxes, _, _ = captions_of(Tower(1), (1, 3, 8, 8))
    assert boxes["stem"].tooltip.split("\n") == [
        "stem: Conv2d 3×3, 3→8",
        "  1×3×8×8 → 1×8×6×6",
        "  224 parameters · 7,776 MACs · receptive field 3×3",
        "  ⌊(H + 2P − D(K − 1) − 1)/S⌋ + 1",
        "  ⌊(8 + 2·0 − 1·(3 − 1) − 1)/1⌋ + 1 = 6",
    ]


def test_a_failing_layer_says_why():
    boxes, _, _ = captions_of(Broken(), (1, 1, 28, 28))
    assert boxes["fc"].failed
    assert " ".join(boxes["fc"].lines[1:]).startswith("✗ fc expects 400 features, but 864 arrive")


def test_the_batch_is_left_out_only_where_there_is_one():
    boxes, _, _ = captions_of(nn.Sequential(nn.Conv2d(3, 4, 3)), (3, 8, 8))
    assert boxes["output"].lines == ("4×6×6",)
    assert boxes["input/input"].lines == ("3×8×8",)


def test_a_reshaping_layer_tells_the_sizes():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 9), nn.Unflatten(1, (3, 3))
    )
    captions, _, _ = captions_of(net, (1, 1, 8, 8))
    assert [strip.text for strip in captions["0"].strips] == ["1 Flatten 4×6×6 → 144"]
    assert [strip.text for strip in captions["2"].strips] == ["3 Unflatten 9 → 3×3"]


def test_a_sequential_frame_has_its_name_alone():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2))

        def forward(self, x):
            return self.features(x)

    _, captions, view = captions_of(Net(), (1, 1, 8, 8))
    (frame,) = [item for item in view.root.items if isinstance(item, Frame)]
    assert captions.naming.frame(frame, "") == ("features", "")


def test_a_class_that_is_only_called_like_a_layer_is_not_described_as_one():
    class ConvStandIn(nn.Module):
        def forward(self, x):
            return x.exp()

    captions, _, _ = captions_of(nn.Sequential(ConvStandIn()), (1, 4))
    assert captions["0/exp"].lines == ("ConvStandIn",)


class Turned(nn.Module):
    """Multiplied with what is computed from no input, and joined with a tensor without numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = self.fc(x) * torch.arange(4.0).cos()
        return self.out(torch.cat([x.new_zeros(0), x], -2))


def test_what_comes_from_no_input_is_a_constant_and_nothing_is_not_joined():
    captions, _, view = captions_of(Turned(), (1, 3, 4))
    assert [strip.text for strip in captions["fc"].strips] == ["× constant"]
    assert not any("cat" in view.graph.operation_name(box) for box in view.graph.boxes.values())


def test_an_attention_of_its_own_says_its_heads():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.kv = nn.Linear(12, 12), nn.Linear(12, 6)

        def forward(self, x):
            q = self.q(x).unflatten(-1, (4, 3)).transpose(1, 2)
            kv = self.kv(x).unflatten(-1, (2, 3)).transpose(1, 2)
            return F.scaled_dot_product_attention(q, kv, kv, enable_gqa=True)

    boxes, _, _ = captions_of(Net(), (1, 5, 12))
    (caption,) = [one for one in boxes.values() if one.title == "attention"]
    assert caption.lines[0] == "4 heads of 3, 2 for keys and values"


def test_an_attention_that_hands_on_its_input_is_not_counted():
    class Attention(nn.Module):
        def forward(self, x):
            return x

    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 4, 3), Attention()), nn.ReLU())
    boxes, _, _ = captions_of(net, (1, 1, 8, 8), collapse=["0"])
    assert boxes["0.0"].lines == ("1 conv",)


def test_what_noise_is_multiplied_with():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            x = self.fc(x)
            return x * torch.randn_like(x)

    captions, _, _ = captions_of(Noisy(), (1, 4))
    assert [strip.text for strip in captions["fc"].strips] == ["× randn_like"]


def test_what_a_closed_module_holds():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.rnn = nn.Embedding(5, 8), nn.GRU(8, 8, batch_first=True)
            self.inner = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x):
            return self.inner(self.rnn(self.embed(x))[0])

    report = report_of(nn.Sequential(Layer(), nn.ReLU()), torch.zeros(1, 3, dtype=torch.int64))
    view = make_view(build_flow(report.trace), depth=1)
    captions = Captions(view, report, parse_show("shapes"))
    closed = next(key for key, box in view.graph.boxes.items() if box.head.container)
    assert captions.box(closed).lines == (
        "Layer, 1 embedding, 1 attention, 1 recurrent, 2 linear",
        "2 heads of 4, 2 skips",
    )
