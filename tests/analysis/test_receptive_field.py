"""Receptive fields from a recording, against numbers by hand and published figures."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import cnnshape
from cnnshape.analysis.fields.reach import PIXELS, bounded_pixels, shifted, sliding, transposed
from cnnshape.analysis.fields.windows import _border, adaptive, interpolated
from cnnshape.analysis.receptive_field import Field, receptive_fields
from cnnshape.analysis.unit_field import parse_unit, unit_field
from cnnshape.errors import UsageError
from cnnshape.models.lenet import LeNet
from cnnshape.operations import TABLE, Account, Call, register
from cnnshape.operations.axes import Chosen
from cnnshape.tracing.execute import Inputs, record


def fields_of(model: nn.Module, *shape: int, clipped: bool = False) -> dict[str, Field]:
    """The field of every layer, by path; a layer that ran twice keeps its first."""
    trace = record(model, Inputs((torch.empty(shape, device="meta"),)), device="meta").trace
    assert trace.failure is None, trace.failure
    found = receptive_fields(trace, clipped=clipped)
    paths: dict[str, Field] = {}
    for index, field in found.items():
        paths.setdefault(trace.calls[index].path, field)
    return paths


def test_lenet_by_hand():
    """Size grows by (K − 1) · stride, stride by the layer's own; padding moves the offset."""
    fields = fields_of(LeNet(), 1, 1, 28, 28)
    by_hand = {
        "C1": (5, 1, -2),  # 5×5, and two pixels of padding
        "S1": (6, 2, -2),  # 5 + 1·1
        "C2": (14, 2, -2),  # 6 + 4·2
        "S2": (16, 4, -2),  # 14 + 1·2
        "C3": (32, 4, -2),  # 16 + 4·4: the whole padded picture
    }
    for path, (size, stride, offset) in by_hand.items():
        field = fields[path]
        assert (field.size, field.stride, field.offset) == (
            (size,) * 2,
            (stride,) * 2,
            (offset,) * 2,
        )
    assert fields["F4"].size == "global"
    assert fields["OUT"].size == "global"


def test_one_unit_of_a_transposed_convolution_by_hand():
    """K = 3, S = 2, P = 1: y = 2x − 1 + j, so even y see x = y/2, odd y see both neighbours."""
    reach = PIXELS.through(transposed(3, 2, 1), 13)
    assert reach is not None
    assert [reach.interval(y) for y in range(4)] == [(0, 0), (0, 1), (1, 1), (1, 2)]


def test_padding_by_itself_moves_the_offset_alone():
    """A stride of 2, two zeros in front (2 units of 2 pixels), and 3 + 2·2 pixels behind."""
    model = nn.Sequential(nn.Conv1d(1, 1, 3, stride=2), nn.ConstantPad1d((2, 0), 0.0),
                          nn.Conv1d(1, 1, 3))  # fmt: skip
    fields = fields_of(model, 1, 1, 20)
    found = {path: (field.size, field.stride, field.offset) for path, field in fields.items()}
    assert found["1"] == ((3,), (2,), (-4,))
    assert found["2"] == ((7,), (2,), (-4,))


def test_one_unit_behind_a_global_pooling_sees_everything():
    model = nn.Sequential(nn.Conv1d(1, 1, 3), nn.AdaptiveAvgPool1d(1))
    fields = fields_of(model, 1, 1, 20)
    assert fields["1"].interval(0, 0) == "global"
    assert fields["0"].interval(0, 4) == (4, 6)


def test_axes_may_differ():
    fields = fields_of(nn.Sequential(nn.Conv2d(1, 1, (3, 7), stride=(1, 2))), 1, 1, 20, 20)
    assert fields["0"].size == (3, 7)
    assert fields["0"].stride == (1, 2)


def test_dilation_and_unpadded_borders():
    net = nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2), nn.Conv2d(1, 1, 3, dilation=4))
    field = fields_of(net, 1, 1, 40, 40)["1"]
    assert (field.size, field.offset) == ((13, 13), (0, 0))  # 1 + 2·2 + 2·4


def test_branches_take_the_larger_and_skips_keep_it():
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv2d(3, 3, 7, padding=3)
            self.narrow = nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.cat([self.wide(x)[:, :1], self.narrow(x)[:, 1:]], 1)

    field = fields_of(Skip(), 1, 3, 16, 16)[""]
    assert (field.size, field.offset) == ((7, 7), (-3, -3))


def test_one_row_is_taken():
    class Row(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.after = nn.Conv1d(2, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.after(self.conv(x)[:, :, -2])

    # Row 16 of 18 sees rows 16 to 18 of the picture; the columns go on, three and two more.
    field = fields_of(Row(), 1, 1, 20, 20)["after"]
    assert (field.size, field.offset) == ((3, 5), (16, 0))


def test_a_picture_folded_into_channels():
    class Fold(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3)
            self.pool = nn.MaxPool2d(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pool(nn.functional.pixel_unshuffle(self.conv(x)[:, :, :6, :6], 2))

    # Two rows of three pixels each, one apart: 4, every 2 pixels; then 4 + 2·2.
    field = fields_of(Fold(), 1, 4, 16, 16)["pool"]
    assert (field.size, field.stride, field.offset) == ((8, 8), (2, 2), (0, 0))


def test_squeeze_and_excite_makes_everything_behind_it_global():
    class Excite(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.gate = nn.Conv2d(4, 4, 1)
            self.after = nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            return self.after(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))

    fields = fields_of(Excite(), 1, 3, 16, 16)
    assert fields["conv"].size == (3, 3)
    assert fields["gate"].size == "global"
    assert fields["after"].size == "global"


@pytest.mark.parametrize("name", ["module", "function", "by hand"])
def test_attention_is_global(name: str):
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 8, 4, stride=4)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.last = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.patch(x).flatten(2).transpose(1, 2)
            if name == "module":
                x = self.attention(x, x, x)[0]
            elif name == "function":
                x = nn.functional.scaled_dot_product_attention(x, x, x)
            else:
                x = torch.softmax(x @ x.transpose(-2, -1), -1) @ x
            return self.last(x)

    fields = fields_of(Attend(), 1, 3, 16, 16)
    assert fields["patch"].size == (4, 4)
    assert fields["last"].size == "global"


def test_patches_written_as_reshape_and_linear_are_windows():
    class Patch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(3 * 4 * 4, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, c, h, w = x.shape
            x = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1)
            return self.embed(x.reshape(n, (h // 4) * (w // 4), -1))

    field = fields_of(Patch(), 1, 3, 16, 16)["embed"]
    assert (field.size, field.stride, field.offset) == ((4, 4), (4, 4), (0, 0))


def test_pixel_shuffle_by_reshape_is_followed():
    class Shuffle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            n, _, h, w = x.shape
            x = x.view(n, 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, 4, 2 * h, 2 * w)
            return self.conv(x)

    # Three fine pixels around an even one lie in two coarse ones.
    assert fields_of(Shuffle(), 1, 16, 8, 8)["conv"].size == (2, 2)


def test_a_cut_off_crop_is_unclipped_and_exact_when_clipped():
    class Crop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x[:, :, 4:-4, 4:-4])

    assert fields_of(Crop(), 1, 1, 16, 16)["conv"].interval(0, 0) == (3, 5)
    # What lies outside the crop is zero padding: the first unit sees two rows.
    assert fields_of(Crop(), 1, 1, 16, 16, clipped=True)["conv"].interval(0, 0) == (4, 5)


def test_an_operator_that_the_table_does_not_know_is_not_guessed():
    """Not even where it gives back its input's shape; once it is entered it is followed."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)
            self.after = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.after(torch.ops.cnnshape_test.mirrored(self.conv(x)))

    with torch.library._scoped_library("cnnshape_test", "DEF") as library:
        library.define("mirrored(Tensor x) -> Tensor")
        library.impl("mirrored", lambda x: x.flip(-1), "CompositeExplicitAutograd")
        assert "after" not in fields_of(Own(), 1, 1, 9, 9)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TABLE, "_entries", {**TABLE._entries})
            register("cnnshape_test::mirrored", "x", _mirrored)
            assert fields_of(Own(), 1, 1, 9, 9)["after"].size == (3, None)


def _mirrored(call: Call) -> Account:
    x = call.tensor("x")
    return Account(((*x.all_kept(0, -1), Chosen(x.axis(-1), x.sizes[-1])),))


def test_numbers_written_anew_leave_the_rest_of_their_tensor_as_it_was():
    class Cleared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)
            self.canvas, self.after = nn.Identity(), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x)
            x[:, 0].zero_()
            return self.after(x) + self.canvas(torch.zeros_like(x))

    fields = fields_of(Cleared(), 1, 1, 9, 9)
    assert fields["after"].size == (3, 3)
    assert "canvas" not in fields


def test_rows_against_columns_are_global():
    """A unit for every pair of positions; one that is left of an axis meets all of another's."""

    class Pairs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.pairs, self.corner = nn.Identity(), nn.Identity(), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.tokens(nn.functional.avg_pool2d(x, 3).flatten(2).transpose(1, 2))
            corner = self.corner(x.unflatten(1, (3, 4))[:, 0])
            return self.pairs(x @ x.transpose(1, 2)).sum() + (x.unflatten(1, (3, 4)) * corner).sum()

    fields = fields_of(Pairs(), 1, 1, 9, 12)
    assert fields["tokens"].size == (3, 3)
    assert fields["corner"].interval(0, 0) == (0, 2)
    assert fields["pairs"].size == "global"


def test_models_without_a_picture_have_no_field():
    assert fields_of(nn.Sequential(nn.Linear(8, 4)), 2, 8) == {}


def test_flatten_then_linear_is_global():
    fields = fields_of(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), 1, 1, 8, 8)
    assert fields["1"].size == "global"


def test_one_and_three_dimensions():
    assert fields_of(nn.Sequential(nn.Conv1d(2, 2, 5, stride=2)), 1, 2, 30)["0"].size == (5,)
    assert fields_of(nn.Sequential(nn.Conv3d(1, 1, 3)), 1, 1, 9, 9, 9)["0"].size == (3, 3, 3)


# ---- published figures ------------------------------------------------------------------


@pytest.mark.torchvision
@pytest.mark.parametrize(
    ("name", "layer", "size", "stride"),
    [
        ("alexnet", "features.12", 195, 32),
        ("vgg16", "features.30", 212, 32),
        ("resnet18", "layer4", 435, 32),
        ("resnet50", "layer4", 427, 32),
        ("mobilenet_v2", "features", 491, 32),
        ("googlenet", "inception5b", 379, 32),
    ],
)
def test_published_figures(name: str, layer: str, size: int, stride: int):
    """Araujo, Norris, Sim (Distill 2019), and torchvision's own variants of the networks."""
    from torchvision import models

    extra = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        model = getattr(models, name)(**extra)
    field = fields_of(model, 1, 3, 224, 224)[layer]
    assert (field.size, field.stride) == ((size, size), (stride, stride))


@pytest.mark.torchvision
def test_it_costs_as_much_as_there_are_operations():
    """Counted in calls: ResNet-152 has 515 operations, three times as many as ResNet-50."""
    from torchvision import models

    def calls_per_operation(make):
        with torch.device("meta"):
            model = make()
        given = Inputs((torch.empty(1, 3, 224, 224, device="meta"),))
        trace = record(model, given, device="meta").trace
        calls = 0

        def count(_frame, event, _argument):
            nonlocal calls
            calls += event == "call"

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            receptive_fields(trace)
        finally:
            sys.setprofile(before)
        return calls / len(trace.operations)

    small, large = map(calls_per_operation, (models.resnet50, models.resnet152))
    assert large < 1.2 * small
    assert large < 200


# ---- the arithmetic against brute force -------------------------------------------------

_LAYERS = st.one_of(
    st.builds(sliding, st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)),
    st.builds(transposed, st.integers(1, 4), st.integers(1, 3), st.integers(0, 1)),
    st.builds(shifted, st.integers(-2, 2), st.integers(1, 3)),
    st.builds(adaptive, st.integers(3, 9), st.integers(2, 9)),
    st.builds(
        interpolated,
        st.integers(3, 9),
        st.integers(2, 14),
        st.sampled_from(["nearest", "bilinear", "bicubic", "area"]),
    ),
)


@given(st.lists(_LAYERS, min_size=1, max_size=4), st.integers(-3, 12))
def test_intervals_through_layers_are_those_of_the_sets(layers, position: int):
    """A unit's pixels, followed backwards one by one, lie in the interval and reach its ends."""
    reach = PIXELS
    for layer in layers:
        reach = reach.through(layer, 0)
        assert reach is not None
    pixels = {position}
    for layer in reversed(layers):
        before: set[int] = set()
        for place in pixels:
            turns, phase = divmod(place, layer.period)
            before |= {tap + turns * layer.advance for tap in layer.taps[phase]}
        pixels = before
    interval = reach.interval(position)
    assert interval == ((min(pixels), max(pixels)) if pixels else None)


@given(st.integers(5, 20), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2))
def test_inside_a_picture_padding_counts_for_nothing(n: int, kernel: int, stride: int, pad: int):
    out = (n + 2 * pad - kernel) // stride + 1
    reach = bounded_pixels(n).through(sliding(kernel, stride, pad), max(out, 1))
    assert reach is not None
    for y in range(out):
        seen = [x for x in range(y * stride - pad, y * stride - pad + kernel) if 0 <= x < n]
        assert reach.interval(y) == ((seen[0], seen[-1]) if seen else None)


# ---- one unit ---------------------------------------------------------------------------


def test_one_unit_of_lenet():
    trace = record(
        LeNet(), Inputs((torch.empty(1, 1, 28, 28, device="meta"),)), device="meta"
    ).trace
    field = unit_field(trace, *parse_unit("C2[4, 4]"))
    assert field.region == ((6, 19), (6, 19))
    assert field.sentence == "C2[4, 4] depends on 14×14 pixels: rows 6…19, columns 6…19"
    edge = unit_field(trace, "C1", (0, 27))
    assert (edge.region, edge.inside) == (((-2, 2), (25, 29)), ((0, 2), (25, 27)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C9[1,1]", "no layer 'C9' ran"),
        ("C2[10,0]", "C2 has 10×10 units: give one up to C2[9,9]"),
        ("C2[1]", "C2 has 10×10 units"),
    ],
)
def test_units_that_are_not_there(text: str, message: str):
    trace = record(
        LeNet(), Inputs((torch.empty(1, 1, 28, 28, device="meta"),)), device="meta"
    ).trace
    with pytest.raises(UsageError, match=message.replace("[", r"\[").replace("(", r"\(")):
        unit_field(trace, *parse_unit(text))


def test_a_unit_must_be_readable():
    with pytest.raises(UsageError, match=r"--field C2: give a layer and a unit, as in C2\[4,4\]"):
        parse_unit("C2")


def test_same_padding_of_an_even_kernel_is_shorter_on_the_left():
    """K = 4 needs three zeros: one on the left, two on the right. Dilated by 3: four and five."""
    for dilation, size, left in ((1, 4, 1), (3, 10, 4)):
        layer = nn.Conv1d(1, 1, 4, padding="same", dilation=dilation)
        field = fields_of(nn.Sequential(layer), 1, 1, 20)["0"]
        assert (field.size, field.stride, field.offset) == ((size,), (1,), (-left,))


def test_power_average_pooling_sees_its_window():
    """3 wide in steps of 2, then 3 + (3 − 1)·2 = 7; without a stride the window is the step."""
    fields = fields_of(nn.Sequential(nn.LPPool2d(2, 3, 2), nn.Conv2d(1, 1, 3)), 1, 1, 18, 18)
    assert (fields["0"].size, fields["0"].stride) == ((3, 3), (2, 2))
    assert (fields["1"].size, fields["1"].stride) == ((7, 7), (2, 2))
    assert fields_of(nn.Sequential(nn.LPPool1d(2, 4)), 1, 1, 16)["0"].stride == (4,)


def test_borders_that_repeat_positions():
    """Of five positions, one before the first and the two behind the last."""
    found = {mode: [_border(at, 5, mode) for at in (-1, 5, 6)]
             for mode in ("circular", "reflect", "replicate")}  # fmt: skip
    assert found == {"circular": [4, 0, 1], "reflect": [1, 3, 2], "replicate": [0, 4, 4]}


def test_the_hand_table_is_right():
    """size + (K − 1)·stride, stride·S, offset − P·stride, as the page says."""
    page = Path(__file__).parents[2] / "docs" / "receptive-field.md"
    rows = re.findall(
        r"^\| (\w+) \| (\d), (\d), (\d) \| .*?(\d+) \| (\d+) \| .*?(−?\d+) \|$",
        page.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert [row[0] for row in rows] == ["C1", "S1", "C2", "S2", "C3"]
    report = cnnshape.inspect("lenet")
    size, stride, offset = 1, 1, 0
    for path, *numbers in rows:
        kernel, step, padding, *told = (int(n.replace("−", "-")) for n in numbers)
        size, offset = size + (kernel - 1) * stride, offset - padding * stride
        stride *= step
        assert told == [size, stride, offset]
        layer = report.layer(path)
        assert layer.receptive_field == (size, size)
        assert layer.receptive_field_stride == (stride, stride)
        assert layer.receptive_field_offset == (offset, offset)
