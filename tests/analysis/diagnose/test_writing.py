"""What a diagnosis is made of: the way a size took, the author's own words, constructor lines."""

from __future__ import annotations

import ast
import os

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import cnnshape
from cnnshape.analysis.diagnose.constructor import constructor
from cnnshape.analysis.diagnose.dispatch import diagnose
from cnnshape.analysis.diagnose.failing import Failing
from cnnshape.analysis.diagnose.source_call import written
from cnnshape.experiments.fixes.layer_edits import rebuild
from cnnshape.tracing.describe import describe
from cnnshape.tracing.execute import Inputs, record
from cnnshape.tracing.trace import Source

# ---- where a size comes from --------------------------------------------------------------


class Tail(nn.Module):
    """Anything, and a linear layer that does not fit behind it."""

    def __init__(self, body, function=lambda x: x):
        super().__init__()
        self.body = body
        self.fc = nn.Linear(3, 2)
        self.function = function

    def forward(self, x):
        return self.fc(self.function(self.body(x)))


def derivation(body, *size, function=lambda x: torch.flatten(x, 1)):
    trace = record(Tail(body, function), Inputs((torch.zeros(size),))).trace
    return diagnose(Failing.of(trace)).derivation


def test_the_tutorial_network_by_hand():
    body = nn.Sequential()
    body.conv1, body.pool1 = nn.Conv2d(1, 6, 5), nn.MaxPool2d(2)
    body.conv2, body.pool2 = nn.Conv2d(6, 16, 5), nn.MaxPool2d(2)
    assert derivation(body, 2, 1, 28, 28) == (
        "256 = 16 channels × 4 × 4",
        "x 2×1×28×28",
        "body.conv1 28 − 5 + 1 = 24",
        "body.pool1 24/2 = 12",
        "body.conv2 12 − 5 + 1 = 8, 16 channels",
        "body.pool2 8/2 = 4",
    )


def test_height_and_width_with_different_numbers():
    body = nn.Sequential()
    body.conv = nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=(0, 1))
    assert derivation(body, 1, 3, 9, 20) == (
        "252 = 4 channels × 7 × 9",
        "x 1×3×9×20",
        "body.conv 9 − 3 + 1 = 7, ⌊(20 + 2·1 − 5)/2⌋ + 1 = 9, 4 channels",
    )


def test_behind_a_flattening_the_way_goes_on_along_the_last_axis():
    body = nn.Sequential()
    body.conv = nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=(0, 1))
    pooled = derivation(body, 1, 3, 9, 20, function=lambda x: F.avg_pool1d(torch.flatten(x, 2), 2))
    assert pooled == (
        "x 1×3×9×20",
        "body.conv ⌊(20 + 2·1 − 5)/2⌋ + 1 = 9",
        "flatten 7·9 = 63",
        "avg_pool ⌊63/2⌋ = 31",
    )


def test_an_adaptive_pooling_is_where_the_way_ends():
    body = nn.Sequential()
    body.conv, body.pool = nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(2)
    assert derivation(body, 1, 3, 64, 64) == (
        "32 = 8 channels × 2 × 2",
        "body.conv gives 8 channels",
        "body.pool gives output size 2",
    )


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: x.view(x.size(0), -1), "324 = 4 channels × 9 × 9"),
        (lambda x: x.reshape(2, 324), "324 = 4 channels × 9 × 9"),
        (lambda x: x.permute(0, 2, 3, 1).flatten(1), "324 = 9 channels × 9 × 4"),
        (lambda x: F.relu(x.flatten(1)) * 2, "324 = 4 channels × 9 × 9"),
        (lambda x: x.flatten(1).unsqueeze(1), "324 = 4 channels × 9 × 9"),
    ],
)
def test_ways_to_flatten(function, said):
    found = derivation(nn.Conv2d(3, 4, 2), 2, 3, 10, 10, function=function)
    assert found[0].replace(" channels", "") == said.replace(" channels", "")
    assert "body 10 − 2 + 1 = 9" in " ".join(found)


def test_what_made_the_last_dimension():
    assert derivation(nn.Linear(5, 7), 2, 5, function=torch.relu) == ("body gives 7 features",)
    joined = derivation(nn.Linear(5, 7), 2, 5, function=lambda x: torch.cat([x, x[:, :2]], 1))
    assert joined == ("cat 7 + 2 = 9",)


# ---- the author's own words ---------------------------------------------------------------

SOURCE = """\
y = x.view(-1, 400)
z = torch.cat([self.up(a + b), skip], dim=1)
w = F.relu(a) + b
v = (a - b).view(2, -1)
u = torch.matmul(
    q,
    k,
)
größe = x.view(1, -1) if ja else x.view(2, -1)
out += self.shortcut(x)
n = torch.cat(outputs, 1)
m = "é" + x.expand(2, 3)
s = self.first(x) + \\
    self.second(x)
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(SOURCE, encoding="utf-8")
    return lambda line, name: written(Source(str(path), line, "forward"), name)


def test_a_method(source):
    found = source(1, "view")
    assert (found.text, found.receiver, found.arguments) == ("x.view(-1, 400)", "x", ("-1", "400"))


def test_items_of_a_list_are_operands(source):
    found = source(2, "cat")
    assert found.operands[:2] == ("self.up(a + b)", "skip")
    assert found.with_operand(1, "skip[:, :9]") == "torch.cat([self.up(a + b), skip[:, :9]], dim=1)"


def test_an_operator(source):
    found = source(3, "add")
    assert (found.text, found.operands) == ("F.relu(a) + b", ("F.relu(a)", "b"))


def test_a_line_that_goes_on_behind_a_backslash(source):
    found = source(13, "add")
    assert found.text == "self.first(x) + self.second(x)"
    assert found.with_operand(1, "self.proj(x)") == "self.first(x) + self.proj(x)"


def test_brackets_where_a_method_needs_them(source):
    found = source(4, "view")
    assert found.receiver == "(a - b)"


def test_a_call_over_several_lines(source):
    for line in (5, 6, 7):
        found = source(line, "matmul")
        assert found.text == "torch.matmul( q, k, )"
        assert found.operands == ("q", "k")


def test_two_calls_of_one_name_are_not_guessed_between(source):
    assert source(9, "view") is None


def test_in_place_operators_lose_their_place(source):
    found = source(10, "add")
    assert found.with_operand(1, "s(x)") == "out += s(x)"
    assert found.with_operand(0, "F.pad(out)") == "out = F.pad(out) + self.shortcut(x)"


def test_a_list_from_elsewhere(source):
    assert source(11, "cat").gathered


def test_letters_of_several_bytes(source):
    assert source(12, "expand").with_operand(0, "y") == "y.expand(2, 3)"


def test_what_is_not_there(source, tmp_path):
    assert source(1, "cat") is None
    assert source(99, "view") is None
    assert written(None, "view") is None
    assert written(Source(str(tmp_path / "none.py"), 1, "f"), "view") is None
    (tmp_path / "broken.py").write_text("def (", encoding="utf-8")
    assert written(Source(str(tmp_path / "broken.py"), 1, "f"), "view") is None


# ---- layers -------------------------------------------------------------------------------

LAYERS = [
    nn.Linear(4, 2, bias=False),
    nn.Conv1d(4, 6, 3, stride=2, padding=1, bias=False),
    nn.Conv2d(4, 6, (3, 5), padding=(1, 2), dilation=2, groups=2),
    nn.Conv2d(4, 6, 3, padding="same"),
    nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    nn.Conv3d(1, 2, 3),
    nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1),
    nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
    nn.MaxPool1d(2),
    nn.AvgPool2d(2, stride=(2, 1)),
    nn.AdaptiveAvgPool2d((None, 3)),
    nn.BatchNorm2d(5, affine=False),
    nn.BatchNorm1d(5, momentum=None),
    nn.InstanceNorm2d(3, affine=True),
    nn.GroupNorm(2, 6),
    nn.LayerNorm((3, 4)),
    nn.LayerNorm(8, elementwise_affine=False),
    nn.Embedding(9, 4, padding_idx=0),
    nn.LSTM(3, 4, num_layers=2, batch_first=True, bidirectional=True),
    nn.GRU(3, 4, bias=False),
    nn.RNN(3, 4, nonlinearity="relu"),
    nn.LSTMCell(3, 4),
    nn.MultiheadAttention(8, 2, kdim=3, vdim=3, batch_first=True),
    nn.MultiheadAttention(8, 2, bias=False),
    nn.PReLU(3),
    nn.Bilinear(2, 3, 4, bias=False),
    nn.Unflatten(1, (2, 3)),
    nn.Flatten(0, 1),
    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    nn.Upsample(size=(3, 4)),
    nn.PixelShuffle(3),
    nn.GLU(1),
    nn.Softmax(1),
    nn.ReflectionPad2d((1, 2, 3, 4)),
    nn.Fold((4, 5), 2, stride=2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_the_line_that_builds_a_layer_builds_it(layer):
    line = constructor(describe(layer).modules[0], {})
    ast.parse(line)
    again = eval(line, {"nn": nn})
    if getattr(layer, "padding_mode", "zeros") == "zeros":
        assert repr(again) == repr(layer)
    shapes = {name: value.shape for name, value in layer.state_dict().items()}
    assert {name: value.shape for name, value in again.state_dict().items()} == shapes


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_a_layer_built_anew_is_the_same(layer):
    before, shapes = repr(layer), {n: v.shape for n, v in layer.state_dict().items()}
    rebuild(layer, {})
    assert repr(layer) == before
    assert {n: v.shape for n, v in layer.state_dict().items()} == shapes


def test_a_layer_with_another_argument():
    layer = nn.Conv2d(3, 8, 3, padding=1, bias=False)
    rebuild(layer, {"in_channels": 5})
    assert (layer.in_channels, layer.weight.shape, layer.bias) == (5, (8, 5, 3, 3), None)
    assert layer(torch.zeros(1, 5, 4, 4)).shape == (1, 8, 4, 4)


def test_the_json_of_the_contract():
    """The example of the JSON report, number by number."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3)
            self.fc = nn.Linear(100, 10)

        def forward(self, x):
            return self.fc(torch.flatten(self.conv(x), 1))

    error = cnnshape.inspect(Net(), (2, 1, 32, 32)).to_dict()["error"]
    assert error["path"] == "fc"
    assert error["type"] == "Linear"
    assert error["op"] == "linear"
    assert error["kind"] == "linear.in_features"
    assert (
        error["diagnosis"]
        == "fc expects 100 features, but 7200 arrive: 8 channels × 30 × 30 after flatten"
    )
    assert error["source"].rpartition(":")[0] == os.path.relpath(__file__)
    first = error["suggestions"][0]
    assert first["action"] == "set_argument"
    assert first["text"] == "nn.Linear(in_features=7200, out_features=10)"
    assert (first["path"], first["argument"]) == ("fc", "in_features")
    assert (first["from"], first["to"]) == (100, 7200)
    assert first["verified"] is True
    assert "conv 32 − 3 + 1 = 30, 8 channels" in error["derivation"]


# ---- a line of forward ---------------------------------------------------------------------


class Asks(nn.Module):
    """The line that fails is no statement without the one behind it."""

    def forward(self, x):
        if x.shape[4] == 3:
            return x
        return x + 1


def test_half_a_statement_is_no_obstacle():
    trace = record(Asks(), Inputs((torch.zeros(1, 3, 8, 8),))).trace
    found = diagnose(Failing.of(trace))
    assert found is None or found.kind == "input.rank"


def test_no_flattening_is_missing_where_none_would_fit():
    model = nn.Sequential(nn.Linear(1, 2))
    found = diagnose(Failing.of(record(model, Inputs((torch.zeros(2, 3, 4),))).trace))
    assert found is not None
    assert found.kind == "linear.in_features"  # 24, 12 or 4 numbers: none is one


class Masked(nn.Module):
    def forward(self, x, mask):
        return F.scaled_dot_product_attention(x, x + 1, x + 2, mask)


def test_it_is_the_mask_that_gets_the_missing_axes():
    mask = torch.ones(2, 4, dtype=torch.bool)
    trace = record(Masked(), Inputs((torch.zeros(2, 3, 4, 5), mask))).trace
    found = diagnose(Failing.of(trace))
    assert found is not None
    suggestion = found.suggestions[0]
    fixed = "F.scaled_dot_product_attention(x, x + 1, x + 2, mask[:, None, None, :])"
    assert suggestion.text == fixed


class Squared(nn.Module):
    def forward(self, x):
        return x @ x


def test_factors_of_one_name_are_told_apart():
    found = diagnose(Failing.of(record(Squared(), Inputs((torch.zeros(2, 3),))).trace))
    assert found is not None
    assert found.sentence.startswith("a 2×3 times b 2×3 does not fit")


def test_the_same_change_in_many_blocks_is_told_once():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)

        def forward(self, x):
            return x + self.conv(x)

    model = nn.Sequential(*[Block() for _ in range(6)])
    told = str(cnnshape.explain_error(model, torch.zeros(2, 4, 9, 9)))
    places = "model[1].conv, model[2].conv, model[3].conv and 2 more"
    assert f"and the same in {places}" in " ".join(told.split())
